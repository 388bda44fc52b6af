"""What an engine tells: what became of each input, as the batch goes on."""

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyhues.errors import OutputError
from manyhues.video import Progress


@dataclass
class Report:
    """What became of one input; `as_dict` is the object that ``--json`` prints.

    `seeds` has a pair for each output; an empty one where a kept file was made otherwise, or where
    nothing was missing and nobody looked.
    """

    input: str
    outputs: list[str] = field(default_factory=list)
    sheet: str | None = None
    seeds: list[list[int]] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    skipped: bool = False
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return vars(self) | {"seconds": round(self.seconds, 3)}


@dataclass
class Batch:
    """A batch that is planned and checked; the work is done as its reports are asked for.

    total     inputs, each of which gets one report
    reports   closing it ends the work; what was reported is true
    left_out  files of the given folders that were not taken, counted by kind
    fault     why nothing can be written, where that is so; every report says it then
    hear      called with how far a film is, which takes long
    """

    total: int
    reports: Generator[Report]
    left_out: Counter[str]
    fault: OutputError | None = None
    hear: list[Callable[[Progress], None]] = field(default_factory=list)


def unexpected(source: Path | str, error: Exception) -> str:
    """The error of an input that a fault of ours has stopped, in any engine: one line."""
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    return f"{source}: unexpected {type(error).__name__} ({said}); please report it"
