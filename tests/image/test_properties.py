"""Any picture in, nothing lost: sizes, modes, depths, profiles and orientations, through files.

Examples are the same on every run. To search further, on an idle machine:

    pytest tests/test_properties.py --hypothesis-profile=explore
"""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import adobe_like_profile, colourful, encoded
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from test_sixteen_bit import png16

from manyhues.color import profiles as icc
from manyhues.color.lab import rgb_to_luminance
from manyhues.colorizer import Colorizer
from manyhues.image.picture import Picture

LONGEST = 4000
AREA = 250_000  # of nearly all examples: a long side leaves a short one


@dataclass(frozen=True)
class Given:
    """What is put into a file: pixels ``(H, W, 3)`` uint8, alpha ``(H, W)`` uint8, and tags."""

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    profile: bytes = b""
    orientation: int = 1

    @property
    def grey(self) -> NDArray[np.uint8]:
        return self.rgb[..., 0]

    def save(self, image: Image.Image, format_: str, **options: Any) -> bytes:
        exif = Image.Exif()
        exif[0x010F] = "Maker"
        exif[0x0112] = self.orientation
        if self.profile:
            options["icc_profile"] = self.profile
        return encoded(image, format_, exif=exif, **options)


def tiff(pixels: NDArray[Any], given: Given, **options: Any) -> bytes:
    """By tifffile, whatever the layout."""
    tifffile = pytest.importorskip("tifffile")
    out = io.BytesIO()
    tags = [(0x010F, "s", 0, "Maker", True), (0x0112, "H", 1, given.orientation, True)]
    tifffile.imwrite(out, pixels, iccprofile=given.profile or None, extratags=tags, **options)
    return out.getvalue()


def deep(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    """8 bits to 16, the low byte in use."""
    return np.asarray(pixels.astype(np.uint16) * 257 // 2 * 2, np.uint16)


def palette(given: Given, transparency: bool) -> bytes:
    image = Image.fromarray(given.rgb).quantize(16, dither=Image.Dither.NONE)
    return given.save(image, "PNG", **({"transparency": 3} if transparency else {}))


def lab(given: Given) -> bytes:
    planes = (given.grey, np.full_like(given.grey, 128), np.full_like(given.grey, 128))
    return encoded(Image.merge("LAB", [Image.fromarray(p) for p in planes]), "TIFF")


def separate(given: Given) -> bytes:
    planes = np.ascontiguousarray(deep(given.rgb).transpose(2, 0, 1))
    return tiff(planes, given, photometric="rgb", planarconfig="separate")


def image(given: Given, mode: str) -> Image.Image:
    if mode in ("1", "L"):
        return Image.fromarray(given.grey).convert(mode)
    if mode == "LA":
        return Image.merge("LA", [Image.fromarray(p) for p in (given.grey, given.alpha)])
    if mode == "RGBA":
        return Image.fromarray(np.dstack([given.rgb, given.alpha]))
    return Image.fromarray(given.rgb).convert(mode)


# name: suffix, encoder, takes a profile, takes an orientation, bits, has alpha
KINDS: dict[str, tuple[str, Callable[[Given], bytes], bool, bool, int, bool]] = {
    "1 PNG": (".png", lambda g: g.save(image(g, "1"), "PNG"), False, True, 8, False),
    "1 TIFF": (".tif", lambda g: encoded(image(g, "1"), "TIFF", compression="group4"),
               False, False, 8, False),
    "L PNG": (".png", lambda g: g.save(image(g, "L"), "PNG"), False, True, 8, False),
    "L JPEG": (".jpg", lambda g: g.save(image(g, "L"), "JPEG", quality=95), False, True, 8, False),
    "LA PNG": (".png", lambda g: g.save(image(g, "LA"), "PNG"), False, True, 8, True),
    "P PNG": (".png", lambda g: palette(g, False), True, True, 8, False),
    "P PNG, transparency": (".png", lambda g: palette(g, True), True, True, 8, True),
    "RGB PNG": (".png", lambda g: g.save(image(g, "RGB"), "PNG"), True, True, 8, False),
    "RGB JPEG": (".jpeg", lambda g: g.save(image(g, "RGB"), "JPEG", quality=95), True, True, 8,
                 False),
    "RGB BMP": (".bmp", lambda g: encoded(image(g, "RGB"), "BMP"), False, False, 8, False),
    "RGB GIF": (".gif", lambda g: encoded(image(g, "RGB"), "GIF"), False, False, 8, False),
    "RGB WebP": (".webp", lambda g: g.save(image(g, "RGB"), "WEBP", lossless=True),
                 True, True, 8, False),
    "RGB TIFF": (".tiff", lambda g: tiff(g.rgb, g, photometric="rgb"), True, True, 8, False),
    "RGBA PNG": (".png", lambda g: g.save(image(g, "RGBA"), "PNG"), True, True, 8, True),
    "RGBA WebP": (".webp", lambda g: g.save(image(g, "RGBA"), "WEBP", lossless=True, exact=True),
                  True, True, 8, True),
    "CMYK JPEG": (".jpg", lambda g: g.save(image(g, "CMYK"), "JPEG", quality=95),
                  False, True, 8, False),
    "CMYK TIFF": (".tif", lambda g: encoded(image(g, "CMYK"), "TIFF"), False, False, 8, False),
    "Lab TIFF": (".tif", lab, False, False, 8, False),
    "I;16 PNG": (".png", lambda g: png16(deep(g.grey)), False, False, 16, False),
    "I;16 TIFF": (".tif", lambda g: tiff(deep(g.grey), g, photometric="minisblack"),
                  False, True, 16, False),
    "LA 16 TIFF": (".tif", lambda g: tiff(deep(np.dstack([g.grey, g.alpha])), g,
                                          photometric="minisblack", extrasamples=["unassalpha"]),
                   False, True, 16, True),
    "RGB 16 PNG": (".png", lambda g: png16(deep(g.rgb), g.profile), True, False, 16, False),
    "RGBA 16 PNG": (".png", lambda g: png16(deep(np.dstack([g.rgb, g.alpha])), g.profile),
                    True, False, 16, True),
    "RGB 16 TIFF": (".tif", lambda g: tiff(deep(g.rgb), g, photometric="rgb", compression="zlib"),
                    True, True, 16, False),
    "RGBA 16 TIFF": (".tif", lambda g: tiff(deep(np.dstack([g.rgb, g.alpha])), g,
                                            photometric="rgb", extrasamples=["unassalpha"]),
                     True, True, 16, True),
    "RGB 16 TIFF, planes": (".tif", separate, True, True, 16, False),
    "CMYK 16 TIFF": (".tif", lambda g: tiff(deep(np.asarray(image(g, "CMYK"))), g,
                                            photometric="separated"), False, True, 16, False),
}  # fmt: skip


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    """Height and width: 4,000 often comes up for one side, ratios up to 4,000 : 1."""
    long = draw(st.one_of(st.integers(1, LONGEST), st.sampled_from([1, 2, 3, 257, 3999, LONGEST])))
    short = draw(st.integers(1, max(1, min(long, AREA // long))))
    return (long, short) if draw(st.booleans()) else (short, long)


@given(
    size=sizes(),
    kind=st.sampled_from(sorted(KINDS)),
    method=st.sampled_from(["mean", "vae-mdn", "flow"]),
    profile=st.sampled_from(["", "srgb", "wide"]),
    orientation=st.integers(1, 8),
    n=st.integers(1, 2),
)
@example((LONGEST, 1000), "RGB JPEG", "mean", "", 6, 1)
@example((1, 1), "RGBA 16 TIFF", "vae-mdn", "wide", 8, 2)
def test_nothing_is_lost(
    colorizers: dict[str, Colorizer],
    size: tuple[int, int],
    kind: str,
    method: str,
    profile: str,
    orientation: int,
    n: int,
) -> None:
    suffix, encode, takes_profile, takes_orientation, bits, has_alpha = KINDS[kind]
    height, width = size
    alpha = (np.arange(height * width) * 7 % 256).astype(np.uint8).reshape(size)
    profiles = {"": b"", "srgb": icc.srgb_profile(), "wide": adobe_like_profile()}
    made = Given(
        colourful(height, width) // 2 + 60,
        alpha,
        profiles[profile] if takes_profile else b"",
        orientation if takes_orientation else 1,
    )
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"in{suffix}"
        source.write_bytes(encode(made))
        colorizer = colorizers[method]
        scene = colorizer.encode(source)
        result = colorizer.sample(scene, n, pick="random")
        written = result.save(Path(scratch) / "out", sheet=False)
        outputs = [path.read_bytes() for path in written]

    before = scene.picture
    upright = (width, height) if made.orientation < 5 else (height, width)
    assert before.size == upright
    assert before.bits == bits
    if kind in ("RGB PNG", "RGB TIFF", "RGB 16 PNG", "RGB 16 TIFF, planes") and profile != "wide":
        truth = turned(rgb_to_luminance(made.rgb / 255.0), made.orientation)
        assert np.abs(before.luminance - truth).max() < 0.01
    assert len(outputs) == n
    for data in outputs:
        after = Picture.open(data)
        assert after.size == upright
        assert after.bits == bits
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.getexif().get(0x0112, 1) == 1
            assert ("icc_profile" in opened.info) == bool(made.profile)
            if made.profile:
                assert icc.is_srgb(opened.info["icc_profile"])
            assert opened.getexif().get(0x010F) == ("Maker" if takes_orientation else None)
        error = np.abs(after.luminance - before.luminance)
        assert error.mean() <= 0.5 + 1.5 / error.size  # few pixels do not average rounding out
        assert np.quantile(error, 0.99) <= 2
        assert (after.alpha is not None) == has_alpha == (before.alpha is not None)
        if after.alpha is not None:
            assert (after.alpha == before.alpha).all()
            if kind != "P PNG, transparency":
                stored = deep(made.alpha) if bits == 16 else made.alpha
                assert (after.alpha == turned(stored, made.orientation)).all()


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pillow's own idea of EXIF's orientations, for any dtype."""
    index = np.arange(array.size, dtype=np.int32).reshape(array.shape)
    how = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    if orientation == 1:
        return array
    there = np.asarray(Image.fromarray(index).transpose(how[orientation]))
    return np.asarray(array.ravel()[there])


@pytest.fixture(scope="session")
def colorizers(weights: Path) -> dict[str, Colorizer]:
    return {method: Colorizer.load(method, weights) for method in ("mean", "vae-mdn", "flow")}
