"""Fine-tuned grey features: the classifier's network learns to say which colours are likely.

The classifier was trained on sharp colour pictures; here its network sees small grey ones. It is
trained, above stride 8, to predict the distribution of a, b in each cell of the colour grid, as
classes (Zhang et al. 2016, section 2.1): a regression would teach it to look away where colour
is uncertain, and where it is uncertain is what a sampler has to know.
"""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.color.lab import luminance_to_grey
from manyhues.training import checkpoint
from manyhues.training.data.cache import Batch
from manyhues.training.data.film import filmed
from manyhues.training.networks.grey import CHANNELS, FEATURE_SCALE, GreyFeatures
from manyhues.training.networks.grid import CELL, CODE_SCALE, to_code
from manyhues.training.networks.losses import BIN
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task

_HALF = 8  # bins on either side of neutral: cells are averages, few pass 80


@dataclass(frozen=True)
class TuneConfig:
    """`vivid` is the weight of a strongly coloured cell (one unit of the code) against a grey one.

    Most cells are nearly grey, and which of the greys is of no interest. `network` is one whose
    weights a package brings; it looks at the picture at `zoom` times the working size. Half of
    the pictures are parts, of `crops` of a side or more. `start` is a features run to begin with;
    `keep` of its network's weights is kept, the rest is as published (Wortsman et al. 2022).
    `film` is the share of pictures that are seen as on old film.
    """

    start: str = ""
    network: str = "efficientnet-lite1"
    zoom: float = 3.0
    crops: float = 0.6
    keep: float = 0.6
    film: float = 0.0
    width: int = 128
    vivid: float = 1.0
    batch_size: int = 64
    learning_rate: float = 3e-4


def _single(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer in single precision: bfloat16's way back through strided depthwise ones is slow."""
    with torch.autocast(x.device.type, enabled=False):
        out: Tensor = type(layer).forward(layer, x.float())
    return out


def cropped(batch: Batch, least: float, whole: float = 0.5) -> Batch:
    """Random parts of a batch's pictures, of `least` to all of each side, at the batch's size.

    Width and height are drawn apart, so that pictures are stretched as well, and each picture is
    mirrored or not. A share `whole` of the pictures stays whole.
    """
    count, _, height, width = batch.ab.shape
    device = batch.ab.device
    part = torch.empty(count, 2, device=device).uniform_(least, 1.0)
    part = torch.where(torch.rand(count, 1, device=device) < whole, 1.0, part)
    shift = (1 - part) * torch.empty_like(part).uniform_(-1.0, 1.0)
    mirror = torch.randint(0, 2, (count,), device=device) * 2.0 - 1.0
    place = torch.zeros(count, 2, 3, device=device)
    place[:, 0, 0], place[:, 1, 1] = part[:, 0] * mirror, part[:, 1]
    place[:, :, 2] = shift
    with torch.autocast(device.type, enabled=False):
        grid = F.affine_grid(place, [count, 3, height, width], align_corners=False)
        both = torch.cat([batch.luminance, batch.ab], 1)
        both = F.grid_sample(both, grid, "bicubic", "reflection", align_corners=False)
    luminance, ab = both[:, :1].clamp(-1, 1), both[:, 1:]
    return dataclasses.replace(
        batch,
        luminance=luminance.contiguous(memory_format=torch.channels_last),
        ab=ab.contiguous(memory_format=torch.channels_last),
    )


def on_film(batch: Batch, share: float) -> Batch:
    """A batch of which a `share` of the pictures is seen as on old film, colours as they are."""
    return dataclasses.replace(batch, luminance=filmed(batch.luminance, batch.ab, share))


class ColourHead(nn.Module):
    """Features to the distribution of a, b in each cell of the colour grid, as classes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.side = 2 * _HALF + 1
        self.luminance = nn.Conv2d(CELL * CELL, width, 1)
        self.maps = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in CHANNELS)
        self.joint = nn.Conv2d(width, width, 3, 1, 1)
        self.logits = nn.Conv2d(width, self.side**2, 1)

    def forward(self, luminance: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """L*/50 - 1 (B, 1, h, w) and features to log-odds (B, bins, h/4, w/4)."""
        h = self.luminance(F.pixel_unshuffle(luminance, CELL))
        for layer, value in zip(self.maps, maps, strict=True):
            h = h + F.interpolate(layer(FEATURE_SCALE * value), h.shape[2:], mode="bilinear")
        h = F.silu(h)
        out: Tensor = self.logits(h + F.silu(self.joint(h)))
        return out.float()

    def target(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """The four bins around each cell of a code (B, 2, H, W): shares, numbers (B, 4, H, W)."""
        place = (code * (CODE_SCALE / BIN) + _HALF).clamp(0, self.side - 1.001)
        low = place.floor()
        part = place - low
        shares, bins = [], []
        for i in (0, 1):
            for j in (0, 1):
                a = part[:, 0] if i else 1 - part[:, 0]
                b = part[:, 1] if j else 1 - part[:, 1]
                shares.append(a * b)
                bins.append((low[:, 0] + i) * self.side + low[:, 1] + j)
        return torch.stack(shares, 1), torch.stack(bins, 1).long()

    def nats(self, luminance: Tensor, maps: Sequence[Tensor], code: Tensor, vivid: float) -> Tensor:
        """Mean cross-entropy of true codes; a cell of chroma c counts 1 + `vivid` c."""
        shares, bins = self.target(code)
        likelihood = self(luminance, maps).log_softmax(1).gather(1, bins)
        weight = 1 + vivid * code.norm(dim=1)
        return -(weight * (shares * likelihood).sum(1)).sum() / weight.sum()

    def mean(self, luminance: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """The expected a, b (B, 2, h/4, w/4) in Lab units."""
        share = self(luminance, maps).softmax(1)
        axis = (torch.arange(self.side, device=share.device).float() - _HALF) * BIN
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij")).flatten(1)
        return torch.einsum("bkhw,ck->bchw", share, grid)


class LearningFeatures(GreyFeatures):
    """`GreyFeatures` of L*/50 - 1, which learn above stride 8.

    Edges and textures are grey already, and the way back through large maps costs the most. In
    training a learning block is left out of a picture's way with probability `drop` (stochastic
    depth, Huang et al. 2016, as the published network was trained).
    """

    table: Tensor

    def __init__(self, network: str, zoom: float, drop: float = 0.0) -> None:
        super().__init__(network=network, zoom=zoom)
        for block in self._learning():
            block.requires_grad_(True)
            # A twentieth of the weights, and the gradient of a 5 x 5 one takes a CPU forty times as
            # long as its forward pass.
            depthwise: Any = block._depthwise_conv
            depthwise.requires_grad_(False)
            if drop:
                block.forward = partial(block.forward, drop_connect_rate=drop)
            if 2 in depthwise.stride:
                # A method, and not a module around it: the weights keep their names.
                depthwise.forward = MethodType(_single, depthwise)
        grey = luminance_to_grey(torch.linspace(0, 100, 1001).numpy()) * 255
        self.register_buffer("table", torch.from_numpy(grey), persistent=False)

    def _learning(self) -> list[nn.Module]:
        return list(self.blocks)[self.taps[0] + 1 :]

    def begin(self, run: Path, keep: float) -> None:
        """Take the weights of a `features` run; of what is not kept, the published ones."""
        published = copy.deepcopy(self.state_dict())
        self.load_state_dict(GreyFeatures(run).state_dict())
        for name, value in self.state_dict().items():
            if value.is_floating_point():
                value.lerp_(published[name], 1.0 - keep)

    def train(self, mode: bool = True) -> "LearningFeatures":
        """The batch statistics of ImageNet stay: batches here mix sizes and sets."""
        super().train(False)
        for block in self._learning():
            block.training = mode  # its own, not its layers': what leaves blocks out asks for it
        return self

    def forward(
        self, luminance: Tensor, size: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """L*/50 - 1 (B, 1, H, W), for a working `size`; the grey value by a table."""
        grey = self.table[((luminance + 1) * 500).round().long().clamp(0, 1000)]
        return super().forward(grey, size)


def take_heads(task: nn.Module, run: Path) -> None:
    """What a run of features learned beside them, where `task` has the like in the same shapes.

    A head that begins anew teaches the features noise at first. Recovered runs have none.
    """
    tensors, _ = checkpoint.read_tensors(run / checkpoint.MODEL)
    for part in ("head", "classes"):
        module, start = getattr(task, part, None), f"{part}."
        theirs = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        if module is None or checkpoint.shapes(theirs) != checkpoint.shapes(module.state_dict()):
            continue
        module.load_state_dict(theirs)


@register(TuneConfig)
class Tune(Task[TuneConfig]):
    """Trains `features` together with a head that is thrown away."""

    kind = "features"
    needs_features = False
    sizes = (64, 128)

    def __init__(self, config: TuneConfig) -> None:
        super().__init__(config)
        self.features = LearningFeatures(config.network, config.zoom)
        self.head = ColourHead(config.width)

    def begin(self) -> None:
        if self.config.start:
            self.features.begin(Path(self.config.start), self.config.keep)
            take_heads(self, Path(self.config.start))

    def _loss(self, batch: Batch) -> Tensor:
        maps = self.features(batch.luminance)
        return self.head.nats(batch.luminance, maps, to_code(batch.ab), self.config.vivid)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        loss = self._loss(on_film(cropped(batch, self.config.crops), self.config.film))
        yield Step(loss, {f"nats_{batch.ab.shape[-1]}": loss})

    def validate(self, batch: Batch) -> Logs:
        return {"nats": self._loss(batch)}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        mean = self.head.mean(batch.luminance, self.features(batch.luminance))
        return {"mean": F.interpolate(mean, scale_factor=float(CELL), mode="bilinear")}
