"""Routes that draw: a picture in, jobs and results out."""

from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, File, Form, Header, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic_core import to_json

from manyhues.errors import UsageError
from manyhues.image.picture import read_small_rgb
from manyhues.sampling.hints import check_place, hint_colour, parse_hint
from manyhues.studio import actions
from manyhues.studio.hub import Studio, StudioOf, while_there
from manyhues.studio.lanes import Job
from manyhues.studio.limits import HINTS
from manyhues.studio.recipe import HintValue
from manyhues.studio.routes import present, schema
from manyhues.studio.store import Session

FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": schema.Fault, "description": text}
    for status, text in (
        (400, "The request makes no sense, or the picture cannot be read."),
        (404, "No such session, result or job."),
        (413, "Too many bytes or pixels."),
        (422, "A field is missing or out of its range."),
        (429, "Too much is waiting; Retry-After says when to come back."),
    )
}
router = APIRouter(prefix="/api", tags=["draw"], responses=FAULTS)


@router.post(
    "/colorize",
    response_model=schema.ColorizeOut,
    responses={202: {"model": schema.ColorizeOut, "description": "Started; see the job's events."}},
)
async def colorize(
    request: Request,
    studio: StudioOf,
    image: Annotated[UploadFile, File(description="The picture; colour is read as its grey.")],
    n: Annotated[schema.Count, Form()] = 6,
    seed: Annotated[schema.Seed, Form()] = 0,
    method: Annotated[str | None, Form(description="See `/api/about`.")] = None,
    pick: Annotated[schema.Pick, Form()] = "diverse",
    diversity: Annotated[schema.Scale, Form()] = 1.0,
    saturation: Annotated[schema.Scale, Form()] = 1.0,
    hint: Annotated[
        list[str], Form(description="X,Y=#RRGGBB; may be repeated.", max_length=HINTS)
    ] = [],  # noqa: B006  FastAPI copies defaults
    like: Annotated[
        UploadFile | None, File(description="A picture whose palette is taken.")
    ] = None,
    format: Annotated[schema.Format, Form(description="Of the downloads.")] = "keep",
    wait: Annotated[
        bool, Form(description="Answer when all is drawn; false answers at once.")
    ] = True,
) -> Any:
    """Colour a picture: a new session with n results.

    A client that leaves while it waits stops the work.
    """
    studio.drawing.check_room()
    given = [parse_hint(text) for text in hint]
    data = await image.read()
    palette = None if like is None else await like.read()

    def make() -> Session:
        if palette is not None:
            read_small_rgb(palette, max_pixels=studio.limits.pixels)  # refuses what is no picture
        return studio.store.create(data, image.filename or "", method, format)

    session = await studio.decode(make)
    try:
        options = {
            "n": n,
            "seed": seed,
            "pick": pick,
            "diversity": diversity,
            "saturation": saturation,
            "hints": _hints(given, session),
            "like": None if like is None else like.filename,
        }
        drawing = actions.Request("sample", _method(studio, method), options, (), palette)
        job = studio.start(session, drawing)
    except BaseException:
        studio.store.remove(session)
        raise
    if not wait:
        return JSONResponse(_answer(studio, session, job).model_dump(mode="json"), 202)
    try:
        await _until_done(request, studio, job)
    except BaseException:
        studio.store.remove(session)  # nobody has heard of it
        raise
    return _answer(studio, session, job)


@router.post("/sessions/{sid}/colorize", response_model=schema.JobOut, status_code=202)
async def draw_again(studio: StudioOf, sid: str, options: schema.ColorizeIn) -> schema.JobOut:
    """More colourings of a session's picture."""
    session = studio.store.session(sid)
    method = _method(studio, options.method)
    values = options.model_dump(exclude={"method", "hints"})
    values |= {"hints": _hints(_given(options.hints), session), "like": None}
    return present.job_out(studio.start(session, actions.Request("sample", method, values)))


@router.post("/sessions/{sid}/vary", response_model=schema.JobOut, status_code=202)
async def vary(studio: StudioOf, sid: str, options: schema.VaryIn) -> schema.JobOut:
    """More like this: neighbours of one result."""
    session = studio.store.session(sid)
    method = session.result(options.result).method
    values = {"amount": options.amount, "n": options.n, "seed": options.seed}
    request = actions.Request("vary", method, values, (options.result,))
    return present.job_out(studio.start(session, request))


@router.post("/sessions/{sid}/blend", response_model=schema.JobOut, status_code=202)
async def blend(studio: StudioOf, sid: str, options: schema.BlendIn) -> schema.JobOut:
    """A path between two results."""
    session = studio.store.session(sid)
    first, last = session.result(options.start), session.result(options.end)
    if first.method != last.method:
        raise UsageError(
            f"results of {first.method} and {last.method} have no path between them; "
            "choose two of one method"
        )
    request = actions.Request(
        "blend", first.method, {"steps": options.steps}, (options.start, options.end)
    )
    return present.job_out(studio.start(session, request))


@router.post("/sessions/{sid}/hints", response_model=schema.JobOut, status_code=202)
async def hints(studio: StudioOf, sid: str, options: schema.HintsIn) -> schema.JobOut:
    """The same colouring with colours given at places, and with a saturation; all else stays."""
    session = studio.store.session(sid)
    result = session.result(options.result)
    base = result.made.of[0] if result.made.kind == "steer" else options.result
    given = _hints(_given(options.hints), session)
    values = {"saturation": options.saturation, "hints": given}
    request = actions.Request("steer", result.method, values, (base,))
    return present.job_out(studio.start(session, request))


@router.get("/jobs/{jid}", response_model=schema.JobOut)
async def job(studio: StudioOf, jid: str) -> schema.JobOut:
    """Where a job stands. Asking counts as watching."""
    return present.job_out(studio.job(jid))


@router.delete("/jobs/{jid}", response_model=schema.JobOut)
async def stop(studio: StudioOf, jid: str) -> schema.JobOut:
    """Stop a job; what it has drawn stays."""
    job = studio.job(jid)
    studio.drawing.stop(job)
    return present.job_out(job)


@router.get(
    "/jobs/{jid}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
)
async def events(
    studio: StudioOf,
    jid: str,
    last_event_id: Annotated[str, Header(max_length=20)] = "0",
) -> Response:
    """What a job does, as server-sent events, from the first or after Last-Event-ID.

    `candidate` and `result` say `slot`, `done` and `total`; the last event is `done`, `failed`
    or `stopped`. When nobody listens to any job of the picture any more, the job is stopped.
    """
    job = studio.job(jid)
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    return StreamingResponse(
        _stream(studio, studio.store.session(job.subject), job, after),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _stream(studio: Studio, session: Session, job: Job, after: int) -> AsyncIterator[bytes]:
    job.watchers += 1
    try:
        async for item in job.watch(after):
            if item is None:
                yield b": still there\n\n"
                continue
            number, event = item
            if event["type"] == "result":
                result = session.result(event["result"])
                event = event | {"result": present.result_out(session, result)}
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                number,
                event["type"].encode(),
                to_json(event),
            )
    finally:
        job.watchers -= 1
        studio.watch_over(job)


async def _until_done(request: Request, studio: Studio, job: Job) -> None:
    async def last() -> None:
        async for _ in job.watch():
            pass

    job.watchers += 1
    try:
        await while_there(request, last())
    finally:
        job.watchers -= 1
        studio.drawing.stop(job)
    if job.error:
        raise job.error


def _answer(studio: Studio, session: Session, job: Job) -> schema.ColorizeOut:
    whole = present.session_out(studio, session)
    return schema.ColorizeOut(**whole.model_dump(), job=present.job_out(job))


def _method(studio: Studio, method: str | None) -> str:
    return studio.store.colorizer(method).method


def _given(hints: list[schema.Hint]) -> list[HintValue]:
    return [(hint.x, hint.y, hint.colour) for hint in hints]


def _hints(given: Iterable[HintValue], session: Session) -> tuple[HintValue, ...]:
    """Hints that lie in the picture, their colours as ``#rrggbb``. Raises `UsageError`."""
    hints = []
    for x, y, colour in given:
        check_place(f"hint {x},{y}", (x, y), session.size)
        rgb = np.rint(hint_colour(x, y, colour) * 255).clip(0, 255).astype(np.uint8)
        hints.append((x, y, f"#{rgb.tobytes().hex()}"))
    return tuple(hints)
