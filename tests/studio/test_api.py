"""The API: what goes in, what comes out, and that it is what the Python API gives."""

import io
import re
import shlex
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

import manyhues
from manyhues.cli import main as cli
from manyhues.color.lab import lab_to_linear, linear_to_srgb
from manyhues.colorizer import Colorizer
from manyhues.image.picture import Picture
from manyhues.sampling.options import Pick
from studio.conftest import Server, encoded


@pytest.fixture
def colorizer(weights: Path) -> Colorizer:
    return Colorizer.load("flow", weights)


@pytest.mark.parametrize("pick", ["diverse", "likely", "random"])
@pytest.mark.parametrize("method", ["flow", "vae-mdn"])
def test_same_pixels_as_in_python(
    server: Server, weights: Path, picture: bytes, method: str, pick: Pick
) -> None:
    answer = server.colorize(picture, n=3, seed=5, pick=pick, method=method, diversity=1.2)
    expected = manyhues.colorize(
        picture, 3, seed=5, method=method, weights=weights, pick=pick, diversity=1.2
    )
    assert [(r["seed"], r["k"]) for r in answer["results"]] == list(expected.seeds)
    for index, result in enumerate(answer["results"]):
        assert np.array_equal(server.pixels(result["url"]), expected.pixels(index))


def test_defaults_are_those_of_the_command_line(
    server: Server, weights: Path, picture: bytes
) -> None:
    answer = server.colorize(picture)
    expected = manyhues.colorize(picture, weights=weights)
    assert len(answer["results"]) == 6
    assert answer["job"]["state"] == "done"
    last = server.pixels(answer["results"][5]["url"])
    assert np.array_equal(last, expected.pixels(5))


def test_colour_is_read_as_its_grey(server: Server) -> None:
    """Saturated blue, red and green: a channel swap, or colour that leaks, would show."""
    colour = colourful(90, 120)
    luminance = Picture.open(colour).luminance
    blank = np.zeros((*luminance.shape, 3), np.float32)
    blank[..., 0] = luminance
    grey = np.round(linear_to_srgb(lab_to_linear(blank)) * 65535).astype(np.uint16)[..., 0]
    ours = [
        server.pixels(server.colorize(data, n=2, pick="random")["results"][1]["url"])
        for data in (encoded(colour), encoded(grey))
    ]
    eight_bits = (ours[1].astype(int) + 128) // 257 if ours[1].dtype == np.uint16 else ours[1]
    assert np.abs(ours[0].astype(int) - eight_bits).max() <= 2
    assert np.abs(ours[0].astype(int) - colour).max() > 60  # and it is not the input


def test_hints_palette_and_saturation(
    server: Server, weights: Path, picture: bytes, colorizer: Colorizer
) -> None:
    palette = encoded(colourful(40, 40, seed=3))
    files = {"image": ("a.png", picture), "like": ("palette.png", palette)}
    form = {
        "n": 2,
        "pick": "random",
        "saturation": 0.7,
        "hint": ["30,20=#b03030", "90,70=#3050b0"],
    }
    answer = server.http.post("/api/colorize", files=files, data=form)
    assert answer.status_code == 200, answer.text
    expected = colorizer.sample(
        colorizer.encode(picture),
        2,
        pick="random",
        saturation=0.7,
        hints=[(30, 20, "#b03030"), (90, 70, "#3050b0")],
        like=palette,
    )
    for index, result in enumerate(answer.json()["results"]):
        assert np.array_equal(server.pixels(result["url"]), expected.pixels(index))
        assert [h["x"] for h in result["hints"]] == [30, 90]
        assert "--like palette.png" in result["recipe"]["command"]


def test_vary_blend_and_hints_are_those_of_python(
    server: Server, picture: bytes, colorizer: Colorizer
) -> None:
    session = server.colorize(picture, n=2, pick="random", seed=3)
    first, second = (result["id"] for result in session["results"])
    scene = colorizer.encode(picture)
    samples = colorizer.sample(scene, 2, seed=3, pick="random")
    hints = [{"x": 40, "y": 30, "colour": "#20a040"}]
    near = server.draw(session, "vary", result=first, amount=0.4, n=3, seed=9)
    path = server.draw(session, "blend", start=first, end=second, steps=4)
    (steered,) = server.draw(session, "hints", result=second, hints=hints, saturation=1.3)
    near_expected = colorizer.vary(scene, samples[0], amount=0.4, n=3, seed=9)
    path_expected = colorizer.blend(scene, samples[0], samples[1], steps=4)
    steered_expected = colorizer.steer(
        scene, samples[1], hints=[(40, 30, "#20a040")], saturation=1.3
    )
    for results, expected in (
        (near, near_expected),
        (path, path_expected),
        ([steered], steered_expected),
    ):
        assert len(results) == len(expected)
        for index, result in enumerate(results):
            assert np.array_equal(server.pixels(result["url"]), expected.pixels(index))
    # What comes of a steered one keeps its hints.
    (child,) = server.draw(session, "vary", result=steered["id"], n=1)
    assert child["hints"] == hints
    # Steering once more starts from the sample, not from what was steered.
    (again,) = server.draw(session, "hints", result=steered["id"], hints=[], saturation=1.0)
    assert again["of"] == [second]
    assert again["version"] == 2
    assert np.array_equal(server.pixels(again["url"]), samples.pixels(1))


def test_recipes_make_the_same_picture(
    server: Server,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = encoded(colourful(50, 60))
    monkeypatch.chdir(tmp_path)
    name = "it's old.png"
    Path(name).write_bytes(data)
    session = server.colorize(data, name, n=3, seed=4, diversity=0.8)
    first, second, third = session["results"]
    hints = [{"x": 10, "y": 12, "colour": "#b03030"}]
    (steered,) = server.draw(session, "hints", result=second["id"], hints=hints, saturation=0.9)
    (pale,) = server.draw(session, "hints", result=first["id"], saturation=0.5)
    near = server.draw(session, "vary", result=steered["id"], n=2, seed=8)
    path = server.draw(session, "blend", start=near[1]["id"], end=third["id"], steps=3)
    (drawn,) = server.draw(session, "colorize", n=1, pick="random", hints=hints)
    (bared,) = server.draw(session, "hints", result=drawn["id"])
    (same,) = server.draw(session, "hints", result=drawn["id"], hints=hints, saturation=0.6)
    for result in (first, third, steered, pale, near[1], path[1], drawn, bared, same):
        space: dict[str, Any] = {}
        exec(result["recipe"]["python"], space)
        given = server.pixels(result["url"])
        assert np.array_equal(space["result"].pixels(0), given), result["kind"]
        shutil.rmtree("out")
        if not result["recipe"]["exact"]:
            continue
        arguments = shlex.split(result["recipe"]["command"])[1:]
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert not left.value.code
        written = np.asarray(Image.open(result["recipe"]["file"]))
        assert np.array_equal(written, given), result["recipe"]["command"]
        shutil.rmtree("out")
    assert [r["recipe"]["command"] is None for r in (near[0], path[0])] == [True, True]
    exact = [result["recipe"]["exact"] for result in (steered, pale, drawn, bared, same)]
    assert exact == [False, True, True, False, True]  # hints sway a sample, given or removed


def test_recipe_of_pages_and_of_names_that_look_like_options(
    server: Server, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pages = [Image.fromarray(colourful(32, 40, seed=seed)) for seed in (1, 2)]
    pages[0].save("-scan.tif", save_all=True, append_images=pages[1:])
    Path("-l.png").write_bytes(encoded(colourful(30, 30, seed=3)))
    files = {name: (path, Path(path).read_bytes()) for name, path in
             (("image", "-scan.tif"), ("like", "-l.png"))}  # fmt: skip
    answer = server.http.post("/api/colorize", files=files, data={"n": 2, "pick": "random"})
    result = answer.json()["results"][1]
    assert result["recipe"]["exact"]
    with pytest.raises(SystemExit) as left:
        cli.main(shlex.split(result["recipe"]["command"])[1:])
    assert not left.value.code
    written = np.asarray(Image.open(result["recipe"]["file"]))
    assert np.array_equal(written, server.pixels(result["url"]))


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "WEBP", "PNG"])
def test_downloads(server: Server, weights: Path, format: str) -> None:
    data = encoded(colourful(40, 50), format)
    suffix = {"JPEG": "jpg", "TIFF": "tif", "WEBP": "webp", "PNG": "png"}[format]
    answer = server.colorize(data, f"ảnh cũ.{suffix}", n=2, pick="random")
    result = answer["results"][1]
    got = server.http.get(result["download"])
    assert f"%E1%BA%A3nh%20c%C5%A9.2.{suffix}" in got.headers["content-disposition"]
    assert Image.open(io.BytesIO(got.content)).format == format
    expected = manyhues.colorize(data, 2, pick="random", weights=weights).pixels(1)
    assert np.array_equal(server.pixels(result["url"]), expected)
    with zipfile.ZipFile(io.BytesIO(server.http.get(answer["zip"]).content)) as zipped:
        names = zipped.namelist()
        assert names == [f"ảnh cũ.1.{suffix}", f"ảnh cũ.2.{suffix}", "ảnh cũ.sheet.jpg"]
        assert zipped.read(names[1]) == got.content
    sheet = server.http.get(answer["sheet"], params={"results": result["id"]})
    assert Image.open(io.BytesIO(sheet.content)).format == "JPEG"


def test_depth_and_transparency_survive(server: Server) -> None:
    deep = (colourful(30, 40)[..., 0].astype(np.uint16) * 257) + 7
    result = server.colorize(encoded(deep), n=1, pick="random")["results"][0]
    data = server.http.get(result["url"]).content
    assert data[24] == 16  # PNG's bit depth
    clear = np.dstack([colourful(30, 40), np.full((30, 40), 99, np.uint8)])
    result = server.colorize(encoded(clear), n=1, pick="random")["results"][0]
    for link in ("url", "preview", "view"):
        pixels = server.pixels(result[link])
        assert pixels.shape == (30, 40, 4)
        assert (pixels[..., 3] == 99).all()


def test_previews_are_small_and_there_at_once(server: Server) -> None:
    answer = server.colorize(encoded(colourful(1200, 2400)), n=1, pick="random")
    result = answer["results"][0]
    assert server.pixels(result["preview"]).shape[:2] == (320, 640)
    assert server.pixels(result["view"]).shape[:2] == (800, 1600)
    assert server.pixels(result["url"]).shape[:2] == (1200, 2400)
    assert server.pixels(answer["picture"]["grey"]).shape[:2] == (800, 1600)


def test_events(server: Server, picture: bytes) -> None:
    answer = server.colorize(picture, n=2, wait="false")
    assert answer["job"]["state"] in ("waiting", "running")
    found = server.events(answer["job"])
    kinds = [event["type"] for event in found]
    assert kinds == ["candidate"] * 48 + ["result"] * 2 + ["done"]
    assert [event["done"] for event in found[:48]] == list(range(1, 49))
    results = [event["result"] for event in found if event["type"] == "result"]
    session = server.http.get(f"/api/sessions/{answer['session']}").json()
    assert session["results"] == results
    assert session["groups"][0]["results"] == [result["id"] for result in results]
    # Who lost the connection gets the rest.
    assert server.events(answer["job"], after=49) == found[49:]


def test_groups_tell_their_seed_at_once(server: Server, picture: bytes) -> None:
    begun = server.colorize(picture, n=2, seed=7, pick="random", wait="false")
    assert [group["seed"] for group in begun["groups"]] == [7]  # nothing is drawn yet
    (result, _) = [one["result"] for one in server.events(begun["job"]) if one["type"] == "result"]
    server.draw(begun, "vary", result=result["id"], n=1, seed=3)
    server.draw(begun, "hints", result=result["id"])
    groups = server.http.get(f"/api/sessions/{begun['session']}").json()["groups"]
    assert [group["seed"] for group in groups] == [7, 3, None]


def test_sessions(server: Server, picture: bytes) -> None:
    answer = server.colorize(picture, "pic.png", n=1, pick="random")
    path = f"/api/sessions/{answer['session']}"
    rid = answer["results"][0]["id"]
    kept = server.http.patch(f"{path}/results/{rid}", json={"favourite": True})
    assert kept.json()["favourite"] is True
    assert server.http.get(path).json()["results"] == [kept.json()]
    folder = server.studio.store.folder / answer["session"]
    assert {p.name for p in folder.iterdir()} >= {"source", f"{rid}.npz", f"{rid}.preview"}
    assert server.http.delete(path).status_code == 204
    assert not folder.exists()
    for link in (path, answer["results"][0]["url"], answer["zip"]):
        gone = server.http.get(link)
        assert gone.status_code == 404
        assert gone.json()["code"] == "lost"


def test_deleting_while_it_works(
    server: Server, picture: bytes, slow: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    begun = server.colorize(picture, n=9, pick="random", wait="false")
    path = f"/api/sessions/{begun['session']}"
    with server.http.stream("GET", begun["job"]["events"]) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert server.http.delete(path).status_code == 204
        rest = "".join(lines)
    assert "event: stopped" in rest
    assert server.http.get(begun["job"]["events"]).status_code == 404
    assert not caplog.records
    # A picture whose file vanished under its session is lost, and no fault of the server.
    kept = server.colorize(picture, n=1, pick="random")
    for file in (server.studio.store.folder / kept["session"]).iterdir():
        file.unlink()
    for link in ("preview", "view", "url"):
        assert server.http.get(kept["results"][0][link]).status_code == 404


def test_ids_cannot_be_guessed(server: Server, picture: bytes) -> None:
    ids = set()
    for _ in range(3):
        answer = server.colorize(picture, n=1, pick="random")
        ids |= {answer["session"], answer["results"][0]["id"], answer["job"]["id"]}
    assert len(ids) == 9
    assert all(re.fullmatch(r"[\w-]{22}", one) for one in ids)  # 128 bits


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"n": "0"}, 422, "n: "),
        ({"n": "25"}, 422, "n: "),
        ({"n": "many"}, 422, "n: "),
        ({"diversity": "nan"}, 422, "diversity: "),
        ({"pick": "best"}, 422, "pick: "),
        ({"method": "oracle"}, 400, "not present; choose from flow"),
        ({"hint": "5;5=red"}, 400, "expected X,Y=#RRGGBB"),
        ({"hint": "500,5=#ff0000"}, 400, "outside the picture"),
        ({"hint": "5,5=#nocolour"}, 400, "not a colour"),
        ({"format": "exe"}, 422, "format: "),
    ],
)
def test_wrong_options(
    server: Server, picture: bytes, form: dict[str, str], status: int, said: str
) -> None:
    before = server.studio.store.count
    answer = server.http.post("/api/colorize", files={"image": ("a.png", picture)}, data=form)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert server.studio.store.count == before  # nothing is left behind


def test_wrong_bodies(server: Server, picture: bytes) -> None:
    session = server.colorize(picture, n=1, pick="random", method="flow")
    path = f"/api/sessions/{session['session']}"
    rid = session["results"][0]["id"]
    other = server.draw(session, "colorize", n=1, pick="random", method="cvae")[0]["id"]
    hint = {"x": 5000, "y": 1, "colour": "#123456"}
    for verb, body, status in (
        ("vary", {"result": "A" * 22}, 404),
        ("vary", {"result": rid, "amount": 2}, 422),
        ("vary", {"result": rid, "wish": 1}, 422),
        ("blend", {"start": rid, "end": other}, 400),
        ("hints", {"result": rid, "hints": [hint]}, 400),
        ("colorize", {"method": "oracle"}, 400),
        ("nothing", {}, 404),
    ):
        answer = server.http.post(f"{path}/{verb}", json=body)
        assert answer.status_code == status, (verb, answer.text)
        assert set(answer.json()) == {"code", "detail"}


def test_a_session_has_an_end(server: Server, serve: Any, picture: bytes) -> None:
    small = serve(results=3)
    session = small.colorize(picture, n=2, pick="random")
    path = f"/api/sessions/{session['session']}/colorize"
    found = small.events(small.http.post(path, json={"n": 2}).json())
    assert found[-1]["type"] == "failed"
    assert "the most is 3" in found[-1]["message"]


def test_service(server: Server, picture: bytes) -> None:
    assert server.http.get("/healthz").json()["status"] == "ok"
    server.colorize(picture, n=1, pick="random")
    text = server.http.get("/metrics").text
    for name in (
        'manyhues_requests_total{method="POST",route="/api/colorize",status="200"}',
        'manyhues_request_seconds_bucket{le="0.5",route="/api/colorize"}',
        'manyhues_jobs_total{kind="sample",state="done"}',
        "manyhues_queue_drawing 0.0",
        "manyhues_folder_bytes",
        "manyhues_sessions",
    ):
        assert name in text
    assert server.http.get("/nowhere").status_code == 404
    assert "nowhere" not in server.http.get("/metrics").text
    about = server.http.get("/api/about").json()
    assert about["methods"][0] == "flow"
    fields = server.http.get("/openapi.json").json()["components"]["schemas"]
    assert fields["ColorizeIn"]["properties"]["n"]["maximum"] == about["n"]
    assert "chelsea.jpg" in about["examples"]
    for name in about["examples"]:
        assert server.http.get(f"/examples/{name}").status_code == 200
