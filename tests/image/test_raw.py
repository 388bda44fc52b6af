"""Camera raw: developed where rawpy is installed, and refused truly where not."""

import io
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import PictureError
from manyhues.image.picture import Picture, probe, read_rgb

developed = pytest.mark.skipif(
    not find_spec("rawpy"),
    reason="NO rawpy: camera raw is not developed (pip install 'manyhues[raw]')",
)
_XYZ_TO_RGB = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)


def dng(width: int = 64, height: int = 48, *, preview: bool = False, orientation: int = 1) -> bytes:
    """The least DNG: ramps of red, green and blue under a Bayer filter, in sRGB's primaries."""
    tifffile = pytest.importorskip("tifffile")
    x = np.linspace(0.05, 0.95, width)[None].repeat(height, 0)
    y = np.linspace(0.05, 0.95, height)[:, None].repeat(width, 1)
    scene = np.stack([x, y, 1 - x])
    sensor = np.empty((height, width), np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        part = slice(row, None, 2), slice(column, None, 2)
        sensor[part] = np.round(scene[channel][part] * 65535)
    matrix = tuple(n for value in _XYZ_TO_RGB for n in (round(value * 10_000), 10_000))
    tags = [
        (274, 3, 1, orientation, True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),  # version
        (50708, 2, 0, "Camera of a test", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),
        (50717, 4, 1, 65535, True),  # white
        (50721, 10, 9, matrix, True),
        (50728, 5, 3, (1, 1) * 3, True),  # neutral
        (50778, 3, 1, 21, True),  # daylight
    ]
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        if preview:
            small = np.full((6, 8), 200, np.uint8)
            writer.write(small, photometric="minisblack", subfiletype=1, metadata=None, subifds=1)
        writer.write(sensor, photometric=32803, metadata=None, extratags=tags)
    return out.getvalue()


@developed
@pytest.mark.parametrize("preview", [False, True])
def test_the_full_picture_is_developed(tmp_path: Path, preview: bool) -> None:
    path = tmp_path / "a.dng"
    path.write_bytes(dng(preview=preview))
    picture = Picture.open(path)
    assert (picture.size, picture.bits) == ((64, 48), 16)
    assert picture.format == "RAW"
    assert any("developed by LibRaw" in note for note in picture.notes)
    assert probe(path)[1] == 1
    colours = read_rgb(path)[8:-8, 8:-8].astype(int)
    red, green, blue = (colours[..., i] for i in range(3))
    assert (red[:, -1] > red[:, 0]).all()
    assert (blue[:, -1] < blue[:, 0]).all()
    assert (green[-1] > green[0]).all()
    light = rgb_to_luminance(read_rgb(path) / np.float32(255))
    assert np.abs(light - picture.luminance)[8:-8, 8:-8].mean() < 0.5


@developed
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_raw_is_turned_upright(orientation: int) -> None:
    plain, turned = (Picture.open(dng(orientation=one)) for one in (1, orientation))
    turns = {3: 2, 6: 3, 8: 1}[orientation]
    assert np.allclose(np.rot90(plain.luminance, turns), turned.luminance)


@developed
@pytest.mark.parametrize("end", [300, 1500, -200])
def test_truncated_raw_is_one_line(end: int, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PictureError, match="damaged") as caught:
        Picture.open(dng()[:end])
    assert "\n" not in str(caught.value)
    assert not capfd.readouterr().err  # LibRaw has nothing to add


@developed
def test_raw_of_a_stated_size_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(PictureError, match="over the limit"):
        Picture.open(dng(), max_pixels=1000)


@pytest.mark.parametrize("magic", [b"IIRO", b"FUJIFILMCCD-RAW 0201", b"dng"])
def test_without_the_library_the_extra_is_named(
    magic: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    data = dng(preview=True) if magic == b"dng" else magic + bytes(400)
    with pytest.raises(
        PictureError, match=r"only a preview .*manyhues\[raw\].*develop the raw file"
    ):
        Picture.open(data)


_CHILD = """
import sys
from manyhues.image.picture import Picture
print(Picture.open(sys.argv[1]).size)
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM")))
"""


@developed
@pytest.mark.skipif(sys.platform != "linux", reason="NO /proc: memory is not measured")
def test_raw_of_24_megapixels_stays_below_a_gibibyte(tmp_path: Path) -> None:
    path = tmp_path / "large.dng"
    path.write_bytes(dng(6000, 4000))
    command = [sys.executable, "-c", _CHILD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    size, memory = done.stdout.splitlines()
    assert size == str((6000, 4000))
    assert int(memory) < 1024, f"{memory} MiB"


@developed
def test_results_of_raw_are_png(tmp_path: Path) -> None:
    import manyhues

    path = tmp_path / "a.dng"
    path.write_bytes(dng())
    result = manyhues.colorize(path, n=1, method="vae-mdn")
    (saved, *_) = result.save(tmp_path / "out")
    with Image.open(saved) as image:
        assert image.format == "PNG"
        assert image.size == (64, 48)
