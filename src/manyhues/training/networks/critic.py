"""A critic of colourings: does a picture have its own colours, or sampled ones?

Frozen ImageNet classifiers look at the picture in colour and in grey, and small heads on their maps
judge every part of it at strides 4 to 32 (projected GANs, Sauer et al. 2021). What a small network
cannot see in the colour grid, that a sleeve has two colours or that grass ends in the middle of a
lawn, such maps show: they know things.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from manyhues.training.data.film import srgb, unclipped
from manyhues.training.networks.grey import (
    FEATURE_SCALE,
    classifier,
    looked_at,
    maps_after,
    stride_ends,
)

NETWORKS = ("efficientnet-lite0", "efficientnet-lite1")  # Lite2 judges in evaluation
LEAK = 0.1  # of the gradient passes where a colour is out of gamut, to bring it back


class _Gamut(torch.autograd.Function):
    """Linear RGB clipped to 0..1; what is clipped still learns a little."""

    @staticmethod
    def forward(context: Any, light: Tensor) -> Tensor:
        context.save_for_backward(light)
        return light.clamp(0, 1)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (light,) = context.saved_tensors
        return torch.where((light > 0) & (light < 1), gradient, LEAK * gradient)


def in_colour(luminance: Tensor, ab: Tensor) -> Tensor:
    """L*/50 - 1 (B, 1, h, w) and a, b (B, 2, h, w) in Lab to sRGB in 0..255 (B, 3, h, w).

    What is out of gamut is clipped and still learns; in single precision.
    """
    with torch.autocast(luminance.device.type, enabled=False):
        light = unclipped(50 * (luminance.float() + 1), ab.float())
        seen: Tensor = _Gamut.apply(light)  # type: ignore[no-untyped-call]
        return 255 * srgb(seen)


def _head(channels: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = [spectral_norm(nn.Conv2d(2 * channels, width, 1)), nn.LeakyReLU(0.2)]
    for _ in range(2):
        layers += [spectral_norm(nn.Conv2d(width, width, 3, 1, 1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, 1)))


class Critic(nn.Module):
    """Maps of a picture, as `look` gives them, to verdicts: above zero for true colours.

    Only the heads are this module's: no run should store what packages bring.
    """

    def __init__(self, networks: Sequence[str] = NETWORKS, width: int = 128) -> None:
        super().__init__()
        self._networks = [classifier(name).eval().requires_grad_(False) for name in networks]
        self._taps = [stride_ends(network._blocks)[1:] for network in self._networks]  # from 4 on
        self.heads = nn.ModuleList(
            _head(network._blocks[tap]._bn2.num_features, width)
            for network, taps in zip(self._networks, self._taps, strict=True)
            for tap in taps
        )

    def look(self, picture: Tensor, zoom: float) -> list[Tensor]:
        """sRGB in 0..255 (B, 3, h, w), seen at `zoom` times its size: maps of every network."""
        maps: list[Tensor] = []
        seen = looked_at(picture, *(int(zoom * side) for side in picture.shape[2:]))
        for network, taps in zip(self._networks, self._taps, strict=True):
            network.to(picture.device)
            x = F.relu6(network._bn0(network._conv_stem(seen)))
            maps += maps_after(network._blocks, x, taps)
        return maps

    def forward(self, colour: Sequence[Tensor], grey: Sequence[Tensor]) -> list[Tensor]:
        """Maps of pictures in colour and of the same in grey: a verdict (B, 1, h, w) of each."""
        return [
            head(FEATURE_SCALE * torch.cat([a - b, b], 1)).float()
            for head, a, b in zip(self.heads, colour, grey, strict=True)
        ]


def hinge(true: Sequence[Tensor], drawn: Sequence[Tensor]) -> Tensor:
    """What the critic descends (Lim & Ye 2017): 2 where it cannot tell, 0 where it can."""
    pairs = zip(true, drawn, strict=True)
    losses = [F.relu(1 - a).mean() + F.relu(1 + b).mean() for a, b in pairs]
    return torch.stack(losses).mean()


def told_apart(true: Sequence[Tensor], drawn: Sequence[Tensor]) -> Tensor:
    """How often a picture in its own colours is judged above a sampled one: .5 is by chance."""
    a, b = (
        torch.stack([verdict.mean((1, 2, 3)) for verdict in verdicts]).mean(0)
        for verdicts in (true, drawn)
    )
    return (a[:, None] > b[None]).float().mean() + 0.5 * (a[:, None] == b[None]).float().mean()
