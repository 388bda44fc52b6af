"""`manyhues evaluate`: data and method names in; a table, a JSON file and a dictionary out."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from manyhues import __version__
from manyhues.errors import DataError, ManyhuesError, OutputError, UsageError
from manyhues.evaluation import halves
from manyhues.evaluation.halves import Half
from manyhues.evaluation.protocol import Method, Plan, Result, measure
from manyhues.evaluation.table import print_table
from manyhues.evaluation.truth import Advance, JudgeLike, Truth
from manyhues.image import files
from manyhues.language import spoken
from manyhues.language.lines import bars, teller

Loaded = tuple[Path, NDArray[np.uint8], list[str]]  # a data set: pictures (N, S, S, 3), labels


def evaluate(
    data: Sequence[Path],
    methods: Sequence[str],
    limit: int | None = None,
    plan: Plan | None = None,
    size: int = 64,
    json_file: Path | None = None,
    weights: Path | None = None,
    half: Half | None = None,
) -> dict[str, Result]:
    """Measure methods on pictures; one result per method, with the keys of `protocol.KEYS`.

    `data` names folders of pictures, parquet shards, or ``FOLDER/SPLIT`` for the shards of a
    folder whose names begin with SPLIT; `half` takes one side of each (`halves`). Pictures are
    cropped to squares of `size` pixels; those without colour are left out, and at most `limit` are
    taken in all. Everything that can go wrong with the arguments goes wrong before the first
    picture is measured.
    """
    plan = plan or Plan()
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise OutputError(f"{json_file.parent}: no such folder for --json; create it first")
    if json_file is not None and json_file.is_dir():
        raise OutputError(f"{json_file}: is a folder; give --json the name of a file")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be 1 or more, got {limit}")
    opened = open_methods(methods, weights)
    console = Console(stderr=True)
    sets = load_sets(data, size, limit, console, half)
    pictures, labels = joined(sets)
    results = run(pictures, labels, opened, open_judge(console), plan, console=console)
    say_what(results, [str(path) for path, _, _ in sets], half)
    print_table(results, Console())
    if json_file is not None:
        write_json(results, json_file)
    return results


def say_what(results: Mapping[str, Result], data: Sequence[str], half: Half | None) -> None:
    """Fill in what a method's run cannot know: the data, their half, the program's version."""
    for result in results.values():
        result |= {"data": list(data), "half": half or "all", "version": __version__}


def run(
    pictures: NDArray[np.uint8],
    labels: Sequence[str],
    methods: Mapping[str, Method],
    judge: JudgeLike | None,
    plan: Plan | None = None,
    *,
    console: Console,
) -> dict[str, Result]:
    """Measure every method on the same pictures (N, S, S, 3) uint8, with progress bars."""
    results: dict[str, Result] = {}
    plan = plan or Plan()
    samples = sum(plan.drawn(index) for index in range(len(pictures)))
    with _bars(console) as progress:
        tell = _teller(progress, "true pictures")
        truth = Truth.prepare(pictures, labels, judge, _steps(tell, 2 * len(pictures)))
        tell(1, 1)
        for name, method in methods.items():
            advance = _steps(_teller(progress, name), samples + truth.judged)
            try:
                results[name] = measure(method, truth, plan, advance=advance)
            except ManyhuesError as error:
                raise type(error)(f"{name}: {error}") from error
    return results


def _bars(console: Console, *, transient: bool = False) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    return bars(console, *columns, transient=transient)


def _teller(progress: Progress, what: str) -> Callable[[int, int], None]:
    """Shows how much of something is done, of how much in all."""
    what = spoken(what)
    task = progress.add_task(what, total=None)
    return teller(progress, task, lambda done, total: f"{what}: {done / total:.0%}")


def _steps(tell: Callable[[int, int], None], total: int) -> Advance:
    """Counts the steps for `tell`."""
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        tell(done, total)

    advance(0)
    return advance


def open_methods(names: Sequence[str], weights: Path | None = None) -> dict[str, Method]:
    """Load colorizers by method name; raises `WeightsError` for one that is not there."""
    from manyhues.colorizer import Colorizer

    if not names:
        raise UsageError("no method given; try --method vae-mdn")
    return {name: Colorizer.load(name, weights) for name in names}


def available_methods() -> list[str]:
    """Names of the methods that have weights, the default first."""
    from manyhues.colorizer import Colorizer

    return Colorizer.methods()


def open_judge(console: Console) -> JudgeLike | None:
    """The judge network, or None (and a line on the console) without the extra ``train``."""
    try:
        from manyhues.evaluation.judge import Judge
    except ModuleNotFoundError as error:
        said = spoken(
            f"no Fréchet distance and no top-1: {error.name} is not installed; "
            "pip install 'manyhues[train]'"
        )
        console.print(said, style="yellow", markup=False)
        return None
    return Judge()


def load(
    data: Sequence[Path],
    size: int,
    limit: int | None,
    console: Console,
    half: Half | None = None,
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures (N, size, size, 3) and labels of several data sets, one after the other.

    Of each the given half, or all for None.
    """
    return joined(load_sets(data, size, limit, console, half))


def joined(sets: Sequence[Loaded]) -> tuple[NDArray[np.uint8], list[str]]:
    """All sets' pictures (N, size, size, 3), and their labels."""
    return (
        np.concatenate([pictures for _, pictures, _ in sets]),
        [label for _, _, labels in sets for label in labels],
    )


def load_sets(
    data: Sequence[Path],
    size: int,
    limit: int | None,
    console: Console,
    half: Half | None = None,
) -> list[Loaded]:
    """The same, set by set. One that `limit` leaves nothing of is not there, and is told."""
    if not data:
        raise UsageError("no data given; name a folder or a parquet shard with --data")
    sets: list[Loaded] = []
    with _bars(console, transient=True) as progress:
        for path in data:
            left = None if limit is None else limit - sum(len(labels) for _, _, labels in sets)
            if left == 0:
                said = spoken(f"{path}: left out, the sets before it fill --limit {limit}")
                console.print(said, style="yellow", markup=False, soft_wrap=True)
                continue
            folder, split = _split(Path(path), console)
            tell = _teller(progress, f"reading {path}")
            some, labels = halves.load(folder, size, left, split, half, tell)
            sets.append((path, some, labels))
    if not sets:
        raise DataError("no pictures in any of the data sets; check --data")
    return sets


def _split(path: Path, console: Console) -> tuple[Path, str | None]:
    """``FOLDER/val`` to FOLDER and val; a folder with training shards to its held-out split."""
    if not path.exists() and any(path.parent.glob(f"{path.name}*.parquet")):
        return path.parent, path.name
    if path.is_dir():
        names = [shard.name for shard in path.glob("*.parquet")]
        if any(name.startswith("train") for name in names):
            for split in ("test", "val"):
                if any(name.startswith(split) for name in names):
                    said = spoken(f"{path}: measuring on its {split} shards, not on train")
                    console.print(said, markup=False, soft_wrap=True)
                    return path, split
    return path, None


def write_json(content: object, path: Path) -> None:
    """Write JSON, whole or not at all; what is there already is replaced."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    files.write(text.encode(), path, overwrite=True)
