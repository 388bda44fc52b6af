"""What an engine tells: what became of each input, as the batch goes on."""

import threading
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyhues.errors import OutputError
from manyhues.image.decoding import no_memory
from manyhues.memory import ran_out
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


class Tally:
    """Colourings that a batch is done with, of how many; `told` is called with every change.

    Threads may add: several results of one picture are made at the same time.
    """

    def __init__(self, total: int = 0) -> None:
        self.total, self.done = total, 0
        self.told: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def add(self, done: int = 1, *, more: int = 0) -> None:
        """So many are done, or found there, or failed; a file has so many more to do."""
        with self._lock:
            self.done += done
            self.total += more
        self.told()


@dataclass
class Batch:
    """A batch that is planned and checked; the work is done as its reports are asked for.

    total     inputs, each of which gets one report
    reports   closing it ends the work; what was reported is true
    left_out  files of the given folders that were not taken, counted by kind
    fault     why nothing can be written, where that is so; every report says it then
    hear      called with how far a film is, which takes long
    tally     colourings, of which an input has several
    """

    total: int
    reports: Generator[Report]
    left_out: Counter[str]
    fault: OutputError | None = None
    hear: list[Callable[[Progress], None]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def unexpected(source: Path | str, error: Exception) -> str:
    """The error of an input that no error of ours tells of, in any engine: one line."""
    if ran_out(error):
        return str(no_memory(str(source)))
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    return f"{source}: unexpected {type(error).__name__} ({said}); please report it"
