"""Warnings silenced for a while, by several threads at once."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_filters: warnings.catch_warnings | None = None


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence all warnings until the last thread that is inside has left.

    `warnings.catch_warnings` alone is not for threads: of two that overlap, the second would
    restore what the first had set, and the process would stay silent.
    """
    global _inside, _filters
    with _lock:
        if not _inside:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _filters is not None:
                _filters.__exit__(None, None, None)
                _filters = None
