"""Routes that show and give away: pictures, sheets, archives."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from manyhues import __version__
from manyhues.errors import UsageError
from manyhues.sampling.options import Sampling
from manyhues.studio import derived, examples
from manyhues.studio.archive import Entry, zipped
from manyhues.studio.folder import LostError, vanishing
from manyhues.studio.hub import Studio, StudioOf
from manyhues.studio.lanes import BusyError
from manyhues.studio.limits import COLOURINGS
from manyhues.studio.routes import present, schema
from manyhues.studio.routes.faults import FAULTS
from manyhues.studio.store import Session

router = APIRouter(prefix="/api", tags=["results"], responses=FAULTS)
_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}  # a result never changes
Chosen = Annotated[
    str,
    Query(
        description="Ids with commas between; all by default.",
        pattern=r"^[A-Za-z0-9_,-]*$",
        max_length=10_000,
    ),
]

Ticket = Annotated[
    str,
    Query(
        description="A name for this download, to ask `/api/downloads/{ticket}` how far it is.",
        pattern=r"^[A-Za-z0-9_-]*$",
        max_length=64,
    ),
]

Quality = Annotated[
    int | None,
    Query(
        description="Of JPEG, WebP and AVIF; by default what keeps the lightness. "
        "Other formats have none.",
        ge=1,
        le=100,
    ),
]


def _picture(*kinds: str) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {f"image/{kind}": {} for kind in kinds}
    return {200: {"content": content, "description": "The picture."}}


_DOWNLOAD = _picture("jpeg", "png", "webp", "tiff", "bmp", "avif")
_DOWNLOAD[200]["content"]["application/dicom"] = {}


@router.get("/about", response_model=schema.AboutOut)
async def about(studio: StudioOf) -> schema.AboutOut:
    """Version, methods (the default first), examples and limits."""
    limits = studio.limits
    return schema.AboutOut(
        version=__version__,
        methods=studio.store.methods,
        examples=examples.names(),
        upload_bytes=limits.upload_bytes,
        pixels=limits.pixels,
        n=COLOURINGS,
        kept=studio.store.kept,
        diversity=Sampling.diversity,
    )


@router.get("/sessions/{sid}/grey", response_class=FileResponse, responses=_picture("jpeg", "png"))
async def grey(
    request: Request,
    studio: StudioOf,
    sid: str,
    full: Annotated[bool, Query(description="At the picture's own size.")] = False,
) -> Response:
    """The picture without colour, as large as a screen or at its own size."""
    session = studio.store.session(sid)
    if full:
        make = partial(derived.grey_full, studio.store, session)
        large = await studio.render(request, session, make)
        return _file(large, _media(large), _KEEP)
    path = await studio.look(request, session, partial(derived.grey, studio.store, session))
    return _small(path)


@router.patch("/sessions/{sid}/results/{rid}", response_model=schema.ResultOut)
async def mark(studio: StudioOf, sid: str, rid: str, wish: schema.MarkIn) -> schema.ResultOut:
    """Keep a result among the favourites, or hide it; or not any more."""
    session = studio.store.session(sid)
    result = studio.store.mark(session, rid, wish.favourite, wish.hidden)
    return present.result_out(session, result)


@router.get(
    "/sessions/{sid}/results/{rid}/preview",
    response_class=FileResponse,
    responses=_picture("jpeg", "png"),
)
async def preview(studio: StudioOf, sid: str, rid: str) -> Response:
    """A result, small; it was made with the result and never waits."""
    session = studio.store.session(sid)
    session.result(rid)
    return _small(session.folder / f"{rid}.preview")


@router.get(
    "/sessions/{sid}/results/{rid}/view",
    response_class=FileResponse,
    responses=_picture("jpeg", "png"),
)
async def view(request: Request, studio: StudioOf, sid: str, rid: str) -> Response:
    """A result as large as a screen."""
    session = studio.store.session(sid)
    session.result(rid)
    path = await studio.look(request, session, partial(derived.view, studio.store, session, rid))
    return _small(path)


@router.get(
    "/sessions/{sid}/results/{rid}/full", response_class=FileResponse, responses=_picture("png")
)
async def full(request: Request, studio: StudioOf, sid: str, rid: str) -> Response:
    """A result as PNG, with the size and depth of the input."""
    session = studio.store.session(sid)
    session.result(rid)
    path = await studio.render(request, session, partial(derived.full, studio.store, session, rid))
    return _file(path, "image/png", _KEEP)


@router.get(
    "/sessions/{sid}/results/{rid}/download",
    response_class=FileResponse,
    responses=_DOWNLOAD,
)
async def download(
    request: Request,
    studio: StudioOf,
    sid: str,
    rid: str,
    format: derived.Wanted = "keep",
    quality: Quality = None,
) -> Response:
    """A result at full size as a file to keep, in the input's format or another.

    `colour`: a PNG of its colour alone, for a layer of the mode *Color* over the picture.
    """
    session = studio.store.session(sid)
    session.result(rid)
    make = partial(derived.full, studio.store, session, rid, format, quality)
    path = await studio.render(request, session, make)
    name = derived.file_name(session, rid, format)
    return _file(path, _media(path), _KEEP, name)


@router.get("/sessions/{sid}/sheet", response_class=Response, responses=_picture("jpeg"))
async def sheet(request: Request, studio: StudioOf, sid: str, results: Chosen = "") -> Response:
    """The contact sheet of all results or some."""
    session = studio.store.session(sid)
    rids = _chosen(session, results)
    make = partial(derived.sheet, studio.store, session, rids)
    path = await studio.look(request, session, make)
    headers = {"Content-Disposition": derived.disposition(f"{derived.stem(session)}.sheet.jpg")}
    return _file(path, "image/jpeg", headers)


@router.get(
    "/sessions/{sid}/zip",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "The archive."}},
)
async def archive(
    request: Request,
    studio: StudioOf,
    sid: str,
    results: Chosen = "",
    format: derived.Wanted = "keep",
    quality: Quality = None,
    ticket: Ticket = "",
) -> Response:
    """All results or some at full size, with their sheet, in one ZIP that is sent as it is made."""
    session = studio.store.session(sid)
    rids = _chosen(session, results)
    entries = _entries(studio, session, rids, (format, quality))
    return await _zip(request, studio, entries, ticket, f"{derived.stem(session)}.zip")


@router.get(
    "/zip",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "The archive."}},
)
async def archive_of_all(
    request: Request,
    studio: StudioOf,
    sessions: Chosen,
    favourites: Annotated[bool, Query(description="Of each its favourites alone.")] = False,
    format: derived.Wanted = "keep",
    quality: Quality = None,
    ticket: Ticket = "",
) -> Response:
    """Results of several sessions in one ZIP, each in a folder of its name."""
    entries: list[Entry] = []
    folders: set[str] = set()
    for sid in dict.fromkeys(one for one in sessions.split(",") if one):
        session = studio.store.session(sid)
        shown = [one for one in session.results.values() if not one.hidden]
        rids = [one.id for one in shown if one.favourite or not favourites]
        if rids:
            folder = _distinct(derived.stem(session), folders)
            entries += _entries(studio, session, rids, (format, quality), f"{folder}/")
    if not entries:
        raise UsageError("none of these sessions has such results")
    return await _zip(request, studio, entries, ticket, "manyhues.zip")


def _distinct(name: str, taken: set[str]) -> str:
    """A name that is not taken yet, also where case makes no difference."""
    k = 1
    found = name
    while found.casefold() in taken:
        k += 1
        found = f"{name} ({k})"
    taken.add(found.casefold())
    return found


@router.get("/downloads/{ticket}", response_model=schema.GivingOut)
async def giving(studio: StudioOf, ticket: str) -> schema.GivingOut:
    """How far the download with this ticket has come."""
    found = studio.givings.get(ticket)
    if found is None:
        raise LostError("no such download; it has not begun yet, or ended long ago")
    return schema.GivingOut(**vars(found))


def _entries(
    studio: Studio,
    session: Session,
    rids: Sequence[str],
    kind: tuple[derived.Wanted, int | None],
    folder: str = "",
) -> list[Entry]:
    """What a session's archive holds: results and their sheet, each in its turn.

    kind  format and quality of the results
    """

    def entry(name: str, make: Callable[[], bytes]) -> Entry:
        return f"{folder}{name}", partial(studio.render_in_turn, session, make)

    store = studio.store
    entries = [
        entry(
            derived.file_name(session, rid, kind[0]),
            partial(derived.full_bytes, store, session, rid, *kind),
        )
        for rid in rids
    ]
    sheet = partial(derived.sheet, store, session, rids)
    return [
        *entries,
        entry(f"{derived.stem(session)}.sheet.jpg", lambda: sheet().read_bytes()),
    ]


async def _zip(
    request: Request, studio: Studio, entries: Sequence[Entry], ticket: str, name: str
) -> Response:
    giving = studio.givings.begin(ticket or secrets.token_urlsafe(16), len(entries))
    try:
        studio.rendering.check_room()
    except BusyError as error:
        giving.state, giving.detail = "failed", str(error)
        raise
    pieces = zipped(entries, giving, request.is_disconnected)
    first = await anext(pieces, b"")  # what fails at once is an answer of its own

    async def stream() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    headers = {"Content-Disposition": derived.disposition(name)}
    return StreamingResponse(stream(), media_type="application/zip", headers=headers)


def _chosen(session: Session, results: str) -> list[str]:
    shown = [one.id for one in session.results.values() if not one.hidden]
    rids = [rid for rid in results.split(",") if rid] or shown
    if not rids:
        raise UsageError("this session has no results yet; wait for the first")
    return [session.result(rid).id for rid in dict.fromkeys(rids)]


def _small(path: Path) -> Response:
    """A picture to look at; read at once, for it may be deleted in the next moment."""
    with vanishing():
        data = path.read_bytes()
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return Response(data, media_type=f"image/{kind}", headers=_KEEP)


def _file(
    path: Path, media_type: str, headers: dict[str, str], name: str | None = None
) -> Response:
    """A large file, sent piece by piece."""
    with vanishing():
        found = path.stat()
    return FileResponse(path, 200, headers, media_type, filename=name, stat_result=found)


def _media(path: Path) -> str:
    kind = path.suffix[1:]
    return f"application/{kind}" if kind == "dicom" else f"image/{kind}"
