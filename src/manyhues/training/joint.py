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
from manyhues.training.flow import Flow, FlowConfig
from manyhues.training.grid import to_code
from manyhues.training.task import Logs, Step
from manyhues.training.tune import ColourHead, LearningFeatures, TuneConfig, augmented


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
        self.draws = config.draws
        self.features = LearningFeatures(config.network, config.zoom)
        self.head = ColourHead(TuneConfig.width)

    def prepare(self, cache: Cache) -> None:
        super().prepare(cache)
        if self.config.features:
            begun = GreyFeatures(Path(self.config.features))
            self.features.load_state_dict(begun.state_dict())

    def groups(self) -> list[list[Any]]:
        flow = [*self.network.parameters(), *self.head.parameters()]
        grey = [p for p in self.features.parameters() if p.requires_grad]
        return [[{"params": flow}, {"params": grey, "pace": self.config.pace}]]

    def _look(self, batch: Batch) -> Batch:
        f8, f16, f32 = self.features(batch.luminance)
        return dataclasses.replace(batch, f8=f8, f16=f16, f32=f32)

    def _nats(self, batch: Batch) -> torch.Tensor:
        maps = (batch.f8, batch.f16, batch.f32)
        return self.head.nats(batch.luminance, maps, to_code(batch.ab), self.config.vivid)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        batch = self._look(augmented(batch, self.config.crops, self.config.film))
        for step in super().steps(batch, progress):
            nats = self._nats(batch)
            logs = step.logs | {f"nats_{batch.ab.shape[-1]}": nats}
            yield Step(step.loss + self.config.lesson * nats, logs)

    def validate(self, batch: Batch) -> Logs:
        batch = self._look(batch)
        return super().validate(batch) | {"nats": self._nats(batch)}

    def pictures(self, batch: Batch) -> dict[str, torch.Tensor]:
        return super().pictures(self._look(batch))
