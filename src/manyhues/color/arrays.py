"""The arrays that everything here is made of."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]


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
