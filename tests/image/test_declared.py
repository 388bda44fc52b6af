"""What a file says of its colours, or lacks at its end, is heeded or said."""

import io
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.color import profiles
from manyhues.color.lab import linear_to_srgb, rgb_to_luminance
from manyhues.errors import DataError, PictureError
from manyhues.image.picture import Picture, read_rgb, read_small_rgb
from manyhues.training.data.pictures import Pictures

RGB = colourful(24, 33)
SHARES = RGB / 255.0


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    body = struct.pack(">I", len(data)) + kind + data
    return png[:33] + body + struct.pack(">I", zlib.crc32(kind + data)) + png[33:]


@pytest.mark.parametrize("gamma", [1.0, 0.5556, 0.4545, 0.4167])
def test_gamma_of_a_png(gamma: float) -> None:
    png = with_chunk(
        encoded(Image.fromarray(RGB), "PNG"), b"gAMA", struct.pack(">I", round(gamma * 1e5))
    )
    like_srgb = abs(gamma * 2.2 - 1) < 0.05
    truth = SHARES if like_srgb else linear_to_srgb(SHARES ** (1 / gamma))
    picture = Picture.open(png)
    off = np.abs(picture.luminance - rgb_to_luminance(truth))
    assert off.mean() < 0.3
    assert np.percentile(off, 99) < 2  # LittleCMS gives 8 bits
    assert bool(picture.notes) != like_srgb
    assert np.abs(read_rgb(png) - truth * 255).mean() < 1
    told = with_chunk(png, b"sRGB", b"\0")  # which counts more
    assert np.abs(Picture.open(told).luminance - rgb_to_luminance(SHARES)).max() < 0.01


def test_gamma_of_16_bits_and_of_grey() -> None:
    deep = Image.fromarray(RGB[..., 0].astype(np.uint16) * 257)
    for image, limit in ((deep, 0.05), (Image.fromarray(RGB[..., 0]), 1.5)):
        png = with_chunk(encoded(image, "PNG"), b"gAMA", struct.pack(">I", 100_000))
        truth = linear_to_srgb(np.repeat(SHARES[..., :1], 3, 2))
        assert np.abs(Picture.open(png).luminance - rgb_to_luminance(truth)).mean() < limit


def test_spaces_that_are_named_by_numbers_are_said() -> None:
    png = encoded(Image.fromarray(RGB), "PNG")
    for code, said in ((b"\x09\x10\0\1", "BT.2100 PQ"), (b"\x0c\x0d\0\1", "Display P3")):
        assert said in Picture.open(with_chunk(png, b"cICP", code)).notes[0]
    assert Picture.open(with_chunk(png, b"cICP", b"\1\x0d\0\1")).notes == ()


@pytest.mark.parametrize("index", ["R03", "R98"])
def test_adobe_rgb_by_its_interoperability_index(index: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: index}
    picture = Picture.open(encoded(Image.fromarray(RGB), "JPEG", exif=exif, quality=100))
    plain = Picture.open(encoded(Image.fromarray(RGB), "JPEG", quality=100))
    assert (picture.notes != ()) == (index == "R03")
    assert (np.abs(picture.luminance - plain.luminance).max() > 1) == (index == "R03")


def test_made_profiles_are_what_they_say() -> None:
    made = profiles.made("a", 563 / 256, profiles.ADOBE_RGB)
    assert profiles.describe(made) == "a"
    curves = profiles.luminous_curves(made, 3)
    assert curves is not None
    assert [curve[-1] for curve in curves] == pytest.approx([0.2973, 0.6274, 0.0753], abs=2e-3)
    assert profiles.convert(Image.fromarray(RGB), made) is not None


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}])
def test_a_jpeg_without_its_end_marker(options: dict[str, Any]) -> None:
    data = encoded(Image.fromarray(RGB), "JPEG", **options)
    whole = Picture.open(data)
    for cut in (data[:-2], data[:-1]):
        picture = Picture.open(cut)
        assert np.array_equal(picture.luminance, whole.luminance)
        assert picture.notes == ("its end marker is missing, and no pixel",)
    for lost in (3, 8, 20, 60):
        with pytest.raises(PictureError, match="truncated or damaged"):
            Picture.open(data[:-lost])


def test_spider() -> None:
    values = RGB[..., 0].astype(np.float32) * 3 - 40
    picture = Picture.open(encoded(Image.fromarray(values), "SPIDER"))
    assert "were spread from black to white" in picture.notes[0]
    low, high = values.min(), values.max()
    truth = rgb_to_luminance(np.repeat(((values - low) / (high - low))[..., None], 3, 2))
    assert np.abs(picture.luminance - truth).max() < 0.01


def test_a_psd_s_layers_are_no_frames() -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, *RGB.shape[:2], 8, 3)
    data = head + bytes(12) + b"\0\0" + RGB.transpose(2, 0, 1).tobytes()
    picture = Picture.open(data)
    assert np.abs(picture.luminance - rgb_to_luminance(SHARES)).max() < 0.01
    assert picture.notes == ()


def test_further_pictures_of_a_stereo_pair_are_said() -> None:
    image = Image.fromarray(RGB)
    data = encoded(image, "MPO", save_all=True, append_images=[image])
    picture = Picture.open(data)
    assert picture.format == "JPEG"
    assert picture.notes == ("only the first of its 2 pictures was read",)


def test_heic_is_read() -> None:
    heif = pytest.importorskip("pillow_heif", reason="NO PILLOW-HEIF: pip install pillow-heif")
    heif.register_heif_opener()
    exif = Image.Exif()
    exif[271] = "Maker"
    data = encoded(Image.fromarray(RGB), "HEIF", quality=100, exif=exif.tobytes())
    picture = Picture.open(data)
    assert picture.format == "HEIF"
    assert np.abs(picture.luminance - rgb_to_luminance(SHARES)).mean() < 4  # chroma is halved
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert kept[271] == "Maker"


def test_nothing_runs(tmp_path: Path) -> None:
    """PostScript that leaves a file behind, at every door, whatever it is called."""
    if shutil.which("gs") is None:
        pytest.skip("NO GHOSTSCRIPT: apt-get install ghostscript")
    mark = tmp_path / "it ran"
    program = (
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
        f"({mark}) (w) file closefile\n(it ran) print\nshowpage\n%%EOF\n"
    ).encode()
    for name in ("a.jpg", "b.eps", "c.tif", "d.png"):
        path = tmp_path / name
        path.write_bytes(program)
        for read in (Picture.open, read_rgb, read_small_rgb):
            with pytest.raises(PictureError):
                read(path)
            with pytest.raises(PictureError):
                read(program)
    with pytest.raises(DataError):
        Pictures([tmp_path / "a.jpg"], ["a"], [""])[0]
    with Image.open(tmp_path / "b.eps") as image, pytest.raises(PictureError, match="is a program"):
        Picture.open(image)
    assert not mark.exists()
