"""What looks alike is coloured alike: colours of a grid, averaged over similar cells near by.

A sample's faults on real photographs are first of all patches that end where nothing in the
picture ends. Non-local means (Buades et al. 2005) averages where pixels are alike; here what is
averaged are sampled colours, and alike are cells of the grey picture: in lightness, and in what
the features see there.
"""

import numpy as np

from manyhues.color import Array

# Standard deviations of the weights; docs/model.md has what others give.
REACH = 4.0  # cells
LIGHTNESS = 5.0  # L*
FEATURES = 0.7  # RMS over channels, each in its own standard deviations over the picture
_ROWS = 512  # of the weights at once: a panorama's would take 64 MB


def alike(codes: Array, lightness: Array, features: Array, share: float) -> Array:
    """Codes ``(n, 2, h, w)``, a `share` of each cell's colour taken from cells like it.

    `lightness` is L* ``(h, w)``, `features` ``(C, h, w)``. Each code keeps its RMS chroma. Codes
    are taken one by one: a sample must not depend, to the last bit, on how many are drawn.
    """
    height, width = lightness.shape
    spread = features.std((1, 2), keepdims=True) + 1e-3  # some channels are silent
    seen = (features - features.mean((1, 2), keepdims=True)) / spread
    row, column = np.indices((height, width))
    scales = [FEATURES * len(features) ** 0.5, LIGHTNESS, REACH, REACH]
    parts = [seen, lightness[None], row[None], column[None]]
    # One distance over all: points whose squared distances add up.
    points = np.concatenate([p / s for p, s in zip(parts, scales, strict=True)])
    points = np.ascontiguousarray(points.reshape(len(points), -1).T, np.float32)
    squares = (points**2).sum(1)
    flat = [np.ascontiguousarray(code.reshape(2, -1).T) for code in codes]
    out = [np.empty_like(colours) for colours in flat]
    for first in range(0, len(points), _ROWS):
        rows = slice(first, first + _ROWS)
        weights = np.exp(points[rows] @ points.T - (squares[rows, None] + squares) / 2)
        weights /= weights.sum(1, keepdims=True)
        for colours, mixed in zip(flat, out, strict=True):
            mixed[rows] = colours[rows] + np.float32(share) * (weights @ colours - colours[rows])
    for colours, mixed in zip(flat, out, strict=True):
        mixed *= np.sqrt((colours**2).mean() / max((mixed**2).mean(), 1e-12))
    return np.stack([mixed.T.reshape(2, height, width) for mixed in out])
