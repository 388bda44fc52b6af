"""Between the planes of a film, Y', Cb, Cr, and L* with a, b.

Luma is not L*: of two colours of one luma the stronger is a little lighter, and other weights than
those of L* stand behind BT.601. So a film in colour is read as the luma of greys of its L*, and a
colour is written with the luma that gives it the L* of its grey. What both add to luma is smooth:
it is found at the size of the chroma planes.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.arrays import Array
from manyhues.color.lab import (
    LINEAR_TO_LUMINANCE,
    linear_to_srgb,
    rgb_to_luminance,
    srgb_to_linear,
)
from manyhues.render import pixels as render
from manyhues.render.upsample import Upsampler

_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
_NEUTRAL, _NOISE = 128, 2  # levels of chroma that an encoder leaves in a grey film
_FINE = 4  # steps of a table in one of 255 levels
_PARTS = 128  # whole numbers in one of 255 levels, which stay within 16 bits
Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]


@lru_cache(maxsize=2)
def _levels(full: bool) -> tuple[Array, Array]:
    """Of 256 values of luma: the grey value in [0, 255], and its L*."""
    values = np.arange(256, dtype=np.float32)
    grey = values / 255 if full else np.clip((values - 16) / 219, 0, 1)
    lightness = rgb_to_luminance(np.repeat(grey[:, None], 3, 1))
    return (255 * grey).astype(np.float32), np.clip(lightness, 0, 100).astype(np.float32)


@lru_cache(maxsize=1)
def _light() -> tuple[Array, Array]:
    """Light of values in [0, 255], `_FINE` steps each, and values of light in 65,536 steps."""
    values = np.linspace(0, 1, 255 * _FINE + 1)
    return srgb_to_linear(values), 255 * linear_to_srgb(np.linspace(0, 1, 65536))


def lightness(luma: Plane, full: bool) -> Array:
    """L* in [0, 100] of luma ``(H, W)`` uint8, read as the sRGB grey of that value."""
    return _levels(full)[1].take(luma)


def halved(luma: Plane) -> Plane:
    """Luma at the size of its chroma planes, 4:2:0: ``(H / 2, W / 2)``, rounded up."""
    return np.asarray(Image.fromarray(luma).reduce(2))


def grey(planes: Planes, full: bool, matrix: str) -> Plane:
    """Luma ``(H, W)`` uint8 of greys that have the L* of the colours that the planes show.

    Luma itself where there is no colour. Chroma is as large, or half as large, rounded up.
    """
    luma, cb, cr = planes
    if max(np.abs(_ends(part)).max() for part in (cb, cr)) <= _NOISE:
        return luma
    red, blue = _WEIGHTS[matrix]
    values = _levels(full)[0].take(luma if cb.shape == luma.shape else halved(luma))
    shown = 1.0 if full else 255 / 224
    b = (cb - np.float32(_NEUTRAL)) * np.float32(shown * 2 * (1 - blue))
    r = (cr - np.float32(_NEUTRAL)) * np.float32(shown * 2 * (1 - red))
    g = np.float32(-red / (1 - red - blue)) * r + np.float32(-blue / (1 - red - blue)) * b
    to_light, to_values = _light()
    light = np.zeros_like(values)
    for part, weight in zip((r, g, b), LINEAR_TO_LUMINANCE, strict=True):
        steps = np.clip((values + part) * np.float32(_FINE), 0, len(to_light) - 1)
        light += weight * to_light.take(steps.astype(np.uint16))
    own = to_values.take(np.clip(light * 65535, 0, 65535).astype(np.uint16))
    return _added(luma, own - values, full)


def _ends(plane: Plane) -> NDArray[np.int32]:
    return np.array([plane.min(), plane.max()], np.int32) - _NEUTRAL


def _added(luma: Plane, values: Array, full: bool) -> Plane:
    """Luma ``(H, W)`` and what is added to its values in [0, 255], as large or half as large."""
    half = values.shape != luma.shape
    parts = _PARTS / 16 if half else _PARTS
    whole = np.rint(values * np.float32(parts if full else parts * 219 / 255)).astype(np.int16)
    out = _doubled(whole, luma.shape) if half else whole
    out += np.int16(_PARTS // 2)
    out //= np.int16(_PARTS)
    out += luma
    return np.asarray(np.clip(out, 0, 255, out=out), np.uint8)


def _doubled(plane: NDArray[np.int16], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """16 times a plane of 4:2:0 at the size ``(H, W)`` of luma, linear between its values.

    In whole numbers that is seven times as quick as by Pillow.
    """
    height, width = plane.shape
    rows = np.pad(plane, 1, mode="edge")
    tall = np.empty((height, 2, width + 2), np.int16)
    near = 3 * rows[1:-1]
    np.add(near, rows[:-2], out=tall[:, 0])
    np.add(near, rows[2:], out=tall[:, 1])
    tall = tall.reshape(2 * height, width + 2)
    wide = np.empty((2 * height, width, 2), np.int16)
    near = 3 * tall[:, 1:-1]
    np.add(near, tall[:, :-2], out=wide[..., 0])
    np.add(near, tall[:, 2:], out=wide[..., 1])
    return wide.reshape(2 * height, 2 * width)[: shape[0], : shape[1]]


def coloured(luma: Plane, ab: Array, full: bool, matrix: str) -> Planes:
    """Planes Y', Cb, Cr of a frame: its L* is that of greys of `luma` ``(H, W)`` uint8.

    a, b ``(2, h, w)`` are at a working size; the chroma planes are half as large as luma, rounded
    up. Colours lose chroma where L* would not leave them inside RGB.
    """
    small = halved(luma)
    light = lightness(small, full)
    upsampler = Upsampler(light, ab.shape[1:])
    return with_upsampler(luma, small, light, upsampler, ab, full, matrix)


def with_upsampler(
    luma: Plane,
    small: Plane,
    light: Array,
    upsampler: Upsampler,
    ab: Array,
    full: bool,
    matrix: str,
) -> Planes:
    """`coloured` with what all versions of a frame share made once.

    `small` is `halved(luma)`, `light` its L*.
    """
    red, blue = _WEIGHTS[matrix]
    shown = 1.0 if full else 224 / 255
    more, chroma = np.empty_like(light), np.empty((2, *light.shape), np.uint8)
    greys = _levels(full)[0]
    for rows, rgb in render.strips(light, upsampler.middle(ab), upsampler, 8):
        r, g, b = rgb.astype(np.float32)
        own = np.float32(red) * r + np.float32(1 - red - blue) * g + np.float32(blue) * b
        np.subtract(own, greys.take(small[rows]), out=more[rows])
        for out, part, weight in zip(chroma, (b, r), (blue, red), strict=True):
            part -= own
            part *= np.float32(shown / (2 * (1 - weight)))
            part += np.float32(_NEUTRAL + 0.5)
            out[rows] = np.clip(part, 0, 255, out=part)
    cb, cr = chroma
    return _added(luma, more, full), cb, cr
