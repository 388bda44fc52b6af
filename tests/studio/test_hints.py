"""Colours given at places: how they may be written, where they may lie, how many there may be."""

from typing import Any

import numpy as np
import pytest
from conftest import colourful

from manyhues.studio.limits import HINTS
from studio.conftest import Server, encoded


@pytest.mark.parametrize(
    ("given", "colour"),
    [("red", "#ff0000"), ("#f00", "#ff0000"), ("#B03030", "#b03030"), ("rgb(300,0,9)", "#ff0009")],
)
def test_a_colour_may_be_written_in_any_way(
    server: Server, picture: bytes, given: str, colour: str
) -> None:
    form: dict[str, Any] = {"n": 1, "pick": "random", "hint": f"30,20={given}"}
    begun = server.colorize(picture, wait="false", **form)
    (told,) = [e["result"] for e in server.events(begun["job"]) if e["type"] == "result"]
    plain = server.colorize(picture, **form | {"hint": f"30,20={colour}"})["results"][0]
    assert told["hints"] == plain["hints"] == [{"x": 30, "y": 20, "colour": colour}]
    assert server.http.get(f"/api/sessions/{begun['session']}").json()["results"] == [told]
    assert np.array_equal(server.pixels(told["url"]), server.pixels(plain["url"]))


@pytest.mark.parametrize("place", ["120,5", "5,90", "-1,5", "5,-1"])
def test_a_hint_outside_is_refused_before_anything_is_drawn(
    server: Server, picture: bytes, place: str
) -> None:
    before = server.studio.store.count
    form = {"n": 1, "pick": "random", "hint": f"{place}=red", "wait": "false"}
    answer = server.http.post("/api/colorize", files={"image": ("a.png", picture)}, data=form)
    assert answer.status_code == 400
    assert "outside the picture; x is 0..119, y is 0..89" in answer.json()["detail"]
    assert server.studio.store.count == before
    session = server.colorize(picture, n=1, pick="random")
    x, y = (int(part) for part in place.split(","))
    body = {"n": 1, "hints": [{"x": x, "y": y, "colour": "#ff0000"}]}
    answer = server.http.post(f"/api/sessions/{session['session']}/colorize", json=body)
    assert answer.status_code == (422 if min(x, y) < 0 else 400)


def test_a_very_wide_picture(server: Server) -> None:
    far = {"x": 100_001, "y": 0, "colour": "#b03030"}
    wide = encoded(np.tile(colourful(1, 97), (1, 1034, 1)))
    session = server.colorize(wide, n=1, pick="random", hint="100001,0=#b03030")
    (result,) = session["results"]
    assert result["hints"] == [far]
    (steered,) = server.draw(session, "hints", result=result["id"], hints=[far])
    assert steered["hints"] == [far]


def test_of_hints_that_hardly_show_the_result_says_so(server: Server) -> None:
    grey = np.full((40, 60), 128, np.uint8)
    grey[:, :20] = 255
    hints = [{"x": x, "y": 9, "colour": "#b03030"} for x in (40, 10)]
    session = server.colorize(encoded(grey), n=1, pick="random", hint=["40,9=red", "10,9=red"])
    (drawn,) = session["results"]
    (steered,) = server.draw(session, "hints", result=drawn["id"], hints=hints)
    (varied,) = server.draw(session, "vary", result=steered["id"], n=1)
    (plain,) = server.draw(session, "hints", result=drawn["id"], hints=hints[:1])
    said = [note for note in steered["notes"] if note.startswith("hint 10,9=#b03030")]
    assert len(said) == 1
    assert [one["faint"] for one in (drawn, steered, varied, plain)] == [[1], [1], [1], []]
    assert plain["notes"] == []


def test_hints_are_so_many_at_most(server: Server, picture: bytes) -> None:
    hints = [{"x": x, "y": 9, "colour": "#b03030"} for x in range(HINTS + 1)]
    texts = [f"{hint['x']},9=#b03030" for hint in hints]
    session = server.colorize(picture, n=1, pick="random", hint=texts[:HINTS])
    assert len(session["results"][0]["hints"]) == HINTS
    form: dict[str, Any] = {"n": 1, "pick": "random", "hint": texts}
    answers = [server.http.post("/api/colorize", files={"image": ("a.png", picture)}, data=form)]
    for verb, body in (("colorize", {}), ("hints", {"result": session["results"][0]["id"]})):
        path = f"/api/sessions/{session['session']}/{verb}"
        answers.append(server.http.post(path, json={**body, "hints": hints}))
    for answer in answers:
        assert answer.status_code == 422
        assert f"at most {HINTS} items" in answer.json()["detail"]
