"""Which of many candidates to show.

``random``  the first n samples, as drawn: what metrics use
``likely``  the n most plausible (a prior that knows its most probable answers is asked instead)
``diverse`` plausible and far apart: the least plausible quarter of the candidates is dropped, the
            most plausible one comes first, and each next one lies farthest from those chosen

Plausible is what other candidates agree with and what is calm: far from all others are the odd
ones, and what looks garish is not strong colour but many colours in one picture. Farthest goes by
the mean distance plus half the least: the mean alone doubles up at the extremes, the least alone
fills the middle and gains nothing over plain draws.

Measured with vae-mdn, 6 of 48, 12 photographs with 3 seeds: mean pairwise distance 1.22 times that
of plain draws, and the most motley result has 1.29 times the candidates' median spread of colour
(plain draws 1.64; dropping the odd tenth alone gives 1.37 and 1.72).

With flow, 200 pictures of ImageNet 64: 1.17 times for 6 of 48 at a Frechet distance that is no
larger (benchmarks/choice.py, docs/model.md). Its plain draws keep apart by themselves; when they
were independent it was 1.25 times.

The number of candidates depends on n in steps (48 up to n = 12), so that a smaller n gives the
beginning of a larger one's result.
"""

import numpy as np
from numpy.typing import NDArray

from manyhues.color import Array

PICKS = ("diverse", "likely", "random")
_POOL = 48
_STEP = 12
_KEPT = 0.75
_NEIGHBOURS = 5
_FADE = 2.0
PALE = 0.87  # RMS chroma of a three-step draft over a full sample's: .84 at 64 pixels, .90 at 128
_CALM = 3.0  # weight of the spread of colour against the distance to the neighbours


def pool_size(n: int) -> int:
    """How many candidates to draw for n: 48 for n up to 12, then 96 up to 24, and so on."""
    return _POOL * -(-n // _STEP)


def distances(ab: Array) -> Array:
    """RMS distance ``(M, M)`` in Lab units between colour fields ``(M, 2, h, w)``.

    Fields are compared at 16 x 16 cells or fewer: differences that fine do not show.
    """
    step_y, step_x = max(1, ab.shape[2] // 16), max(1, ab.shape[3] // 16)
    h, w = ab.shape[2] // step_y, ab.shape[3] // step_x
    cropped = ab[:, :, : h * step_y, : w * step_x]
    small = cropped.reshape(len(ab), 2, h, step_y, w, step_x).mean((3, 5)).reshape(len(ab), -1)
    square = (small**2).sum(1)
    gram = square[:, None] + square[None] - 2 * small @ small.T
    return np.asarray(np.sqrt(np.maximum(gram, 0) / (h * w)), np.float32)


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


def choose(ab: Array, n: int, pick: str) -> list[int]:
    """Indices of n of the candidates ``(M, 2, h, w)``, in the order to show them."""
    distance = distances(ab)
    order = plausible_order(ab, distance)
    if pick == "likely":
        return [int(i) for i in order[:n]]
    kept = order[: max(n, round(len(order) * _KEPT))]
    chosen = [int(kept[0])]
    while len(chosen) < n:
        left = np.array([i for i in kept if i not in chosen])
        to_chosen = distance[left][:, chosen]
        far = to_chosen.mean(1) + to_chosen.min(1) / 2
        chosen.append(int(left[far.argmax()]))
    return chosen
