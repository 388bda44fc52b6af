"""What outlives the studio, and what does not; archives that are sent and not kept."""

import io
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import colourful

from manyhues.errors import UsageError
from manyhues.studio import derived, place
from manyhues.studio.app import create_app
from manyhues.studio.routes import results
from studio.conftest import Serve, Server, encoded, running, until

LIKE = encoded(colourful(20, 20))


def test_everything_survives_a_restart(weights: Path, tmp_path: Path, picture: bytes) -> None:
    def start() -> Any:
        return running(create_app(folder=tmp_path / "kept", weights=weights, listed=True))

    with start() as server:
        files = {"image": ("old house.png", picture), "like": ("p.png", LIKE)}
        form = {"n": 2, "pick": "random", "hint": "3,4=#b03030", "seed": 5, "saturation": 0.8}
        session = server.http.post("/api/colorize", files=files, data=form).json()
        path = f"/api/sessions/{session['session']}"
        first, second = (result["id"] for result in session["results"])
        server.http.patch(f"{path}/results/{first}", json={"favourite": True})
        server.http.patch(f"{path}/results/{second}", json={"hidden": True})
        server.draw(session, "hints", result=first, hints=[{"x": 9, "y": 9, "colour": "#3050a0"}])
        server.draw(session, "blend", start=first, end=second, steps=3)
        server.draw(session, "vary", result=first, n=1, seed=2)
        gone = server.colorize(picture, n=1, pick="random")
        server.http.delete(f"/api/sessions/{gone['session']}?undo=true")
        before = server.http.get(path).json()
        pixels = [server.pixels(result["url"]) for result in before["results"]]
    with start() as server:
        assert server.http.get(path).json() == before
        for result, was in zip(before["results"], pixels, strict=True):
            (server.studio.store.folder / session["session"] / f"{result['id']}.full.png").unlink()
            assert np.array_equal(server.pixels(result["url"]), was)
        listed = server.http.get("/api/sessions").json()
        assert listed["kept"]
        (one,) = listed["sessions"]
        assert (one["name"], one["results"], one["favourites"]) == ("old house.png", 5, 1)
        assert server.http.get(one["shown"]).status_code == 200
        assert not (server.studio.store.folder / gone["session"]).exists()
        # Drawing goes on where it ended, with numbers of its own.
        more = server.draw(session, "vary", result=second, n=1, seed=3)
        assert more[0]["number"] == 1 + max(result["number"] for result in before["results"])


def test_a_damaged_session_is_left_alone(weights: Path, tmp_path: Path) -> None:
    for name, facts in (("a", "{"), ("b", "{}"), ("c", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "session.json").write_text(facts)
    with running(create_app(folder=tmp_path, weights=weights, listed=True)) as server:
        assert server.http.get("/api/sessions").json()["sessions"] == []
    assert (tmp_path / "a" / "session.json").read_text() == "{"


def test_lists_are_for_those_who_may_see_all(serve: Serve, picture: bytes, tmp_path: Path) -> None:
    server = serve(folder=tmp_path / "kept")
    sid = server.colorize(picture, n=1, pick="random")["session"]
    assert server.http.get("/api/sessions").json()["sessions"] == []
    own = server.http.get("/api/sessions", params={"ids": f"{sid},other"}).json()["sessions"]
    assert [one["session"] for one in own] == [sid]


def test_one_studio_a_folder(tmp_path: Path) -> None:
    with place.kept(tmp_path / "a"), pytest.raises(UsageError, match="another studio uses it"):
        place.kept(tmp_path / "a").__enter__()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        place.kept(tmp_path / "file").__enter__()


KILLED = """
import sys, time
from manyhues.studio import place
with place.temporary() as folder:
    (folder / "picture").write_text("a face")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_next_start_deletes_what_a_killed_studio_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", KILLED]
    pipes = {"stdout": subprocess.PIPE, "text": True, "env": environment}
    with (
        subprocess.Popen(command, **pipes) as killed,  # type: ignore[call-overload]
        subprocess.Popen(command, **pipes) as living,  # type: ignore[call-overload]
    ):
        left, used = (Path(one.stdout.readline().strip()) for one in (killed, living))
        killed.send_signal(signal.SIGKILL)
        killed.wait(120)
        (tmp_path / "manyhues-of-someone").mkdir()  # no studio's
        (tmp_path / "manyhues-link").symlink_to(used)
        assert left.is_dir()
        place.sweep(tmp_path)
        assert not left.exists()
        assert (used / "picture").is_file()
        assert (tmp_path / "manyhues-of-someone").is_dir()
        living.kill()


STARTED = """
import sys
from manyhues.studio import place
for _ in range(300):
    with place.temporary() as folder:
        (folder / "picture").write_text("a face")
        assert (folder / "picture").is_file()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="what is open cannot be deleted there")
def test_studios_that_start_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", STARTED]
    started = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [one.wait(300) for one in started] == [0] * 4
    assert not list(tmp_path.iterdir())


def test_a_zip_is_sent_and_not_kept(server: Server, picture: bytes) -> None:
    session = server.colorize(picture, n=3, pick="random")
    store = server.studio.store
    folder = store.folder / session["session"]
    server.http.get(session["results"][0]["download"])  # which is kept, and taken from there
    before = {path.name for path in folder.iterdir()}
    answer = server.http.get(session["zip"], params={"ticket": "t-1"})
    assert {path.name for path in folder.iterdir()} - before == {
        path.name for path in folder.glob("*.sheet.jpg")
    }
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["old.1.png", "old.2.png", "old.3.png", "old.sheet.jpg"]
        assert archive.read(names[0]) == server.http.get(session["results"][0]["download"]).content
    told = server.http.get("/api/downloads/t-1").json()
    assert told == {"state": "done", "done": 4, "total": 4, "detail": ""}
    assert server.http.get("/api/downloads/t-2").status_code == 404


def test_a_zip_takes_turns_and_tells_how_far_it_is(
    server: Server, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of its pictures another download is made; what is to be looked at never waits."""
    session = server.colorize(picture, n=3, pick="random")
    make, gate, begun = derived.full_bytes, threading.Event(), threading.Event()

    def held(*arguments: Any) -> bytes:
        begun.set()
        gate.wait(120)
        return make(*arguments)

    monkeypatch.setattr(derived, "full_bytes", held)
    order: list[str] = []

    def ask(name: str, link: str) -> None:
        assert httpx.get(f"{server.url}{link}", timeout=300).status_code == 200
        order.append(name)

    zipping = threading.Thread(target=ask, args=("zip", f"{session['zip']}?ticket=turns"))
    zipping.start()
    assert begun.wait(120)
    assert server.http.get("/api/downloads/turns").json()["state"] == "preparing"
    for link in ("view", "preview"):
        assert server.http.get(session["results"][1][link]).status_code == 200
    assert server.http.get(session["picture"]["grey"]).status_code == 200
    assert zipping.is_alive()  # the gate is shut: none of them waited for it
    one = threading.Thread(target=ask, args=("one", session["results"][2]["url"]))
    one.start()
    until(lambda: len(server.studio.rendering.jobs) == 2)
    gate.set()
    one.join(120)
    zipping.join(120)
    assert order == ["one", "zip"]


def test_a_zip_that_fails_says_why(
    server: Server, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = server.colorize(picture, n=2, pick="random")
    make = derived.full_bytes

    def fails(store: Any, session: Any, rid: str, *rest: Any) -> bytes:
        if rid in bad:
            raise UsageError("PNG cannot hold it")
        return make(store, session, rid, *rest)

    monkeypatch.setattr(derived, "full_bytes", fails)
    ids = [result["id"] for result in session["results"]]
    bad = ids[:1]
    refused = server.http.get(session["zip"], params={"ticket": "bad-1"})
    assert (refused.status_code, refused.json()["detail"]) == (400, "PNG cannot hold it")
    bad = ids[1:]
    with pytest.raises(httpx.HTTPError):  # it breaks off, so that no half archive seems whole
        server.http.get(session["zip"], params={"ticket": "bad-2"})
    told = server.http.get("/api/downloads/bad-2").json()
    assert (told["state"], told["detail"]) == ("failed", "PNG cannot hold it")


@pytest.mark.parametrize("format", ["keep", "jpg", "tiff", "webp", "colour"])
def test_every_file_says_that_its_colour_is_artificial(
    server: Server, picture: bytes, format: str
) -> None:
    session = server.colorize(picture, n=1, pick="random", seed=3, diversity=0.7)
    server.studio.store._scenes.clear()
    link = session["results"][0]["download"].split("?")[0]
    data = server.http.get(link, params={"format": format}).content
    assert b"compositeWithTrainedAlgorithmicMedia" in data
    assert b"artificial colour" in data
    assert b"0.7" in data  # the recipe
    assert b"old.png" not in data


@pytest.mark.parametrize("link", ["view", "preview", "url", "download"])
def test_a_file_that_goes_just_before_it_is_sent_is_lost(
    server: Server, picture: bytes, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    """Deleting comes between making a file and sending it: that is no fault of the server."""
    session = server.colorize(picture, n=1, pick="random")
    store = server.studio.store
    for name in ("_small", "_file"):
        send = getattr(results, name)

        def late(*arguments: Any, send: Any = send) -> Any:
            store.remove(store.session(session["session"]))
            return send(*arguments)

        monkeypatch.setattr(results, name, late)
    answer = server.http.get(session["results"][0][link])
    assert (answer.status_code, answer.json()["code"]) == (404, "lost")


def test_undo_and_alive_over_http(server: Server, picture: bytes) -> None:
    session = server.colorize(picture, n=1, pick="random")
    path = f"/api/sessions/{session['session']}"
    assert server.http.get(f"{path}/alive").status_code == 204
    assert server.studio.store.session(session["session"]).is_open
    assert server.http.delete(path, params={"undo": True}).status_code == 204
    assert server.http.get(f"{path}/alive").status_code == 404
    assert server.http.post(f"{path}/restore").json()["results"] == session["results"]
    assert server.http.get(session["results"][0]["preview"]).status_code == 200
    assert server.http.delete(path).status_code == 204
    assert server.http.post(f"{path}/restore").status_code == 404
