"""Films in and out: what the container holds, promises, interruptions."""

import os
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import manyhues
from manyhues import Colorizer, video
from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import ManyhuesError, OutputError, UsageError
from manyhues.model.engine import Engine
from manyhues.sampling.options import Sampling
from manyhues.video import Film, Progress, shots
from manyhues.video import film as film_module
from manyhues.video.painter import Painter
from video.films import frames, luma, moved, moved_in_colour, planes, shown, write


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.load("vae-mdn")


@pytest.fixture(scope="module")
def flow() -> Colorizer:
    return Colorizer.load("flow")


Make = Callable[..., video.Result]


@pytest.fixture
def coloured(colorizer: Colorizer, tmp_path: Path) -> Make:
    def make(path: Path, n: int = 1, **options: Any) -> video.Result:
        film = Film(path, colorizer, Sampling(n, pick="random"))
        return film.write(tmp_path / "out", **options)

    return make


def test_versions_differ_and_keep_their_light(coloured: Make, tmp_path: Path) -> None:
    lumas = moved("coffee", 8)
    result = coloured(write(tmp_path / "film.mp4", lumas), n=2)
    assert [path.name for path in result.paths] == ["film.1.mp4", "film.2.mp4"]
    assert result.sheet is not None
    assert result.sheet.name == "film.sheet.jpg"
    source, first, second = (frames(p) for p in (tmp_path / "film.mp4", *result.paths))
    assert len(source) == len(first) == len(second) == 8
    for one, two, three in zip(source, first, second, strict=True):
        for other in (two, three):
            assert np.abs(luma(one).astype(int) - luma(other)).mean() < 1.6
        a, b = (np.asarray(f.to_ndarray(format="rgb24"), int) for f in (two, three))
        assert np.abs(a - b).mean() > 2
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize(
    ("codec", "format"), [("libx264", "yuv420p"), ("libx264", "yuv444p"), ("mpeg4", "yuv420p")]
)
def test_films_in_colour_keep_their_lightness(
    coloured: Make, tmp_path: Path, codec: str, format: str
) -> None:
    """DESIGN's promise, decoded as a player decodes: of the colours that go in, not of luma."""
    options = {"crf": "10"} if codec == "libx264" else {"qmin": "2", "qmax": "2"}
    lumas = moved_in_colour("coffee", 8, (192, 128))
    path = write(tmp_path / "film.mkv", lumas, codec=codec, format=format, options=options)
    (result,) = coloured(path).paths
    off = []
    for one, two in zip(frames(path), frames(result), strict=True):
        rgb = [np.clip(shown(planes(frame), False, "bt601"), 0, 1) for frame in (one, two)]
        off.append(np.abs(rgb_to_luminance(rgb[0]) - rgb_to_luminance(rgb[1])))
    assert np.mean(off) < 0.5
    assert np.percentile(off, 99) < 2


def test_sound_chapters_names_and_shape_stay(coloured: Make, tmp_path: Path) -> None:
    path = write(
        tmp_path / "film.mp4",
        moved("coffee", 25),
        shape=Fraction(4, 3),
        sound=True,
        chapters=True,
        metadata={"title": "At noon", "comment": "mine"},
    )
    (result,) = coloured(path).paths
    with av.open(str(path)) as before, av.open(str(result)) as after:
        assert [c["metadata"]["title"] for c in after.chapters()] == ["One", "Two"]
        assert after.metadata["title"] == "At noon"
        assert after.metadata["comment"].startswith("mine\nColour is synthetic: manyhues")
        assert str(tmp_path) not in str(after.metadata)
        assert after.streams.video[0].sample_aspect_ratio == Fraction(4, 3)

        def sound(film: Any) -> list[bytes]:
            return [bytes(p) for p in film.demux(audio=0) if p.dts is not None]

        assert sound(after) == sound(before)


def test_subtitles_stay(coloured: Make, tmp_path: Path) -> None:
    said = tmp_path / "said.srt"
    said.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    path = write(tmp_path / "film.mkv", moved("coffee", 8), subtitles=said)
    (result,) = coloured(path).paths
    assert result.suffix == ".mkv"
    with av.open(str(result)) as film:
        texts = [bytes(p) for p in film.demux(film.streams.subtitles[0]) if p.dts is not None]
    assert texts == [b"Hello"]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_variable_rate_keeps_its_time_stamps(coloured: Make, tmp_path: Path, suffix: str) -> None:
    stamps = [0, 40, 80, 240, 250, 400, 900]
    path = write(tmp_path / f"film{suffix}", moved("coffee", 7), stamps=stamps)
    (result,) = coloured(path).paths
    times = [round(float(frame.time) * 1000) for frame in frames(result)]
    assert times == [round(float(frame.time) * 1000) for frame in frames(path)]


def test_rotation_is_carried_out(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", moved("coffee", 4), turn=90, shape=Fraction(4, 3))
    result = coloured(path)
    first, source = frames(result.paths[0])[0], frames(path)[0]
    assert source.rotation
    assert (first.width, first.height, first.rotation) == (64, 96, 0)
    upright = np.rot90(luma(source), round(source.rotation / 90))
    assert np.abs(luma(first).astype(int) - upright).mean() < 2
    assert any("rotation" in note for note in result.notes)
    with av.open(str(result.paths[0])) as film:
        assert film.streams.video[0].sample_aspect_ratio == Fraction(3, 4)


def test_odd_sizes_stay(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "f.mkv", moved("coffee", 4, (97, 63)), codec="ffv1", format="gray",
                 options={})  # fmt: skip
    (result,) = coloured(path).paths
    first = frames(result)[0]
    assert (first.width, first.height) == (97, 63)


@pytest.mark.parametrize(
    ("codec", "format", "note"),
    [("libx264", "yuv420p10le", "10 bits"), ("ffv1", "gray16le", "16 bits")],
)
def test_depth_is_said(coloured: Make, tmp_path: Path, codec: str, format: str, note: str) -> None:
    path = write(tmp_path / "f.mkv", moved("coffee", 3), codec=codec, format=format, options={})
    assert any(note in said for said in coloured(path).notes)


def test_interlacing_is_said(coloured: Make, tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.mkv", moved("coffee", 3), options={"x264-params": "tff=1:interlaced=1"}
    )
    assert any("interlaced" in said for said in coloured(path).notes)


def test_containers_that_hold_no_h264_become_matroska(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "f.avi", moved("coffee", 3), codec="mpeg4", options={})
    result = coloured(path)
    assert result.paths[0].name == "f.1.mkv"
    assert any(".mkv" in note for note in result.notes)


class Stop(Exception):  # noqa: N818
    pass


def test_an_interrupted_run_goes_on(
    colorizer: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_module, "_PART", 0.4)
    lumas = [luma for name in ("coffee", "rocket", "coffee") for luma in moved(name, 16)]
    path = write(tmp_path / "film.mp4", lumas)
    options = Sampling(2, pick="random")
    whole = Film(path, colorizer, options).write(tmp_path / "whole")

    def stop(progress: Progress) -> None:
        if progress.done > 30:
            raise Stop

    with pytest.raises(Stop):
        Film(path, colorizer, options).write(tmp_path / "out", progress=stop)
    assert not list((tmp_path / "out").glob("film*"))
    result = Film(path, colorizer, options).write(tmp_path / "out")
    assert any("interrupted" in note for note in result.notes)
    assert result.frames == len(lumas)
    assert result.seeds == whole.seeds
    for one, two in zip(whole.paths, result.paths, strict=True):
        for before, after in zip(frames(one), frames(two), strict=True):
            assert (before.to_ndarray() == after.to_ndarray()).all()
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_bytes_are_the_same_on_any_number_of_processors_and_threads(
    flow: Colorizer, tmp_path: Path
) -> None:
    """x264 cuts a frame into as many slices as there are processors, if it may."""
    path = write(tmp_path / "f.mp4", moved("coffee", 10, (192, 128)))
    own, found = os.sched_getaffinity(0), []
    for threads, processors in ((3, own), (1, {min(own)})):
        os.sched_setaffinity(0, processors)
        try:
            colorizer = Colorizer.load("flow", threads=threads)
            out = tmp_path / str(threads)
            result = Film(path, colorizer, Sampling(2, pick="random")).write(out)
        finally:
            os.sched_setaffinity(0, own)
        found.append([path.read_bytes() for path in result.paths])
    assert found[0] == found[1]


def test_a_key_frame_is_read_while_the_one_before_is_coloured(
    flow: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, third = list[Any](), threading.Event()
    follow, encode = Painter.follow, Colorizer.encode

    def following(*given: Any) -> Any:
        assert third.wait(60), "the next key frame is read only after this one"
        return follow(*given)

    def encoding(*given: Any, **options: Any) -> Any:
        read.append(scene := encode(*given, **options))
        if len(read) == 3:
            third.set()
        return scene

    monkeypatch.setattr(Painter, "follow", following)
    monkeypatch.setattr(Colorizer, "encode", encoding)
    path = write(tmp_path / "f.mp4", moved("coffee", 2 * shots.EVERY + 1))
    assert len(list(Film(path, flow, Sampling(1, pick="random")).painted())) == 2 * shots.EVERY + 1


def test_opening_a_film_runs_no_network(
    flow: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "f.mp4", moved("coffee", 3))

    def run(*_: Any) -> None:
        raise AssertionError("a network was run")

    monkeypatch.setattr(Engine, "run", run)
    Film(path, flow, Sampling(1))


def test_other_options_begin_anew(colorizer: Colorizer, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", moved("coffee", 4))

    def stop(progress: Progress) -> None:
        if progress.done:
            raise Stop

    with pytest.raises(Stop):
        Film(path, colorizer, Sampling(1)).write(tmp_path / "out", progress=stop)
    result = Film(path, colorizer, Sampling(1, seed=1)).write(tmp_path / "out")
    assert not any("interrupted" in note for note in result.notes)


def test_steady_where_nothing_moves_and_along_a_known_path(flow: Colorizer, tmp_path: Path) -> None:
    """At least five times steadier than frame by frame, and nearly as colourful."""
    step, lumas = 2, moved("coffee", 13, (96, 64), 2)
    path = write(tmp_path / "film.mkv", lumas, codec="ffv1", format="gray", options={})
    film = Film(path, flow, Sampling(1, pick="random"))
    ours = [painted.ab[0] for painted in film.painted()]
    alone = []
    for luma_ in lumas:
        alone.append(flow.sample_ab(flow.encode(np.asarray(luma_)), 1)[0])
    cells = ours[0].shape[2] * step // 96

    def along(fields: list[Any]) -> float:
        pairs = zip(fields[1:], fields, strict=False)
        return float(np.mean([np.abs(b[..., :-cells] - a[..., cells:]).mean() for b, a in pairs]))

    def chroma(fields: list[Any]) -> float:
        return float(np.mean([np.hypot(*field).mean() for field in fields]))

    assert along(ours) < along(alone) / 5
    assert chroma(ours) > 0.8 * chroma(alone)


def test_no_shot_is_pale_or_gaudy_by_chance(flow: Colorizer, tmp_path: Path) -> None:
    """Versions differ in their colours, and less than half as much in how strong those are."""
    (luma,) = moved("coffee", 1, (192, 128))
    path = write(tmp_path / "f.mkv", [luma], codec="ffv1", format="gray", options={})
    (frame,) = Film(path, flow, Sampling(8, pick="random")).painted()
    scene = flow.encode(luma)
    drawn = flow.sample_ab(scene, 8, diversity=Sampling(1).diversity)

    def strengths(ab: Any) -> Any:
        return np.log(np.sqrt((ab**2).sum(1).mean((1, 2))))

    assert strengths(frame.ab).std() < strengths(drawn).std() / 2
    apart = [np.abs(frame.ab[i] - frame.ab[j]).mean() for i in range(8) for j in range(i)]
    assert min(apart) > 2


def test_a_cut_back_keeps_its_colours(flow: Colorizer, tmp_path: Path) -> None:
    there, away = moved("coffee", 4, (192, 128), 0), moved("rocket", 4, (192, 128), 0)
    path = write(tmp_path / "f.mkv", there + away + there, codec="ffv1", format="gray", options={})
    ab = [one.ab[0] for one in Film(path, flow, Sampling(1, pick="random")).painted()]
    back, anew = np.abs(ab[8] - ab[3]).mean(), np.abs(ab[4] - ab[3]).mean()
    assert back < anew / 4


def test_a_hint_with_a_time_colours_its_whole_shot(flow: Colorizer, tmp_path: Path) -> None:
    lumas = moved("coffee", 20, (192, 128), 1) + moved("rocket", 4, (192, 128))
    path = write(tmp_path / "f.mkv", lumas, codec="ffv1", format="gray", options={})
    y = int(np.abs(lumas[10][20:-20, 100].astype(int) - 110).argmin()) + 20  # of middling light
    film = Film(path, flow, Sampling(1, pick="random"), [(100, y, 0.4, "#c02020")])
    plain = Film(path, flow, Sampling(1, pick="random"))
    seen = list(zip(film.painted(), plain.painted(), strict=True))
    for number, (hinted, free) in enumerate(seen):
        x = 100 + 10 - number  # the picture moves to the left
        cell = hinted.ab[0, :, y * hinted.ab.shape[2] // 128, x * hinted.ab.shape[3] // 192]
        if number < 20:
            assert cell[0] > 25
        else:
            assert np.allclose(hinted.ab, free.ab, atol=1e-3)


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ((300, 0, 0.0, "#c02020"), "outside the picture"),
        ((3, 0, 9.0, "#c02020"), "outside the film"),
        ((3, 0, 0.0, "reddish"), "not a colour"),
        ((3, 0, "#c02020"), "expected"),
    ],
)
def test_wrong_hints(colorizer: Colorizer, tmp_path: Path, hint: Any, said: str) -> None:
    path = write(tmp_path / "f.mp4", moved("coffee", 3))
    with pytest.raises(UsageError, match=said):
        Film(path, colorizer, Sampling(1), [hint])


def test_frames_have_the_size_and_the_lightness(colorizer: Colorizer, tmp_path: Path) -> None:
    path = write(tmp_path / "f.mkv", moved("coffee", 3), codec="ffv1", format="gray", options={})
    found = list(video.frames(path, n=2, method="vae-mdn"))
    assert [round(seconds, 2) for seconds, _ in found] == [0.0, 0.04, 0.08]
    assert all(p.shape == (64, 96, 3) and p.dtype == np.uint8 for _, two in found for p in two)


def test_broken_frames_are_skipped_and_said(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "f.mp4", moved("coffee", 30))
    data = bytearray(path.read_bytes())
    middle = (data.index(b"mdat") + len(data)) // 2
    data[middle - 400 : middle] = b"\xff" * 400
    path.write_bytes(data)
    result = coloured(path)
    assert 20 <= result.frames < 30
    assert any("broken" in note for note in result.notes)


def test_a_full_disk_is_said_before(
    coloured: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "f.mp4", moved("coffee", 3))
    monkeypatch.setattr(Film, "need", lambda *_: 10**18)
    with pytest.raises(OutputError, match="free"):
        coloured(path)
    assert not list((tmp_path / "out").iterdir())


def test_nothing_is_replaced_unasked(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "f.mp4", moved("coffee", 3))
    coloured(path)
    with pytest.raises(OutputError, match="exists already"):
        coloured(path)
    coloured(path, overwrite=True)


def test_errors_are_manyhues_own() -> None:
    with pytest.raises(ManyhuesError):
        manyhues.video.colorize("nowhere.mp4", "out")
