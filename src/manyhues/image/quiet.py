"""Warnings silenced for a while, by several threads at once."""

import threading
import warnings

_lock = threading.Lock()
_inside = 0
_filters: warnings.catch_warnings | None = None


class without_warnings:  # noqa: N801  a context manager: a class, since each picture enters some
    """Silence all warnings until the last thread that is inside has left.

    `warnings.catch_warnings` alone is not for threads: of two that overlap, the second would
    restore what the first had set, and the process would stay silent.
    """

    def __enter__(self) -> None:
        global _inside, _filters
        with _lock:
            if not _inside:
                _filters = warnings.catch_warnings()
                _filters.__enter__()
                warnings.simplefilter("ignore")
            _inside += 1

    def __exit__(self, *_: object) -> None:
        global _inside, _filters
        with _lock:
            _inside -= 1
            if not _inside and _filters is not None:
                _filters.__exit__(None, None, None)
                _filters = None
