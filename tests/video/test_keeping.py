"""What a film has besides its pictures, how it ends, and where an interrupted run goes on."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from manyhues import Colorizer, video
from manyhues.batch.plan import is_film, plan
from manyhues.errors import OutputError, PictureError
from manyhues.sampling.options import Sampling
from manyhues.video import Film, Progress
from manyhues.video import film as film_module
from manyhues.video.container import ATTACHED
from manyhues.video.source import Source
from video.films import EXAMPLES, frames, luma, moved, write

Make = Callable[..., video.Result]
MILLI = Fraction(1, 1000)


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.load("vae-mdn")


@pytest.fixture
def coloured(colorizer: Colorizer, tmp_path: Path) -> Make:
    def make(path: Path, n: int = 1, **options: Any) -> video.Result:
        return Film(path, colorizer, Sampling(n, pick="random")).write(tmp_path / "out", **options)

    return make


def remade(
    path: Path, out: Path, add: Callable[[Any], list[Any]], late: Fraction | int = 0
) -> Path:
    """A film's pictures in another file, `late` seconds later, with what `add` puts beside them.

    `add` returns packets that have their streams.
    """
    with av.open(str(path)) as film, av.open(str(out), "w") as result:
        pictures = film.streams.video[0]
        copy: Any = result.add_stream_from_template(pictures)
        copy.metadata.update({"language": "fra", "title": "Main"})
        more = add(result)
        packet: Any
        for packet in film.demux(pictures):
            if packet.dts is not None:
                packet.pts += int(late / packet.time_base)
                packet.dts += int(late / packet.time_base)
                packet.stream = copy
                result.mux(packet)
        for packet in more:
            result.mux(packet)
    return out


def cover(result: Any) -> list[Any]:
    data = (EXAMPLES / "coffee.jpg").read_bytes()
    if result.format.name == "matroska":
        result.add_attachment("cover.jpg", "image/jpeg", data)
        return []
    stream = result.add_mux_stream("mjpeg", width=8, height=8)
    stream.disposition = ATTACHED
    packet = av.Packet(data)
    packet.pts, packet.dts, packet.time_base, packet.stream = 0, 0, MILLI, stream
    return [packet]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_cover_and_the_pictures_names_stay(coloured: Make, tmp_path: Path, suffix: str) -> None:
    plain = write(tmp_path / f"plain{suffix}", moved("coffee", 4), options={"bf": "0"})
    result = coloured(remade(plain, tmp_path / f"film{suffix}", cover))
    with av.open(str(result.paths[0])) as film:
        pictures, (kept,) = film.streams.video[0], film.streams.video[1:]
        assert pictures.metadata["language"] == "fra"
        if suffix == ".mkv":
            assert pictures.metadata["title"] == "Main"
        assert kept.disposition & ATTACHED
        data = next(bytes(packet) for packet in film.demux(kept) if packet.size)
    assert data == (EXAMPLES / "coffee.jpg").read_bytes()
    assert not any("streams" in note for note in result.notes)


@pytest.mark.parametrize(
    ("suffix", "codec", "sound"), [(".wmv", "wmv2", "wmav2"), (".avi", "mpeg4", "adpcm_ima_wav")]
)
def test_sound_that_matroska_does_not_take_is_written_without_loss(
    coloured: Make, tmp_path: Path, suffix: str, codec: str, sound: str
) -> None:
    path = tmp_path / f"film{suffix}"
    with av.open(str(path), "w") as film:
        pictures: Any = film.add_stream(codec, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        tone: Any = film.add_stream(sound, rate=44100, layout="mono", bit_rate=128000)
        for grey in moved("coffee", 5, (64, 48)):
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(np.stack([grey] * 3, -1))))
        film.mux(pictures.encode())
        samples = (np.sin(np.arange(22050) / 8) * 8000).astype(np.int16)[None]
        wave = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        wave.sample_rate, wave.pts = 44100, 0
        film.mux(tone.encode(wave) + tone.encode())

    def heard(name: Path) -> Any:
        with av.open(str(name)) as film:
            mono = av.AudioResampler("s16", "mono")
            found = [part for frame in film.decode(audio=0) for part in mono.resample(frame)]
        return np.concatenate([part.to_ndarray()[0] for part in found])

    result = coloured(path)
    assert any("FLAC" in note and sound in note for note in result.notes)
    assert np.array_equal(heard(result.paths[0]), heard(path))


@pytest.mark.parametrize(("mirror", "turn"), [(np.fliplr, -1), (np.flipud, 1)])
def test_mirrored_films_are_written_as_they_are_shown(
    coloured: Make, tmp_path: Path, mirror: Any, turn: int
) -> None:
    path = write(tmp_path / "film.mp4", moved("coffee", 3))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # of the matrix
    for place, sign in ((0, turn), (16, -turn)):
        data[at + place : at + place + 4] = (sign * 65536).to_bytes(4, signed=True)
    path.write_bytes(data)
    first = frames(coloured(path).paths[0])[0]
    assert np.abs(luma(first).astype(int) - mirror(luma(frames(path)[0]))).mean() < 2


def test_the_last_frame_is_shown_as_long_as_it_was(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", moved("coffee", 4), stamps=[0, 400, 900, 1000])
    (result,) = coloured(path).paths
    with av.open(str(path)) as before, av.open(str(result)) as after:
        of: list[Any] = [film.streams.video[0] for film in (before, after)]
        times = [float(stream.duration * stream.time_base) for stream in of]
    assert times[0] == pytest.approx(times[1], abs=0.002)


def test_a_film_that_begins_late_has_its_length_and_sheet(coloured: Make, tmp_path: Path) -> None:
    """Its header counts from 0: there were no frames where the sheet looked for them."""
    plain = write(tmp_path / "plain.mkv", moved("coffee", 12), options={"bf": "0"})
    path = remade(plain, tmp_path / "film.mkv", lambda _: [], late=60)
    source = Source.open(path)
    assert source.length == 12
    assert source.seconds == pytest.approx(12 / 25, abs=0.01)
    result = coloured(path)
    assert result.sheet
    assert result.sheet.is_file()
    assert frames(result.paths[0])[0].time == pytest.approx(60)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_copy_that_is_cut_off_is_said(coloured: Make, tmp_path: Path, suffix: str) -> None:
    path = write(
        tmp_path / f"film{suffix}", moved("coffee", 24), rate=5,
        options={"crf": "10", "g": "4", "bf": "0"}, container={"movflags": "+faststart"},
    )  # fmt: skip
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    result = coloured(path)
    assert 4 < result.frames < 20
    assert any("the copy is not whole" in note for note in result.notes)
    assert result.sheet
    assert result.sheet.is_file()


@pytest.mark.parametrize("suffix", [".ts", ".mpg", ".avi", ".mkv"])
def test_an_interrupted_run_goes_on_at_the_very_frame(
    colorizer: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Without an index a seek leads past the frame that was asked for, and some were lost."""
    codec = {".mpg": "mpeg2video", ".avi": "mpeg4"}.get(suffix, "libx264")
    path = write(
        tmp_path / f"film{suffix}", moved("coffee", 60, (64, 48)), codec=codec,
        options={"bf": "2", "g": "12"},
    )  # fmt: skip
    source = Source.open(path)
    every = list(source.frames())
    for at in range(0, len(every), 7):
        rest = list(source.frames(every[at]))
        assert [one.pts for one in rest] == [one.pts for one in every[at + 1 :]]
        assert all((a.luma == b.luma).all() for a, b in zip(rest, every[at + 1 :], strict=True))

    monkeypatch.setattr(film_module, "_PART", 0.5)
    Film(path, colorizer, Sampling(1)).write(tmp_path / "whole")

    class Stop(Exception):  # noqa: N818
        pass

    def stop(progress: Progress) -> None:
        if progress.done > 30:
            raise Stop

    with pytest.raises(Stop):
        Film(path, colorizer, Sampling(1)).write(tmp_path / "out", progress=stop)
    Film(path, colorizer, Sampling(1)).write(tmp_path / "out")
    for one in (tmp_path / "whole").iterdir():
        assert (tmp_path / "out" / one.name).read_bytes() == one.read_bytes()


def test_two_runs_at_once_do_not_meet(coloured: Make, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = write(tmp_path / "film.mp4", moved("coffee", 8))

    def again(progress: Progress) -> None:
        if progress.done:
            with pytest.raises(OutputError, match="another run is colouring this film"):
                coloured(path)

    assert coloured(path, progress=again).frames == 8
    assert not list((tmp_path / "out").glob(".*"))


def test_room_that_is_taken_already_is_not_asked_for_again(
    colorizer: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Film(write(tmp_path / "film.mp4", moved("coffee", 8)), colorizer, Sampling(1))
    work = tmp_path / "out" / ".film.parts"
    work.mkdir(parents=True)
    (work / "00000.0.part").write_bytes(bytes(1000))
    free = shutil.disk_usage(tmp_path)._replace(free=film.need(1) - 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    film.write(tmp_path / "out")


def test_a_colon_in_a_name_is_no_address(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", moved("coffee", 3))
    odd = path.rename(tmp_path / "http:a %03d.mp4")
    assert coloured(odd).frames == 3


def test_lists_of_addresses_are_not_followed(tmp_path: Path) -> None:
    seen = write(tmp_path / "seen.mp4", moved("coffee", 3))
    path = tmp_path / "film.mp4"
    path.write_text(f"ffconcat version 1.0\nfile 'cache:{seen}'\n")
    with pytest.raises(PictureError):
        Source.open(path)


def test_results_are_known_and_programs_are_no_films(coloured: Make, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", moved("coffee", 3))
    (result,) = coloured(path, sheet=False).paths
    elsewhere = result.rename(tmp_path / "mine.mp4")
    assert [job.source for job in plan([path, elsewhere], tmp_path / "o")] == [path]
    assert [job.source for job in plan([elsewhere], tmp_path / "o")] == [elsewhere]
    program = tmp_path / "main.ts"
    program.write_text("Get the packets.\n" * 40)
    stream = write(tmp_path / "tv.ts", moved("coffee", 3))
    assert is_film(stream)
    assert not is_film(program)
    assert {job.source for job in plan([tmp_path], tmp_path / "o")} == {path, stream}
