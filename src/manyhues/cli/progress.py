"""What the command line shows of a batch: progress, notes and summary."""

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from manyhues.batch.report import Batch, Report
from manyhues.cli import terminal
from manyhues.video import Progress as FilmProgress

_EVERY = 30.0  # seconds between two lines on a film's progress
_FEW = 20  # inputs up to which notes name their picture


class _Rate(ProgressColumn):
    """Pictures or frames per second, or seconds per one when slower than one a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        one = task.fields.get("one", "picture")
        return Text(f"{speed:.1f} {one}s/s" if speed >= 1 else f"{1 / speed:.1f} s/{one}")


def watch(batch: Batch, out: str, as_json: bool, *, show_sheets: bool = False) -> int:
    """Show a batch as its reports come in, any engine's; returns how many inputs failed.

    Raises `OutputError` where nothing can be written; for programs (`as_json`) each input says so.
    """
    if batch.fault and not as_json:
        raise batch.fault
    _say_left_out(batch.left_out)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    output = sys.stdout  # while it runs, an engine may point it elsewhere
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    told: set[str] = set()
    errors: list[str] = []
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    hindrance = terminal.hindrance(console) if show_sheets else ""
    if hindrance:
        console.print(f"--show: {hindrance}; the sheets are files in {out}", markup=False)
    showing = show_sheets and not hindrance
    # Pictures push a bar out of its place, and show as well how far it is.
    hidden = showing or not console.is_terminal
    bar = Progress(*columns, console=console, transient=True, disable=hidden)
    try:
        with contextlib.closing(batch.reports) as reports, bar as progress:
            task = progress.add_task("colouring", total=batch.total)
            batch.hear.append(_Frames(console, progress).show)
            for report in reports:
                if report.error:
                    errors.append(report.error)
                counts["failed" if report.error else "skipped" if report.skipped else "done"] += 1
                progress.advance(task)
                if as_json:  # ASCII: any terminal takes it
                    print(json.dumps(report.as_dict()), file=output, flush=True)
                _tell(console, report, told, one_by_one=batch.total <= _FEW)
                if showing and report.sheet and not report.error:
                    console.print(_one_line(report.sheet), markup=False)
                    terminal.show(Path(report.sheet), console)
    finally:  # after Ctrl-C too
        _summary(console, counts, errors, time.perf_counter() - start, out)
    return len(errors)


class _Frames:
    """How far the film is that is being coloured; line by line where no bar can be shown."""

    def __init__(self, console: Console, bars: Progress) -> None:
        self._console, self._bars = console, bars
        self._bar: TaskID | None = None
        self._said = time.monotonic()

    def show(self, film: FilmProgress) -> None:
        """Called every few frames."""
        name = _one_line(film.name)
        if not film.done:
            need = f"{film.need / 1e9:.1f} GB" if film.need >= 1e8 else f"{film.need / 1e6:.0f} MB"
            line = f"note: {name}: takes up to about {need} of disk while it is made"
            self._console.print(line, markup=False)
        if self._bars.disable:
            if film.done and time.monotonic() - self._said > _EVERY:
                self._said = time.monotonic()
                self._console.print(
                    f"{name}: {film.done} of {film.total} frames, {film.rate:.1f} frames/s, "
                    f"{film.left / 60:.0f} min left",
                    markup=False,
                )
            return
        if self._bar is None or not film.done:
            if self._bar is not None:
                self._bars.remove_task(self._bar)
            self._bar = self._bars.add_task(name, total=film.total, one="frame")
        self._bars.update(self._bar, completed=film.done, total=film.total)


def _say_left_out(left_out: Counter[str]) -> None:
    """What of the given folders was not taken, by kind."""
    if said := ", ".join(f"{count} {kind}" for kind, count in left_out.most_common() if count):
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"note: files left out: {_one_line(said)}", markup=False)


def _tell(console: Console, report: Report, told: set[str], *, one_by_one: bool) -> None:
    """Print an input's notes; of a large batch, each different note once."""
    for note in report.notes:
        line = f"{report.input}: {note}" if one_by_one else note
        if line not in told:
            told.add(line)
            console.print(f"note: {_one_line(line)}", markup=False)


def _one_line(text: str) -> str:
    """Without line feeds and escape sequences: names of files may hold both."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _summary(
    console: Console, counts: Counter[str], errors: Sequence[str], seconds: float, out: str
) -> None:
    parts = [f"{counts['done']} coloured into {out} in {seconds:.1f} s"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} were there already (--overwrite replaces them)")
    if errors:
        parts.append(f"{len(errors)} failed")
    console.print("; ".join(parts), markup=False)
    for error in errors:
        console.print(f"  {_one_line(error)}", style="red", markup=False)
