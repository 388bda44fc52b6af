"""Memory back to the system: the C library keeps what large pictures have freed."""

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Return freed memory to the system, where the C library is glibc; takes milliseconds."""
    _trim()()


@cache
def _trim() -> Callable[[], object]:
    if sys.platform == "linux":
        try:
            trim = ctypes.CDLL(None).malloc_trim
        except (OSError, AttributeError):  # musl has none
            return _nothing
        return lambda: trim(0)
    return _nothing


def _nothing() -> None:
    pass
