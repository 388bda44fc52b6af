"""Warnings silenced for a while, by several threads at once; and libraries that print."""

import ctypes
import logging
import threading
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import PIL

_SILENCE = ("ignore", None, Warning, None, 0)  # as `warnings.simplefilter("ignore")` would add it
_lock = threading.Lock()
_inside = 0
_filters: list[Any] = []


class without_warnings:  # noqa: N801  a context manager: a class, since each picture enters some
    """Silence all warnings until the last thread that is inside has left.

    `warnings.catch_warnings` is not for threads: of two that overlap, the second would restore
    what the first had set, and the process would stay silent. It also costs seven microseconds,
    and makes the process forget which warnings it has shown.
    """

    def __enter__(self) -> None:
        global _inside, _filters
        with _lock:
            if not _inside:
                _filters = _current()
                _filters.insert(0, _SILENCE)
            _inside += 1

    def __exit__(self, *_: object) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if _inside:
                return
            if warnings.filters is _filters and _filters[0] is _SILENCE:
                del _filters[0]
                return
            # Someone else's `catch_warnings` has put a copy into its place meanwhile.
            for filters in (_filters, _current()):
                filters[:] = [one for one in filters if one is not _SILENCE]  # not its equals


def _current() -> list[Any]:
    filters: Any = warnings.filters
    return filters if isinstance(filters, list) else []


@cache
def quiet_libraries() -> None:
    """Have Pillow, and the libtiff inside its wheel, keep to themselves what they also raise.

    They would print it on standard error, between the lines that a program reads there.
    """
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    beside = Path(PIL.__file__).parent
    for folder in (beside.parent / "pillow.libs", beside / ".dylibs"):
        for library in folder.glob("libtiff*"):
            with suppress(OSError, AttributeError):
                ctypes.CDLL(str(library)).TIFFSetErrorHandler(None)
