"""The application: routes, pages, guards, and what becomes of errors."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from manyhues import __version__
from manyhues.errors import ManyhuesError, PictureError, UsageError
from manyhues.studio import examples
from manyhues.studio.folder import LostError
from manyhues.studio.guard import Guard, fault
from manyhues.studio.hub import open_studio
from manyhues.studio.lanes import BusyError
from manyhues.studio.limits import Limits
from manyhues.studio.monitoring import Measured, Monitoring
from manyhues.studio.routes import draw, results

STATIC = Path(__file__).parent / "static"
_OVERHEAD = 1 << 20  # what a multipart body may hold beside its picture


def create_app(
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    folder: Path | None = None,
    weights: Path | None = None,
) -> FastAPI:
    """The studio as an ASGI application.

    hosts    names, beside localhost and addresses, that the Host header may have
    token    what clients have to show; None asks for nothing
    folder   where results are kept; a temporary folder by default
    weights  the folder of weights; the package's own by default
    """
    bounds = limits or Limits()
    monitoring = Monitoring()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_studio(bounds, monitoring, folder, weights) as studio:
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
    app.include_router(draw.router)
    app.include_router(draw.of_actions())
    app.include_router(results.router)
    app.mount("/static", StaticFiles(directory=STATIC), "static")
    if examples.names():
        app.mount("/examples", StaticFiles(directory=examples.folder()), "examples")
    _add_pages(app, monitoring)
    _add_faults(app)
    app.add_middleware(
        Guard, hosts=tuple(hosts), token=token, upload_bytes=bounds.upload_bytes + _OVERHEAD
    )
    app.add_middleware(Measured, monitoring=monitoring)
    return app


def _add_pages(app: FastAPI, monitoring: Monitoring) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(STATIC / "docs.html", headers={"Cache-Control": "no-cache"})

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

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


def _add_faults(app: FastAPI) -> None:
    """Every expected error as `{code, detail}`; none says where anything lies."""

    @app.exception_handler(ManyhuesError)
    async def wrong(request: Request, error: ManyhuesError) -> Response:
        if isinstance(error, PictureError):
            too_large = "over the limit" in str(error)
            return fault(413 if too_large else 400, "size" if too_large else "picture", str(error))
        if isinstance(error, UsageError):
            return fault(400, "usage", str(error))
        return fault(500, "internal", "the studio's own files are at fault; its log says more")

    @app.exception_handler(LostError)
    async def lost(request: Request, error: LostError) -> Response:
        return fault(404, "lost", str(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        response = fault(429, "busy", str(error))
        response.headers["Retry-After"] = str(error.seconds)
        return response

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        response = fault(error.status_code, "http", str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        said = []
        for one in error.errors():
            place = ".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0])
            said.append(f"{place}: {one['msg']}")
        return fault(422, "invalid", "; ".join(said[:5]))
