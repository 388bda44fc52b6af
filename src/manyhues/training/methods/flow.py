"""The flagship's prior: conditional flow matching over the colour grid.

Rectified flow (Liu et al. 2022; Lipman et al. 2022): x_t = (1 - t) x_0 + t noise, and the network
learns the velocity noise - x_0. Trained on several working sizes at once, so that a picture can
be sampled coarse to fine; and with known cells (hints), so that control is part of the model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.color.arrays import Array
from manyhues.errors import UsageError
from manyhues.model.checked import GraphFile
from manyhues.model.priors.flow import FlowSettings
from manyhues.model.solver import integrate, schedule
from manyhues.training import checkpoint
from manyhues.training.data.cache import Batch
from manyhues.training.export.plan import Plan, features_graph, grid_manifest, spatial_graph
from manyhues.training.networks.grey import FINER_SHARES, LOOK
from manyhues.training.networks.grid import CELL, CODE_SCALE, GridUNet, to_code
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task

STEPS = (8, 2)  # of the solver at each working size; docs/model/sampling.md has what others give
DRAFT_STEPS = 3  # of a candidate to choose by
RENOISE = 0.6  # the time that a coarser answer is noised to, to be finished at the next size
# What samples get when the last step is done; docs/model/sampling.md has what it does.
GAIN = (1.1, 1.29)  # times the code, where the last working size is the first or the second
GRAIN = 0.08  # code units of normal noise, in pictures no larger than the working size
# Share of a cell's colour that comes from cells like it, in larger ones.
ALIKE = 0.8
# Deviation of the logarithm of a sample's vividness: larger photographs of like scenes differ more
# in it than samples do. docs/model/sampling.md has what it brought.
VIVIDNESS = (0.0, 0.3)
# Where the times of training lie at each working size. Colours are broad: averaged over the 256
# cells, a scene's tint stands out of the noise up to t of about .87, so the first working size,
# which settles the scene, has to learn late times; the second only ever starts at .6.
LEAN = (1.0, -0.7)


@dataclass(frozen=True)
class FlowConfig:
    """`hinted` is the share of pictures that are trained with a few known cells.

    `features` is a run of tuned grey features (default: as published); `start`, a flow run to
    begin with; `film`, the share of pictures that are seen as on old film; `drop`, the share of
    its middle values that the network learns without.
    """

    features: str = ""
    start: str = ""
    width: int = 96
    hinted: float = 0.25
    film: float = 0.0
    drop: float = 0.0
    batch_size: int = 128
    learning_rate: float = 1e-3


def draw_hints(code: Tensor, hinted: float) -> Tensor:
    """Known cells for a batch of codes (B, 2, H, W): (B, 3, H, W), zeros for most pictures.

    A hinted picture gets 1 to 8 cells at random places.
    """
    batch, _, height, width = code.shape
    cells = height * width
    device = code.device
    count = torch.randint(1, 9, (batch, 1), device=device)
    count = count * (torch.rand(batch, 1, device=device) < hinted)
    rank = torch.rand(batch, cells, device=device).argsort(1).argsort(1)
    known = (rank < count).float().view(batch, 1, height, width)
    return torch.cat([code * known, known], 1)


def velocity_errors(
    network: GridUNet, code: Tensor, noise: Tensor, t: Tensor, condition: Sequence[Tensor]
) -> Tensor:
    """By how much the velocity between codes and noise (B, 2, H, W) is missed at times t (B,)."""
    at = t[:, None, None, None]
    velocity: Tensor = network((1 - at) * code + at * noise, t, *condition).float()
    return velocity - (noise - code)


@register(FlowConfig)
class Flow(Task[FlowConfig]):
    """Trains the velocity network."""

    kind = "flow"
    sizes = (64, 128)
    begins_with: ClassVar[tuple[str, ...]] = ()  # settings that have to name a run
    draws = 1  # times and noises of each picture in a batch

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        self.network = GridUNet(config.width, drop=config.drop)
        self.film = config.film
        if config.features:
            self.tuned = Path(config.features)

    def begin(self) -> None:
        for name in self.begins_with:
            if not getattr(self.config, name):
                raise UsageError(f"{self.kind} trains on; add --set {name}=runs/NAME")
        if self.config.start:  # a `flow` run, or one that holds more
            tensors, _ = checkpoint.read_tensors(Path(self.config.start) / checkpoint.MODEL)
            mine = {k[8:]: v for k, v in tensors.items() if k.startswith("network.")}
            if checkpoint.shapes(mine) != checkpoint.shapes(self.network.state_dict()):
                width = self.config.width
                raise UsageError(f"start={self.config.start}: no `flow` run of a width of {width}")
            self.network.load_state_dict(mine)

    def _condition(self, batch: Batch, hints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.network.condition(batch.luminance, batch.f8, batch.f16, batch.f32, hints)

    def loss(self, batch: Batch, hinted: float, lean: float, draws: int = 1) -> Tensor:
        """Mean squared error at `draws` logit-normal times of each picture.

        `lean` is the mean of the times' logits.
        """
        code = to_code(batch.ab)
        condition = [
            part.repeat(draws, *[1] * (part.ndim - 1))
            for part in self._condition(batch, draw_hints(code, hinted))
        ]
        code = code.repeat(draws, 1, 1, 1)
        noise = torch.randn_like(code)
        t = torch.sigmoid(torch.randn(len(code), device=code.device) + lean)
        return (velocity_errors(self.network, code, noise, t, condition) ** 2).mean()

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        size = batch.ab.shape[-1]
        loss = self.loss(batch, self.config.hinted, LEAN[self.sizes.index(size)], self.draws)
        yield Step(loss, {f"velocity_{size}": loss})

    def _follow(self, batch: Batch, start: Tensor, times: Array) -> Tensor:
        """Where codes (B, 2, H, W) end that set out from `start`, without hints."""
        condition = self._condition(batch, start.new_zeros(len(start), 3, *start.shape[2:]))

        def velocity(x: Tensor, t: float) -> Tensor:
            return self.network(x, x.new_full((len(x),), t), *condition).float()

        return integrate(velocity, start, times)

    def _sample(self, batch: Batch) -> Tensor:
        return self._follow(batch, torch.randn_like(to_code(batch.ab)), schedule(STEPS[0]))

    def validate(self, batch: Batch) -> Logs:
        sample = self._sample(batch)
        return {
            "velocity": self.loss(batch, 0.0, 0.0),
            "velocity_early": self.loss(batch, 0.0, 2.0),
            "spread": sample.std() / to_code(batch.ab).std(),
        }

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return {
            f"sample {k + 1}": F.interpolate(
                CODE_SCALE * self._sample(batch), scale_factor=float(CELL), mode="bilinear"
            )
            for k in range(6)
        }

    def export_plan(self, run: Path) -> Plan:
        seen = ("luminance", "f8", "f16", "f32", "hints")
        given = ("c1", "c2", "g")
        condition = spatial_graph("flow.condition.onnx", _Condition(self.network), seen, given, 1.0)
        velocity = spatial_graph(
            "flow.velocity.onnx", self.network, ("x", "t", *given), ("v",), CODE_SCALE
        )
        settings = FlowSettings(
            GraphFile(condition.name),
            GraphFile(velocity.name),
            steps=STEPS,
            draft_steps=DRAFT_STEPS,
            renoise=RENOISE,
            gain=GAIN,
            grain=GRAIN,
            alike=ALIKE,
            vividness=VIVIDNESS,
        )
        manifest = grid_manifest("flow", self.tuned, settings, self.sizes)
        graphs = [condition, velocity]
        if self.tuned:
            graphs.append(features_graph("flow.features.onnx", self.tuned))
            features = GraphFile(graphs[-1].name)
            manifest = replace(manifest, features=features, look=LOOK, finer=FINER_SHARES)
        return Plan(graphs, manifest, activations=velocity.name)


class _Condition(nn.Module):
    """`GridUNet.condition` as a module of its own, for the exporter."""

    def __init__(self, network: GridUNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor, hints: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return self.network.condition(luminance, f8, f16, f32, hints)
