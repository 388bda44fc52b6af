"""TIFF layouts: what Pillow cannot read, or reads wrongly, is read rightly or refused in words."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from manyhues.color import profiles
from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import PictureError
from manyhues.image import encode
from manyhues.image.picture import Picture, probe

tifffile = pytest.importorskip("tifffile")
RGB = (colourful(18, 25).astype(np.uint16) << 8) + 17
TRUTH = rgb_to_luminance(RGB / 65535.0)
ALPHA = np.linspace(0, 65535, RGB[..., 0].size).reshape(18, 25).astype(np.uint16)


def encoded(pixels: NDArray[Any], **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [3, 4])
def test_separate_planes_of_16_bits(order: Any, compression: str | None, channels: int) -> None:
    planes = np.concatenate([RGB.transpose(2, 0, 1), ALPHA[None]])[:channels]
    data = encoded(
        planes,
        photometric="rgb",
        planarconfig="separate",
        byteorder=order,
        compression=compression,
        extrasamples=["unassalpha"] if channels == 4 else None,
    )
    picture = Picture.open(data)
    assert picture.bits == 16
    assert np.abs(picture.luminance - TRUTH).max() < 1e-3
    assert (picture.alpha is None) == (channels == 3)
    if picture.alpha is not None:
        assert (picture.alpha == ALPHA).all()
    with pytest.raises(PictureError, match="give its path or its bytes"):
        Picture.open(Image.open(io.BytesIO(data)))


def test_grey_with_alpha() -> None:
    for kind, grey in (("minisblack", RGB[..., 0]), ("miniswhite", np.invert(RGB[..., 0]))):
        data = encoded(np.dstack([grey, ALPHA]), photometric=kind, extrasamples=["unassalpha"])
        picture = Picture.open(data)
        expected = rgb_to_luminance(np.repeat(RGB[..., :1], 3, 2) / 65535.0)
        assert np.abs(picture.luminance - expected).max() < 1e-3
        assert picture.alpha is not None
        assert (picture.alpha == ALPHA).all()


def test_premultiplied_alpha_is_taken_out_of_the_colours() -> None:
    share = ALPHA[..., None] / 65535
    planes = np.dstack([np.round(RGB * share).astype(np.uint16), ALPHA]).transpose(2, 0, 1)
    data = encoded(planes, photometric="rgb", planarconfig="separate", extrasamples=["assocalpha"])
    picture = Picture.open(data)
    assert picture.alpha is not None
    assert (picture.alpha == ALPHA).all()
    seen = ALPHA > 2000  # below, rounding has left little of the colours
    assert np.abs(picture.luminance - TRUTH)[seen].max() < 0.5
    assert picture.luminance[ALPHA == 0].max() == 0


@pytest.mark.parametrize("separate", [True, False])
def test_what_is_kept_of_a_bigtiff(separate: bool) -> None:
    data = encoded(
        RGB.transpose(2, 0, 1) if separate else RGB,
        photometric="rgb",
        planarconfig="separate" if separate else "contig",
        bigtiff=True,
        extratags=[(271, "s", 0, "Maker", True)],
    )
    picture = Picture.open(data)
    assert np.abs(picture.luminance - TRUTH).max() < 1e-3
    for format_ in ("TIFF", "PNG", "JPEG"):
        assert exif_of(encode.encode(RGB, format_, picture.metadata))[0][271] == "Maker"


def test_lab_of_16_bits_is_read_by_its_luminance() -> None:
    luminance = np.linspace(0, 100, ALPHA.size).reshape(18, 25)
    lab = np.zeros((18, 25, 3), np.uint16)
    lab[..., 0] = np.round(luminance * 655.35)
    assert (
        np.abs(Picture.open(encoded(lab, photometric="cielab")).luminance - luminance).max() < 0.02
    )
    lab[..., 0] = np.round(luminance * 652.80)
    assert (
        np.abs(Picture.open(encoded(lab, photometric="icclab")).luminance - luminance).max() < 0.02
    )


def test_ink_of_16_bits() -> None:
    ink = np.random.default_rng(0).integers(0, 65536, (18, 25, 4), dtype=np.uint16)
    light = 1 - ink / 65535.0
    truth = rgb_to_luminance(light[..., :3] * light[..., 3:])
    for compression in (None, "zlib"):
        picture = Picture.open(encoded(ink, photometric="separated", compression=compression))
        assert picture.bits == 16
        assert np.abs(picture.luminance - truth).max() < 2e-3
        assert "plain formula" in picture.notes[0]
    extra = np.dstack([ink, ALPHA])  # a spot colour
    picture = Picture.open(encoded(extra, photometric="separated", extrasamples=["unspecified"]))
    assert np.abs(picture.luminance - truth).max() < 2e-3


def test_what_a_rewritten_page_keeps() -> None:
    pages = np.stack([RGB.transpose(2, 0, 1)] * 2)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for page in pages:
            writer.write(
                page,
                photometric="rgb",
                planarconfig="separate",
                resolution=(300, 200),
                resolutionunit=2,
                iccprofile=profiles.srgb_profile(),
                extratags=[(274, "H", 1, 6, True), (271, "s", 0, "Maker", True)],
                metadata=None,
            )
    read = [page() for page in Picture.pages(out.getvalue())]
    assert [picture.size for picture in read] == [(18, 25)] * 2
    for picture in read:
        assert np.abs(picture.luminance - np.rot90(TRUTH, -1)).max() < 1e-3
        assert picture.metadata.has_profile
        assert picture.metadata.dpi == pytest.approx((300, 200))
        exif = Image.Exif()
        exif.load(picture.metadata.exif)
        assert exif[271] == "Maker"


def exif_of(data: bytes) -> list[dict[int, Any]]:
    exif = Image.open(io.BytesIO(data)).getexif()
    return [dict(exif), *(exif.get_ifd(tag) for tag in (0x8769, 0x8825))]


def with_exif(pixels: NDArray[Any], order: bytes, separate: bool) -> bytes:
    """An uncompressed TIFF whose page has EXIF and GPS blocks, as a camera's or a scanner's."""
    ifd: Any = TiffImagePlugin.ImageFileDirectory_v2(prefix=order)
    ifd[271], ifd[40091] = "Maker", "Title".encode("utf-16-le")
    ifd[0x8769] = {0x9003: "1936:05:01 12:00:00", 0x829A: 0.01, 0x927C: b"maker's own" * 9}
    ifd[0x8825] = {1: "N", 2: (51.0, 30.0, 0.0), 3: "W", 4: (0.0, 7.0, 0.5)}
    height, width, channels = pixels.shape
    bits = 8 * pixels.itemsize
    ifd[256], ifd[257], ifd[258], ifd[259] = width, height, (bits,) * channels, 1
    ifd[262], ifd[277], ifd[278], ifd[284] = 2, channels, height, 2 if separate else 1
    stored = pixels.transpose(2, 0, 1) if separate else pixels[None]
    strips = [
        part.astype(part.dtype.newbyteorder("<" if order == b"II" else ">")).tobytes()
        for part in stored
    ]
    ifd.tagtype[273] = ifd.tagtype[279] = 4
    ifd[273] = tuple(sum(map(len, strips[:i])) for i in range(len(strips)))
    ifd[279] = tuple(map(len, strips))
    out = io.BytesIO()
    ifd.save(out)
    return out.getvalue() + b"".join(strips)


@pytest.mark.parametrize("order", [b"II", b"MM"])
@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("bits", [8, 16])
def test_exif_and_gps_blocks_of_every_layout_survive(
    order: bytes, separate: bool, bits: int
) -> None:
    pixels = RGB if bits == 16 else (RGB >> 8).astype(np.uint8)
    data = with_exif(pixels, order, separate)
    first, details, place = exif_of(data)
    assert (len(details), len(place)) == (3, 4)
    picture = Picture.open(data)
    assert (picture.bits, picture.notes) == (bits, ())
    assert np.abs(picture.luminance - TRUTH).max() < 0.5
    for format_ in ("TIFF", "PNG", "JPEG", "WEBP", "AVIF"):
        kept = exif_of(encode.encode(pixels, format_, picture.metadata))
        assert {tag: kept[0][tag] for tag in (271, 40091)} == {
            tag: first[tag] for tag in (271, 40091)
        }
        assert kept[1] == details | {40961: 1}  # sRGB
        assert kept[2] == place


def test_damaged_tags_cost_no_picture(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(with_exif(RGB, b"II", True))
    start = data.index(struct.pack("<H", 40091))
    data[start + 4 : start + 12] = struct.pack("<II", 9, 10**9)  # beyond the end: is passed over
    assert "cannot" not in "".join(Picture.open(bytes(data)).notes)
    start = data.index(struct.pack("<H", 271))
    data[start : start + 12] = struct.pack("<HHII", 271, 12, 1, 0)  # a number, where text should be
    picture = Picture.open(bytes(data))
    assert np.abs(picture.luminance - TRUTH).max() < 1e-3
    assert picture.notes == ("its EXIF cannot be written again and is left out",)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("separate", [True, False])
def test_exif_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, separate: bool
) -> None:
    def fail(self: Image.Exif, offset: int = 8) -> bytes:
        raise ValueError("no such number")

    monkeypatch.setattr(Image.Exif, "tobytes", fail)
    picture = Picture.open(with_exif(RGB, b"II", separate))
    assert picture.metadata.exif == b""
    assert picture.notes == ("its EXIF cannot be written again and is left out",)


@pytest.mark.parametrize(
    ("pixels", "options", "fault"),
    [
        (RGB.astype(np.float32), {"photometric": "rgb"}, "float32.*16 bits, unsigned"),
        (RGB.astype(np.uint32), {"photometric": "rgb"}, "uint32.*16 bits, unsigned"),
        (RGB[..., 0].astype(np.int16), {"photometric": "minisblack"}, "16 bits, unsigned"),
        (np.zeros((9, 9), np.int8), {"photometric": "minisblack"}, "16 bits, unsigned"),
        (
            np.zeros((9, 9, 5), np.uint8),
            {"photometric": "separated", "extrasamples": ["unassalpha"]},
            "CMYK with transparency; save it as RGB",
        ),
        (
            np.zeros((9, 9, 40), np.uint8),
            {"photometric": "rgb", "planarconfig": "contig", "extrasamples": [0] * 37},
            "40 channels are no photograph's",
        ),
    ],
)
def test_layouts_that_are_refused(
    pixels: NDArray[Any], options: dict[str, Any], fault: str
) -> None:
    with pytest.raises(PictureError, match=fault):
        Picture.open(encoded(pixels, **options))


def test_a_large_strange_page_is_refused_before_decoding() -> None:
    data = encoded(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    with pytest.raises(PictureError, match="25 x 18 pixels are over the limit"):
        Picture.open(data, max_pixels=100)


def test_damage_and_a_missing_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "planes.tif"
    data = encoded(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match=r"planes\.tif: .*;"):
        Picture.open(path)
    path.write_bytes(data)
    assert probe(path) == ("TIFF", 1)
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    with pytest.raises(PictureError, match=r"planes\.tif: .*pip install 'manyhues\[tiff\]'"):
        Picture.open(path)


def test_only_the_wanted_page_of_many_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for _ in range(5):
            grey = np.dstack([RGB[..., 0], ALPHA])
            writer.write(grey, photometric="minisblack", extrasamples=["unassalpha"], metadata=None)
    data, limit = out.getvalue(), 3 * ALPHA.size
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        places = [page.offset for page in opened.pages]
    decoded: list[int] = []
    asarray = tifffile.TiffPage.asarray

    def watched(page: Any) -> Any:
        decoded.append(places.index(page.offset))
        return asarray(page)

    monkeypatch.setattr(tifffile.TiffPage, "asarray", watched)
    first = Picture.open(data, max_pixels=limit)
    assert (decoded, first.size) == ([0], (25, 18))
    assert first.notes == ("page 1 of 5 was read",)
    decoded.clear()
    pages = Picture.pages(data, max_pixels=limit)  # together they are more than that
    assert (decoded, len(pages)) == ([], 5)
    assert pages[3]().size == (25, 18)
    assert decoded == [3]


def test_a_probe_decodes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    pages = np.stack([RGB.transpose(2, 0, 1)] * 2)
    path.write_bytes(encoded(pages, photometric="rgb", planarconfig="separate"))
    monkeypatch.setattr(tifffile.TiffPage, "asarray", None)
    monkeypatch.setattr(Image.Image, "load", None)
    assert probe(path) == ("TIFF", 2)


def test_each_page_is_read_by_what_reads_it() -> None:
    """A page that Pillow reads, then ones that it reads as noise or not at all."""
    out = io.BytesIO()
    shallow = (RGB >> 8).astype(np.uint8)
    with tifffile.TiffWriter(out) as writer:
        writer.write(shallow, photometric="rgb")
        writer.write(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
        grey = np.dstack([RGB[..., 0], ALPHA])
        writer.write(grey, photometric="minisblack", extrasamples=["unassalpha"])
        writer.write(shallow, photometric="rgb")
    first, planar, with_alpha, last = (page() for page in Picture.pages(out.getvalue()))
    for picture in (first, planar, last):
        assert np.abs(picture.luminance - TRUTH).max() < 0.5
    assert (first.bits, planar.bits, last.bits) == (8, 16, 8)
    assert with_alpha.alpha is not None
    assert (with_alpha.alpha == ALPHA).all()
