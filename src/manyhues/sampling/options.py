"""What is asked of a sample."""

from operator import index
from typing import Any

from manyhues.errors import UsageError

PICKS = ("diverse", "likely", "random")


def _whole(seed: Any) -> int:
    """A seed of any whole kind, numpy's as well."""
    try:
        return index(seed)
    except TypeError:
        raise UsageError(f"seed {seed!r}: expected a whole number") from None


def _check(n: int, pick: str, diversity: float, saturation: float) -> None:
    if n < 1:
        raise UsageError(f"n {n}: expected 1 or more")
    if pick not in PICKS:
        raise UsageError(f"pick {pick!r}: expected {', '.join(PICKS)}")
    for name, value in (("diversity", diversity), ("saturation", saturation)):
        if not 0 <= value <= 10:
            raise UsageError(f"{name} {value}: expected 0 to 10")
