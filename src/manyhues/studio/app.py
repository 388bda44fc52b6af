"""The application: routes, pages, guards, and what becomes of errors."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from manyhues import __version__
from manyhues.errors import ManyhuesError, OutputError, PictureError, UsageError, lacks_memory
from manyhues.studio import examples
from manyhues.studio.files import Files
from manyhues.studio.folder import FullError, LostError
from manyhues.studio.guard import Guard, fault
from manyhues.studio.hub import open_studio
from manyhues.studio.lanes import BusyError
from manyhues.studio.limits import NO_MEMORY, Limits
from manyhues.studio.monitoring import Measured, Monitoring
from manyhues.studio.routes import draw, results, sessions
from manyhues.studio.routes.faults import describe
from manyhues.studio.routes.unknown import refuse_unknown

_OVERHEAD = 1 << 20  # what a multipart body may hold beside its picture


def create_app(
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    folder: Path | None = None,
    weights: Path | None = None,
    listed: bool = False,
    outer: str | None = None,
) -> FastAPI:
    """The studio as an ASGI application.

    hosts    names, beside localhost and addresses, that the Host header may have
    outer    the name under which a proxy in front of the studio is reached
    token    what clients have to show; None asks for nothing
    folder   where sessions are kept for good; a temporary folder by default
    listed   whether everyone who gets in may see all sessions of a kept folder
    weights  the folder of weights; the package's own by default
    """
    bounds = limits or Limits()
    monitoring = Monitoring()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_studio(bounds, monitoring, folder, weights) as studio:
            studio.listed = listed and folder is not None
            app.state.studio = studio
            yield

    app = FastAPI(
        title="manyhues studio",
        version=__version__,
        summary="Many plausible colourings of one grey picture.",
        docs_url=None,  # FastAPI's page loads from a CDN; ours is static/docs.html
        redoc_url=None,
        lifespan=lifespan,
    )
    routers = draw.router, draw.of_actions(), results.router, sessions.router
    for router in routers:
        app.include_router(router, dependencies=[Depends(refuse_unknown)])
    if examples.names():
        app.mount("/examples", StaticFiles(directory=examples.folder()), "examples")
    files = Files()
    _add_pages(app, files, monitoring)
    _add_faults(app, [*app.routes, *(route for router in routers for route in router.routes)])
    describe(app)
    app.add_middleware(
        Guard,
        hosts=tuple(hosts),
        outer=outer,
        token=token,
        upload_bytes=bounds.upload_bytes + _OVERHEAD,
        files=files,
    )
    app.add_middleware(Measured, monitoring=monitoring)
    return app


def _add_pages(app: FastAPI, files: Files, monitoring: Monitoring) -> None:
    """The page and what belongs to it; each answers to HEAD too."""

    async def page(request: Request) -> Response:
        return files.answer(request, "index.html")

    async def docs(request: Request) -> Response:
        return files.answer(request, "docs.html")

    async def icon(request: Request) -> Response:
        return files.answer(request, "icon.svg")

    async def static(request: Request, name: str) -> Response:
        return files.answer(request, name)

    async def lasting(request: Request, digest: str, name: str) -> Response:
        return files.static(request, digest, name)

    for path, answer in (
        ("/", page),
        ("/docs", docs),
        ("/favicon.ico", icon),
        ("/static/{name}", static),
        ("/static/{digest}/{name}", lasting),
    ):
        app.add_api_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["service"])
    async def healthz() -> dict[str, str]:
        """Whether the studio answers."""
        return {"status": "ok", "version": __version__}

    @app.get(
        "/metrics",
        tags=["service"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' format."}},
    )
    async def read_metrics() -> Response:
        """Requests, latencies, queues, folder and memory."""
        return Response(monitoring.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _methods(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """What can be done with a path, over all its routes."""
    found: set[str] = set()
    for route in routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


def _add_faults(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Every expected error as `{code, detail}`; none says where anything lies."""

    @app.exception_handler(ManyhuesError)
    async def wrong(request: Request, error: ManyhuesError) -> Response:
        if lacks_memory(error):
            return fault(503, "memory", NO_MEMORY)
        if isinstance(error, PictureError):
            too_large = "over the limit" in str(error)
            return fault(413 if too_large else 400, "size" if too_large else "picture", str(error))
        if isinstance(error, UsageError):
            return fault(400, "usage", str(error))
        if isinstance(error, OutputError):
            return fault(400, "format", str(error))
        return fault(500, "internal", "the studio's own files are at fault; its log says more")

    @app.exception_handler(LostError)
    async def lost(request: Request, error: LostError) -> Response:
        return fault(404, "lost", str(error))

    @app.exception_handler(FullError)
    async def full(request: Request, error: FullError) -> Response:
        return fault(507, "full", str(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        response = fault(429, "busy", str(error))
        response.headers["Retry-After"] = str(error.seconds)
        return response

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = {413: "size", 422: "invalid"}.get(error.status_code, "http")
        response = fault(error.status_code, code, str(error.detail))
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_methods(routes, request))
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        said = []
        for one in error.errors():
            place = ".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0])
            said.append(f"{place}: {one['msg']}")
        return fault(422, "invalid", "; ".join(said[:5]))
