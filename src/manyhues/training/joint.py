"""The flow and its features together, on pictures that are cropped anew each time: for a GPU.

Features read from a cache are those of a few crops, made before. Here the grey network looks at
every batch, learns from what the flow asks of it, and never sees the same crop twice.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from manyhues.training.classes import ClassLesson
from manyhues.training.data import Batch, Cache
from manyhues.training.features import blend_finer
from manyhues.training.flow import Flow, FlowConfig
from manyhues.training.grid import to_code
from manyhues.training.task import Logs, Step
from manyhues.training.tune import (
    ColourHead,
    LearningFeatures,
    TuneConfig,
    cropped,
    on_film,
    take_heads,
)


@dataclass(frozen=True)
class JointConfig(FlowConfig):
    """`features` and `start` are runs to begin with (default: as published, and from scratch).

    One look at a picture serves `draws` times and noises. `lesson` is the weight of the features'
    own task (`Tune`), `classes` that of knowing what pictures are of (`ClassLesson`), `pace` the
    features' share of the learning rate. `network`, `zoom`, `crops`, `vivid` and `keep` are
    `TuneConfig`'s; `whole` is the share of pictures that are not cropped. `drop` counts for
    channels and blocks of the features as well.
    """

    network: str = TuneConfig.network
    zoom: float = TuneConfig.zoom
    crops: float = TuneConfig.crops
    whole: float = 0.5
    vivid: float = TuneConfig.vivid
    keep: float = 1.0
    draws: int = 4
    lesson: float = 0.1
    classes: float = 0.0
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
        self.features = LearningFeatures(config.network, config.zoom, config.drop)
        self.head = ColourHead(TuneConfig.width)
        self.classes = ClassLesson(config.network, config.zoom) if config.classes else None

    def prepare(self, cache: Cache) -> None:
        super().prepare(cache)
        if self.config.features:
            self.features.begin(Path(self.config.features), self.config.keep)
            take_heads(self, Path(self.config.features))

    def groups(self) -> list[list[Any]]:
        grey = [p for p in self.features.parameters() if p.requires_grad]
        others = [m for m in (self.network, self.head, self.classes) if m is not None]
        flow = [p for m in others for p in m.parameters()]
        return [[{"params": flow}, {"params": grey, "pace": self.config.pace}]]

    def _look(self, batch: Batch) -> Batch:
        f8, f16, f32 = self.features(batch.luminance)
        return dataclasses.replace(batch, f8=f8, f16=f16, f32=f32)

    def _coarser(self, fine: Batch) -> Batch:
        """Pictures of the second working size as the first reads them (`Scene`).

        But for what a still larger picture would show at the second: here that is all there is.
        """
        height, width = (side // 2 for side in fine.luminance.shape[2:])
        own = self.features(fine.luminance, (height, width))
        f8, f16, f32 = blend_finer(own, (fine.f8, fine.f16, fine.f32))
        luminance, ab = F.avg_pool2d(fine.luminance, 2), F.avg_pool2d(fine.ab, 2)
        return dataclasses.replace(fine, luminance=luminance, ab=ab, f8=f8, f16=f16, f32=f32)

    def _condition(self, batch: Batch, hints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        drop, training = self.config.drop, self.training
        f8, f16, f32 = (F.dropout2d(m, drop, training) for m in (batch.f8, batch.f16, batch.f32))
        return super()._condition(dataclasses.replace(batch, f8=f8, f16=f16, f32=f32), hints)

    def _nats(self, batch: Batch) -> Tensor:
        maps = (batch.f8, batch.f16, batch.f32)
        return self.head.nats(batch.luminance, maps, to_code(batch.ab), self.config.vivid)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        part = cropped(batch, self.config.crops, self.config.whole)
        batch = self._look(on_film(part, self.config.film))
        yield self._losses(batch, part, progress)

    def _losses(self, batch: Batch, part: Batch, progress: float) -> Step:
        """The losses of a batch that was looked at; of larger pictures, at both working sizes."""
        size = batch.ab.shape[-1]
        (step,), nats = super().steps(batch, progress), self._nats(batch)
        loss, logs = step.loss + self.config.lesson * nats, step.logs | {f"nats_{size}": nats}
        if size != self.sizes[0]:
            coarse = self._losses(self._coarser(batch), part, progress)
            # By their own names: the first size logs what is read from 64 pixels.
            logs |= {f"blended_{name}": value for name, value in coarse.logs.items()}
            return Step(loss + coarse.loss, logs)
        if self.classes is not None:
            target = self.classes.target(part.luminance, part.ab, part.label, size)
            logs["class_nats"] = self.classes.nats(batch.f32, target)
            loss = loss + self.config.classes * logs["class_nats"]
        return Step(loss, logs)

    def validate(self, batch: Batch) -> Logs:
        batch = self._look(batch)
        figures = super().validate(batch) | {"nats": self._nats(batch)}
        known = batch.label >= 0
        if self.classes is not None and known.any():
            right = self.classes(batch.f32).argmax(1) == batch.label
            figures["top1"] = right[known].float().mean()
        return figures

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return super().pictures(self._look(batch))
