"""What a picture is of, as a second lesson for grey features: 1,000 classes of ImageNet.

Features that only learn colours forget what they knew of things, and know colours of things by
heart instead. Learning both from one network is Iizuka et al. 2016 (global features); that a
network which sees the colours teaches one which does not, Gupta et al. 2016 (cross-modal
distillation).
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from manyhues.training.data.film import linear, srgb
from manyhues.training.networks.grey import classifier, looked_at

TRUST = 0.5  # in the label, where a picture has one; the rest in what the teacher sees


def classes() -> list[str]:
    """The 1,000 WordNet ids of ILSVRC 2012, sorted: the order of the classifiers' outputs."""
    return files(__package__).joinpath("ilsvrc_synsets.txt").read_text().split()


def class_numbers(labels: Sequence[str]) -> NDArray[np.int16]:
    """Labels (N) to classes (N,); -1 for a label that is no WordNet id of ILSVRC."""
    table = {wordnet_id: number for number, wordnet_id in enumerate(classes())}
    return np.array([table.get(label, -1) for label in labels], np.int16)


class ClassLesson(nn.Module):
    """Grey features of stride 32 learn the classes that the published network gives in colour.

    It sees the same part of the picture, in colour and as it was taken. `network` and `zoom` are
    those of the features. The head begins as published; its batch statistics stay.
    """

    def __init__(self, network: str, zoom: float) -> None:
        super().__init__()
        whole = classifier(network)
        self.widen, self.norm, self.logits = whole._conv_head, whole._bn1, whole._fc
        self.zoom = zoom
        # Not a part of this module: no run should store what a package brings.
        self._teacher: list[Any] = [classifier(network).eval().requires_grad_(False)]
        self.eval()

    def train(self, mode: bool = True) -> "ClassLesson":
        """The batch statistics of ImageNet stay."""
        super().train(False)
        return self

    def forward(self, f32: Tensor) -> Tensor:
        """Features (B, 320, h, w) to logits (B, 1000)."""
        out: Tensor = self.logits(F.relu6(self.norm(self.widen(f32))).mean((2, 3)))
        return out.float()

    @torch.no_grad()
    def target(self, luminance: Tensor, ab: Tensor, label: Tensor, size: int) -> Tensor:
        """Shares of the classes (B, 1000): L*/50 - 1 and a, b; labels (B,), -1 for unknown.

        The teacher looks at `zoom` times the working size `size`; the picture may be larger.
        """
        (teacher,) = self._teacher
        with torch.autocast(luminance.device.type, enabled=False):
            rgb = srgb(linear(50 * (luminance.float() + 1), ab.float()))
        x = looked_at(255 * rgb, int(self.zoom * size), int(self.zoom * size))
        seen: Tensor = teacher.to(x.device)(x).float().softmax(1)
        known = (label >= 0).float()[:, None]
        true = F.one_hot(label.long().clamp_min(0), seen.shape[1]).float()
        return torch.lerp(seen, true, TRUST * known)

    def nats(self, f32: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy of `target`."""
        return -(target * self(f32).log_softmax(1)).sum(1).mean()
