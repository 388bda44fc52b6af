"""How far something is: a bar on a terminal, and in a log, which it would fill, a line at times."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID

from manyhues.language import spoken

EVERY = 30.0  # seconds between two lines


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
    console, last = progress.console, float("-inf")
    lines = not (console.is_terminal or console.quiet)

    def tell(done: int, total: int) -> None:
        nonlocal last
        progress.update(task, completed=done, total=total)
        if lines and (now := time.monotonic()) - last > EVERY:
            last = now
            print(spoken(said(done, total)), file=sys.stderr, flush=True)

    return tell
