"""Non-local means (Buades et al. 2005) of sampled colours: cells that look alike share a colour.

A sample's faults on real photographs are first of all patches that end where nothing in the
picture ends. Non-local means averages pixels that are alike. Here the averaged values are sampled
colours, and the likeness is that of the grey picture's cells: of their lightness, and of what the
features see there.
"""

import numpy as np

from manyhues.color.arrays import Array, product

# Standard deviations of the weights; docs/model/faults.md has what others give.
REACH = 4.0  # cells
LIGHTNESS = 5.0  # L*
FEATURES = 0.7  # RMS over channels, each in its own standard deviations over the picture
_BAND = 16  # cells along the longer side at once: a panorama's weights would take 64 MB
_MARGIN = round(3 * REACH)  # cells farther away weigh nothing


def non_local_means(codes: Array, lightness: Array, features: Array, share: float) -> Array:
    """Codes ``(n, 2, h, w)``, a `share` of each cell's colour taken from cells like it.

    `lightness` is L* ``(h, w)``, `features` ``(C, h, w)``. Each code keeps its RMS chroma. Codes
    are taken one by one: a sample must not depend, to the last bit, on how many are drawn.
    """
    if lightness.shape[1] > lightness.shape[0]:  # bands lie across the longer side
        turned = [array.swapaxes(-1, -2) for array in (codes, lightness, features)]
        return non_local_means(turned[0], turned[1], turned[2], share).swapaxes(-1, -2)
    height, width = lightness.shape
    spread = features.std((1, 2), keepdims=True) + 1e-3  # some channels are silent
    seen = (features - features.mean((1, 2), keepdims=True)) / spread
    row, column = np.indices((height, width))
    scales = [FEATURES * len(features) ** 0.5, LIGHTNESS, REACH, REACH]
    parts = [seen, lightness[None], row[None], column[None]]
    # One distance over all: points whose squared distances add up.
    points = np.concatenate([p / s for p, s in zip(parts, scales, strict=True)])
    points = np.ascontiguousarray(points.reshape(len(points), -1).T, np.float32)
    halves = (points**2).sum(1) / 2
    flat = [np.ascontiguousarray(code.reshape(2, -1).T) for code in codes]
    out = [np.empty_like(colours) for colours in flat]
    for first in range(0, height, _BAND):
        rows = slice(first * width, (first + _BAND) * width)
        near = slice(max(0, first - _MARGIN) * width, (first + _BAND + _MARGIN) * width)
        weights = np.exp(product(points[rows], points[near].T) - halves[rows, None] - halves[near])
        weights /= weights.sum(1, keepdims=True)
        for colours, mixed in zip(flat, out, strict=True):
            mean = product(weights, colours[near])
            mixed[rows] = colours[rows] + np.float32(share) * (mean - colours[rows])
    for colours, mixed in zip(flat, out, strict=True):
        mixed *= np.sqrt((colours**2).mean() / max((mixed**2).mean(), 1e-12))
    return np.stack([mixed.T.reshape(2, height, width) for mixed in out])
