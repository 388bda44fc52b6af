"""sRGB <-> CIE L*a*b* (D65, 2 degree observer) and the gamut clamp at fixed L*.

Formulas: IEC 61966-2-1 for the sRGB transfer curve, CIE 15:2004 for L*a*b*. All functions are
pure, keep the dtype float32, and take the colour axis last: ``(..., 3)``.
Ranges: RGB in [0, 1]; L* in [0, 100]; a*, b* in about [-110, 110].
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.color.arrays import Array

_RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    dtype=np.float64,
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
# Folding the white point into the matrix saves a pass over the picture in each direction.
_RGB_TO_XYZN = (_RGB_TO_XYZ / _WHITE[:, None]).astype(np.float32)
XYZN_TO_LINEAR = np.linalg.inv(_RGB_TO_XYZ / _WHITE[:, None]).astype(np.float32)
LINEAR_TO_LUMINANCE = _RGB_TO_XYZN[1]  # relative luminance, 0..1, of linear RGB
_EPS = 6.0 / 29.0


def to_8_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """uint16 to the nearest of 256 levels; uint8 stays. Shape kept."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.asarray((pixels.astype(np.uint32) + 128) // 257, np.uint8)


def srgb_to_linear(rgb: NDArray[Any]) -> Array:
    """Undo the sRGB transfer curve; shape kept, [0, 1] to [0, 1]."""
    c = np.asarray(rgb, np.float32)
    return np.where(c <= 0.04045, c / 12.92, ((np.maximum(c, 0.0) + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def linear_to_srgb(rgb: NDArray[Any]) -> Array:
    """Apply the sRGB transfer curve; shape kept, [0, 1] to [0, 1]."""
    c = np.asarray(rgb, np.float32)
    return np.where(
        c <= 0.0031308, c * 12.92, 1.055 * np.maximum(c, 0.0) ** (1 / 2.4) - 0.055
    ).astype(np.float32)


def _f(t: NDArray[Any]) -> Array:
    return np.where(t > _EPS**3, np.cbrt(t), t / (3 * _EPS**2) + 4.0 / 29.0).astype(np.float32)


def _f_inverse(t: NDArray[Any]) -> Array:
    return np.where(t > _EPS, t * t * t, (3 * _EPS**2) * (t - 4.0 / 29.0)).astype(np.float32)


def rgb_to_lab(rgb: NDArray[Any]) -> Array:
    """sRGB ``(..., 3)`` in [0, 1] to L*a*b* ``(..., 3)``."""
    f = _f(srgb_to_linear(rgb) @ _RGB_TO_XYZN.T)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb_to_luminance(rgb: NDArray[Any]) -> Array:
    """L* alone of sRGB ``(..., 3)`` in [0, 1]: shape ``(...)`` in [0, 100]."""
    return 116 * _f(srgb_to_linear(rgb) @ LINEAR_TO_LUMINANCE) - 16


def lab_to_linear(lab: NDArray[Any]) -> Array:
    """L*a*b* ``(..., 3)`` to linear RGB ``(..., 3)``, outside [0, 1] where out of gamut."""
    lab = np.asarray(lab, np.float32)
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    return _f_inverse(f) @ XYZN_TO_LINEAR.T


def lab_to_rgb(lab: NDArray[Any]) -> Array:
    """L*a*b* ``(..., 3)`` to sRGB ``(..., 3)``, clipped to [0, 1].

    Clipping changes L* of colours outside the gamut: call `clamp_to_gamut` first where L* counts.
    """
    return linear_to_srgb(np.clip(lab_to_linear(lab), 0.0, 1.0))


def luminance_to_grey(luminance: NDArray[Any]) -> Array:
    """L* in [0, 100] to the sRGB value in [0, 1] of the neutral grey with that L*."""
    y = _f_inverse((np.asarray(luminance, np.float32) + 16) / 116)
    return linear_to_srgb(np.clip(y, 0.0, 1.0))


def clamp_to_gamut(lab: NDArray[Any], iterations: int = 8) -> Array:
    """Pull a*, b* towards neutral, at fixed L* and hue, until the colour fits into sRGB.

    The largest chroma factor in [0, 1] is found by bisection, pixel by pixel and only where
    needed: linear RGB is monotone along the way to the neutral axis near the gamut's border, and
    the neutral axis itself is inside. Shape ``(..., 3)`` in and out.
    """
    lab = np.array(lab, np.float32)
    slack = 1e-4  # float32 noise on the border must not trigger the search
    linear = lab_to_linear(lab)
    outside = np.any((linear < -slack) | (linear > 1 + slack), axis=-1)
    if not outside.any():
        return lab
    colour = lab[outside]  # (M, 3)
    low = np.zeros(len(colour), np.float32)
    high = np.ones(len(colour), np.float32)
    trial = colour.copy()
    for _ in range(iterations):
        middle = (low + high) / 2
        trial[:, 1:] = colour[:, 1:] * middle[:, None]
        linear = lab_to_linear(trial)
        inside = np.all((linear >= -slack) & (linear <= 1 + slack), axis=-1)
        low = np.where(inside, middle, low)
        high = np.where(inside, high, middle)
    colour[:, 1:] *= low[:, None]
    lab[outside] = colour
    return lab
