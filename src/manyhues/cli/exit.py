"""How commands end: every expected failure becomes one line and an exit status."""

import sys
from collections.abc import Callable

from manyhues.cli.language import spoken
from manyhues.errors import ManyhuesError, UsageError


def say(message: str) -> None:
    """One line for people, on standard error."""
    print(f"manyhues: {spoken(' '.join(message.split()))}", file=sys.stderr)


def status(error: ManyhuesError) -> int:
    """Say an error; 2 for wrong usage, 1 for all else."""
    say(str(error))
    return 2 if isinstance(error, UsageError) else 1


def run(main: Callable[[], None]) -> None:
    """Run a module that is a command of its own."""
    try:
        main()
    except ManyhuesError as error:
        raise SystemExit(status(error)) from None
