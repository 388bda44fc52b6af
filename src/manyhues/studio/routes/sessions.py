"""Routes of whole sessions: which there are, whether one is still there, deleting and undoing."""

import time
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import Response

from manyhues.studio import derived
from manyhues.studio.folder import clean_name, vanishing
from manyhues.studio.hub import StudioOf
from manyhues.studio.routes import present, schema
from manyhues.studio.routes.faults import FAULTS
from manyhues.studio.store import Session

router = APIRouter(prefix="/api", tags=["sessions"], responses=FAULTS)
_SOON = 0.9  # of what lets sessions go


@router.get("/sessions", response_model=schema.SessionsOut)
async def sessions(
    studio: StudioOf,
    ids: Annotated[
        str,
        Query(
            description="Ids with commas between: those of them that are there.",
            pattern=r"^[A-Za-z0-9_,-]*$",
            max_length=10_000,
        ),
    ] = "",
) -> schema.SessionsOut:
    """The sessions that are there, the one used last first.

    Without ids: all of a kept folder, where a token or the machine itself is the door; else none.
    """
    store = studio.store
    wanted = set(ids.split(",")) if ids else None
    found = store.sessions() if wanted is not None or studio.listed else []
    leaving = {session.id for session in store.leaving(time.time(), _SOON)}
    return schema.SessionsOut(
        kept=store.kept,
        sessions=[
            present.brief_out(session, session.id in leaving)
            for session in found
            if wanted is None or session.id in wanted
        ],
    )


@router.get("/sessions/{sid}", response_model=schema.SessionOut)
async def session(studio: StudioOf, sid: str) -> schema.SessionOut:
    """A picture and everything made of it."""
    return present.session_out(studio, studio.store.session(sid))


@router.get("/sessions/{sid}/alive", status_code=204)
async def alive(studio: StudioOf, sid: str) -> Response:
    """Say that a page shows this session, which then is not removed to make room.

    It holds for two and a half minutes. 404 says that the session has gone.
    """
    studio.store.session(sid, opened=True)
    return Response(status_code=204)


@router.post("/sessions/{sid}/palettes", response_model=schema.PaletteOut)
async def palette(
    studio: StudioOf,
    sid: str,
    image: Annotated[UploadFile, File(description="A picture with colours.")],
) -> schema.PaletteOut:
    """Give a picture whose colours new colourings of this session may take, as `like`."""
    session = studio.store.session(sid)
    data = await image.read()
    small = await to_thread.run_sync(derived.palette_of, data, studio.limits.pixels)
    name = clean_name(image.filename or "")
    return schema.PaletteOut(id=session.add_palette(name, small), name=name)


@router.post("/sessions/{sid}/pages", response_model=schema.SessionOut)
async def page(studio: StudioOf, sid: str, wish: schema.PageIn) -> schema.SessionOut:
    """Another page of the same file, as a session of its own; a new one has no colourings."""
    session = studio.store.session(sid)

    def make() -> Session:
        with studio.store.holding(session), vanishing():
            found = studio.store.page(session, wish.page)
        derived.grey(studio.store, found)
        return found

    return present.session_out(studio, await studio.decode(make))


@router.delete("/sessions/{sid}", status_code=204)
async def forget(
    studio: StudioOf,
    sid: str,
    undo: Annotated[
        bool, Query(description="Delete the files a minute later: `restore` takes it back.")
    ] = False,
) -> Response:
    """Delete a picture and everything made of it now; running work is stopped."""
    session = studio.store.session(sid)
    for group in session.groups:
        job = studio.job_of(group)
        if job is not None and not job.finished:
            studio.drawing.stop(job)
    if undo:
        studio.store.delete(session)
    else:
        studio.store.remove(session)
    return Response(status_code=204)


@router.post("/sessions/{sid}/restore", response_model=schema.SessionOut)
async def restore(studio: StudioOf, sid: str) -> schema.SessionOut:
    """Take a deletion with `undo` back."""
    return present.session_out(studio, studio.store.restore(sid))
