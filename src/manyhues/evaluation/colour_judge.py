"""The second judge: raw statistics of colour, which no network has seen.

The network that judges (`judge.Judge`) has siblings that trained the critic, and what pleases them
may please it. This one knows nothing of objects, only where in a picture which colours are; so a
method that both find near to photographs is so by no kinship. It wants no weights.
"""

import numpy as np
from numpy.typing import NDArray

from manyhues.color.lab import rgb_to_lab

CELLS = 4


def features(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures (N, H, W, 3) uint8 to 38 statistics of their a, b in Lab units: (N, 38).

    The means of a and b in 4 x 4 cells (of as many whole pixels as there are), their standard
    deviations over the picture, the correlation's numerator as a root that keeps its sign, and
    mean, spread and 95th percentile of the chroma.
    """
    return np.stack([_of_one(picture) for picture in pictures])


def _of_one(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    ab = rgb_to_lab(picture / np.float32(255))[..., 1:].astype(np.float64)
    rows = np.array_split(ab, CELLS, 0)
    cells = [cell.mean((0, 1)) for row in rows for cell in np.array_split(row, CELLS, 1)]
    centred = ab - ab.mean((0, 1))
    both = (centred[..., 0] * centred[..., 1]).mean()
    chroma = np.hypot(ab[..., 0], ab[..., 1])
    rest = (
        *ab.std((0, 1)),
        np.sign(both) * np.sqrt(abs(both)),
        chroma.mean(),
        chroma.std(),
        np.percentile(chroma, 95),
    )
    return np.array([*np.concatenate(cells), *rest], np.float32)
