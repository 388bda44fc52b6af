"""The metrics of diverse colorization, as pure functions on arrays.

Functions of one picture return that picture's value; a data set's number is their mean, and
`bootstrap_interval` says how far it can be trusted. Nothing here is random but the bootstrap,
and that has a fixed seed.

Names of dimensions: K samples of one picture, H x W pixels, N or M pictures, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import UsageError

Floats = NDArray[np.float64]
AB_UNIT = 128.0  # the unit of a, b in Deshpande et al. 2017
Z_95 = 1.959964  # half-width of a normal 95 % interval in standard deviations


def _squared_error(samples: NDArray[Any], truth: NDArray[Any]) -> Floats:
    if samples.shape[1:] != truth.shape:
        raise UsageError(
            f"samples of shape {samples.shape[1:]} against a truth of shape {truth.shape}; "
            "give (K, ...) and (...)"
        )
    error: Floats = np.asarray(samples, np.float64) - truth
    return error**2


def best_of_k_pixel(samples: NDArray[Any], truth: NDArray[Any]) -> float:
    """Best of K, chosen pixel by pixel and channel by channel: RMSE x 100.

    `samples` (K, H, W, 3) and `truth` (H, W, 3), RGB in [0, 1]. The protocol that Ardizzone et
    al. 2019 publish with their conditional INN: root of the mean, over pixels and channels, of
    the least squared error among the samples. Note that it rewards incoherent noise, since each
    pixel may take another sample; read `best_of_k_image` beside it.
    """
    return float(100 * np.sqrt(_squared_error(samples, truth).min(0).mean()))


def best_of_k_image(samples: NDArray[Any], truth: NDArray[Any]) -> float:
    """Best whole picture of K: RMSE x 100.

    `samples` (K, H, W, 3) and `truth` (H, W, 3), RGB in [0, 1].
    """
    error = _squared_error(samples, truth)
    return float(100 * np.sqrt(error.reshape(len(error), -1).mean(1).min()))


def best_of_1(samples: NDArray[Any], truth: NDArray[Any]) -> float:
    """RMSE x 100 of the first sample.

    `samples` (K, H, W, 3) and `truth` (H, W, 3), RGB in [0, 1].
    """
    return best_of_k_image(samples[:1], truth)


def variance(samples: NDArray[Any]) -> float:
    """Variance over the samples (divisor K), averaged over everything else.

    `samples` (K, ...), usually (K, H, W, 3) RGB in [0, 1]; Ardizzone et al. 2019.
    """
    return float(np.asarray(samples, np.float64).var(0).mean())


def pairwise_distance(samples: NDArray[Any]) -> float:
    """Mean over all pairs of two different samples of their RMS difference x 100.

    `samples` (K, H, W, 3), RGB in [0, 1], K >= 2. In the unit of `best_of_1`: how far two
    samples are apart can be read against how far they are from the truth.
    """
    flat = np.asarray(samples, np.float64).reshape(len(samples), -1)
    if len(flat) < 2:
        raise UsageError("a pairwise distance wants two samples or more")
    first, second = np.triu_indices(len(flat), 1)
    return float(100 * np.sqrt(((flat[first] - flat[second]) ** 2).mean(1)).mean())


def eob(samples: NDArray[Any], truth: NDArray[Any]) -> float:
    """Error of best (Deshpande et al. 2017, section 5): RMS of the best sample's a, b error.

    `samples` (K, 2, H, W) and `truth` (2, H, W), Lab units. The best sample is the one whole
    colour field with the least error; the root is taken of the mean over pixels and both
    channels, in units of a, b / 128.
    """
    error = _squared_error(samples, truth)
    return float(np.sqrt(error.reshape(len(error), -1).mean(1).min()) / AB_UNIT)


def eob_variance(samples: NDArray[Any]) -> float:
    """Variance of the samples' a, b (Deshpande et al. 2017, section 5), in (a, b / 128) squared.

    `samples` (K, 2, H, W), Lab units; divisor K, averaged over pixels and channels.
    """
    return variance(samples) / AB_UNIT**2


def colourfulness(rgb: NDArray[Any]) -> Floats:
    """Colourfulness M3 of Hasler and Suesstrunk 2003, equation 3, one value a picture.

    `rgb` (..., H, W, 3) in [0, 1] gives (...). The opponent axes rg = R - G and
    yb = (R + G) / 2 - B are on the scale of 0..255 and their means are signed, as in the paper
    (a common slip takes absolute values). 0 is grey, 15 slightly and 59 quite colourful.
    """
    r, g, b = np.moveaxis(np.asarray(rgb, np.float64) * 255, -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    axes = (-2, -1)
    spread: Floats = np.hypot(rg.std(axes), yb.std(axes))
    centre: Floats = np.hypot(rg.mean(axes), yb.mean(axes))
    return spread + 0.3 * centre


@dataclass(frozen=True)
class Frechet:
    """A Frechet distance, and what each picture contributes to its uncertainty.

    `first` (N,) and `second` (M,) are infinitesimal-jackknife influences: the change of the
    distance when a picture gets a little more weight. The variance of the distance is the sum
    of their squares.
    """

    distance: float
    first: Floats
    second: Floats


def _centred(features: NDArray[Any]) -> tuple[Floats, Floats]:
    """Features (N, D) to their mean (D,) and rows A (N, D) whose A.T @ A is the covariance."""
    x = np.asarray(features, np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise UsageError(f"a Frechet distance wants (N, D) features, N >= 2; got {x.shape}")
    mean = x.mean(0)
    return mean, (x - mean) / np.sqrt(len(x) - 1)


def _powers(matrix: Floats, *exponents: float) -> tuple[tuple[Floats, ...], Floats]:
    """Powers of the non-zero eigenvalues of a symmetric positive matrix, and their vectors."""
    values, vectors = np.linalg.eigh(matrix)
    keep = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return tuple(values[keep] ** e for e in exponents), vectors[:, keep]


def frechet(first: NDArray[Any], second: NDArray[Any]) -> Frechet:
    """Frechet distance between Gaussians fitted to two sets of features (N, D) and (M, D).

    Dowson and Landau 1982, as used by Heusel et al. 2017 (equation 6):
    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), in float64. The trace of the root is taken
    through the symmetric matrix R C1 R, R = C2^(1/2), so that eigh serves and no complex part
    arises, ranks below D included.
    """
    mean_a, a = _centred(first)
    mean_b, b = _centred(second)
    shift = mean_a - mean_b
    (half, inverse_half), v = _powers(b.T @ b, 0.5, -0.5)
    # In the eigenbasis of C2, R is diagonal: rows of A R, and rows of B whitened.
    a_rooted = (a @ v) * half  # (N, rank)
    b_white = (b @ v) * inverse_half  # (M, rank)
    (root, inverse_root), q = _powers(a_rooted.T @ a_rooted, 0.5, -0.5)
    # Diagonals of (A C2 A')^(1/2) and (B C1 B')^(1/2); each sums to the trace of the root.
    diagonal_a = (a_rooted @ q) ** 2 @ inverse_root
    diagonal_b = (b_white @ q) ** 2 @ root
    own_a, own_b = (a**2).sum(1), (b**2).sum(1)
    distance = shift @ shift + own_a.sum() + own_b.sum() - 2 * root.sum()
    influence_a = 2 * (a @ shift) * np.sqrt(len(a) - 1) / len(a) + own_a - diagonal_a
    influence_b = -2 * (b @ shift) * np.sqrt(len(b) - 1) / len(b) + own_b - diagonal_b
    return Frechet(
        float(distance), influence_a - influence_a.mean(), influence_b - influence_b.mean()
    )


def frechet_interval(d: Frechet) -> list[float]:
    """95 % interval of a Frechet distance by the infinitesimal jackknife (Efron 1982).

    A bootstrap would move the distance itself (pictures drawn twice shrink the covariance), and
    cost hundreds of eigen-decompositions. Few pictures make it wide; no distance is below 0.
    """
    half = Z_95 * float(np.sqrt((d.first**2).sum() + (d.second**2).sum()))
    return [max(0.0, d.distance - half), d.distance + half]


def frechet_share(generated: float, real: float, grey: float) -> float | None:
    """Share of the way from grey (0) to the real-to-real floor (1) that a method goes.

    None when grey is no further than the floor: too few pictures to tell them apart.
    """
    return (grey - generated) / (grey - real) if grey > real else None


def frechet_share_interval(generated: Frechet, real: Frechet, grey: Frechet) -> list[float] | None:
    """95 % interval of `frechet_share`; the three distances are over the same pictures.

    Sharing pictures, their errors mostly cancel: the influences are combined picture by picture
    (delta method) before they are squared.
    """
    share = frechet_share(generated.distance, real.distance, grey.distance)
    if share is None:
        return None
    gap = grey.distance - real.distance
    # Derivatives of (grey - generated) / (grey - real).
    weights = (-1 / gap, share / gap, (1 - share) / gap)
    parts = (generated, real, grey)
    first = sum((w * p.first for w, p in zip(weights, parts, strict=True)), np.zeros(1))
    second = sum((w * p.second for w, p in zip(weights, parts, strict=True)), np.zeros(1))
    half = Z_95 * float(np.sqrt((first**2).sum() + (second**2).sum()))
    return [share - half, share + half]


def bootstrap_interval(
    values: NDArray[Any],
    statistic: Callable[..., Any] = np.mean,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> list[float]:
    """95 % percentile-bootstrap interval [low, high] of a statistic of per-picture values (N, ...).

    Pictures are drawn with replacement (Efron 1979), `resamples` times, from a fixed seed: the
    same values always give the same interval.
    """
    values = np.asarray(values, np.float64)
    rng = np.random.Generator(np.random.Philox(seed))
    draws = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(resamples)]
    low, high = np.percentile(draws, (2.5, 97.5))
    return [float(low), float(high)]
