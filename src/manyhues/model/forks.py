"""Forking beside a thread that colours: the fork waits until nothing is half done.

A child has the locks of its parent, but not the threads that would release them. ONNX Runtime's and
the linear algebra's cannot be made anew in the child, so they must be free at the fork.
"""

import concurrent.futures.thread  # noqa: F401 - before the hooks below, see there
import logging  # noqa: F401
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class _Gate:
    """Closed while a fork is under way; whoever has passed it finishes first."""

    def __init__(self) -> None:
        self._inside = threading.local()  # depth: work that calls work passes once
        self._renew(0)

    def _renew(self, busy: int) -> None:
        self._changed, self._busy, self._closed = threading.Condition(), busy, False

    def enter(self) -> None:
        depth = getattr(self._inside, "depth", 0)
        if not depth:
            with self._changed:
                self._changed.wait_for(lambda: not self._closed)
                self._busy += 1
        self._inside.depth = depth + 1

    def leave(self) -> None:
        self._inside.depth -= 1
        if not self._inside.depth:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def helper(self) -> None:
        """This thread works for one that has passed already, and waits for it."""
        self._inside.depth = 1

    def close(self) -> None:
        own = int(getattr(self._inside, "depth", 0) > 0)
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._busy <= own)

    def open(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def open_in_child(self) -> None:
        self._renew(int(getattr(self._inside, "depth", 0) > 0))


_gate = _Gate()
helper = _gate.helper
# Of the hooks before a fork, the last one registered runs first. Those of the imports above take
# locks that whoever has passed the gate may still want, so the gate has to be closed before them.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_gate.close,
        after_in_parent=_gate.open,
        after_in_child=_gate.open_in_child,
    )


def whole(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Work that no fork falls into."""

    @wraps(work)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        _gate.enter()
        try:
            return work(*args, **kwargs)
        finally:
            _gate.leave()

    return guarded


def kept(make: Callable[[Any], Result]) -> cached_property[Result]:
    """`functools.cached_property` without the lock that it has before Python 3.12.

    That one is the class's, and may be held at a fork. Made twice at the same time, the value is
    the same twice.
    """
    made: Any = cached_property(make)
    made.lock = nullcontext()
    return made  # type: ignore[no-any-return]


def step_by_step(steps: Iterator[Result]) -> Iterator[Result]:
    """The same steps; no fork falls into one of them."""
    end = object()
    take = whole(lambda: next(steps, end))
    while (step := take()) is not end:
        yield step  # type: ignore[misc]
