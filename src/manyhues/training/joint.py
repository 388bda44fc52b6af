"""The flow and its features together, on pictures that are cropped anew each time: for a GPU.

Features read from a cache are those of a few crops, made before. Here the grey network looks at
every batch, learns from what the flow asks of it, and never sees the same crop twice.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from manyhues.training.data import Batch, Cache
from manyhues.training.features import GreyFeatures
from manyhues.training.film import filmed
from manyhues.training.flow import LEAN, Flow, FlowConfig
from manyhues.training.grid import to_code
from manyhues.training.task import Logs, Step
from manyhues.training.tune import ColourHead, Greys, TuneConfig, cropped, open_above_stride_8


@dataclass(frozen=True)
class JointConfig(FlowConfig):
    """`features` and `start` are runs to begin with (default: as published, and from scratch).

    One look at a picture serves `draws` times and noises. `lesson` is the weight of the features'
    own task (`Tune`), `pace` their share of the learning rate. `network`, `zoom`, `crops` and
    `vivid` are `TuneConfig`'s.
    """

    network: str = TuneConfig.network
    zoom: float = TuneConfig.zoom
    crops: float = TuneConfig.crops
    vivid: float = TuneConfig.vivid
    draws: int = 4
    lesson: float = 0.1
    pace: float = 0.3
    batch_size: int = 256


class Joint(Flow):
    """A `flow` run and a `features` run in one."""

    kind = "joint"
    needs_features = False
    config: JointConfig

    def __init__(self, config: JointConfig) -> None:
        super().__init__(config)
        self.tuned, self.film = None, 0.0  # caches hold pictures as they are
        self.features = GreyFeatures(network=config.network, zoom=config.zoom)
        open_above_stride_8(self.features)
        self.head = ColourHead(TuneConfig.width)
        self.greys = Greys()

    def train(self, mode: bool = True) -> "Joint":
        """The batch statistics of ImageNet stay: batches here mix sizes and sets."""
        super().train(mode)
        self.features.eval()
        return self

    def prepare(self, cache: Cache) -> None:
        if self.config.start:
            self.load_start(Path(self.config.start))
        if self.config.features:
            begun = GreyFeatures(Path(self.config.features))
            self.features.load_state_dict(begun.state_dict())

    def groups(self) -> list[list[Any]]:
        flow = [*self.network.parameters(), *self.head.parameters()]
        grey = [p for p in self.features.parameters() if p.requires_grad]
        return [[{"params": flow}, {"params": grey, "pace": self.config.pace}]]

    def _look(self, batch: Batch) -> Batch:
        f8, f16, f32 = self.features(self.greys(batch.luminance))
        return dataclasses.replace(batch, f8=f8, f16=f16, f32=f32)

    def _nats(self, batch: Batch) -> torch.Tensor:
        maps = (batch.f8, batch.f16, batch.f32)
        return self.head.nats(batch.luminance, maps, to_code(batch.ab), self.config.vivid)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        size = batch.ab.shape[-1]
        batch = cropped(batch, self.config.crops)
        seen = filmed(batch.luminance, batch.ab, self.config.film)
        batch = self._look(dataclasses.replace(batch, luminance=seen))
        lean = LEAN[self.sizes.index(size)]
        velocity = self.loss(batch, self.config.hinted, lean, self.config.draws)
        nats = self._nats(batch)
        logs = {f"velocity_{size}": velocity, f"nats_{size}": nats}
        yield Step(velocity + self.config.lesson * nats, logs)

    def validate(self, batch: Batch) -> Logs:
        batch = self._look(batch)
        return super().validate(batch) | {"nats": self._nats(batch)}

    def pictures(self, batch: Batch) -> dict[str, torch.Tensor]:
        return super().pictures(self._look(batch))
