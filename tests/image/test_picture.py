"""Every kind of picture in, and every kind of fault."""

import contextlib
import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import adobe_like_profile, colourful, encoded
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin
from test_sixteen_bit import png16

from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import PictureError
from manyhues.image.picture import Picture, probe, read_rgb, read_small_rgb

RGB = colourful(24, 31)
TRUTH = rgb_to_luminance(RGB / 255.0)


def test_luminance_of_8_bits_is_that_of_color_py() -> None:
    assert np.abs(Picture.open(RGB).luminance - TRUTH).max() < 1e-3


@pytest.mark.parametrize(
    ("format_", "options", "limit"),
    [
        ("PNG", {}, 1e-3),
        ("TIFF", {}, 1e-3),
        ("TIFF", {"compression": "tiff_lzw"}, 1e-3),
        ("BMP", {}, 1e-3),
        ("WEBP", {"lossless": True}, 1e-3),
        ("JPEG", {"quality": 98, "subsampling": 0}, 1.0),
        ("GIF", {}, 12.0),
    ],
)
def test_formats(format_: str, options: dict[str, Any], limit: float) -> None:
    picture = Picture.open(encoded(Image.fromarray(RGB), format_, **options))
    assert picture.format == format_
    assert picture.luminance.shape == (24, 31)
    assert picture.luminance.dtype == np.float32
    assert np.abs(picture.luminance - TRUTH).mean() < limit


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"]
)
def test_modes(mode: str) -> None:
    grey = Image.fromarray(RGB).convert("L")
    if mode == "LAB":
        image = Image.merge("LAB", (grey, *(Image.new("L", grey.size, 128) for _ in range(2))))
        expected: NDArray[Any] = np.asarray(grey) * (100 / 255)
    else:
        image = {
            "PA": lambda: grey.convert("PA"),
            "La": lambda: grey.convert("LA").convert("La"),
        }.get(mode, lambda: grey.convert("RGB").convert(mode))()
        expected = rgb_to_luminance(
            np.asarray((image.convert("LA") if mode == "La" else image).convert("RGB")) / 255.0
        )
    picture = Picture.open(image)
    assert np.abs(picture.luminance - expected).max() < 0.5
    assert (picture.alpha is not None) == (mode in ("LA", "La", "RGBA", "PA"))


def test_alpha_is_kept_exactly() -> None:
    alpha = (np.arange(24 * 31).reshape(24, 31) % 256).astype(np.uint8)
    picture = Picture.open(encoded(Image.fromarray(np.dstack([RGB, alpha])), "PNG"))
    assert picture.alpha is not None
    assert (picture.alpha == alpha).all()
    palette = Image.fromarray(RGB).quantize(16)
    palette.info["transparency"] = 3
    again = Picture.open(encoded(palette, "PNG", transparency=3))
    assert again.alpha is not None
    assert set(np.unique(again.alpha)) == {0, 255}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    data = encoded(Image.fromarray(RGB), "PNG", exif=exif)
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    picture = Picture.open(data)
    assert picture.size == upright.size
    assert np.abs(picture.luminance - rgb_to_luminance(np.asarray(upright) / 255.0)).max() < 1e-3
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[0x010F] == "Maker"


def test_every_page_of_a_tiff() -> None:
    pages = [Image.new("L", (10 + i, 8), 40 * i) for i in range(3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert [page().size for page in Picture.pages(data)] == [(10, 8), (11, 8), (12, 8)]
    assert "page 1 of 3" in Picture.open(data).notes[0]
    assert Picture.open(data).metadata.dpi == (0, 0)  # it says none, and 1 would be a poster


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "AVIF"])
def test_animations_say_that_one_frame_was_read(format_: str) -> None:
    frames = [Image.new("RGB", (8, 8), (v, v, v)) for v in (0, 90, 200)]
    data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
    picture = Picture.open(data)
    assert "first frame" in picture.notes[0]
    assert picture.luminance.max() < 1


@pytest.mark.parametrize(
    ("array", "bits"),
    [
        (np.zeros((3, 4), np.uint8), 8),
        (np.zeros((3, 4, 2), np.uint16), 16),
        (np.zeros((3, 4, 4), bool), 8),
        (np.zeros((3, 4, 3), np.float32), 16),
    ],
)
def test_arrays(array: NDArray[Any], bits: int) -> None:
    assert Picture.open(array).bits == bits


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_of_every_width_are_the_same_picture(kind: Any) -> None:
    picture = Picture.open((RGB / 255.0).astype(kind))
    assert np.abs(picture.luminance - TRUTH).max() < (0.1 if kind is np.float16 else 2e-3)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(7, np.uint8),
        np.zeros((3, 4), np.int64),
        np.full((3, 4), 7.0),
        np.full((3, 4), np.nan),
    ],
)
def test_arrays_that_are_no_pictures(array: NDArray[Any]) -> None:
    with pytest.raises(PictureError, match=r"expected|scale"):
        Picture.open(array)


def bomb(format_: str) -> bytes:
    """A header of 30,000 x 30,000 pixels with next to nothing behind it."""
    small = encoded(Image.new("L", (8, 8)), format_)
    side = 30_000
    if format_ == "PNG":
        head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        chunk = b"IHDR" + head
        return small[:8] + small[8:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + small[33:]
    if format_ == "BMP":
        return small[:18] + struct.pack("<ii", side, side) + small[26:]
    if format_ == "GIF":
        return small[:6] + struct.pack("<HH", side, side) + small[10:]
    if format_ == "TIFF":
        for tag in (256, 257):
            start = small.index(struct.pack("<HH", tag, 4) + struct.pack("<I", 1)) + 8
            small = small[:start] + struct.pack("<I", side) + small[start + 4 :]
        return small
    start = small.index(b"\xff\xc0") + 5  # JPEG's frame header
    return small[:start] + struct.pack(">HH", side, side) + small[start + 4 :]


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "BMP", "GIF"])
def test_decompression_bombs_are_refused_before_decoding(format_: str) -> None:
    with pytest.raises(PictureError, match="30000 x 30000 pixels are over the limit"):
        Picture.open(bomb(format_))


def test_a_later_page_may_be_a_bomb_too() -> None:
    pages = [Image.new("L", (8, 8)), Image.new("L", (90, 9))]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    first, second = Picture.pages(data, max_pixels=100)
    assert first().size == (8, 8)
    with pytest.raises(PictureError, match="90 x 9 pixels are over the limit"):
        second()


def test_large_but_allowed_headers_pass_pillows_own_limit() -> None:
    with pytest.raises(PictureError, match="truncated"):  # and not "limit", nor a warning
        Picture.open(bomb("PNG"), max_pixels=10**9)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_errors(format_: str, share: float) -> None:
    data = encoded(Image.fromarray(colourful(80, 90)), format_)
    with pytest.raises(PictureError, match=r"^picture: .*(copy it again|convert it)"):
        Picture.open(data[: int(len(data) * share)])


def test_truncated_progressive_jpeg() -> None:
    data = encoded(Image.fromarray(colourful(80, 90)), "JPEG", progressive=True)
    with pytest.raises(PictureError, match="truncated"):
        Picture.open(data[: len(data) // 2])


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.jpg", tmp_path / "empty.jpg"
    text.write_text("no picture at all\n" * 20)
    empty.touch()
    faults = {
        tmp_path / "missing.jpg": "no such file; check",
        tmp_path: "is a folder",
        Path("/dev/zero"): "is no file but a pipe or a device; save it",
        text: "not a picture in a format that can be read; convert",
        empty: "empty .0 bytes.; copy",
    }
    for path, fault in faults.items():
        with pytest.raises(PictureError, match=fault) as caught:
            Picture.open(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(PictureError, match="give a path"):
        Picture.open(12)  # type: ignore[arg-type]


def test_metadata_is_read() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    picture = Picture.open(encoded(Image.fromarray(RGB), "PNG", pnginfo=text, dpi=(300, 300)))
    assert picture.metadata.xmp == b'<x tiff:Orientation="1"/>'
    assert picture.metadata.dpi == pytest.approx((300, 300), abs=0.1)


def test_a_gain_map_is_left_out_aloud() -> None:
    xmp = b'<x:xmpmeta hdrgm:Version="1.0" dc:title="kept"/>'
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[:6, :6])]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], xmp=xmp)
    picture = Picture.open(data)
    assert picture.format == "JPEG"
    assert "gain map is left out" in picture.notes[0]
    assert b"hdrgm:Version" not in picture.metadata.xmp  # or readers would look for one
    assert b'dc:title="kept"' in picture.metadata.xmp


@pytest.mark.parametrize("quality", [50, 80, 95, 98])
def test_jpeg_quality_is_estimated(quality: int) -> None:
    data = encoded(Image.fromarray(RGB), "JPEG", quality=quality)
    assert abs(Picture.open(data).metadata.jpeg_quality - quality) <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_orientation_of_tiff(bits: int) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = np.arange(12 * 20, dtype=np.uint16).reshape(12, 20) * 256
    rgb = np.repeat(pixels[..., None], 3, 2)
    stored = rgb if bits == 16 else (rgb >> 8).astype(np.uint8)
    out = io.BytesIO()
    tifffile.imwrite(out, stored, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    picture = Picture.open(out.getvalue())
    expected = np.rot90(rgb_to_luminance(stored / (2.0**bits - 1)), -1)
    assert picture.luminance.shape == (20, 12)
    assert np.abs(picture.luminance - expected).max() < 2e-3
    assert picture.bits == bits


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "AVIF"])
def test_damaged_files_raise_nothing_else(format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if format_ not in ("BMP", "GIF") else {}
    good = encoded(Image.fromarray(RGB), format_, **options)
    random = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(good)
        for place in random.integers(0, min(len(data), 600), 3):
            data[place] = random.integers(0, 256)
        with contextlib.suppress(PictureError):
            assert np.isfinite(Picture.open(bytes(data), max_pixels=10**6).luminance).all()


@pytest.mark.parametrize(
    "source",
    [
        RGB,
        RGB.astype(np.uint16) * 257,
        (RGB / 255.0).astype(np.float32),
        np.dstack([RGB, RGB[..., 0]]),
        bytearray(encoded(Image.fromarray(RGB), "PNG")),
    ],
)
def test_a_palette_is_read_from_all_that_a_picture_is_read_from(source: Any) -> None:
    small = read_small_rgb(source, 1000)
    assert np.abs(small.astype(int) - RGB).max() <= 1


def test_a_grey_array_is_a_palette_of_grey() -> None:
    assert (read_small_rgb(RGB[..., :1], 1000) == RGB[..., :1]).all()
    with pytest.raises(PictureError, match="not finite"):
        read_small_rgb(np.full((3, 4), np.nan))


def test_the_limit_is_for_open_images_too() -> None:
    with pytest.raises(PictureError, match="over the limit"):
        Picture.open(Image.new("L", (64, 40)), max_pixels=10)


def test_reading_in_threads_leaves_warnings_as_they_were() -> None:
    data, before = encoded(Image.fromarray(RGB), "PNG"), list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Picture.open, [data] * 400))
    assert list(warnings.filters) == before


def test_open_files_and_arrays_of_either_byte_order(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(RGB), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as file:
        assert np.array_equal(Picture.open(file).luminance, Picture.open(data).luminance)
    assert np.array_equal(Picture.open(io.BytesIO(data)).luminance, Picture.open(data).luminance)
    deep = RGB.astype(np.uint16) * 257
    swapped = Picture.open(deep.astype(deep.dtype.newbyteorder()))
    assert np.array_equal(swapped.luminance, Picture.open(deep).luminance)
    with pytest.raises(PictureError, match="no picture"):
        Picture.open(Image.new("L", (0, 5)))


def test_a_jpeg_without_a_resolution_gets_none() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    bare = io.BytesIO()
    Image.fromarray(RGB).save(bare, "JPEG", exif=exif)
    data = bare.getvalue()
    assert Picture.open(data).metadata.dpi == (0, 0)  # its density is a ratio, without a unit
    start = data.index(b"JFIF")  # and without the segment that has one
    length = int.from_bytes(data[start - 2 : start], "big")
    data = data[: start - 4] + data[start - 2 + length :]
    assert Picture.open(data).metadata.dpi == (0, 0)
    kept = encoded(Image.fromarray(RGB), "JPEG", dpi=(300, 300))
    assert Picture.open(kept).metadata.dpi == (300, 300)


def test_a_zero_byte_in_a_path_is_said() -> None:
    with pytest.raises(PictureError, match=r"^a\\0b\.jpg: no path holds a zero byte; check"):
        Picture.open("a\0b.jpg")


def test_programs_are_no_pictures(tmp_path: Path) -> None:
    """Pillow would have Ghostscript run it, whatever the file is called."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    for read in (Picture.open, read_rgb, probe):
        with pytest.raises(PictureError, match="not a picture in a format that can be read"):
            read(path)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_colours_are_read_upright_and_through_their_profile(format_: str) -> None:
    """What training and palettes see is what the runtime sees."""
    exif = Image.Exif()
    exif[274] = 6
    soft = (RGB // 3 + 90).astype(np.uint8)
    options = {"lossless": True} if format_ == "WEBP" else {"quality": 100, "subsampling": 0}
    data = encoded(
        Image.fromarray(soft), format_, exif=exif, icc_profile=adobe_like_profile(), **options
    )
    rgb, picture = read_rgb(data), Picture.open(data)
    assert rgb.shape == (*picture.luminance.shape, 3)
    assert np.abs(rgb_to_luminance(rgb / 255.0) - picture.luminance).max() < 1e-3
    assert np.abs(rgb - np.rot90(soft, -1).astype(int)).mean() > 2  # converted


def test_colours_of_what_pillow_does_not_read_well() -> None:
    tifffile = pytest.importorskip("tifffile")
    deep = RGB.astype(np.uint16) * 257
    out = io.BytesIO()
    tifffile.imwrite(out, deep.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    for data in (out.getvalue(), png16(deep)):
        assert (read_rgb(data) == RGB).all()
    lab = ImageCms.profileToProfile(
        Image.fromarray(RGB),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    assert np.abs(read_rgb(encoded(lab, "TIFF")).astype(int) - RGB).mean() < 3
