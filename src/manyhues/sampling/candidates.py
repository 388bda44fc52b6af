"""Which of many candidates to show.

``random``  the first n samples, as drawn: what metrics use
``likely``  the n most plausible (a prior that knows its most probable answers is asked instead)
``diverse`` far apart, and standing for all: the patchiest tenth of the candidates is dropped, the
            most typical one comes first, and each next one is far from those chosen, at the same
            time near to many that are not, has no cast, and is not patchy

Plausible is what other candidates agree with and what is calm: far from all others are the odd
ones, and what looks garish is not strong colour but many colours in one picture.

Patchy is colour that changes where the picture does not. What is dropped for it is what is patchy
for the strength of its colours: the patchy would be the colourful otherwise, and the truth is often
among those. What remains is charged for it as it is, which is what people fault: of two samples of
a photograph the patchier draft is the faultier sample in 71 of 100.

Far goes by the mean distance plus half the least: the mean alone doubles up at the extremes, the
least alone fills the middle. It is measured as the eye sees chroma, or neon colours would be the
farthest. Far alone still shows extremes, and what most candidates are like only once; so part of
the choice goes by how much nearer all candidates come, in squares, to one that is shown, as in
k-medoids. A cast, one hue over the whole scene, is the cheapest way to be far: it is charged for.
docs/model/choosing.md has what each of them gives.

The number of candidates depends on n in steps (48 up to n = 12), so that a smaller n gives the
beginning of a larger one's result.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.color.arrays import Array, product, resize

_POOL = 48
_STEP = 12
_KEPT = 0.9
_NEIGHBOURS = 5
_FADE = 2.0
_EDGE = 4.0  # L* from cell to cell; colour may change where the picture does by more
PALE = 0.87  # RMS chroma of a three-step draft over a full sample's: .84 at 64 pixels, .90 at 128
_FAR = 2.7  # weight of being far, against a cast and patches
_STANDS = 0.7  # weight of standing for others, likewise
_PATCH = 3.0  # Lab units: where even the patchiest is less patchy, patches count for less
_EVEN = 20  # percentile of the cells: the fifth with the least of the common hue
_CHROMA = 0.045  # CIE94: a difference of chroma C weighs 1 / (1 + .045 C)
_CALM = 3.0  # weight of the spread of colour against the distance to the neighbours


def pool_size(n: int) -> int:
    """How many candidates to draw for n: 48 for n up to 12, then 96 up to 24, and so on."""
    return _POOL * -(-n // _STEP)


def _cells(fields: Array) -> Array:
    """Fields ``(..., h, w)`` at about 16 x 16 cells or fewer: finer differences do not show."""
    y, x = (max(1, side // 16) for side in fields.shape[-2:])
    h, w = fields.shape[-2] // y, fields.shape[-1] // x
    boxes = fields[..., : h * y, : w * x].reshape(*fields.shape[:-2], h, y, w, x)
    return np.asarray(boxes.mean((-3, -1)), np.float32)


def distances(ab: Array) -> Array:
    """RMS distance ``(M, M)`` in Lab units between colour fields ``(M, 2, h, w)``."""
    cells = _cells(ab)
    small = cells.reshape(len(ab), -1)
    square = (small**2).sum(1)
    gram = square[:, None] + square[None] - 2 * product(small, small.T)
    return np.asarray(np.sqrt(np.maximum(gram, 0) / cells[0, 0].size), np.float32)


def patchiness(ab: Array, luminance: Array) -> Array:
    """How much colours ``(M, 2, h, w)`` change where L* ``(h', w')`` does not: Lab units ``(M,)``.

    RMS over neighbouring cells, those across an edge of L* counting less.
    """
    cells, lightness = _cells(ab), _cells(resize(luminance, *ab.shape[2:]))
    square: Any = 0.0
    for axis in (-2, -1):
        flat = np.exp(-np.abs(np.diff(lightness, axis=axis)) / _EDGE)
        square = square + (flat * (np.diff(cells, axis=axis) ** 2).sum(1)).mean((1, 2))
    return np.asarray(np.sqrt(square), np.float32)


def cast(ab: Array) -> Array:
    """How much of one hue lies over all of the colours ``(M, 2, h, w)``, in Lab units: ``(M,)``.

    A scene in white light has something neutral in it; under a cast even the cells with the least
    of the mean's hue have much of it. Below 0: the mean's hue is missing, or its opposite is there.
    """
    cells = _cells(ab)
    mean = cells.mean((2, 3))
    hue = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)
    along = (cells * hue[:, :, None, None]).sum(1).reshape(len(cells), -1)
    return np.asarray(np.percentile(along, _EVEN, axis=1), np.float32)


def perceived(ab: Array) -> Array:
    """Colours ``(M, 2, h, w)`` with chroma as CIE94 sees it: differences of strong ones shrink."""
    chroma = np.hypot(ab[:, :1], ab[:, 1:])
    seen = np.log1p(_CHROMA * chroma) / _CHROMA  # the integral of the weight
    return np.asarray(ab * (seen / np.maximum(chroma, 1e-6)), np.float32)


def plausible_order(ab: Array, distance: Array) -> NDArray[np.intp]:
    """Candidates ``(M, 2, h, w)`` from the most to the least plausible.

    By the distance to their nearest neighbours (where many candidates agree the density of
    samples, hence their probability, is high) and by the spread of colour inside each.
    """
    near = np.sort(distance, axis=1)[:, 1 : _NEIGHBOURS + 1]
    spread = np.sqrt(ab.var((2, 3)).sum(1))
    odd = near.mean(1) if near.size else near.sum(1)
    return np.argsort(odd + _CALM * spread, kind="stable")


def consensus(codes: Array) -> Array:
    """What drafts ``(M, 2, h, w)`` agree on, as colourful as full samples: ``(2, h, w)``.

    Their mean is nearest to the truth but pale: where they disagree, it greys. So it is brought
    back to the RMS chroma that they would have in full, at most doubled.
    """
    mean = codes.mean(0)
    fade = float(np.sqrt((codes**2).mean() / max(float((mean**2).mean()), 1e-12)))
    return np.asarray(mean * min(fade / PALE, _FADE), np.float32)


def choose(ab: Array, n: int, pick: str, luminance: Array) -> list[int]:
    """Indices of n of the candidates, a, b ``(M, 2, h, w)`` in Lab units, in the order to show.

    `luminance` is the picture's L* at any size.
    """
    if pick == "likely":
        return [int(i) for i in plausible_order(ab, distances(ab))[:n]]
    patches = patchiness(ab, luminance)
    chroma = np.sqrt((_cells(ab) ** 2).mean((1, 2, 3)))
    # Against the candidates' median too, or all but grey would be the patchiest.
    calm = np.argsort(patches / np.maximum(chroma + np.median(chroma), 1e-6), kind="stable")
    kept = np.sort(calm[: max(n, round(len(ab) * _KEPT))])
    ab = ab[kept]
    square, apart = distances(ab) ** 2, distances(perceived(ab))
    charge = _to_largest(np.maximum(cast(ab), 0)) + _to_largest(patches[kept], _PATCH)
    chosen = [int(square.sum(1).argmin())]
    while len(chosen) < n:
        to_chosen = apart[:, chosen]
        far = to_chosen.mean(1) + to_chosen.min(1) / 2
        nearest = square[:, chosen].min(1)
        nearer = np.maximum(nearest[:, None] - square, 0).sum(0)  # all of them, were it shown
        score = _FAR * _to_largest(far) + _STANDS * _to_largest(nearer) - charge
        score[chosen] = -np.inf
        chosen.append(int(score.argmax()))
    return [int(kept[i]) for i in chosen]


def _to_largest(values: Array, least: float = 1e-6) -> Array:
    return np.asarray(values / max(float(values.max()), least), np.float32)
