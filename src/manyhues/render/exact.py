"""Luminance to the last step: where L* carries measured values, rounding may not move it.

Rounded channel by channel, a colour's luminance is off by up to half a step of each channel, and
where one channel is far brighter than the grey, by more than a step of the grey. Here the channels
are moved by a few steps, green first and blue last, until the luminance is nearest to the grey's:
a step of blue is the finest there is.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from manyhues.color.arrays import Array
from manyhues.color.lab import LINEAR_TO_LUMINANCE

_SHARES = LINEAR_TO_LUMINANCE.astype(np.float64)
_ROWS = 64
_COARSE_TO_FINE = (1, 0, 2)  # green, red, blue: by their share of the luminance
_ROUNDS = 3


@cache
def light(levels: int) -> NDArray[np.float64]:
    """Linear light in [0, 1] of each of 256 or 65,536 sRGB values, float64 ``(levels,)``."""
    c = np.linspace(0, 1, levels)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(rgb: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float64]:
    """Relative luminance Y in [0, 1], ``(...)``, of sRGB ``(..., 3)``."""
    table = light(256 if rgb.dtype == np.uint8 else 65536)
    return np.asarray(table[rgb] @ _SHARES)


def grey_of(rgb: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The grey, 0 to 65535, whose luminance is nearest to that of sRGB ``(..., 3)``: ``(...)``."""
    return _nearest(_of_greys(), luminance(rgb))


@cache
def _of_greys() -> NDArray[np.float64]:
    """Y of each of 65,536 greys, by the same shares as that of colours."""
    return light(65536) * float(_SHARES.sum())


@cache
def _lightness() -> NDArray[np.float64]:
    """L* of each of 65,536 greys."""
    y = light(65536)
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * (24389 / 27))


def grey_at(lightness: Array) -> NDArray[np.uint16]:
    """The grey, 0 to 65535, whose L* is nearest to L* ``(H, W)`` in [0, 100]: ``(H, W)``."""
    return _nearest(_lightness(), lightness.astype(np.float64))


def _nearest(table: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Where in a growing table of 65,536 each value is nearest."""
    above = np.searchsorted(table, values).clip(1, 65535)
    return np.where(values - table[above - 1] <= table[above] - values, above - 1, above).astype(
        np.uint16
    )


def settle(
    rgb: NDArray[np.uint8] | NDArray[np.uint16], grey: NDArray[np.uint16]
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """sRGB ``(H, W, 3)``, moved by a few steps so that its luminance is that of `grey`.

    Args:
        rgb: uint8 or uint16, changed in place and given back.
        grey: ``(H, W)`` uint16, the grey that the picture shows at 16 bits.
    """
    top_level = 255 if rgb.dtype == np.uint8 else 65535
    table = light(top_level + 1)
    wanted = _of_greys()
    for top in range(0, len(rgb), _ROWS):
        part = rgb[top : top + _ROWS].astype(np.int64)
        target = wanted[grey[top : top + _ROWS]]
        for _ in range(_ROUNDS):
            for channel in _COARSE_TO_FINE:
                missing = target - table[part] @ _SHARES
                level = part[..., channel]
                up = np.minimum(level + 1, top_level)
                slope = np.maximum(table[up] - table[np.maximum(up - 1, 0)], 1e-12)
                move = np.rint(missing / (_SHARES[channel] * slope)).astype(np.int64)
                part[..., channel] = np.clip(level + move, 0, top_level)
        rgb[top : top + _ROWS] = part
    return rgb
