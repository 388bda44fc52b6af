"""Files that loop, lie or unpack hugely end soon, in bounded memory, in one line."""

import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from test_tiff_packed import tiff_of

from manyhues.errors import PictureError
from manyhues.image.formats.tiff_directory import directories
from manyhues.image.limits import MAX_PIXELS
from manyhues.image.picture import Picture, probe, read_rgb

RGB = colourful(18, 25)


def tags(width: int, height: int, **more: Any) -> dict[int, Any]:
    """Of a grey page of 8 bits, uncompressed."""
    plain = {256: ("I", (width,)), 257: ("I", (height,)), 258: ("H", (8,)), 259: ("H", (1,))}
    plain |= {262: ("H", (1,)), 277: ("H", (1,)), 278: ("I", (height,))}
    return plain | {int(tag[1:]): value for tag, value in more.items()}


def soon(data: bytes) -> list[Any]:
    start = time.process_time()
    pages = Picture.pages(data)
    assert time.process_time() - start < 2
    return pages


def test_directories_that_point_at_each_other() -> None:
    data = bytearray(tiff_of(tags(5, 4), bytes(20)))
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for target in (place, 4, len(data) + 9, 2**32 - 1):
        struct.pack_into("<I", data, place + 2 + 12 * count, target)
        assert len(soon(bytes(data))) == 1
        assert Picture.open(bytes(data)).size == (5, 4)
    struct.pack_into("<I", data, place + 2 + 12 * count, place + 12)  # into the middle of itself
    assert len(soon(bytes(data))) <= 2


def test_directories_that_overlap_are_bounded_by_the_file() -> None:
    """Each begins two bytes behind the other and points to the next: a million in 2 MB."""
    links = np.arange(500_000, dtype="<u4")
    body = np.zeros((500_000, 4), "<u2")
    body[:, 0] = 1
    data = b"II*\0" + struct.pack("<I", 8) + body.tobytes() + links.tobytes()
    start = time.process_time()
    assert len(directories(data)) < len(data) / 18
    assert time.process_time() - start < 5


def test_sub_directories_that_point_upwards() -> None:
    data = tiff_of(tags(5, 4, t254=("I", (1,)), t330=("I", (8 + 20,))), bytes(20))
    assert len(soon(data)) == 1


def test_tiles_that_are_not_there_are_no_black() -> None:
    more = {"t322": ("I", (16,)), "t323": ("I", (16,)), "t324": ("I", (8,)), "t325": ("I", (256,))}
    data = tiff_of(tags(64, 64, **more), bytes(256))
    with pytest.raises(PictureError, match="strips or tiles there: 1 of 16"):
        Picture.open(data)


@pytest.mark.parametrize("compression", [1, 8, 5, 32773])
def test_pixels_that_a_file_cannot_hold(compression: int) -> None:
    strip = zlib.compress(bytes(4000)) if compression == 8 else bytes(4000)
    data = tiff_of(tags(10_000, 10_000) | {259: ("H", (compression,))}, strip)
    start = time.process_time()
    with pytest.raises(PictureError, match="cannot hold 10000 x 10000 pixels"):
        Picture.open(data)
    assert time.process_time() - start < 1


def blank(size: tuple[int, int], format_: str, mode: str = "L", **options: Any) -> bytes:
    out = io.BytesIO()
    white = (255, 255, 255) if mode == "RGB" else 255
    Image.new(mode, size, white).save(out, format_, **options)
    return out.getvalue()


def test_honest_blank_scans_are_read() -> None:
    data = blank((9921, 7016), "TIFF", "1", compression="group4")  # A3 at 600 dpi: 70 megapixels
    assert len(data) * 10_000 < 9921 * 7016
    assert Picture.open(data).luminance.min() == 100


@pytest.mark.parametrize(
    ("mode", "size", "format_", "options"),
    [
        ("1", (9933, 14043), "TIFF", {"compression": "group4"}),  # A2 at 600 dpi
        ("1", (9933, 14043), "PNG", {}),
        ("P", (9921, 7016), "PNG", {}),  # A3 at 600 dpi
        ("P", (9921, 7016), "GIF", {}),
    ],
)
def test_blank_scans_are_not_refused_for_packing_well(
    tmp_path: Path, mode: str, size: tuple[int, int], format_: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "blank"
    path.write_bytes(blank(size, format_, mode, **options))
    assert probe(path) == (format_, 1)


def test_pillows_own_limit_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow asks again when it decodes a TIFF."""
    data = blank((300, 200), "TIFF", "RGB", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert Picture.open(data).size == (300, 200)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_what_unpacks_hugely_is_let_through_on_purpose_alone() -> None:
    data = blank((8000, 8000), "WEBP", "RGB", lossless=True)
    assert len(data) < 64_000
    with pytest.raises(PictureError, match=r"8000 x 8000 pixels; .* raise --max-pixels"):
        Picture.open(data)
    with pytest.raises(PictureError, match="unpack to 8000 x 8000"):
        read_rgb(data)
    assert Picture.open(data, max_pixels=MAX_PIXELS + 1).size == (8000, 8000)


_CHILD = """
import sys
from manyhues.errors import PictureError
from manyhues.image.picture import Picture
try:
    print(Picture.open(sys.argv[1]).size)
except PictureError as error:
    print(error)
lines = open("/proc/self/status").read().splitlines()  # getrusage counts the parent's too
print(next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="NO /proc: memory is not measured")
@pytest.mark.parametrize(
    ("size", "format_", "options"),
    [
        ((2_771_273, 30), "PNG", {}),
        ((12_000, 14_000), "TIFF", {"compression": "tiff_deflate"}),
    ],
)
def test_large_ones_stay_below_a_gibibyte(
    tmp_path: Path, size: tuple[int, int], format_: str, options: dict[str, Any]
) -> None:
    file = tmp_path / "large"
    file.write_bytes(blank(size, format_, "L", **options))
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, file], capture_output=True, text=True, check=True
    )
    said, memory = done.stdout.splitlines()
    assert said == str(size)
    assert int(memory) < 1024, f"{memory} MiB"


def in_pages(*directories: tuple[dict[str, Any], Any], below: bool = False) -> bytes:
    """TIFF of several pages; with `below`, the second hangs on the first as a sub-directory."""
    tifffile = pytest.importorskip("tifffile")
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for index, (options, pixels) in enumerate(directories):
            more = {"subifds": 1} if below and not index else {}
            writer.write(pixels, metadata=None, **options, **more)
    return out.getvalue()


GREY, SMALL = RGB[..., 0], RGB[::4, ::4, 0]
MAIN: dict[str, Any] = {"photometric": "minisblack"}
REDUCED = MAIN | {"subfiletype": 1}


def test_raw_pictures_are_refused_and_previews_passed_over() -> None:
    full = Picture.open(in_pages((REDUCED, SMALL), (MAIN | {"subfiletype": 0}, GREY), below=True))
    assert full.size == (25, 18)
    assert full.notes == ("1 reduced-size copy left out",)
    sensor = {"photometric": 32803, "extratags": [(33421, "H", 2, (2, 2), True)]}
    raw = in_pages((REDUCED, SMALL), (sensor, GREY.astype(np.uint16)), below=True)
    for data in (raw, in_pages((MAIN, SMALL), (sensor, GREY.astype(np.uint16)), below=True)):
        with pytest.raises(PictureError, match=r"only a preview .* develop the raw file"):
            Picture.open(data)
        with pytest.raises(PictureError, match="develop the raw file"):
            read_rgb(data)
    for magic in (b"IIRO", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx "):
        with pytest.raises(PictureError, match=r"a camera's raw picture.* develop the raw"):
            Picture.open(magic + bytes(400))
    with pytest.raises(PictureError, match="develop the raw file"):
        Picture.open(b"II*\0\x10\0\0\0CR\2\0" + bytes(400))


def test_masks_and_thumbnails_are_no_pages(tmp_path: Path) -> None:
    mask = {"photometric": "mask", "subfiletype": 4}
    old = MAIN | {"extratags": [(255, "H", 1, 2, True)]}
    bits = np.packbits(GREY > 99, axis=1).astype(bool)
    data = in_pages((MAIN, GREY), (mask, bits), (old, SMALL), (REDUCED, SMALL), (MAIN, GREY))
    (tmp_path / "a.tif").write_bytes(data)
    assert probe(tmp_path / "a.tif") == ("TIFF", 2)
    first, second = (page() for page in Picture.pages(data))
    assert first.notes == ("2 reduced-size copies left out", "1 mask left out")
    assert (first.size, second.size, second.notes) == ((25, 18), (25, 18), ())


def test_compressions_are_named() -> None:
    for number, name in ((50001, "WebP"), (34712, "JPEG 2000"), (50002, "JPEG XL")):
        data = tiff_of(tags(5, 4) | {259: ("H", (number,))}, bytes(20))
        with pytest.raises(PictureError, match=rf"compressed as {name}\); save it"):
            Picture.open(data)


def test_errors_are_one_line() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    out = io.BytesIO()
    Image.fromarray(np.kron(RGB, np.ones((4, 4, 1), np.uint8))).save(out, "HEIF", quality=90)
    good = out.getvalue()
    picture = Picture.open(good)
    assert (picture.size, picture.format) == ((100, 72), "HEIF")
    for end in range(100, len(good), len(good) // 20):
        with pytest.raises(PictureError) as error:
            Picture.open(good[:end])
        assert "\n" not in str(error.value)
