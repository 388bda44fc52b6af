"""Threads that share work: as many as there is memory to start."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from manyhues.memory import has_room

_THREAD = 256  # megabytes of address space: its stack, its heap, and a sample in the making


class _Here(Executor):
    """No thread at all: work is done when it is submitted, or its result asked for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result or the exception, at once."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Iterator[Any]:
        """The results, each made when it is asked for."""
        return map(fn, *iterables)


def pool(most: int, *, begin: Callable[[], object] | None = None) -> Executor:
    """Up to `most` threads, each of which has called `begin`; none where memory is too short.

    All are there before the first has work: Python waits for ever for a thread that finds no
    memory when it starts, and one at work might take it.
    """
    count = most
    while count and not has_room(count * _THREAD):
        count -= 1
    if count < min(most, 2):  # a single one would only take the turns of the caller
        return _Here()
    threads, ready = ThreadPoolExecutor(count, initializer=begin), threading.Event()
    try:
        for _ in range(count):
            threads.submit(ready.wait)
    except (RuntimeError, MemoryError):  # "can't start new thread": the system allows no more
        ready.set()
        threads.shutdown(cancel_futures=True)
        return _Here()
    ready.set()
    return threads


@contextmanager
def stoppable(most: int) -> Iterator[Executor]:
    """`pool`, for generators: who stops asking waits for what is begun, and for nothing else."""
    threads = pool(most)
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)
