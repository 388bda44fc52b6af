"""The palette of another picture: bounded, and in its turn."""

from typing import Any

import pytest
from conftest import colourful

from manyhues.studio.routes import draw
from studio.conftest import Server, encoded


def test_a_palette_is_bounded_too(serve: Any, picture: bytes) -> None:
    server = serve(pixels=20_000)
    files = {"image": ("a.png", picture), "like": ("b.png", encoded(colourful(200, 200)))}
    answer = server.http.post("/api/colorize", files=files)
    assert answer.status_code == 413
    files["like"] = ("b.png", b"no picture")
    assert server.http.post("/api/colorize", files=files).status_code == 400


def test_a_palette_waits_for_its_turn_too(
    server: Server, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_time = []

    def watched(source: bytes, **options: Any) -> None:
        at_a_time.append(server.studio._decoding.borrowed_tokens)

    monkeypatch.setattr(draw, "read_small_rgb", watched)
    files = {"image": ("a.png", picture), "like": ("b.png", picture)}
    answer = server.http.post("/api/colorize", files=files, data={"n": 1, "pick": "random"})
    assert answer.status_code == 200
    assert at_a_time == [1]
