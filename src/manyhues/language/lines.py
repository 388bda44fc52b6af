"""How far something is, in a line now and then: for logs, which a bar would fill."""

import sys
import time

from rich.console import Console

from manyhues.language import spoken

EVERY = 30.0  # seconds between two lines


class Lines:
    """Lines on standard error, where `console` is no terminal, nor told to be quiet."""

    def __init__(self, console: Console) -> None:
        self._shown, self._last = not (console.is_terminal or console.quiet), float("-inf")

    def tell(self, said: str) -> None:
        """Print a line: the first one, and then one every half a minute."""
        now = time.monotonic()
        if self._shown and now - self._last > EVERY:
            self._last = now
            print(spoken(said), file=sys.stderr, flush=True)
