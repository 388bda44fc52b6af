"""Noise of samples, drawn by number; antithetic noise keeps eight samples apart.

Independent samples repeat each other: two of eight often agree on a scene's tint. Antithetic noise
(Hammersley & Morton 1956), here for eight samples at once, prevents it. The noises of a block sum
to zero. In its broadest waves, which settle where a scene's colours lie in the a, b plane, their
directions are spread evenly around it. Each noise alone is still standard normal, whatever the
block, so what is measured of single samples does not change; only what they have in common does.
"""

import numpy as np
from numpy.typing import NDArray

from manyhues.color.arrays import Array

BLOCK = 8
# For each of the broadest waves, by rows and columns, where each sample's direction lies on the
# circle, in eighths from the first one's: other orders for other waves, found by a random search
# for eight that are far from each other in all. The first wave, the scene's mean, begins so that
# the first 2 and 4 samples are spread too.
_WAVES = {
    (0, 0): (0, 4, 2, 6, 1, 5, 3, 7),
    (0, 1): (0, 2, 6, 3, 1, 7, 4, 5),
    (1, 0): (0, 1, 5, 7, 2, 6, 4, 3),
    (0, 2): (0, 6, 5, 3, 4, 2, 1, 7),
    (1, 1): (0, 3, 1, 7, 4, 2, 6, 5),
    (2, 0): (0, 1, 2, 3, 5, 6, 7, 4),
}


def antithetic(noises: Array) -> Array:
    """Antithetic noises of a block of independent ones ``(8, 2, h, w)``, channels a, b; float32.

    In and out are standard normal, each by itself.
    """
    return spread(sum_to_zero(noises)).astype(np.float32)


def sum_to_zero(noises: Array) -> NDArray[np.float64]:
    """A block's noises less their mean, of variance 1 again."""
    exact = noises.astype(np.float64)
    return np.asarray((exact - exact.mean(0)) * np.sqrt(BLOCK / (BLOCK - 1)))


def spread(noises: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same with the directions of the broadest waves in the a, b plane spread evenly."""
    out, (height, width) = noises.copy(), noises.shape[2:]
    for (row, column), order in _WAVES.items():
        if row < height and column < width:
            wave = np.outer(_cosine(row, height), _cosine(column, width))
            along = (out * wave).sum((2, 3))  # (8, 2): standard normal, wave has length 1
            length = np.hypot(along[:, 0], along[:, 1])
            angle = np.arctan2(along[0, 1], along[0, 0]) + np.array(order) * (2 * np.pi / BLOCK)
            turned = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
            out += (turned - along)[:, :, None, None] * wave
    return out


def _cosine(frequency: int, n: int) -> Array:
    """A row of the orthonormal discrete cosine transform (DCT-II) of length n."""
    wave: Array = np.cos(np.pi * frequency * (np.arange(n) + 0.5) / n)
    wave /= np.linalg.norm(wave)
    return wave


def noise(seed: int, k: int, shape: tuple[int, ...], stage: int = 0) -> NDArray[np.float32]:
    """Standard normal noise of sample `k`: a function of its arguments and nothing else.

    Counter-based (Philox), so that any sample can be drawn without drawing those before it.
    """
    key = np.array([seed % 2**64, (k % 2**32) + (stage << 32)], np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(shape, np.float32)
