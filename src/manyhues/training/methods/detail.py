"""The detail decoder: the colour grid to a, b at the working size, along the picture's edges."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.training.data.cache import Batch
from manyhues.training.export.plan import Plan, grid_decoder, spatial_graph
from manyhues.training.networks.grey import CHANNELS, FEATURE_SCALE
from manyhues.training.networks.grid import CELL, CODE_SCALE, to_code
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task


@dataclass(frozen=True)
class DetailConfig:
    """`noise`, in code units, is added in training: sampled codes are less clean than true ones.

    `features` is a run of tuned grey features (default: as published).
    """

    features: str = ""
    width: int = 64
    noise: float = 0.05
    batch_size: int = 64
    learning_rate: float = 1e-3


class DetailDecoder(nn.Module):
    """code (n, 2, h/4, w/4), luminance (n or 1, 1, h, w), f8 (n or 1, 40, h/4, w/4) to a, b.

    Out: (n, 2, h, w) in Lab units: the bilinear code plus what the network adds.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.f8 = nn.Conv2d(CHANNELS[0], 16, 1)
        self.coarse = nn.ModuleList(
            nn.Conv2d(a, width, 3, 1, 1) for a in (CELL + 2 + 16, width, width)
        )
        self.full = nn.Conv2d(width // 4 + 1 + 2, width // 2, 3, 1, 1)
        self.out = nn.Conv2d(width // 2, 2, 3, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def colours(self, code: Tensor) -> Tensor:
        """The colours (n, 2, h/4, w/4) that a code stands for: it is colours itself."""
        return code

    def forward(self, code: Tensor, luminance: Tensor, f8: Tensor) -> Tensor:
        count = code.shape[0]
        halves = F.interpolate(code, scale_factor=2.0, mode="bilinear", align_corners=False)
        colours = self.colours(code)
        whole = F.interpolate(colours, scale_factor=4.0, mode="bilinear", align_corners=False)
        guide = F.interpolate(self.f8(FEATURE_SCALE * f8), scale_factor=2.0, mode="nearest")
        guide = torch.cat([F.pixel_unshuffle(luminance, 2), guide], 1).expand(count, -1, -1, -1)
        x = F.silu(self.coarse[0](torch.cat([guide, halves], 1)))
        x = x + F.silu(self.coarse[1](x))
        x = x + F.silu(self.coarse[2](x))
        luminance = luminance.expand(count, -1, -1, -1)
        x = torch.cat([F.pixel_shuffle(x, 2), luminance, whole], 1)
        return CODE_SCALE * (whole + self.out(F.silu(self.full(x))))


@register(DetailConfig)
class Detail(Task[DetailConfig]):
    """Trains the decoder on true codes, with a smooth absolute error in Lab units."""

    kind = "detail"
    sizes = (64, 128)

    def __init__(self, config: DetailConfig) -> None:
        super().__init__(config)
        self.decoder = DetailDecoder(config.width)
        if config.features:
            self.tuned = Path(config.features)

    def decode(self, code: Tensor, batch: Batch) -> Tensor:
        """a, b (B, 2, h, w) in Lab units of codes under a batch's grey pictures."""
        out: Tensor = self.decoder(code, batch.luminance, batch.f8)
        return out.float()

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        code = to_code(batch.ab)
        code = code + self.config.noise * torch.randn_like(code)
        error = self.decode(code, batch) - batch.ab
        loss = (error**2 + 0.5).sqrt().mean()  # Charbonnier: absolute beyond a unit or so
        yield Step(loss, {"error": loss})

    def validate(self, batch: Batch) -> Logs:
        code = to_code(batch.ab)
        bilinear = F.interpolate(code * CODE_SCALE, scale_factor=float(CELL), mode="bilinear")
        return {
            "rmse_lab": ((self.decode(code, batch) - batch.ab) ** 2).mean().sqrt(),
            "rmse_lab_bilinear": ((bilinear - batch.ab) ** 2).mean().sqrt(),
        }

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        code = to_code(batch.ab)
        bilinear = F.interpolate(code * CODE_SCALE, scale_factor=float(CELL), mode="bilinear")
        return {"decoded": self.decode(code, batch), "bilinear": bilinear}

    def export_plan(self, run: Path) -> Plan:
        name, inputs = grid_decoder(self.tuned), ("code", "luminance", "f8")
        return Plan([spatial_graph(name, self.decoder, inputs, ("ab",), 1.0)])
