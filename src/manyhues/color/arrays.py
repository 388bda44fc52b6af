"""The arrays that everything here is made of."""

from math import isqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
_ALONE = 1 << 18  # multiplications that OpenBLAS does on one thread, whatever it may use


def resize(plane: Array, height: int, width: int) -> Array:
    """A plane ``(H, W)`` float32 to ``(height, width)``: area average down, linear up."""
    if plane.shape == (height, width):
        return plane
    how = (
        Image.Resampling.BOX
        if height <= plane.shape[0] and width <= plane.shape[1]
        else Image.Resampling.BILINEAR
    )
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(image.resize((width, height), how))


def product(left: Array, right: Array) -> Array:
    """The matrix product ``(M, K) @ (K, N)``, float32, with the same last bits on any threads.

    BLAS shares a large product out among its threads, and where it cuts decides in which order it
    adds up. So this one is cut here, into blocks too small to be shared out (K up to 2^18).
    """
    (height, depth), width = left.shape, right.shape[1]
    right = np.ascontiguousarray(right)  # or each block would be copied across its rows
    across = min(width, _whole(isqrt(_ALONE // depth)))
    down = _whole(_ALONE // (depth * across))
    out = np.empty((height, width), np.float32)
    for row in range(0, height, down):
        rows = slice(row, row + down)
        for column in range(0, width, across):
            columns = slice(column, column + across)
            np.matmul(left[rows], right[:, columns], out=out[rows, columns])
    return out


def _whole(side: int) -> int:
    """A block's side as whole registers of 16 float32, where it has as many: a third quicker."""
    return side // 16 * 16 or side
