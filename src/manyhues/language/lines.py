"""How far something is: a bar on a terminal, and in a log, which it would fill, a line at times."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID

from manyhues.language import spoken

EVERY = 30.0  # seconds between two lines


class NowAndThen:
    """Says when the next line of a log is due: once in half a minute."""

    def __init__(self, *, at_once: bool = False) -> None:
        self._last = float("-inf") if at_once else time.monotonic()

    def is_due(self) -> bool:
        """Whether the last line is a while ago; then the next one is, from now on."""
        now = time.monotonic()
        if now - self._last < EVERY:
            return False
        self._last = now
        return True


def bars(console: Console, *columns: ProgressColumn, transient: bool = False) -> Progress:
    """Bars on a terminal alone: a log has the lines of `teller`."""
    hidden = not console.is_terminal
    return Progress(*columns, console=console, transient=transient, disable=hidden)


def teller(
    progress: Progress, task: TaskID, said: Callable[[int, int], str]
) -> Callable[[int, int], None]:
    """Moves a bar, or prints what `said` makes of how much is done, of how much in all.

    Lines go to standard error: the first one at once, then one every half a minute; none where
    the console is told to be quiet.
    """
    console, lines = progress.console, NowAndThen(at_once=True)
    silent = console.is_terminal or console.quiet

    def tell(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)
        if not silent and lines.is_due():
            print(spoken(said(done, total)), file=sys.stderr, flush=True)

    return tell
