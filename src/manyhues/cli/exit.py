"""How commands end: every expected failure becomes one line and an exit status."""

from collections.abc import Callable

from manyhues.errors import ManyhuesError, UsageError
from manyhues.language import say


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
