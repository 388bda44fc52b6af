"""Whether samples are spread as the truth is: a proper score, ranks, and spread by scale.

All of it asks for *independent* draws: samples that keep apart on purpose would look wider spread
than single ones are. Fields are a, b in Lab units, brought to 64 x 64, so that figures of pictures
of other sizes compare.

Names of dimensions: K draws of one picture, H x W pixels, N pictures.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import UsageError
from manyhues.evaluation.metrics import Floats

SIDE = 64
SCALES = ("global", "4x4", "16x16", "finer")
STATISTICS = ("mean_a", "mean_b", "chroma", "spread_a")
_CELLS = (1, 4, 16)  # a side of the field in cells, at each of the coarser scales


def _distances(fields: NDArray[Any], other: NDArray[Any]) -> Floats:
    difference = np.asarray(fields, np.float64) - other
    return np.asarray(np.sqrt((difference.reshape(len(difference), -1) ** 2).sum(1)))


def energy_score(draws: NDArray[Any], truth: NDArray[Any]) -> float:
    """Energy score (Gneiting & Raftery 2007, equation 22): lower is better, and it is proper.

    The mean distance of the draws (K, 2, H, W) to the truth (2, H, W), less half the mean distance
    of two different draws; a distance is the L2 norm of the whole field's difference. No
    distribution scores lower in the mean than the one that the truth is drawn from.
    """
    if len(draws) < 2:
        raise UsageError("an energy score wants two draws or more")
    pairs = [_distances(draws[:k], draws[k]) for k in range(1, len(draws))]
    return float(_distances(draws, truth).mean() - np.concatenate(pairs).mean() / 2)


def statistics(ab: NDArray[Any]) -> Floats:
    """Fields (..., 2, H, W) to what ranks are taken of, (..., 4), in the order of `STATISTICS`.

    The means of a and of b, the mean chroma, and the standard deviation of a over the picture.
    """
    a, b = np.moveaxis(np.asarray(ab, np.float64), -3, 0)
    axes = (-2, -1)
    four = (a.mean(axes), b.mean(axes), np.hypot(a, b).mean(axes), a.std(axes))
    return np.stack(four, -1)


def ranks(draws: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.intp]:
    """How many of the K draws lie below the truth, by each of `STATISTICS`: (4,) in 0..K.

    Over many pictures all K + 1 ranks are equally frequent where the truth is like a draw
    (Hamill 2001): a heap at both ends says too little spread, one in the middle too much.
    """
    return np.asarray((statistics(draws) < statistics(truth)).sum(0), np.intp)


def histogram(found: NDArray[np.intp], draws: int) -> list[int]:
    """Ranks (N,) in 0..`draws` to how often each was found."""
    return [int(count) for count in np.bincount(found, minlength=draws + 1)]


def _bands(fields: NDArray[Any]) -> list[Floats]:
    """Fields (..., H, W) to what each of `SCALES` adds: means of cells, and what is left."""
    rest = np.asarray(fields, np.float64)
    bands = []
    height, width = rest.shape[-2:]
    for cells in _CELLS:
        blocks = rest.reshape(*rest.shape[:-2], cells, height // cells, cells, width // cells)
        coarse = blocks.mean((-3, -1))
        bands.append(coarse)
        rest = rest - coarse.repeat(height // cells, -2).repeat(width // cells, -1)
    return [*bands, rest]


def spread_and_need(draws: NDArray[Any], truth: NDArray[Any]) -> tuple[Floats, Floats]:
    """Variance of the draws, and the variance that would be right, at each of `SCALES`: (4,), (4,).

    `draws` (K, 2, H, W), `truth` (2, H, W), H and W multiples of 16. If the truth is like a draw,
    the squared distance of the draws' mean to it is 1 + 1/K times their variance in the mean; so
    that distance over 1 + 1/K is what is needed. Bands are orthogonal: the whole field's mean,
    what means of 4 x 4 cells add to it, what 16 x 16 add to those, and what is finer.
    """
    count, (height, width) = len(draws), draws.shape[-2:]
    if count < 2:
        raise UsageError("a spread wants two draws or more")
    if height % _CELLS[-1] or width % _CELLS[-1]:
        raise UsageError(f"a field of {height} x {width}: sides must be multiples of {_CELLS[-1]}")
    have, need = [], []
    for sampled, true in zip(_bands(draws), _bands(truth), strict=True):
        have.append(sampled.var(0, ddof=1).mean())
        need.append(((sampled.mean(0) - true) ** 2).mean() / (1 + 1 / count))
    return np.array(have), np.array(need)


def spread_ratio(pairs: NDArray[Any]) -> float:
    """Variances had and needed of N pictures (N, 2) to spread over needed: 1 is right."""
    have, need = np.asarray(pairs, np.float64).mean(0)
    return float(np.sqrt(have / need)) if need > 0 else 1.0
