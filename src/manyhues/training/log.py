"""What a run writes as it goes: ``log.csv``, and the same for TensorBoard."""

import csv
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADER = ("part", "step", "seconds", "name", "value")  # of ``log.csv``


@dataclass
class State:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0  # of training, over all resumes


Write = Callable[[str, State, dict[str, float]], None]


class _NoBoard:
    def add_scalar(self, *_: object) -> None:
        pass


@contextmanager
def writers(out: Path | None) -> Iterator[tuple[Write, Any]]:
    """Into the CSV file and the TensorBoard log of a run; nowhere for None.

    A row is one figure: ``part`` (train or validation), step, seconds of training, name, value.
    """
    if out is None:
        yield lambda part, state, values: None, _NoBoard()
        return
    from torch.utils.tensorboard import SummaryWriter

    (out / "sheets").mkdir(parents=True, exist_ok=True)
    board: Any = SummaryWriter(str(out / "tensorboard"))
    with (out / "log.csv").open("a", newline="") as file, closing(board):
        rows = csv.writer(file)
        if file.tell() == 0:
            rows.writerow(HEADER)
            file.flush()

        def write(part: str, state: State, values: dict[str, float]) -> None:
            for name, value in values.items():
                rows.writerow([part, state.step, f"{state.seconds:.1f}", name, f"{value:.6g}"])
            file.flush()

        yield write, board
