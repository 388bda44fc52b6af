"""One answer: the regression of the colour grid, what a single-answer colorizer gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.model.checked import GraphFile
from manyhues.model.priors.point import PointSettings
from manyhues.training.data.cache import Batch
from manyhues.training.export.plan import Plan, grid_manifest, spatial_graph
from manyhues.training.networks.grid import CELL, CODE_SCALE, GridUNet, to_code
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task


@dataclass(frozen=True)
class MeanConfig:
    """`width` is the U-Net's, as the flow's, so that the two differ in their loss alone."""

    width: int = 96
    batch_size: int = 128
    learning_rate: float = 1e-3


@register(MeanConfig)
class Mean(Task[MeanConfig]):
    """Squared error between the grid and a U-Net that sees the grey picture alone."""

    kind = "mean"

    def __init__(self, config: MeanConfig) -> None:
        super().__init__(config)
        self.network = GridUNet(config.width)

    def predict(self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor) -> Tensor:
        """The expected colour grid: (B, 2, h/4, w/4)."""
        batch, _, height, width = luminance.shape
        nothing = luminance.new_zeros(batch, 3, height // CELL, width // CELL)
        condition = self.network.condition(luminance, f8, f16, f32, nothing)
        out: Tensor = self.network(nothing[:, :2], luminance.new_zeros(batch), *condition)
        return out.float()

    def _error(self, batch: Batch) -> Tensor:
        return self.predict(batch.luminance, batch.f8, batch.f16, batch.f32) - to_code(batch.ab)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        loss = (self._error(batch) ** 2).mean()
        yield Step(loss, {"squared": loss})

    def validate(self, batch: Batch) -> Logs:
        return {"rmse_lab": CODE_SCALE * (self._error(batch) ** 2).mean().sqrt()}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        code = self.predict(batch.luminance, batch.f8, batch.f16, batch.f32)
        return {
            "mean": F.interpolate(code * CODE_SCALE, scale_factor=float(CELL), mode="bilinear"),
            "grid of the truth": F.interpolate(
                to_code(batch.ab) * CODE_SCALE, scale_factor=float(CELL), mode="nearest"
            ),
        }

    def export_plan(self, run: Path) -> Plan:
        inputs = ("luminance", "f8", "f16", "f32")
        graph = spatial_graph("mean.prior.onnx", _Predict(self), inputs, ("code",), CODE_SCALE)
        settings = PointSettings(GraphFile(graph.name))
        return Plan([graph], grid_manifest("mean", self.tuned, settings))


class _Predict(nn.Module):
    """`Mean.predict` as a module of its own, for the exporter."""

    def __init__(self, task: Mean) -> None:
        super().__init__()
        self.task = task

    def forward(self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor) -> Tensor:
        return self.task.predict(luminance, f8, f16, f32)
