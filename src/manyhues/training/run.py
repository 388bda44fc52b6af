"""``manyhues train``: from folders of pictures to a trained run."""

import contextlib
import json
import shlex
import shutil
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from manyhues.errors import TrainingError, UsageError
from manyhues.image.files import make_folder
from manyhues.language import say, spoken
from manyhues.language.lines import bars, teller
from manyhues.training import checkpoint
from manyhues.training.data.cache import CROPS, Cache, build_cache
from manyhues.training.data.pictures import open_pictures, training_split
from manyhues.training.loop import CHECKPOINT_MINUTES, Loop, check_same, lack
from manyhues.training.processes import Processes, join
from manyhues.training.registry import build, make_config
from manyhues.training.task import Task

DEFAULT_MINUTES = 20.0
KEPT_FROM = 1000  # examples: a cache of fewer is made again in a minute or two, and not kept
_SEEDS = 2**63  # PyTorch takes 64 bits, and steps are added to a seed


def _bars(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn()
    return bars(console, *columns, TimeElapsedColumn(), TimeRemainingColumn())


@contextmanager
def told(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on standard error how many of some pictures are through, for the time of the body."""
    with _bars(Console(stderr=True)) as progress:
        yield _teller(progress, progress.add_task(spoken(what)), spoken(what))


def _teller(progress: Progress, line: TaskID, what: str) -> Callable[[int, int], None]:
    """Shows how many of a set's pictures are read."""
    return teller(progress, line, lambda done, total: f"{what}: picture {done} of {total}")


def _printer(progress: Progress) -> Callable[[str], None]:
    """Prints a message above the bars."""
    return lambda text: progress.console.print(spoken(text), markup=False)


def open_caches(
    data: list[Path],
    root: Path,
    sizes: tuple[int, ...],
    progress: Progress | None = None,
    tuned: Path | None = None,
    features: bool = True,
    film: float = 0.0,
) -> list[Cache]:
    """Caches of all pictures under `data`, one per working size, made where they are missing.

    A set serves the working sizes that its first readable picture is large enough for, or the
    smallest. A folder with ``train*.parquet`` shards is read for those alone.
    """
    folders: dict[int, list[Path]] = defaultdict(list)
    sources: dict[int, list[Path]] = defaultdict(list)
    for path in data:
        split = training_split(path)
        native = min(open_pictures(path, split).first().shape[:2])
        finer: Path | None = None
        # The largest first: a smaller one takes maps from it.
        for size in sorted([s for s in sizes if s <= native] or [min(sizes)], reverse=True):
            what = spoken(f"features of {path.name} at {size}")
            line = progress.add_task(what) if progress else None
            tell = _teller(progress, line, what) if progress and line is not None else None

            crops = CROPS if native >= 2 * size or size > min(sizes) else 1
            sources[size].append(path.resolve())
            finer = build_cache(
                path,
                root,
                size=size,
                crops=crops,
                film=film,
                split=split,
                tuned=tuned,
                features=features,
                finer=finer or size < max(sizes),
                progress=tell,
                say=_printer(progress) if progress else None,
            )
            folders[size].append(finer)
            if progress and line is not None:
                progress.remove_task(line)
    return [Cache(folders[size], sources[size]) for size in sorted(folders)]


def train(
    kind: str,
    data: list[Path],
    out: Path,
    minutes: float | None,
    resume: bool,
    options: list[str],
    accumulate: int = 1,
    seed: int = 0,
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
) -> None:
    """Train one model; the run lands in `out`, the feature cache beside it in ``cache/``.

    A cache of a small set goes when the run that made it ends. Under ``torchrun`` all processes
    train it together, see `Loop`. `options` are ``key=value`` settings of the kind's
    configuration; `seed` is that of first weights, batches and noise, and a resumed run keeps its
    own. It is saved every `checkpoint_minutes`. Raises `UsageError`, `DataError` or
    `TrainingError`.
    """
    minutes = DEFAULT_MINUTES if minutes is None else minutes
    if not minutes > 0:  # nor what is no number
        raise UsageError(f"--minutes {minutes:g}: nothing is learned in no time; give more than 0")
    if not 0 <= seed < _SEEDS:
        raise UsageError(f"--seed {seed}: expected a whole number from 0 to {_SEEDS - 1}")
    settings: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{option}: settings are written key=value")
        settings[key] = value
    config = make_config(kind, settings)
    if any((out / name).exists() for name in (checkpoint.MODEL, checkpoint.RESUME)) and not resume:
        raise TrainingError(f"{out}: holds a run already; add --resume, or use another --out")
    if resume and not (out / checkpoint.RESUME).exists():
        raise TrainingError(f"{out}: nothing to resume; leave --resume out to start")
    facts = checkpoint.read_facts(out / checkpoint.RESUME) if resume else None
    if facts and "learning_rate" not in settings:  # its own, not the kind's default
        rate = facts["config"].get("learning_rate") or config.learning_rate
        config = replace(config, learning_rate=rate)
    torch.manual_seed(seed)
    try:
        task = build(kind, config)
    except ValueError as error:
        if not options:
            raise
        raise UsageError(f"{', '.join(options)}: no network can be made so ({error})") from error
    if facts:
        check_same(task, out, facts)
    else:
        task.begin()
    new = not out.exists()
    make_folder(out)
    try:
        with _small_caches_removed(out.parent / "cache"), join() as processes:
            if processes.first:
                checkpoint.remove_partial(out)
            _train(
                task, data, out, minutes, resume, accumulate, seed, processes, checkpoint_minutes
            )
    finally:
        if new:
            with contextlib.suppress(OSError):  # holds something: it has begun
                out.rmdir()


@contextmanager
def _small_caches_removed(root: Path) -> Iterator[None]:
    """Remove what the body leaves in `root` of caches that were not there and are small."""
    before = set(root.glob("*"))
    try:
        yield
    finally:
        for folder in set(root.glob("[!.]*")) - before:
            facts = folder / "cache.json"
            if facts.exists() and json.loads(facts.read_text())["count"] < KEPT_FROM:
                shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # holds another's, or is not there
            root.rmdir()


def _train(
    task: Task[Any],
    data: list[Path],
    out: Path,
    minutes: float,
    resume: bool,
    accumulate: int,
    seed: int,
    processes: Processes,
    checkpoint_minutes: float,
) -> None:
    kind, console = task.kind, Console(stderr=True, quiet=not processes.first)
    handles = threading.current_thread() is threading.main_thread()
    if handles and processes.count == 1:  # also while pictures are read: what is half made goes
        processes.handle_signals()
    with _bars(console) as progress:
        with processes.first_on_each_machine():
            caches = task.caches(data) or open_caches(
                data,
                out.parent / "cache",
                task.sizes,
                progress,
                task.tuned,
                task.needs_features,
                task.film,
            )
        if not resume:
            task.prepare(caches[0])
        bar = progress.add_task(f"{kind}", total=1.0)

        def report(done: float, line: str) -> None:
            progress.update(bar, completed=done, description=f"{kind}  {line}")
            if processes.first and not console.is_terminal:
                print(f"{kind} {done:6.1%}  {line}", file=sys.stderr, flush=True)

        if handles and processes.count > 1:  # who are asked to stop between steps
            processes.handle_signals()
        loop = Loop(
            task,
            caches,
            out,
            minutes=minutes,
            seed=seed,
            report=report,
            processes=processes,
            accumulate=accumulate,
            checkpoint_minutes=checkpoint_minutes,
        )
        if resume:
            loop.resume()
        loop.run()
    if not processes.first:
        return
    if lacking := lack(checkpoint.read_facts(out / checkpoint.MODEL)):
        say(f"{out}: {lacking}")
    elif task.exports():
        say(f"to use it: manyhues export {shlex.quote(str(out))}")
