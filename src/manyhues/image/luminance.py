"""Decoded pixels of any mode, depth and colour profile as L*, or as sRGB."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color import profiles
from manyhues.color.arrays import Array
from manyhues.color.lab import srgb_to_linear, to_8_bits
from manyhues.image.formats.base import PLAIN_INK, Decoded

_DARK = 4096  # values below it alone: 12 bits or fewer, as scanners and scopes save them
_PIECE = 1 << 24  # pixels of a large picture that are unpacked at once
_BLOCK = 1 << 17  # pixels whose L* is computed at once
_LUMINANCE = (0.212671, 0.715160, 0.072169)  # the Y row of lab.py's matrix


def luminance(page: Decoded) -> tuple[Array, tuple[str, ...]]:
    """L* ``(H, W)`` float32 in [0, 100] as stored, and notes on how colours were converted."""
    pixels = page.pixels
    if isinstance(pixels, np.ndarray) and pixels.dtype == np.uint16:
        return _of_deep(pixels, page.profile, page.scale is not None)
    image = _image(pixels)
    if image.mode == "LAB":  # already L*, in 256 steps
        return np.asarray(image)[..., 0] * np.float32(100 / 255), ()
    image, notes = _in_srgb(image, page.profile)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    return _of_image(image), notes


def _of_image(image: Image.Image) -> Array:
    """L* of an image of ``L`` or ``RGB``; a large one in pieces, so that no second copy is held."""
    width, height = image.size
    if width * height <= _PIECE:
        shallow = np.asarray(image)
        return of_pixels(shallow[..., None] if shallow.ndim == 2 else shallow)
    out = np.empty((height, width), np.float32)
    down = max(1, _PIECE // width)
    for top in range(0, height, down):
        for left in range(0, width, _PIECE):
            box = left, top, min(width, left + _PIECE), min(height, top + down)
            piece = Image.Image.crop(image, box)
            out[top : box[3], left : box[2]] = _of_image(piece)
    return out


def srgb(page: Decoded, side: int = 0) -> NDArray[np.uint8]:
    """sRGB ``(H, W, 3)`` as stored, alpha left out; with `side`, the long side at most that."""
    pixels = page.pixels
    image = _image(to_8_bits(pixels) if isinstance(pixels, np.ndarray) else pixels)
    if image.mode == "LAB":
        image = profiles.from_lab(image)
    if side and max(image.size) > side:
        image = image.copy() if image.mode in ("RGB", "CMYK") else image.convert("RGB")
        image.thumbnail((side, side), Image.Resampling.BOX)
    image, _ = _in_srgb(image, page.profile)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _image(pixels: Image.Image | NDArray[Any]) -> Image.Image:
    """Pixels of 8 bits as an image, which LittleCMS takes."""
    if isinstance(pixels, Image.Image):
        return pixels
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _in_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """An image of ``L``, ``RGB`` or ``CMYK`` in sRGB where its profile fits, and what to say."""
    if profile and not profiles.is_srgb(profile):
        converted = profiles.convert(image, profile)
        name = profiles.describe(profile)
        if converted is None:
            return image, (f"its colour profile ({name}) does not fit: read as sRGB",)
        return converted, (f"converted from {name} to sRGB",)
    return image, (PLAIN_INK,) if image.mode == "CMYK" else ()


def _of_deep(
    colour: NDArray[np.uint16], profile: bytes, measured: bool
) -> tuple[Array, tuple[str, ...]]:
    notes = []
    if not measured and 0 < (peak := int(colour.max())) < _DARK:
        if colour.shape[2] == 1:
            notes.append(
                f"its values end at {peak} of 65535, nearly black: "
                "give --window full, or stretch them first"
            )
        else:
            notes.append(f"its values end at {peak} of 65535, nearly black: stretch them first")
    curves = None
    if profile and not profiles.is_srgb(profile):
        curves = profiles.luminous_curves(profile, colour.shape[2])
        said = "read as sRGB, at 16 bits this kind of profile is not known"
        notes.append(
            f"its colour profile ({profiles.describe(profile)}): "
            + ("converted to sRGB" if curves else said)
        )
    return of_pixels(colour, curves), tuple(notes)


def of_pixels(pixels: NDArray[Any], curves: list[Array] | None = None) -> Array:
    """L* ``(H, W)`` of uint8 or uint16 ``(H, W, 1 or 3)``, by a table for each channel.

    The tables give each channel's share of the luminance Y; sRGB's unless `curves` are given.
    """
    if curves is None:
        levels = 256 if pixels.dtype == np.uint8 else 65536
        table = srgb_to_linear(np.linspace(0, 1, levels))
        shares = (1.0,) if pixels.shape[2] == 1 else _LUMINANCE
        curves = [table * np.float32(share) for share in shares]
    if pixels.shape[2] == 1:  # the table can be of L* itself
        return np.asarray(_of_light(curves[0])[pixels[..., 0]])
    height, width = pixels.shape[:2]
    out = np.empty((height, width), np.float32)
    rows, columns = max(1, _BLOCK // width), _BLOCK
    for top in range(0, height, rows):
        for left in range(0, width, columns):  # a row may be millions of pixels long
            place = np.s_[top : top + rows, left : left + columns]
            block = pixels[place]
            y = sum(curve[block[..., i]] for i, curve in enumerate(curves))
            out[place] = _of_light(y)
    return out


def _of_light(y: Any) -> Array:
    """L* of luminance Y in [0, 1]."""
    light = np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * (24389 / 27))
    return np.asarray(np.clip(light.astype(np.float32), 0, 100))
