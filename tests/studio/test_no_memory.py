"""Where memory is too short for a picture, the studio says so, and goes on."""

from typing import Any

import httpx
import pytest
from conftest import colourful

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer
from manyhues.image.decoding import no_memory
from studio.conftest import Server, encoded

SAID = "not enough memory for this picture; make it smaller, or try again later"


FAULTS = pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        ImportError("pillow_heif.so: failed to map segment from shared object"),
        no_memory("/tmp/secret/scan.tif"),
    ],
    ids=["Python", "the loader", "a decoder"],
)


def check(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.json() == {"code": "memory", "detail": SAID}


@FAULTS
@pytest.mark.parametrize("step", ["encode", "decode"])
def test_a_picture(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
    fault: Exception,
) -> None:
    picture = encoded(colourful(60, 80))
    form: dict[str, Any] = {
        "files": {"image": ("a.png", picture)},
        "data": {"n": "1", "pick": "random"},
    }

    def fails(*_: Any, **__: Any) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(Colorizer, step, fails)
        check(server.http.post("/api/colorize", **form))
    assert not caplog.records  # nothing that someone should report
    assert server.http.post("/api/colorize", **form).status_code == 200


@FAULTS
def test_a_download(server: Server, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    session = server.colorize(encoded(colourful(60, 80)), n=1, pick="random")
    link = session["results"][0]["download"]

    def fails(*_: Any, **__: Any) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(Colorization, "encoded", fails)
        check(server.http.get(link))
    assert server.pixels(link).shape == (60, 80, 3)
