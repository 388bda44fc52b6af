"""The studio's parts, wired: the store, the three lanes, the jobs, the monitoring."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, HTTPException
from fastapi import Request as HttpRequest

from manyhues.errors import ManyhuesError, lacks_memory
from manyhues.studio import jobs, place
from manyhues.studio.actions.base import Drawing
from manyhues.studio.archive import Givings
from manyhues.studio.folder import LostError, vanishing
from manyhues.studio.lanes import Job, Lane
from manyhues.studio.limits import NO_MEMORY, Limits
from manyhues.studio.memory import give_back
from manyhues.studio.monitoring import Monitoring
from manyhues.studio.store import Group, Session, Store

_REMEMBERED = 256  # jobs whose events can still be read
_TIDY = 30.0  # seconds between two looks at the folder's age and size


class Studio:
    """What the routes work with; lives from the application's start to its end.

    Drawing, pictures for a screen, and full-size pictures have a thread each, so that what one
    looks at never waits behind what one keeps.
    """

    def __init__(self, limits: Limits, monitoring: Monitoring, store: Store) -> None:
        self.limits, self.monitoring, self.store = limits, monitoring, store
        self.drawing = Lane("drawing", limits.jobs, limits.side_by_side)
        self.looking = Lane("looking", limits.jobs)
        self.rendering = Lane("rendering", limits.jobs)
        for lane in self.lanes:
            lane.ended = self._ended
        self.givings = Givings()
        self.listed = False  # whether all sessions may be listed
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._seen: dict[str, float] = {}  # when a session's jobs were last asked for
        self._decoding = CapacityLimiter(2)  # uploads that are decoded at a time

    @property
    def lanes(self) -> tuple[Lane, Lane, Lane]:
        """All of them."""
        return self.drawing, self.looking, self.rendering

    def start(self, session: Session, drawing: Drawing) -> Job:
        """Queue a drawing. Raises `BusyError`, and `UsageError` for an unknown method."""
        self.store.colorizer(drawing.method)
        job = Job(drawing.action.name, session.id, iter(()))
        job.steps = jobs.steps(self.store, session, drawing, job.id)
        job.total = drawing.total
        self.drawing.submit(job)
        self._jobs[job.id] = job
        while len(self._jobs) > _REMEMBERED:
            _, old = self._jobs.popitem(last=False)
            if all(kept.subject != old.subject for kept in self._jobs.values()):
                self._seen.pop(old.subject, None)
        seed = drawing.options.get("seed")
        group = Group(job.id, drawing.action, drawing.of, drawing.total, seed)
        self.store.begin(session, group)
        self.watch_over(job)
        return job

    def job(self, jid: str) -> Job:
        """A job by its id; whoever asks for it is still there. Raises `LostError`."""
        if jid not in self._jobs:
            raise LostError("no such job; it ended long ago")
        job = self._jobs[jid]
        self._seen[job.subject] = time.monotonic()
        return job

    def job_of(self, group: str) -> Job | None:
        """The job of a group, while it is remembered."""
        return self._jobs.get(group)

    def watch_over(self, job: Job) -> None:
        """Stop a job of a session that nobody watches or asks for, after a while to come back in.

        Who watches one job is there for all of its session: a browser has few connections.
        """
        self._seen[job.subject] = time.monotonic()
        asyncio.get_running_loop().call_later(self.limits.leave, self._check, job)

    def _check(self, job: Job) -> None:
        if job.finished or job.watchers:
            return
        others = [one for one in self.drawing.jobs.values() if one.subject == job.subject]
        if any(one.watchers for one in others):
            self._seen[job.subject] = time.monotonic()
        away = time.monotonic() - self._seen.get(job.subject, 0.0)
        if away >= self.limits.leave:
            self.drawing.stop(job)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self.limits.leave - away + 0.01, self._check, job)

    def _ended(self, job: Job, seconds: float) -> None:
        self.monitoring.jobs.labels(job.kind, job.state).inc()
        self.monitoring.job_seconds.labels(job.kind).observe(seconds)
        for event in job.events:  # rough pictures have served their turn
            event.pop("image", None)

    async def decode(self, make: Callable[[], Session]) -> Session:
        """Make a session in a thread, few at a time."""

        def made() -> Session:
            try:
                return make()
            except Exception as error:
                if lacks_memory(error):
                    raise ManyhuesError(NO_MEMORY) from error
                raise
            finally:
                give_back()

        session = await to_thread.run_sync(made, limiter=self._decoding)
        self.monitoring.cleaned.inc(await to_thread.run_sync(self.store.clean))
        return session

    async def look(self, request: HttpRequest, session: Session, make: Callable[[], Any]) -> Any:
        """Screen-sized work in its turn, given up when the client leaves."""
        return await while_there(request, self.looking.run("look", self._held(session, make)))

    async def render(self, request: HttpRequest, session: Session, make: Callable[[], Any]) -> Any:
        """Full-size work in its turn, given up when the client leaves."""
        return await while_there(request, self.rendering.run("render", self._held(session, make)))

    async def render_in_turn(self, session: Session, make: Callable[[], Any]) -> Any:
        """One of many pieces of full-size work, which waits for room too."""
        return await self.rendering.run("render", self._held(session, make), patient=True)

    def _held(self, session: Session, make: Callable[[], Any]) -> Callable[[], Any]:
        def held() -> Any:
            with self.store.holding(session), vanishing():
                return make()

        return held

    async def tidy(self) -> None:
        """Keep the folder within its bounds, for ever."""
        while True:
            await asyncio.sleep(_TIDY)
            self.monitoring.cleaned.inc(await to_thread.run_sync(self.store.clean))


async def while_there(request: HttpRequest, awaitable: Any) -> Any:
    """Await something, and cancel it when the client has gone."""
    task = asyncio.ensure_future(awaitable)
    try:
        while not (await asyncio.wait({task}, timeout=0.25))[0]:
            if await request.is_disconnected():
                raise HTTPException(499, "the client has left")
        return task.result()
    finally:
        task.cancel()


@asynccontextmanager
async def open_studio(
    limits: Limits, monitoring: Monitoring, folder: Path | None, weights: Path | None
) -> AsyncIterator[Studio]:
    """The studio with its folder, kept or temporary; on leaving, what runs is finished."""
    with contextlib.ExitStack() as stack:
        lasting = folder is not None
        where = stack.enter_context(place.temporary() if folder is None else place.kept(folder))
        store = Store(where, limits, weights, kept=lasting)
        studio = Studio(limits, monitoring, store)
        for lane in studio.lanes:
            help = f"Jobs waiting and running in the {lane.name} lane."
            monitoring.gauge(f"queue_{lane.name}", help, partial(_length, lane))
        monitoring.gauge("folder_bytes", "Size of the folder of results.", lambda: store.size)
        monitoring.gauge("sessions", "Sessions kept.", lambda: store.count)
        tidy = asyncio.create_task(studio.tidy())
        await to_thread.run_sync(store.colorizer, None)
        try:
            yield studio
        finally:
            tidy.cancel()
            for lane in studio.lanes:
                await lane.close()


def _length(lane: Lane) -> float:
    return len(lane.jobs)


def get_studio(request: HttpRequest) -> Studio:
    """The studio of the application that a request came to."""
    return cast(Studio, request.app.state.studio)


StudioOf = Annotated[Studio, Depends(get_studio)]
