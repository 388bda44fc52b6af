"""L* of decoded pixels of any mode, depth and colour profile."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color import profiles
from manyhues.color.arrays import Array
from manyhues.color.lab import srgb_to_linear
from manyhues.image.formats import sixteen_bit

_DARK = 4096  # values below it alone: 12 bits or fewer, as scanners and scopes save them
PLAIN_INK = "CMYK without a profile: ink was converted by the plain formula"
_LUMINANCE = (0.212671, 0.715160, 0.072169)  # the Y row of color.py's matrix


def from_shallow(
    image: Image.Image, profile: bytes, notes: list[str]
) -> tuple[Array, NDArray[np.uint8] | None]:
    """L* and alpha of a decoded 8-bit image of any mode."""
    alpha = None
    if image.mode == "LAB":  # already L*, in 256 steps
        return np.asarray(image)[..., 0] * np.float32(100 / 255), None
    if image.mode == "La":
        image = image.convert("LA")  # from which Pillow knows the way to every other mode
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        alpha = np.asarray(with_alpha.getchannel("A"))
        image = with_alpha.convert("L" if image.mode in ("LA", "La", "L", "1") else "RGB")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile and not profiles.is_srgb(profile):
        converted = profiles.convert(image, profile)
        if converted is None:
            notes.append(
                f"its colour profile ({profiles.describe(profile)}) does not fit: read as sRGB"
            )
        else:
            notes.append(f"converted from {profiles.describe(profile)} to sRGB")
            image = converted
    elif image.mode == "CMYK":
        notes.append(PLAIN_INK)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return of_pixels(pixels[..., None] if pixels.ndim == 2 else pixels), alpha


def from_deep(
    pixels: sixteen_bit.Deep, profile: bytes, notes: list[str]
) -> tuple[Array, NDArray[np.uint16] | None]:
    """L* and alpha of ``(H, W, 1..4)`` uint16: grey or RGB, each with or without alpha."""
    channels = pixels.shape[2]
    alpha = pixels[..., -1].copy() if channels in (2, 4) else None
    colour = pixels[..., : 1 if channels < 3 else 3]
    if 0 < (peak := int(colour.max())) < _DARK:
        notes.append(f"its values end at {peak} of 65535, nearly black: stretch them first")
    curves = None
    if profile and not profiles.is_srgb(profile):
        curves = profiles.luminous_curves(profile, colour.shape[2])
        said = "read as sRGB, at 16 bits this kind of profile is not known"
        notes.append(
            f"its colour profile ({profiles.describe(profile)}): "
            + ("converted to sRGB" if curves else said)
        )
    return of_pixels(colour, curves), alpha


def of_pixels(pixels: NDArray[Any], curves: list[Array] | None = None) -> Array:
    """L* ``(H, W)`` of uint8 or uint16 ``(H, W, 1 or 3)``, by a table for each channel.

    The tables give each channel's share of the luminance Y; sRGB's unless `curves` are given.
    """
    if curves is None:
        levels = 256 if pixels.dtype == np.uint8 else 65536
        table = srgb_to_linear(np.linspace(0, 1, levels))
        shares = (1.0,) if pixels.shape[2] == 1 else _LUMINANCE
        curves = [table * np.float32(share) for share in shares]
    out = np.empty(pixels.shape[:2], np.float32)
    for top in range(0, len(out), 256):
        rows = pixels[top : top + 256]
        y = sum(curve[rows[..., i]] for i, curve in enumerate(curves))
        out[top : top + 256] = np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * (24389 / 27))
    return np.clip(out, 0, 100, out=out)
