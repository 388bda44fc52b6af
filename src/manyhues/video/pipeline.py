"""Work on the parts of a film in threads of their own, in order, so that no processor waits."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import closing
from typing import Any, TypeVar

from manyhues.model.threads import stoppable

Item = TypeVar("Item")
Result = TypeVar("Result")

_END: Any = object()


def ahead(items: Generator[Item], room: int = 1) -> Generator[Item]:
    """The same items, made in a thread of its own, `room` of them before they are asked for.

    What it raises is raised here, and whoever stops asking stops it.
    """
    with closing(items), stoppable(1) as thread:
        waiting = deque(thread.submit(next, items, _END) for _ in range(room))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(thread.submit(next, items, _END))
            yield item


def side_by_side(
    job: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Result]]:
    """Items with what a job makes of them, in order; twice as many as `workers` are begun."""
    waiting = deque[tuple[Item, Future[Result]]]()
    with stoppable(workers) as threads:
        for item in items:
            waiting.append((item, threads.submit(job, item)))
            if len(waiting) == 2 * workers:
                first, made = waiting.popleft()
                yield first, made.result()
        while waiting:
            first, made = waiting.popleft()
            yield first, made.result()
