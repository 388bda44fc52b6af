"""A new action is one file in ``studio/actions``: route, jobs, recipe and label come with it."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from manyhues.errors import UsageError
from manyhues.render import sheet
from manyhues.studio import actions
from manyhues.studio.actions.base import REGISTERED
from studio.browser import opened, tiles
from studio.conftest import Serve

TOY = '''
"""Make one colouring paler, step by step."""

from functools import partial

from manyhues.colorizer import Step
from manyhues.studio.actions.base import Action, Drawing, register
from manyhues.studio.actions.fields import Count, Id, Strict


class FadeIn(Strict):
    """How often to halve the saturation of a result."""

    result: Id
    n: Count = 2


@register
class Fade(Action[FadeIn]):
    """Paler and paler."""

    name, verb, title, label, body = "fade", "fade", "Fade", "faded", FadeIn

    def read(self, body, given):
        """Of the result's own method."""
        return Drawing(self, {"n": body.n}, given.result(body.result).method, (body.result,))

    def call(self, colorizer, scene, bases, drawing):
        """One halving a step."""
        for k in range(drawing.total):
            fade = partial(colorizer.steer, scene, bases[0], saturation=0.5 ** (k + 1))
            yield Step(True, k + 1, drawing.total, fade)

    def python(self, made, bases):
        """A steering in Python."""
        return f"colorizer.steer(scene, {bases[0]}, saturation={0.5 ** (made.index + 1)})"
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one file, in a folder that counts as the folder of actions."""
    folder = tmp_path / "actions"
    folder.mkdir()
    (folder / "fade.py").write_text(TOY)
    monkeypatch.setattr(actions, "__path__", [*actions.__path__, str(folder)])
    yield
    REGISTERED.pop("fade", None)
    sys.modules.pop(f"{actions.__name__}.fade", None)


@pytest.mark.usefixtures("toy")
def test_one_file_is_an_action(
    serve: Serve, picture: bytes, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    session = server.colorize(picture, n=2, pick="random", method="cvae")
    base = session["results"][1]
    faded = server.draw(session, "fade", result=base["id"])
    assert [(one["kind"], one["number"], one["of"]) for one in faded] == [
        ("fade", 3, [base["id"]]),
        ("fade", 4, [base["id"]]),
    ]
    assert server.http.post(f"/api/sessions/{session['session']}/fade").status_code == 422
    document = server.http.get("/openapi.json").json()["paths"]["/api/sessions/{sid}/fade"]["post"]
    assert (document["summary"], document["description"]) == ("Fade", "Paler and paler.")
    whole = server.http.get(f"/api/sessions/{session['session']}").json()
    assert [(one["kind"], one["total"]) for one in whole["groups"]] == [("sample", 2), ("fade", 2)]
    assert 'manyhues_jobs_total{kind="fade",state="done"} 1.0' in server.http.get("/metrics").text

    captions: list[str] = []
    tile = sheet.contact_sheet

    def watched(tiles: list[sheet.Tile], **options: Any) -> Image.Image:
        captions.extend(caption for _, _, caption in tiles)
        return tile(tiles, **options)

    monkeypatch.setattr("manyhues.colorization.contact_sheet", watched)
    assert server.http.get(whole["sheet"]).status_code == 200
    assert captions[1:] == ["sampled", "sampled", "faded", "faded"]

    recipe = faded[1]["recipe"]
    assert (recipe["command"], recipe["exact"], recipe["file"]) == (None, False, None)
    monkeypatch.chdir(tmp_path)
    Path("old.png").write_bytes(picture)
    lines = recipe["python"].replace("load('cvae')", f"load('cvae', {str(weights)!r})")
    exec(lines, {})
    again = Image.open(next(Path("out").glob("old.1.*")))
    served = Image.open(io.BytesIO(server.http.get(faded[1]["url"]).content))
    assert again.tobytes() == served.tobytes()


@pytest.mark.usefixtures("toy")
def test_the_page_shows_its_results(browser: Any, serve: Serve, picture: bytes) -> None:
    server = serve()
    session = server.colorize(picture, n=1, pick="random")
    server.draw(session, "fade", result=session["results"][0]["id"])
    with opened(browser, server, f"/#{session['session']}") as page:
        expect(tiles(page)).to_have_count(3)
        expect(page.locator(".group h2")).to_have_text(["First look", "fade"])


def test_what_is_no_action_is_said() -> None:
    with pytest.raises(UsageError, match="action 'paint': not known; choose from blend"):
        actions.named("paint")
