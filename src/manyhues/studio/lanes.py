"""Bounded queues of work, one thread each; jobs go on step by step and may be stopped between.

All state of a job is changed in the event loop alone; the lane's thread only makes the steps.
"""

import asyncio
import logging
import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from manyhues.errors import ManyhuesError, lacks_memory
from manyhues.studio.limits import NO_MEMORY
from manyhues.studio.memory import give_back

State = Literal["waiting", "running", "done", "failed", "stopped"]
Event = dict[str, Any]
logger = logging.getLogger("manyhues.studio")


class BusyError(Exception):
    """The queue is full; `seconds` says when to come back."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too much is waiting; come back in {seconds} s")
        self.seconds = seconds


@dataclass(eq=False)
class Job:
    """Steps of work and what came of them: events, numbered from 1 in their order.

    `subject` is what the work belongs to; `watchers` counts who follows the events.
    """

    kind: str
    subject: str
    steps: Iterator[Event]
    total: int = 1  # results to come
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = "waiting"
    events: list[Event] = field(default_factory=list)
    error: ManyhuesError | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    watchers: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def finished(self) -> bool:
        """Whether nothing further will come."""
        return self.state in ("done", "failed", "stopped")

    def say(self, event: Event) -> None:
        """Add an event and wake those who wait for it. In the event loop."""
        self.events.append(event)
        self._changed.set()
        self._changed = asyncio.Event()

    async def watch(self, after: int = 0, pause: float = 15.0) -> Any:
        """Events after number `after` as (number, event), until the last; None at each pause."""
        while True:
            while after < len(self.events):
                after += 1
                yield after, self.events[after - 1]
            if self.finished:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                yield None


class Lane:
    """One thread. Of the jobs submitted, `side_by_side` take turns, step by step."""

    def __init__(self, name: str, room: int, side_by_side: int = 1) -> None:
        self.name, self.room, self._side_by_side = name, room, side_by_side
        self.jobs: dict[str, Job] = {}  # waiting and running
        self.ended: Callable[[Job, float], None] = lambda job, seconds: None
        self._loop = asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._mean = 1.0  # seconds a job, a running average
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._work, name=f"studio-{name}", daemon=True)
        self._thread.start()

    def check_room(self) -> None:
        """Raise `BusyError` when nothing more is taken."""
        if len(self.jobs) >= self.room:
            wait = self._mean * len(self.jobs) / 2
            raise BusyError(min(60, max(1, round(wait))))

    def submit(self, job: Job) -> Job:
        """Queue a job. Raises `BusyError`."""
        self.check_room()
        self.jobs[job.id] = job
        self._idle.clear()
        self._inbox.put(job)
        return job

    def stop(self, job: Job) -> None:
        """Stop a job before its next step; one that still waits gives its place back at once."""
        job.stopping.set()
        if job.state == "waiting":
            self._end(job, "stopped", None, 0.0)

    async def run(self, kind: str, work: Callable[[], Any], *, patient: bool = False) -> Any:
        """Do one piece of work in turn and give its value; who is cancelled takes it back.

        Who is patient waits for room instead of being told to come back.
        """
        while patient and len(self.jobs) >= self.room:
            await asyncio.sleep(0.1)
        result: Future[Any] = Future()

        def step() -> Iterator[Event]:
            result.set_result(work())
            yield {}

        job = self.submit(Job(kind, "", step()))
        try:
            async for _ in job.watch():
                pass
        finally:
            self.stop(job)
        if job.error:
            raise job.error
        if not result.done():
            raise RuntimeError(f"{kind}: no result")
        return result.result()

    async def close(self) -> None:
        """Finish what is queued, then end the thread."""
        await self._idle.wait()
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        waiting: deque[Job] = deque()
        turn: deque[tuple[Job, float]] = deque()
        job: Job | None
        while True:
            while not self._inbox.empty() or not (turn or waiting):
                job = self._inbox.get()
                if job is None:
                    return
                waiting.append(job)
            while waiting and len(turn) < self._side_by_side:
                job = waiting.popleft()
                self._tell(self._start, job)
                turn.append((job, time.perf_counter()))
            job, since = turn.popleft()
            state, event, error = _step(job)
            if state == "running":
                self._tell(job.say, event)
                turn.append((job, since))
            else:
                job.steps = iter(())  # lets go of what it held, before memory is given back
                self._tell(self._end, job, state, error, time.perf_counter() - since)
                del job
                give_back()

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:  # the loop has closed: nobody is left to hear
            logger.debug("an event came after the end")

    def _start(self, job: Job) -> None:
        if not job.finished:
            job.state = "running"

    def _end(self, job: Job, state: State, error: ManyhuesError | None, seconds: float) -> None:
        if job.finished:  # it was stopped while it waited
            return
        job.state, job.error = state, error
        last: Event = {"type": state}
        if error:
            last["message"] = str(error)
        self.jobs.pop(job.id, None)
        if state == "done":
            self._mean += 0.2 * (seconds - self._mean)
        job.say(last)
        self.ended(job, seconds)
        if not self.jobs:
            self._idle.set()


def _step(job: Job) -> tuple[State, Event, ManyhuesError | None]:
    """The next step, in the lane's thread."""
    if job.stopping.is_set():
        job.steps = iter(())  # closes the generator, and with it all that it held
        return "stopped", {}, None
    try:
        return "running", next(job.steps), None
    except StopIteration:
        return "done", {}, None
    except ManyhuesError as error:
        return "failed", {}, error
    except Exception as error:
        if lacks_memory(error):
            lacking = ManyhuesError(NO_MEMORY)
            lacking.__cause__ = error  # by which the answer knows it again
            return "failed", {}, lacking
        if job.stopping.is_set():  # what it worked on may have been deleted under it
            return "stopped", {}, None
        logger.exception("a job of kind %s failed", job.kind)
        return "failed", {}, ManyhuesError("the work failed; the studio's log says why")
