"""What the command line shows of a batch: progress, notes and summary."""

import contextlib
import json
import sys
import threading
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
from rich.table import Column
from rich.text import Text

from manyhues.batch.report import Batch, Report
from manyhues.cli import terminal
from manyhues.image import files
from manyhues.language import say, spoken
from manyhues.language.lines import NowAndThen
from manyhues.video import Progress as FilmProgress

_FEW = 20  # inputs up to which every note is told on its own


class _Rate(ProgressColumn):
    """Colourings or frames per second, or seconds per one when slower than one a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        one = task.fields.get("one", "colouring")
        said = f"{speed:.1f} {one}s/s" if speed >= 1 else f"{1 / speed:.1f} s/{one}"
        return Text(spoken(said))


class _Lines:
    """How far a batch is, in a line now and then: for logs, which a bar would fill."""

    def __init__(self, batch: Batch) -> None:
        self._batch, self._start, self._lock = batch, time.monotonic(), threading.Lock()
        self._lines, self.pictures = NowAndThen(), 0

    def tell(self) -> None:
        """Print a line, if the last one is a while ago; not between a colouring and its report."""
        tally, total = self._batch.tally, self._batch.total
        with self._lock:
            unreported = tally.done == tally.total and self.pictures < total
            if unreported or not self._lines.is_due():
                return
        say(
            f"colourings done: {tally.done} of {tally.total}, "
            f"pictures: {self.pictures} of {total}, after {time.monotonic() - self._start:.0f} s"
        )


def watch(
    batch: Batch, out: str, as_json: bool, *, show_sheets: bool = False, quiet: bool = False
) -> int:
    """Show a batch as its reports come in, any engine's; returns how many inputs failed.

    `quiet` leaves errors alone. Raises `OutputError` where nothing can be written; for programs
    (`as_json`) each input says so.
    """
    if batch.fault and not as_json:
        raise batch.fault
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if not quiet:
        say_left_out(batch.left_out)
    output = sys.stdout  # while it runs, an engine may point it elsewhere
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(max(4, min(40, console.width - 44))),  # what the others need; else it wraps
        MofNCompleteColumn(),
        _Rate(Column(no_wrap=True)),
        TimeRemainingColumn(),
    )
    told: Counter[str] = Counter()
    errors: list[str] = []
    counts: Counter[str] = Counter()
    start, lines = time.perf_counter(), _Lines(batch)
    hindrance = terminal.hindrance(console) if show_sheets else ""
    if hindrance:
        said = f"--show: {spoken(hindrance)}; the sheets are files in {out}"
        console.print(spoken(said), markup=False)
    showing = show_sheets and not hindrance
    # Pictures push a bar out of its place, and show as well how far it is.
    hidden = showing or quiet or not console.is_terminal
    bar = Progress(*columns, console=console, transient=True, disable=hidden)
    try:
        with contextlib.closing(batch.reports) as reports, bar as progress:
            task = progress.add_task(spoken("colouring"), total=batch.tally.total)
            if not quiet:
                batch.hear.append(_Frames(console, progress).show)

            def tell() -> None:
                progress.update(task, completed=batch.tally.done, total=batch.tally.total)
                if not (quiet or console.is_terminal):
                    lines.tell()

            batch.tally.told = tell
            for lines.pictures, report in enumerate(reports, 1):
                if report.error:
                    errors.append(report.error)
                counts["failed" if report.error else "skipped" if report.skipped else "done"] += 1
                tell()
                if as_json:  # ASCII: any terminal takes it
                    print(json.dumps(report.as_dict()), file=output, flush=True)
                if not quiet:
                    _tell(console, report, told, one_by_one=batch.total <= _FEW)
                if showing and report.sheet and not report.error:
                    console.print(one_line(report.sheet), markup=False)
                    terminal.show(Path(report.sheet), console)
    finally:  # after Ctrl-C too
        batch.tally.told = lambda: None
        if not quiet:
            _say_again(console, told)
            _summary(console, counts, errors, time.perf_counter() - start, out)
        for error in errors:
            console.print(f"  {one_line(spoken(error))}", style="red", markup=False)
    return len(errors)


class _Frames:
    """How far the film is that is being coloured; line by line where no bar can be shown."""

    def __init__(self, console: Console, bars: Progress) -> None:
        self._console, self._bars = console, bars
        self._bar: TaskID | None = None
        self._lines = NowAndThen()

    def show(self, film: FilmProgress) -> None:
        """Called every few frames."""
        name = one_line(film.name)
        if not film.done:
            need = files.size_of(film.need)
            _note(self._console, f"{name}: takes up to about {need} of disk while it is made")
        if self._bars.disable:
            if film.done and self._lines.is_due():
                if film.left >= 60:
                    left = f"{film.left / 60:.0f} min left"
                else:
                    left = f"{film.left:.0f} s left"
                said = (
                    f"{name}: frame {film.done} of {film.total}, {film.rate:.1f} frames/s, "
                    f"{spoken(left)}"
                )
                self._console.print(spoken(said), markup=False)
            return
        if self._bar is None or not film.done:
            if self._bar is not None:
                self._bars.remove_task(self._bar)
            self._bar = self._bars.add_task(name, total=film.total, one="frame")
        self._bars.update(self._bar, completed=film.done, total=film.total)


def say_left_out(left_out: Counter[str]) -> None:
    """What of the given files and folders was not taken, by kind."""
    said = [f"{count} {spoken(kind)}" for kind, count in left_out.most_common() if count]
    if not said:
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    tables = spoken("; --engine ray reads .parquet") if left_out.get("of kind .parquet") else ""
    _note(console, spoken(f"files left out: {', '.join(said)}") + tables)


def _note(console: Console, note: str) -> None:
    console.print(spoken(f"note: {one_line(spoken(note))}"), markup=False)


def _tell(console: Console, report: Report, told: Counter[str], *, one_by_one: bool) -> None:
    """Print an input's notes with its name; of a large batch, each different note once."""
    for note, pages in Counter(report.notes).items():
        if one_by_one or not told[note]:
            said = spoken(f"{spoken(note)} ({pages} pages)") if pages > 1 else spoken(note)
            _note(console, f"{report.input}: {said}")
        if not one_by_one:
            told[note] += 1


def _say_again(console: Console, told: Counter[str]) -> None:
    """How many more pictures have the notes that were told once."""
    for note, count in told.items():
        if count > 1:
            more = "1 more picture" if count == 2 else f"{count - 1} more pictures"
            _note(console, f"{spoken(note)}: {spoken(more)}")


def one_line(text: str) -> str:
    """Without line feeds and escape sequences: names of files may hold both."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _summary(
    console: Console, counts: Counter[str], errors: Sequence[str], seconds: float, out: str
) -> None:
    parts = [spoken(f"{counts['done']} coloured into {out} in {seconds:.1f} s")]
    if counts["skipped"]:
        said = f"{counts['skipped']} were there already (--overwrite replaces them)"
        parts.append(spoken(said))
    if errors:
        parts.append(spoken(f"{len(errors)} failed"))
    console.print("; ".join(parts), markup=False)
