"""Threads that share work: all there before the first has work, or none."""

import threading
import time

import pytest

from manyhues.model import threads


def names(most: int, jobs: int) -> list[str]:
    """The threads that jobs ran in."""
    begun: list[int] = []

    def job(_: int) -> str:
        time.sleep(0.01)
        return threading.current_thread().name

    with threads.pool(most, begin=lambda: begun.append(1)) as pool:
        found = list(pool.map(job, range(jobs)))
    own = {threading.current_thread().name}
    assert len(begun) == (0 if set(found) == own else most)
    return found


def test_work_is_shared_out() -> None:
    assert len(set(names(3, 12))) > 1
    assert threading.current_thread().name not in names(1, 2)


def test_all_threads_are_there_before_the_first_has_work(monkeypatch: pytest.MonkeyPatch) -> None:
    there = threading.active_count()
    seen = []
    with threads.pool(4) as pool:
        list(pool.map(lambda _: seen.append(threading.active_count() - there), range(4)))
    assert seen == [4] * 4


@pytest.mark.parametrize("most", [1, 4])
def test_without_room_the_caller_does_it(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "has_room", lambda megabytes: False)
    assert names(most, 3) == [threading.current_thread().name] * 3
    with threads.pool(most) as pool:
        assert pool.submit(pow, 2, 3).result() == 8
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        lazy = pool.map(divmod, (1, 1), (1, 0))
        assert next(lazy) == (1, 0)


def test_there_are_as_many_as_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "has_room", lambda megabytes: megabytes < 1000)
    there = threading.active_count()
    with threads.pool(8):
        assert threading.active_count() - there == 3


def test_where_none_can_be_started_the_caller_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def fails(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fails)
    with threads.pool(4) as pool:
        found = list(pool.map(lambda _: threading.current_thread().name, range(4)))
    assert found == [threading.current_thread().name] * 4
    assert not any(thread.is_alive() for thread in started)
