"""Routes that draw: a picture in, jobs and results out."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel
from pydantic_core import to_json

from manyhues.image.encode import Format
from manyhues.image.picture import read_small_rgb
from manyhues.sampling.hints import parse_hint
from manyhues.studio import derived
from manyhues.studio.actions import Action, all_actions, named
from manyhues.studio.actions.fields import placed
from manyhues.studio.actions.sample import ColorizeIn
from manyhues.studio.hub import Studio, StudioOf, while_there
from manyhues.studio.lanes import Job
from manyhues.studio.limits import HINTS
from manyhues.studio.routes import present, schema
from manyhues.studio.routes.faults import FAULTS
from manyhues.studio.store import Session

router = APIRouter(prefix="/api", tags=["draw"], responses=FAULTS)


def _form(body: type[BaseModel]) -> Callable[..., BaseModel]:
    """A body's fields as those of a form, but for hints and a palette, which it writes its way."""

    def filled(**values: Any) -> BaseModel:
        return body(**values)

    parameters = []
    for name, field in body.model_fields.items():
        if name not in ("hints", "like"):  # a text and a file
            form = Form(description=field.description)
            parameter = inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=Annotated[field.annotation, *field.metadata, form],
            )
            parameters.append(parameter)
    filled.__dict__["__signature__"] = inspect.Signature(parameters)
    return filled


@router.post(
    "/colorize",
    response_model=schema.ColorizeOut,
    responses={202: {"model": schema.ColorizeOut, "description": "Started; see the job's events."}},
)
async def colorize(
    request: Request,
    studio: StudioOf,
    image: Annotated[UploadFile, File(description="The picture; colour is read as its grey.")],
    body: Annotated[Any, Depends(_form(ColorizeIn))],
    hint: Annotated[
        list[str], Form(description="X,Y=#RRGGBB; may be repeated.", max_length=HINTS)
    ] = [],  # noqa: B006  FastAPI copies defaults
    like: Annotated[
        UploadFile | None, File(description="A picture whose palette is taken.")
    ] = None,
    format: Annotated[Format, Form(description="Of the downloads.")] = "keep",
    page: Annotated[
        int, Form(description="Which page of several, from 1.", ge=1, le=2**31 - 1)
    ] = 1,
    wait: Annotated[
        bool, Form(description="Answer when all is drawn; false answers at once.")
    ] = True,
) -> Any:
    """Colour a picture: a new session with n results.

    A client that leaves while it waits stops the work. Without waiting, work that nobody follows
    or asks for is stopped after 6 seconds: read the job's events, or ask for the job.
    """
    studio.drawing.check_room()
    given = [parse_hint(text) for text in hint]
    data = await image.read()
    palette = None if like is None else await like.read()

    def make() -> Session:
        if palette is not None:
            read_small_rgb(palette, max_pixels=studio.limits.pixels)  # refuses what is no picture
        session = studio.store.create(data, image.filename or "", body.method, format, page)
        derived.grey(studio.store, session)  # now that its pixels are at hand
        return session

    session = await studio.decode(make)
    try:
        drawing = named("sample").read(body, session)
        options = drawing.options | {
            "hints": placed(given, session.size),
            "like": None if like is None else like.filename,
        }
        drawing = replace(drawing, options=options, palette=palette)
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


def of_actions() -> APIRouter:
    """A route for each action: a request to a session in, a job out."""
    found = APIRouter(prefix="/api", tags=["draw"], responses=FAULTS)
    for action in all_actions():
        found.add_api_route(
            f"/sessions/{{sid}}/{action.verb}",
            _endpoint(action),
            methods=["POST"],
            name=action.title.lower().replace(" ", "_"),
            description=inspect.getdoc(action),
            response_model=schema.JobOut,
            status_code=202,
        )
    return found


def _endpoint(action: Action[Any]) -> Callable[..., Awaitable[schema.JobOut]]:
    async def start(studio: StudioOf, sid: str, body: Any) -> schema.JobOut:
        session = studio.store.session(sid)
        return present.job_out(studio.start(session, action.read(body, session)))

    start.__annotations__["body"] = action.body
    return start


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
