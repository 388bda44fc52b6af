"""TIFF results are opened by Pillow, tifffile, libvips and libtiff, whatever their source said."""

import io
import shutil
import struct
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.errors import PictureError
from manyhues.image import encode, provenance
from manyhues.image.metadata import EXIF_LOST, Metadata, kept_exif
from manyhues.image.picture import Picture

PIXELS = colourful(18, 25)
# Layout of another file, as cameras, scanners and converters leave it in EXIF and in TIFFs.
LAYOUT: dict[int, Any] = {
    254: 1, 255: 2, 266: 2, 280: 3, 281: 250, 322: 16, 323: 16, 324: (8, 9), 325: (1, 1),
    330: 8, 332: 1, 333: "a", 338: 1, 339: 3, 340: 0.0, 341: 1.0, 347: b"\xff\xd8", 512: 1,
    513: 8, 514: 9, 530: (2, 2), 531: 1, 532: (0.0, 1.0), 559: (1,), 32995: 0, 32996: 1,
    32997: 9, 32998: 9, 37724: b"8BIM", 50706: b"\1\4\0\0",
}  # fmt: skip


def by_pillow(path: Path, pixels: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(np.asarray(Image.open(path)), pixels)


def by_tifffile(path: Path, pixels: Any) -> None:
    library = pytest.importorskip("tifffile", reason="NO TIFFFILE: pip install tifffile")
    assert np.array_equal(library.imread(path), pixels)


def by_vips(path: Path, pixels: Any) -> None:
    if shutil.which("vips") is None:
        pytest.skip("NO VIPS: apt-get install libvips-tools")
    raw = path.with_suffix(".ppm" if pixels.shape[2] == 3 else ".png")
    done = subprocess.run(["vips", "copy", path, raw], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert np.array_equal(np.asarray(Image.open(raw))[..., :3], pixels[..., :3])


def by_libtiff(path: Path, pixels: Any) -> None:
    if shutil.which("tiffinfo") is None:
        pytest.skip("NO TIFFINFO: apt-get install libtiff-tools")
    done = subprocess.run(["tiffinfo", "-D", path], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "unknown field with tag" not in line]
    assert (done.returncode, said) == (0, [])


READERS = [by_pillow, by_tifffile, by_vips, by_libtiff]


def source(kind: str) -> bytes:
    """A picture whose EXIF, or own directory, says more than is true of a result."""
    exif = Image.Exif()
    exif[315], exif[33432] = "An Author", "Someone, 1926"
    for tag, value in LAYOUT.items():
        exif[tag] = value
    exif.get_ifd(0x8769)[36867] = "1926:05:04 03:02:01"
    exif.get_ifd(0x8769)[0xA005] = {1: "R98"}
    out = io.BytesIO()
    if kind == "TIFF":
        harmless = {tag: value for tag, value in LAYOUT.items() if tag in (280, 281, 32995, 33432)}
        Image.fromarray(PIXELS).save(out, "TIFF", tiffinfo=harmless | {33432: "Someone, 1926"})
    else:
        Image.fromarray(PIXELS).save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_layout_of_the_source_is_dropped(
    tmp_path: Path, kind: str, channels: int, reader: Callable[[Path, Any], None]
) -> None:
    metadata = Picture.open(source(kind)).metadata
    pixels = np.dstack([PIXELS, PIXELS[..., :1]])[..., :channels]
    path = tmp_path / "result.tiff"
    path.write_bytes(encode.encode(pixels, "TIFF", provenance.stamp(metadata, "us", {})))
    reader(path, pixels)
    with Image.open(path) as image:
        assert image.getexif()[33432] == "Someone, 1926"  # which is about the photograph


@pytest.mark.data
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "name",
    [
        "imagej_stack_output_p1_unreadable_by_tifffile.tif",
        "jpeg_exif_TileWidth_to_tiff_unreadable.jpg",
        "jpeg_interop_R03_to_tiff_dangling_pointer.jpg",
        "tiff_grey_with_SMinSampleValue_output_unreadable.tif",
    ],
)
def test_cases(data: Path, tmp_path: Path, name: str, reader: Callable[[Path, Any], None]) -> None:
    file = data / "cases" / name
    if not file.exists():
        pytest.skip(f"NO CASE {file}")
    for number, page in enumerate(Picture.pages(file)):
        path = tmp_path / f"{number}.tiff"
        path.write_bytes(encode.encode(PIXELS, "TIFF", page().metadata))
        reader(path, PIXELS)


@pytest.mark.parametrize("kind", ["imagej", "ome", "shaped"])
def test_descriptions_for_programs_are_dropped_aloud(kind: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    out = io.BytesIO()
    stack = np.stack([PIXELS[..., 0]] * 3)
    tifffile.imwrite(out, stack, photometric="minisblack", **{kind: True})
    picture = Picture.pages(out.getvalue())[0]()
    assert any("description, which no longer fits, is left out" in note for note in picture.notes)
    result = encode.encode(PIXELS, "TIFF", picture.metadata)
    assert np.array_equal(tifffile.imread(io.BytesIO(result)), PIXELS)
    assert 270 not in Image.open(io.BytesIO(result)).getexif()


def test_people_s_descriptions_stay() -> None:
    exif = Image.Exif()
    exif[270] = "Our garden, with <OMEGA> written on the wall"
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, "JPEG", exif=exif)
    picture = Picture.open(out.getvalue())
    assert picture.notes == ()
    result = encode.encode(PIXELS, "TIFF", picture.metadata)
    assert Image.open(io.BytesIO(result)).getexif()[270] == exif[270]


def test_one_odd_tag_loses_only_itself() -> None:
    exif = Image.Exif()
    exif[282], exif[271], exif[33432] = 72.0, "Maker", "Someone, 1926"
    block = bytearray(exif.tobytes())
    place = block.index(struct.pack(">HHI", 282, 5, 1))
    block[place + 2 : place + 8] = struct.pack(">HI", 2, 4)  # text, where a fraction should be
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, "JPEG", exif=bytes(block))
    picture = Picture.open(out.getvalue())
    assert picture.notes == ("EXIF that cannot be written again is left out: XResolution",)
    for format_ in ("JPEG", "PNG", "TIFF", "WEBP"):
        kept = Image.open(io.BytesIO(encode.encode(PIXELS, format_, picture.metadata))).getexif()
        assert (kept[271], kept[33432]) == ("Maker", "Someone, 1926")


def test_no_pointer_dangles() -> None:
    metadata = Picture.open(source("JPEG")).metadata
    for format_ in ("JPEG", "PNG", "TIFF", "WEBP"):
        exif = Image.open(io.BytesIO(encode.encode(PIXELS, format_, metadata))).getexif()
        details = exif.get_ifd(0x8769)
        assert details[36867] == "1926:05:04 03:02:01"
        assert 0xA005 not in details


def test_alpha_of_a_bmp_is_kept() -> None:
    pixels = np.dstack([PIXELS, PIXELS[..., :1]])
    metadata = Picture.open(PIXELS).metadata
    read = Image.open(io.BytesIO(encode.encode(pixels, "BMP", metadata)))
    assert np.array_equal(np.asarray(read), pixels)
    assert EXIF_LOST not in Picture.open(read).notes
    with pytest.raises(PictureError):
        Picture.open(encode.encode(pixels, "BMP", metadata)[:-900])


@pytest.mark.parametrize(
    ("comment", "written"),
    [
        (b"ASCII\0\0\0a walk", b"ASCII\0\0\0a walk"),
        ("für zwei", b"UNICODE\0" + "für zwei".encode("utf-16-be")),
    ],
)
def test_libtiff_takes_details_as_they_are(tmp_path: Path, comment: Any, written: bytes) -> None:
    """It warns of a UserComment, and of its like, that are no bytes of any kind."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({37510: comment, 41728: b"\3", 37121: b"\1\2\3\0"})
    exif[0x8769] = 8  # where it was, as in one that was read
    block, notes = kept_exif(exif, (25, 18))
    assert not notes
    result = tmp_path / "a.tif"
    result.write_bytes(encode.encode(PIXELS, "TIFF", Metadata(exif=block)))
    by_libtiff(result, PIXELS)
    with Image.open(result) as image:
        said = image.getexif().get_ifd(0x8769)
    assert said[37510] == written
    assert said[37121] == b"\1\2\3\0"
