"""L* and a, b to pixels, strip by strip, at fixed L*.

The same mathematics as color.py (`clamp_to_gamut`, `lab_to_linear`, `linear_to_srgb`), laid out
plane by plane and in place: several times faster, which is what a full-size sample costs. A test
holds the two together.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.arrays import Array
from manyhues.color.lab import lab_to_linear, linear_to_srgb, to_8_bits
from manyhues.render.upsample import Upsampler

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
_STRIP_PIXELS = 1 << 16  # the planes of a strip stay in the processor's cache
_EPS = np.float32(6 / 29)
_SLACK = 1e-4  # float32 noise on the gamut's border must not trigger the search
_BISECTIONS = 8


@cache
def _matrix() -> Array:
    """X/Xn, Y/Yn, Z/Zn to linear RGB, ``(3, 3)``: read off color.py, column by column.

    L*a*b* of (f_x, f_y, f_z) = unit vectors is (116 f_y - 16, 500 (f_x - f_y), 200 (f_y - f_z)).
    f = 1 stands for X/Xn = 1, and f = 4/29 for 0.
    """
    f = np.full((3, 3), 4 / 29)
    np.fill_diagonal(f, 1.0)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)
    return np.ascontiguousarray(lab_to_linear(lab).T)


@cache
def _srgb_table() -> NDArray[np.uint8]:
    """Linear light in 65,536 steps to 8-bit sRGB: finer than 1/19 of an 8-bit step everywhere."""
    return np.round(linear_to_srgb(np.linspace(0, 1, 65536)) * 255).astype(np.uint8)


def _linear(fy: Array, fx_minus_fy: Array, fy_minus_fz: Array) -> Array:
    """Linear RGB ``(3, N)`` from the cube-root coordinates of L*a*b*, ``(N,)`` each."""
    f = np.empty((3, len(fy)), np.float32)
    np.add(fy, fx_minus_fy, out=f[0])
    f[1] = fy
    np.subtract(fy, fy_minus_fz, out=f[2])
    cubes = f * f
    cubes *= f
    dark = f <= _EPS
    if dark.any():
        np.copyto(cubes, (f - np.float32(4 / 29)) * (3 * _EPS * _EPS), where=dark)
    return _matrix() @ cubes


def _outside(linear: Array) -> NDArray[np.bool_]:
    red, green, blue = linear
    least = np.minimum(np.minimum(red, green), blue)
    most = np.maximum(np.maximum(red, green), blue)
    return np.asarray((least < -_SLACK) | (most > 1 + _SLACK))


def _in_gamut(luminance: Array, a: Array, b: Array) -> Array:
    """Linear RGB ``(3, N)`` in [0, 1]: where a colour does not fit, its chroma shrinks until so.

    L* and hue stay. Bisection on the chroma, only for the pixels that need it.
    """
    fy = (luminance + 16) * np.float32(1 / 116)
    x, z = a * np.float32(1 / 500), b * np.float32(1 / 200)
    linear = _linear(fy, x, z)
    far = np.flatnonzero(_outside(linear))
    if len(far):
        fy, x, z = fy[far], x[far], z[far]
        # Black and white take hardly any colour: most of them, which may be all of a page, are
        # seen to take none at the search's last step.
        ends = np.flatnonzero((luminance[far] <= 0) | (luminance[far] >= 100))
        if len(ends):
            least = np.float32(0.5**_BISECTIONS)
            none = ends[_outside(_linear(fy[ends], x[ends] * least, z[ends] * least))]
            linear[:, far[none]] = _linear(fy[none], x[none] * 0, z[none] * 0)
            kept = np.delete(np.arange(len(far)), none)
            far, fy, x, z = far[kept], fy[kept], x[kept], z[kept]
        low, step = np.zeros(len(far), np.float32), np.float32(1)
        for _ in range(_BISECTIONS):
            step = step / 2
            middle = low + step
            low = np.where(_outside(_linear(fy, x * middle, z * middle)), low, middle)
        linear[:, far] = _linear(fy, x * low, z * low)
    return np.clip(linear, 0, 1, out=linear)


def to_image(coloured: Pixels | NDArray[Any]) -> Image.Image:
    """Pixels ``(H, W, 3 or 4)``, uint8 or uint16, as an 8-bit PIL image, RGB or RGBA."""
    return Image.fromarray(to_8_bits(coloured))


def strips(
    luminance: Array, middle: Array, upsampler: Upsampler, bits: int
) -> Iterator[tuple[slice, Pixels]]:
    """sRGB of L* and a, b at the middle size, strip by strip: its rows, and ``(3, rows, W)``.

    uint8 or uint16 as `bits` says. Colours outside the gamut lose chroma, never L*.
    """
    height, width = luminance.shape
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(height, top + step)
        a, b = upsampler.rows(middle, top, bottom).reshape(2, -1)
        linear = _in_gamut(luminance[top:bottom].reshape(-1), a, b)
        if bits == 8:
            codes = _srgb_table().take((linear * 65535 + np.float32(0.5)).astype(np.uint16))
        else:
            codes = np.round(linear_to_srgb(linear) * 65535).astype(np.uint16)
        yield slice(top, bottom), codes.reshape(3, bottom - top, width)


def pixels(luminance: Array, middle: Array, upsampler: Upsampler, bits: int) -> Pixels:
    """All of `strips` as a picture: sRGB ``(H, W, 3)``.

    Beside the result only a few megabytes are held, whatever the picture's size.
    """
    out = np.empty((*luminance.shape, 3), np.uint8 if bits == 8 else np.uint16)
    for rows, codes in strips(luminance, middle, upsampler, bits):
        out[rows] = codes.transpose(1, 2, 0)
    return out
