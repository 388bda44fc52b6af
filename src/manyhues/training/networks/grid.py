"""The network over the colour grid: one U-Net, for the flow and for the one-answer regression.

The colour grid is the code of the flagship: a, b box-averaged over 4 x 4 pixels of the working
size and divided by `CODE_SCALE`.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.model.priors.flow import GRID_SCALE
from manyhues.training.networks.grey import CHANNELS, FEATURE_SCALE

CODE_SCALE = GRID_SCALE  # Lab units; about one standard deviation of strong colours
CELL = 4  # pixels of the working size along the side of a grid cell


def to_code(ab: Tensor) -> Tensor:
    """a, b (B, 2, h, w) in Lab units to the colour grid (B, 2, h/4, w/4)."""
    return F.avg_pool2d(ab, CELL) / CODE_SCALE


class Residual(nn.Module):
    """Two convolutions whose middle is scaled and shifted by an embedding (FiLM).

    `drop` is the share of the middle's values that training leaves out.
    """

    def __init__(self, inputs: int, outputs: int, embedding: int, drop: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(16, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.norm2 = nn.GroupNorm(16, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.film = nn.Linear(embedding, 2 * outputs)
        self.drop = nn.Dropout(drop)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, 1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.drop(F.silu(self.norm2(h) * (1 + scale) + shift)))
        out: Tensor = self.skip(x) + h
        return out


class Attention(nn.Module):
    """Self-attention over the cells of a map (B, C, H, W)."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(16, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        parts = self.qkv(self.norm(x)).reshape(
            batch, 3, self.heads, channels // self.heads, height * width
        )
        q, k, v = parts.transpose(-1, -2).unbind(1)  # (B, heads, cells, C / heads)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2)
        out: Tensor = x + self.out(mixed.reshape(batch, channels, height, width))
        return out


class GridUNet(nn.Module):
    """Colour grid, time and the grey picture's condition to a field on the grid.

    `condition` runs once a picture, `forward` once a step. The levels are the grid (stride 4 of
    the working size) and half of it, where attention joins distant cells.
    """

    def __init__(self, width: int = 96, embedding: int = 256, drop: float = 0.0) -> None:
        super().__init__()
        low = 2 * width
        # Condition
        self.luminance = nn.Conv2d(CELL * CELL, width, 1)
        self.hints = nn.Conv2d(3, width, 3, 1, 1)
        self.f8 = nn.Conv2d(CHANNELS[0], width, 1)
        self.f16 = nn.Conv2d(CHANNELS[1], low, 1)
        self.f32 = nn.Conv2d(CHANNELS[2], low, 1)
        self.pooled = nn.Linear(CHANNELS[2], embedding)
        # Body
        self.time = nn.Sequential(
            nn.Linear(64, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.enter = nn.Conv2d(2, width, 3, 1, 1)
        self.down1 = Residual(width, width, embedding, drop)
        self.down2 = Residual(width, width, embedding, drop)
        self.down = nn.Conv2d(width, low, 2, 2)
        self.middle = nn.ModuleList(
            [
                Residual(low, low, embedding, drop),
                Attention(low),
                Residual(low, low, embedding, drop),
                Attention(low),
                Residual(low, low, embedding, drop),
            ]
        )
        self.up = nn.Conv2d(low, 4 * width, 1)
        self.up1 = Residual(2 * width, width, embedding, drop)
        self.up2 = Residual(width, width, embedding, drop)
        self.norm = nn.GroupNorm(16, width)
        self.leave = nn.Conv2d(width, 2, 3, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.hints.weight)
        nn.init.zeros_(self.hints.bias)  # type: ignore[arg-type]

    def condition(
        self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor, hints: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The picture's share: maps c1 (B, C, H, W), c2 (B, 2C, H/2, W/2), vector g (B, E).

        `hints` (B, 3, H, W) holds the known cells of the code: value of a, of b, and 1 where
        known; zeros elsewhere.
        """
        c1 = self.f8(FEATURE_SCALE * f8) + self.luminance(F.pixel_unshuffle(luminance, CELL))
        c1 = c1 + self.hints(hints)
        deep = F.interpolate(f32, scale_factor=2.0, mode="bilinear", align_corners=False)
        c2 = self.f16(FEATURE_SCALE * f16) + self.f32(FEATURE_SCALE * deep)
        return c1, c2, self.pooled(f32.mean((2, 3)) * 0.5)

    def forward(self, x: Tensor, t: Tensor, c1: Tensor, c2: Tensor, g: Tensor) -> Tensor:
        """x (n, 2, H, W) at times t (n) in 0..1; the condition has n or 1 rows."""
        frequencies = torch.exp(torch.linspace(0.0, math.log(1000.0), 32, device=x.device))
        angles = t[:, None] * frequencies
        embedding = F.silu(self.time(torch.cat([angles.sin(), angles.cos()], 1)) + g)
        h = self.enter(x) + c1
        h = self.down1(h, embedding)
        skip = self.down2(h, embedding)
        h = self.down(skip) + c2
        for layer in self.middle:
            h = layer(h) if isinstance(layer, Attention) else layer(h, embedding)
        h = torch.cat([skip, F.pixel_shuffle(self.up(h), 2)], 1)
        h = self.up2(self.up1(h, embedding), embedding)
        out: Tensor = self.leave(F.silu(self.norm(h)))
        return out
