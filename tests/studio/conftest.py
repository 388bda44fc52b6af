"""A studio on a free port of this machine, with the tiny weights."""

import io
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from conftest import colourful
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image

from manyhues.studio.app import create_app
from manyhues.studio.hub import Studio
from manyhues.studio.limits import Limits
from manyhues.studio.server import _bind, configured

Form = dict[str, Any]


@dataclass
class Server:
    """A running studio: its address, a client, and what is behind it."""

    url: str
    app: FastAPI
    http: httpx.Client

    @property
    def studio(self) -> Studio:
        studio: Studio = self.app.state.studio
        return studio

    def colorize(self, picture: bytes, name: str = "old.png", **form: Any) -> dict[str, Any]:
        """A new session; raises for a refusal."""
        answer = self.http.post("/api/colorize", files={"image": (name, picture)}, data=form)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())

    def events(self, job: dict[str, Any], after: int = 0) -> list[dict[str, Any]]:
        """All events of a job, to its end."""
        headers = {"Last-Event-ID": str(after)}
        with self.http.stream("GET", job["events"], headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = list(stream.iter_lines())
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    def draw(self, session: dict[str, Any], verb: str, **body: Any) -> list[dict[str, Any]]:
        """The results of a verb that draws in a session."""
        path = f"/api/sessions/{session['session']}/{verb}"
        answer = self.http.post(path, json=body)
        assert answer.status_code == 202, answer.text
        found = self.events(answer.json())
        assert found[-1]["type"] == "done", found[-1]
        return [event["result"] for event in found if event["type"] == "result"]

    def pixels(self, link: str) -> NDArray[Any]:
        answer = self.http.get(link)
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)))


@contextmanager
def running(app: FastAPI, port: int = 0) -> Iterator[Server]:
    listener = _bind("127.0.0.1", port)
    server = uvicorn.Server(configured(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    until(lambda: server.started)
    try:
        with httpx.Client(base_url=url, timeout=300) as client:
            yield Server(url, app, client)
    finally:
        server.should_exit = True
        thread.join(120)
        assert not thread.is_alive()


def until(holds: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait for a condition. Fails when it does not come true in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


Serve = Callable[..., Server]


@pytest.fixture
def serve(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a studio of one's own, with other limits or options; temporary without a folder."""
    from contextlib import ExitStack

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    options = ("token", "folder", "outer", "listed")
    with ExitStack() as stack:

        def start(**given: Any) -> Server:
            limits = replace(Limits(), **{k: v for k, v in given.items() if k not in options})
            chosen = {name: given[name] for name in options if name in given}
            app = create_app(limits=limits, weights=weights, **chosen)
            return stack.enter_context(running(app))

        yield start


@pytest.fixture(scope="package")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One studio for all tests that leave its settings alone.

    It stops with the last of them: a test elsewhere that forks while the studio's thread multiplies
    matrices may wait for OpenBLAS for ever.
    """
    # A browser on a busy machine may take long to come back after a reload.
    limits = replace(Limits(), leave=60.0)
    folder = tmp_path_factory.mktemp("studio")
    app = create_app(limits=limits, folder=folder, weights=weights)
    with running(app) as started:
        yield started


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Every decoded sample takes at least the seconds of the list's first entry, as it is by then:
    0 lets go of the one that is under way, too.
    """
    from manyhues.colorizer import Colorizer

    seconds = [0.3]
    decode = Colorizer.decode

    def slowly(self: Colorizer, *arguments: Any, **options: Any) -> Any:
        begun = time.monotonic()
        while time.monotonic() < begun + seconds[0]:
            time.sleep(0.01)
        return decode(self, *arguments, **options)

    monkeypatch.setattr(Colorizer, "decode", slowly)
    yield seconds
    seconds[0] = 0.0


def encoded(pixels: NDArray[Any], format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)
    return out.getvalue()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A saturated PNG of 120 x 90."""
    return encoded(colourful(90, 120))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Playwright's Chromium; skips loudly where there is none."""
    from studio.browser import launched

    with launched() as browser:
        yield browser


@pytest.fixture
def visit(browser: Any, server: Server) -> Any:
    """Opens the page of `server` in a fresh profile."""
    from studio.browser import opened

    return partial(opened, browser, server)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "old house.jpg"
    Image.fromarray(colourful(120, 180)).convert("L").save(path, quality=92)
    return path
