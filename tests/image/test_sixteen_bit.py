"""16 bits a channel, and colour profiles, of every format that has them."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import adobe_like_profile, colourful, encoded
from numpy.typing import NDArray
from PIL import Image, ImageCms

from manyhues.color import profiles as icc
from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import PictureError
from manyhues.image import encode as writer
from manyhues.image.picture import Picture

RGB = colourful(24, 31)
TRUTH = rgb_to_luminance(RGB / 255.0)


def test_wide_profiles_are_converted_and_16_bits_agree_with_littlecms() -> None:
    profile = adobe_like_profile()
    soft = (RGB // 3 + 90).astype(np.uint8)  # inside sRGB, where LittleCMS clips nothing
    image = Image.fromarray(soft)
    shallow = Picture.open(encoded(image, "PNG", icc_profile=profile))
    plain = Picture.open(soft)
    assert shallow.metadata.has_profile
    assert "wide" in shallow.notes[0]
    assert np.abs(shallow.luminance - plain.luminance).mean() > 0.3
    out = ImageCms.profileToProfile(
        image,
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert out is not None
    assert np.abs(shallow.luminance - rgb_to_luminance(np.asarray(out) / 255.0)).max() < 0.01
    deep_png = png16(soft.astype(np.uint16) * 257, profile)
    deep = Picture.open(deep_png)
    assert deep.bits == 16
    difference = np.abs(deep.luminance - shallow.luminance)
    assert difference.mean() < 0.25  # LittleCMS rounds to 8 bits, about 0.4 L* a step
    assert difference.max() < 1


def test_profiles_that_do_not_fit_are_said() -> None:
    picture = Picture.open(encoded(Image.fromarray(RGB), "PNG", icc_profile=b"nonsense" * 30))
    assert np.abs(picture.luminance - TRUTH).max() < 1e-3
    assert "does not fit" in picture.notes[0]


def png16(pixels: NDArray[np.uint16], profile: bytes = b"") -> bytes:
    """An independent 16-bit PNG writer: filter 0, one chunk."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    icc = chunk(b"iCCP", b"p\0\0" + zlib.compress(profile)) if profile else b""
    body = chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + icc + body


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits(channels: int) -> None:
    random = np.random.default_rng(channels)
    pixels = random.integers(0, 65536, (9, 13, channels), dtype=np.uint16)
    picture = Picture.open(png16(pixels))
    colour = pixels[..., : 1 if channels < 3 else 3]
    expected = rgb_to_luminance(np.broadcast_to(colour, (9, 13, 3)) / 65535.0)
    assert picture.bits == 16
    assert np.abs(picture.luminance - expected).max() < 2e-3
    if channels in (2, 4):
        assert picture.alpha is not None
        assert picture.alpha.dtype == np.uint16
        assert (picture.alpha == pixels[..., -1]).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiff_of_16_bits(order: str, compression: str | None, channels: int) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 13, channels), dtype=np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        pixels[..., 0] if channels == 1 else pixels,
        photometric="minisblack" if channels == 1 else "rgb",
        byteorder=order,
        compression=compression,
        extrasamples=["unassalpha"] if channels == 4 else None,
    )
    picture = Picture.open(out.getvalue())
    expected = (
        rgb_to_luminance(np.broadcast_to(pixels[..., :3], (9, 13, 3)) / 65535.0)
        if (channels > 1)
        else rgb_to_luminance(np.repeat(pixels, 3, 2) / 65535.0)
    )
    assert picture.bits == 16
    assert np.abs(picture.luminance - expected).max() < 2e-3


@pytest.mark.parametrize("white", [65535, 4095, 256])
@pytest.mark.parametrize("magic", ["P2", "P3", "P5", "P6"])
def test_pgm_and_ppm_of_more_than_8_bits(magic: str, white: int) -> None:
    channels = 3 if magic in ("P3", "P6") else 1
    samples = np.random.default_rng(0).integers(0, white + 1, (9, 13, channels), np.uint16)
    head = f"{magic} 13 9\n# a comment\n{white}\n".encode()
    numbers = " ".join(map(str, samples.ravel().tolist())).replace(" ", " # 7 8 9\n", 1).encode()
    data = head + (numbers if magic in ("P2", "P3") else samples.astype(">u2").tobytes())
    picture = Picture.open(data)
    expected = rgb_to_luminance(np.broadcast_to(samples, (9, 13, 3)) / white)
    assert (picture.bits, picture.notes) == (16, ())
    assert np.abs(picture.luminance - expected).max() < 2e-3
    assert writer.output_format(picture.format, ".ppm", "keep") == ("PNG", ".png")
    assert writer.losses(picture, "PNG") == ("PPM input is written as PNG",)
    with pytest.raises(PictureError, match="truncated"):
        Picture.open(data[:-40])


def test_pgm_as_a_pil_image() -> None:
    grey = np.random.default_rng(0).integers(0, 65536, (9, 13), np.uint16)
    data = b"P5 13 9 65535\n" + grey.astype(">u2").tobytes()
    for decoded in (False, True):
        with Image.open(io.BytesIO(data)) as image:
            if decoded:
                image.load()
            picture = Picture.open(image)
        assert picture.bits == 16
        assert np.array_equal(picture.luminance, Picture.open(data).luminance)
        assert picture.notes == ()


def test_jpeg_2000_of_16_bits() -> None:
    grey = np.random.default_rng(0).integers(0, 65536, (9, 13), np.uint16)
    picture = Picture.open(encoded(Image.fromarray(grey), "JPEG2000", irreversible=False))
    assert picture.bits == 16
    assert np.array_equal(picture.luminance, Picture.open(grey).luminance)
    assert picture.notes == ()


AVIF_OF_10_BITS = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAA"
    "AAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAKgAAAChpaW5mAAAAAAAB"
    "AAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAACAAAAAgAAAAQcG"
    "l4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJuY2x4AAIAAgAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAA"
    "Mm1kYXQSAAoIOAi/bwICBpAyHBrCYuTgABQQIACQNgztOeap2/9BglklMFPK/uo="
)


def test_depth_that_pillow_cannot_give_is_said(tmp_path: Path) -> None:
    shallow = encoded(Image.fromarray(RGB), "JPEG2000", no_jp2=True, irreversible=False)
    depths = shallow.index(b"\xff\x4f\xff\x51") + 42
    deep = bytearray(shallow)
    deep[depths : depths + 9 : 3] = b"\x0f" * 3  # 16 bits, where it said 8
    path = tmp_path / "picture"
    for data in (bytes(deep), AVIF_OF_10_BITS):
        path.write_bytes(data)
        with Image.open(path) as image:
            for source in (data, path, image, Image.open(io.BytesIO(data))):
                picture = Picture.open(source)
                assert picture.bits == 8
                assert picture.notes == (
                    "samples of more than 8 bits in this layout were read at 8 bits",
                )
    for data in (shallow, encoded(Image.fromarray(RGB), "AVIF")):
        assert Picture.open(data).notes == ()


def test_pil_images_that_are_not_decoded_yet(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(png16(np.random.default_rng(0).integers(0, 65536, (9, 13, 3), np.uint16)))
    with Image.open(path) as image:
        picture = Picture.open(image)
    assert picture.bits == 16
    assert np.array_equal(picture.luminance, Picture.open(path).luminance)
    with Image.open(io.BytesIO(path.read_bytes())) as image:  # no file to go back to
        shallow = Picture.open(image)
    assert np.abs(shallow.luminance - picture.luminance).max() < 1
    pages = np.zeros((2, 9, 13, 3), np.uint16)
    pages[1] = 40000
    pytest.importorskip("tifffile").imwrite(tmp_path / "two.tif", pages, photometric="rgb")
    with Image.open(tmp_path / "two.tif") as image:
        image.seek(1)
        assert Picture.open(image).luminance.min() > 50


@pytest.mark.parametrize("bits", [8, 16])
def test_a_profile_is_srgb_by_its_curves_and_not_by_its_name(bits: int) -> None:
    linear = adobe_like_profile("GIMP built-in Linear sRGB", 1.0)
    assert not icc.is_srgb(linear)
    assert icc.is_srgb(icc.srgb_profile())
    grey = np.full((4, 4, 3), 55, np.uint8)
    shallow = encoded(Image.fromarray(grey), "PNG", icc_profile=linear)
    data = shallow if bits == 8 else png16(grey.astype(np.uint16) * 257, linear)
    picture = Picture.open(data)
    assert picture.luminance == pytest.approx(53.6, abs=0.5)  # of Y = 55 / 255; read as sRGB 23.1
    assert any("Linear sRGB" in note for note in picture.notes)


def test_few_bits_in_many_are_said() -> None:
    assert not Picture.open(png16(RGB.astype(np.uint16) * 257)).notes
    faint = Picture.open(png16(RGB.astype(np.uint16) * 16))
    peak = 16 * int(RGB.max())
    assert faint.notes == (f"its values end at {peak} of 65535, nearly black: stretch them first",)
    (note,) = Picture.open(png16(RGB[..., :1].astype(np.uint16) * 16)).notes
    assert note.endswith("nearly black: give --window full, or stretch them first")
