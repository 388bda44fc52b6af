"""Steps that work ahead: in order, with their errors, and stopped with whoever asks."""

import threading
from collections.abc import Generator
from contextlib import closing
from itertools import count, islice

import pytest

from manyhues.video.pipeline import ahead, side_by_side

LONG = 60.0  # seconds: only what is broken waits so long


def numbers(stopped: threading.Event, most: int = 10) -> Generator[int]:
    try:
        yield from range(most)
    finally:
        stopped.set()


@pytest.mark.parametrize("room", [1, 3])
def test_ahead_keeps_the_order_and_ends(room: int) -> None:
    stopped = threading.Event()
    assert list(ahead(numbers(stopped), room)) == list(range(10))
    assert stopped.is_set()


def test_ahead_makes_the_next_before_it_is_asked_for() -> None:
    made = threading.Event()

    def two() -> Generator[int]:
        yield 1
        made.set()
        yield 2

    items = ahead(two())
    assert next(items) == 1
    assert made.wait(LONG)
    assert list(items) == [2]


def test_ahead_makes_no_more_than_it_has_room_for() -> None:
    made = list[int]()

    def some() -> Generator[int]:
        for number in range(10):
            made.append(number)
            yield number

    with closing(ahead(some(), 2)) as items:
        next(items)
    assert len(made) <= 3


def test_errors_come_after_what_was_made_before_them() -> None:
    def broken() -> Generator[int]:
        yield 1
        raise OSError("disk")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(OSError, match="disk"):
        next(items)


def test_whoever_stops_asking_stops_all_steps() -> None:
    stopped = threading.Event()
    items = ahead(ahead(numbers(stopped)))
    assert list(islice(items, 2)) == [0, 1]
    items.close()
    assert stopped.is_set()


def test_jobs_side_by_side_are_in_order() -> None:
    first, second = threading.Event(), threading.Event()

    def job(item: int) -> int:
        """0 is done only when 1 is under way."""
        if item == 1:
            second.set()
            assert first.wait(LONG)
        elif item == 0:
            assert second.wait(LONG)
            first.set()
        return item * item

    assert list(side_by_side(job, range(5), 2)) == [(i, i * i) for i in range(5)]


def test_a_jobs_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda item: 1 // item, range(3), 2))


def test_few_jobs_are_begun_before_results_are_taken() -> None:
    numbers = count()
    with closing(side_by_side(lambda item: item, numbers, 2)) as made:
        assert next(made) == (0, 0)
    assert next(numbers) <= 5
