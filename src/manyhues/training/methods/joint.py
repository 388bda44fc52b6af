"""The flow and its features together, on pictures that are cropped anew each time: for a GPU.

The grey network learns from what the flow asks of it.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from manyhues.training.data.cache import Batch
from manyhues.training.data.classes import ClassLesson
from manyhues.training.looking import Looking, LookingConfig
from manyhues.training.methods.features import ColourHead, TuneConfig, take_heads
from manyhues.training.networks.grid import to_code
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step


@dataclass(frozen=True)
class JointConfig(LookingConfig):
    """One look at a picture serves `draws` times and noises.

    `lesson` is the weight of the features' own task (`Tune`), `classes` that of knowing what
    pictures are of (`ClassLesson`), `pace` the features' share of the learning rate; `vivid` is
    `TuneConfig`'s. `drop` counts for channels of the features as well.
    """

    vivid: float = TuneConfig.vivid
    draws: int = 4
    lesson: float = 0.1
    classes: float = 0.0
    pace: float = 0.3
    batch_size: int = 256


@register(JointConfig)
class Joint(Looking):
    """A `flow` run and a `features` run in one."""

    kind = "joint"
    config: JointConfig

    def __init__(self, config: JointConfig) -> None:
        super().__init__(config)
        self.draws = config.draws
        self.head = ColourHead(TuneConfig.width)
        self.classes = ClassLesson(config.network, config.zoom) if config.classes else None

    def begin(self) -> None:
        super().begin()
        if self.config.features:
            take_heads(self, Path(self.config.features))

    def groups(self) -> list[list[Any]]:
        grey = [p for p in self.features.parameters() if p.requires_grad]
        others = [m for m in (self.network, self.head, self.classes) if m is not None]
        flow = [p for m in others for p in m.parameters()]
        return [[{"params": flow}, {"params": grey, "pace": self.config.pace}]]

    def _condition(self, batch: Batch, hints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        drop, training = self.config.drop, self.training
        f8, f16, f32 = (F.dropout2d(m, drop, training) for m in (batch.f8, batch.f16, batch.f32))
        return super()._condition(dataclasses.replace(batch, f8=f8, f16=f16, f32=f32), hints)

    def _nats(self, batch: Batch) -> Tensor:
        maps = (batch.f8, batch.f16, batch.f32)
        return self.head.nats(batch.luminance, maps, to_code(batch.ab), self.config.vivid)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        part, seen = self._cut(batch)
        yield self._losses(seen, part, progress)

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
