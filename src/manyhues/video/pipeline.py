"""Work on the parts of a film in threads of their own, in order, so that no processor waits."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_END: Any = object()


def ahead(items: Generator[Item], room: int = 1) -> Generator[Item]:
    """The same items, made in a thread of its own, `room` of them before they are asked for.

    What it raises is raised here, and whoever stops asking stops it.
    """
    with closing(items), ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, items, _END) for _ in range(room))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(thread.submit(next, items, _END))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)


def side_by_side(
    job: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Result]]:
    """Items with what a job makes of them, in order; twice as many as `workers` are begun."""
    waiting = deque[tuple[Item, Future[Result]]]()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(job, item)))
                if len(waiting) == 2 * workers:
                    first, made = waiting.popleft()
                    yield first, made.result()
            while waiting:
                first, made = waiting.popleft()
                yield first, made.result()
        finally:
            pool.shutdown(cancel_futures=True)
