"""What a film may be, or a disk, that cannot be served: one line with file, fault and remedy."""

import errno
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from manyhues import Colorizer
from manyhues.errors import OutputError, PictureError
from manyhues.sampling.options import Sampling
from manyhues.video import Film
from manyhues.video import film as film_module
from manyhues.video.source import Source
from video.films import frames, moved, write


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.load("vae-mdn")


def test_protected_films_are_refused(tmp_path: Path) -> None:
    keys = {"encryption_key": "76a6c65c5ea762046bd749a2e632ccbb", "encryption_kid": "a7e61c37" * 4}
    container = {"encryption_scheme": "cenc-aes-ctr", **keys}
    path = write(tmp_path / "bought.mp4", moved("coffee", 6), container=container)
    with pytest.raises(PictureError, match=r"bought.mp4: is protected \(DRM\).* use a free copy"):
        Source.open(path)


@pytest.mark.parametrize(("transfer", "name"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
@pytest.mark.parametrize("format", ["yuv420p", "yuv420p10le"])
def test_hdr_is_said(tmp_path: Path, transfer: str, name: str, format: str) -> None:
    params = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    options = {"x264-params": params}
    path = write(tmp_path / "f.mkv", moved("coffee", 3), format=format, options=options)
    source = Source.open(path)
    assert any(f"HDR ({name})" in note for note in source.notes)
    assert source.matrix == "bt2020"


@pytest.mark.parametrize("step", ["demux", "decode"])
def test_want_of_memory_is_no_broken_frame(tmp_path: Path, step: str) -> None:
    """FFmpeg says it by an error of its own kind; the film would end early, and seem whole."""
    source = Source.open(write(tmp_path / "f.mp4", moved("coffee", 3)))

    class Short:
        def fails(self, asked: str) -> None:
            if asked == step:
                raise av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory")

        def demux(self, _: Any) -> Iterator[Any]:
            self.fails("demux")
            yield None

        def decode(self, _: Any) -> list[Any]:
            self.fails("decode")
            return []

    with pytest.raises(MemoryError):
        list(source._decoded(av, Short(), Short()))
    assert not source.broken


@pytest.mark.parametrize("limit", [9_000, 40_000])
def test_a_disk_that_fills_up_midway_loses_nothing(
    colorizer: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """A limit on files stands for the disk: within a part, and when parts are joined."""
    monkeypatch.setattr(film_module, "_PART", 0.4)
    path = write(tmp_path / "film.mkv", moved("coffee", 60, (64, 48)))
    film, out = Film(path, colorizer, Sampling(1)), tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot be written \(.*free space") as caught:
            film.write(out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert not list(out.glob("film*"))
    result: Any = film.write(out)
    assert len(frames(result.paths[0])) == 60
    assert not list(out.glob(".*"))


def bad_films(folder: Path) -> dict[str, tuple[Path, str]]:
    text = folder / "text.mp4"
    text.write_text("no film")
    empty = folder / "empty.mp4"
    empty.touch()
    good = write(folder / "good.mp4", moved("coffee", 30))
    cut = folder / "cut.mp4"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    sound = folder / "sound.mp4"
    with av.open(str(sound), "w") as film:
        tone: Any = film.add_stream("aac", rate=16000)
        silence = np.zeros((1, 4096), np.int16)
        wave = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        wave.sample_rate = 16000
        film.mux(tone.encode(wave) + tone.encode())
    none = folder / "none.mkv"
    with av.open(str(none), "w") as film:
        stream: Any = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        film.start_encoding()
    return {
        "missing": (folder / "missing.mp4", "does not exist"),
        "text": (text, "not a film"),
        "empty": (empty, "not a film"),
        "cut": (cut, "not a film"),
        "sound": (sound, "no moving pictures"),
        "none": (none, "not a film|no frame"),
    }


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "cut", "sound", "none"])
def test_bad_films_are_one_line(colorizer: Colorizer, tmp_path: Path, kind: str) -> None:
    path, said = bad_films(tmp_path)[kind]
    with pytest.raises(PictureError, match=said) as caught:
        Film(path, colorizer, Sampling(1))
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
