"""The prior of a scene's mean colour, learned apart from the flow: P(mean a, b | grey).

What a scene is tinted by is settled at the noisiest times, where a flow sees next to nothing, and
is a matter of two numbers. So a small network on pooled features learns these two alone, and the
flow is led by it there (`model.priors.flow`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from manyhues.training.data.cache import Batch, Cache
from manyhues.training.export.plan import Plan, spatial_graph
from manyhues.training.networks.grey import CHANNELS
from manyhues.training.networks.grid import CODE_SCALE, to_code
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task

TINT = 0.4  # code units, about what the mean colours of pictures deviate by
_DECAY = 0.05  # of the weights: a few ten thousand pictures are soon known by heart
_NARROW, _WIDE = math.exp(-4), math.exp(2)  # deviations, in `TINT`
_LOOKED_AT = 4096  # examples that the features' statistics are taken of


@dataclass(frozen=True)
class TintConfig:
    """`features` is the run of tuned grey features that the flow reads (default: as published).

    `film` is the share of pictures that are seen as on old film; `drop`, the share of its middle
    values that the network learns without.
    """

    features: str = ""
    width: int = 256
    film: float = 0.0
    drop: float = 0.5
    batch_size: int = 256
    learning_rate: float = 1.5e-3


class TintNetwork(nn.Module):
    """Maps of a working size to a Gaussian over a, b, in code units.

    In: luminance (B, 1, h, w), f8 (B, 40, h/4, w/4), f16 (B, 112, h/8, w/8), f32
    (B, 320, h/16, w/16). Out: its mean (B, 2), and the Cholesky factor (B, 2, 2) of its covariance.
    """

    centre: Tensor
    deviation: Tensor

    def __init__(self, width: int = 256, drop: float = 0.5) -> None:
        super().__init__()
        pooled = sum(CHANNELS) + 2
        self.register_buffer("centre", torch.zeros(pooled))
        self.register_buffer("deviation", torch.ones(pooled))
        self.layers = nn.Sequential(
            nn.Dropout(0.4 * drop),
            nn.Linear(pooled, width),
            nn.GELU(),
            nn.Dropout(drop),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(drop),
            nn.Linear(width, 5),
        )

    def pooled(self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor) -> Tensor:
        """What is known of a picture as a whole: means of its maps, mean and contrast of L*."""
        mean = luminance.mean((1, 2, 3), keepdim=True)
        contrast = ((luminance - mean) ** 2).mean((1, 2, 3)).sqrt()
        maps = [features.mean((2, 3)) for features in (f8, f16, f32)]
        return torch.cat([*maps, mean[:, 0, 0], contrast[:, None]], 1)

    def forward(
        self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = (self.pooled(luminance, f8, f16, f32) - self.centre) / self.deviation
        out = self.layers(x).float()
        spread, both = out[:, 2:4].exp().clamp(_NARROW, _WIDE), out[:, 4]
        factor = torch.stack([spread[:, 0], torch.zeros_like(both), both, spread[:, 1]], 1)
        return TINT * out[:, :2], TINT * factor.reshape(-1, 2, 2)


def mean_code(batch: Batch) -> Tensor:
    """The mean colour (B, 2) of pictures, in code units."""
    return to_code(batch.ab).mean((2, 3))


@register(TintConfig)
class Tint(Task[TintConfig]):
    """Trains the network by the likelihood of mean colours."""

    kind = "tint"
    sizes = (64, 128)

    def __init__(self, config: TintConfig) -> None:
        super().__init__(config)
        self.network = TintNetwork(config.width, config.drop)
        self.film = config.film
        if config.features:
            self.tuned = Path(config.features)

    def prepare(self, cache: Cache) -> None:
        """Measure the pooled features."""
        rows = np.linspace(0, len(cache) - 1, min(len(cache), _LOOKED_AT)).astype(np.int64)
        with torch.no_grad():
            pooled = torch.cat(
                [
                    self.network.pooled(*_seen(cache.batch(some)))
                    for some in np.array_split(rows, 16)
                ]
            )
        self.network.centre.copy_(pooled.mean(0))
        self.network.deviation.copy_(pooled.std(0, correction=0) + 1e-3)

    def groups(self) -> list[list[Any]]:
        return [[{"params": list(self.parameters()), "weight_decay": _DECAY}]]

    def _tints(self, batch: Batch) -> MultivariateNormal:
        mean, factor = self.network(*_seen(batch))
        return MultivariateNormal(mean, scale_tril=factor, validate_args=False)  # a loss says NaN

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        nats = -self._tints(batch).log_prob(mean_code(batch)).mean()
        yield Step(nats, {"nats": nats})

    def validate(self, batch: Batch) -> Logs:
        tints, truth = self._tints(batch), mean_code(batch)
        missed = CODE_SCALE * (truth - tints.mean)
        return {"nats": -tints.log_prob(truth).mean(), "rmse_lab": (missed**2).mean().sqrt()}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        tints = self._tints(batch)
        drawn = {f"sample {k}": tint for k, tint in enumerate(tints.sample((4,)), 1)}
        flat = {"tint of the truth": mean_code(batch), "mean": tints.mean, **drawn}
        return {
            name: (CODE_SCALE * tint)[:, :, None, None].expand_as(batch.ab)
            for name, tint in flat.items()
        }

    def export_plan(self, run: Path) -> Plan:
        names = ("luminance", "f8", "f16", "f32")
        outputs = ("tint", "factor")
        graph = spatial_graph("flow.tint.onnx", self.network, names, outputs, CODE_SCALE)
        return Plan([graph], joins=("flow", "tint"))


def _seen(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return batch.luminance, batch.f8, batch.f16, batch.f32
