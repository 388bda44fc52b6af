"""How modules that are commands of their own end: as `manyhues` does."""

import sys
from collections.abc import Callable

from manyhues.errors import ManyhuesError, UsageError


def run(main: Callable[[], None]) -> None:
    """Run a command line: every expected failure becomes one line and an exit status."""
    try:
        main()
    except ManyhuesError as error:
        print(f"manyhues: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
