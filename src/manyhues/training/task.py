"""What the training loop asks of a model: one small interface for every kind."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor, nn

from manyhues.training.data.cache import Batch, Cache
from manyhues.training.export.plan import Plan

Logs = dict[str, Tensor]
ConfigT = TypeVar("ConfigT", bound=Any)


@dataclass(frozen=True)
class Step:
    """One optimizer step: the loss to descend, values to log, and whose parameters move."""

    loss: Tensor
    logs: Logs
    group: int = 0


class Task(nn.Module, ABC, Generic[ConfigT]):
    """A network with its losses. `config` is a frozen dataclass that the checkpoint stores.

    The loop reads `batch_size` and `learning_rate` off the config.
    """

    kind: ClassVar[str]
    needs_features: ClassVar[bool] = True
    sizes: tuple[int, ...] = (64,)
    tuned: Path | None = None  # a `features` run whose network this model reads
    film: float = 0.0  # share of cached pictures that are seen as on old film
    betas: ClassVar[tuple[float, float]] = (0.9, 0.99)  # AdamW's

    def __init__(self, config: ConfigT) -> None:
        super().__init__()
        self.config = config

    def caches(self, data: Sequence[Path]) -> list[Cache] | None:
        """Training sets of another kind than pictures, under `data`; None where it reads those."""
        return None

    def begin(self) -> None:
        """Take over what a new run begins with from other runs, before any picture is read.

        Raises `UsageError` or `WeightsError` where one is missing or does not fit.
        """

    def prepare(self, cache: Cache) -> None:
        """Compute statistics of the training set into buffers, before the first step."""

    def groups(self) -> list[list[Any]]:
        """Parameters by optimizer; more than one group only for adversaries.

        A group may be of parts, as PyTorch's optimizers take them: ``{"params": ..., "pace": p}``
        learns at p times the learning rate.
        """
        return [[p for p in self.parameters() if p.requires_grad]]

    @abstractmethod
    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        """The optimizer steps of a batch, one for each group; `progress` in 0..1 is the run's."""

    @abstractmethod
    def validate(self, batch: Batch) -> Logs:
        """Figures on held-out pictures."""

    @abstractmethod
    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        """Colour fields (B, 2, h, w) in Lab units to look at, by column title."""

    def export_plan(self, run: Path) -> Plan:
        """The graphs and the manifest that this run, in its folder, is exported as.

        A kind without this method is of use to training alone.
        """
        raise NotImplementedError

    @classmethod
    def exports(cls) -> bool:
        """Whether runs of this kind can be exported."""
        return cls.export_plan is not Task.export_plan
