"""Routes that show and give away: sessions, pictures, sheets, archives."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from manyhues import __version__
from manyhues.errors import UsageError
from manyhues.image.encode import Format
from manyhues.studio import derived, examples
from manyhues.studio.folder import vanishing
from manyhues.studio.hub import StudioOf
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


def _picture(*kinds: str) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {f"image/{kind}": {} for kind in kinds}
    return {200: {"content": content, "description": "The picture."}}


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
    )


@router.get("/sessions/{sid}", response_model=schema.SessionOut)
async def session(studio: StudioOf, sid: str) -> schema.SessionOut:
    """A picture and everything made of it."""
    return present.session_out(studio, studio.store.session(sid))


@router.delete("/sessions/{sid}", status_code=204)
async def forget(studio: StudioOf, sid: str) -> Response:
    """Delete a picture and everything made of it now; running work is stopped."""
    session = studio.store.session(sid)
    for group in session.groups:
        job = studio.job_of(group)
        if job is not None and not job.finished:
            studio.drawing.stop(job)
    studio.store.remove(session)
    return Response(status_code=204)


@router.get("/sessions/{sid}/grey", response_class=FileResponse, responses=_picture("jpeg", "png"))
async def grey(request: Request, studio: StudioOf, sid: str) -> Response:
    """The picture without colour, as large as a screen."""
    session = studio.store.session(sid)
    path = await studio.render(request, session, partial(derived.grey, studio.store, session))
    return _small(path)


@router.patch("/sessions/{sid}/results/{rid}", response_model=schema.ResultOut)
async def favourite(
    studio: StudioOf, sid: str, rid: str, wish: schema.FavouriteIn
) -> schema.ResultOut:
    """Keep a result among the favourites, or not."""
    session = studio.store.session(sid)
    result = session.result(rid)
    result.favourite = wish.favourite
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
    path = await studio.render(request, session, partial(derived.view, studio.store, session, rid))
    return _small(path)


@router.get(
    "/sessions/{sid}/results/{rid}/full", response_class=FileResponse, responses=_picture("png")
)
async def full(request: Request, studio: StudioOf, sid: str, rid: str) -> Response:
    """A result as PNG, with the size and depth of the input."""
    session = studio.store.session(sid)
    session.result(rid)
    path = await studio.render(request, session, partial(derived.full, studio.store, session, rid))
    return FileResponse(path, media_type="image/png", headers=_KEEP)


@router.get(
    "/sessions/{sid}/results/{rid}/download",
    response_class=FileResponse,
    responses=_picture("jpeg", "png", "webp", "tiff", "bmp", "avif"),
)
async def download(
    request: Request, studio: StudioOf, sid: str, rid: str, format: Format = "keep"
) -> Response:
    """A result at full size as a file to keep, in the input's format or another."""
    session = studio.store.session(sid)
    session.result(rid)
    make = partial(derived.full, studio.store, session, rid, format)
    path = await studio.render(request, session, make)
    name = derived.file_name(session, rid, format)
    return FileResponse(path, media_type=_media(path), filename=name, headers=_KEEP)


@router.get("/sessions/{sid}/sheet", response_class=Response, responses=_picture("jpeg"))
async def sheet(request: Request, studio: StudioOf, sid: str, results: Chosen = "") -> Response:
    """The contact sheet of all results or some."""
    session = studio.store.session(sid)
    rids = _chosen(session, results)
    make = partial(derived.sheet, studio.store, session, rids)
    data = await studio.render(request, session, make)
    headers = {"Content-Disposition": derived.disposition(f"{Path(session.name).stem}.sheet.jpg")}
    return Response(data, media_type="image/jpeg", headers=headers)


@router.get(
    "/sessions/{sid}/zip",
    response_class=FileResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "The archive."}},
)
async def archive(
    request: Request,
    studio: StudioOf,
    sid: str,
    results: Chosen = "",
    format: Format = "keep",
) -> Response:
    """All results or some at full size, with their sheet, in one ZIP."""
    session = studio.store.session(sid)
    rids = _chosen(session, results)
    make = partial(derived.archive, studio.store, session, rids, format)
    path = await studio.render(request, session, make)
    name = f"{Path(session.name).stem}.zip"
    return FileResponse(path, media_type="application/zip", filename=name)


def _chosen(session: Session, results: str) -> list[str]:
    rids = [rid for rid in results.split(",") if rid] or list(session.results)
    if not rids:
        raise UsageError("this session has no results yet; wait for the first")
    return [session.result(rid).id for rid in dict.fromkeys(rids)]


def _small(path: Path) -> Response:
    with vanishing(), path.open("rb") as file:
        kind = "png" if file.read(4) == b"\x89PNG" else "jpeg"
    return FileResponse(path, media_type=f"image/{kind}", headers=_KEEP)


def _media(path: Path) -> str:
    return f"image/{path.suffix[1:]}"
