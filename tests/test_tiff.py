"""TIFF layouts: what Pillow cannot read, or reads wrongly, is read rightly or refused in words."""

import io
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from numpy.typing import NDArray
from PIL import Image

from manyhues import icc
from manyhues.color import rgb_to_luminance
from manyhues.errors import PictureError
from manyhues.picture import Picture, probe

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
                iccprofile=icc.srgb_profile(),
                extratags=[(274, "H", 1, 6, True), (271, "s", 0, "Maker", True)],
                metadata=None,
            )
    read = list(Picture.open_all(out.getvalue()))
    assert [picture.size for picture in read] == [(18, 25)] * 2
    for picture in read:
        assert np.abs(picture.luminance - np.rot90(TRUTH, -1)).max() < 1e-3
        assert picture.metadata.has_profile
        assert picture.metadata.dpi == pytest.approx((300, 200))
        exif = Image.Exif()
        exif.load(picture.metadata.exif)
        assert exif[271] == "Maker"


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
