"""From a prior to n codes: which samples are drawn, in which order, and the candidates on the way.

Which of the candidates to show is `sampling.candidates`' choice; this asks the prior for them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyhues.color.arrays import Array
from manyhues.errors import UsageError
from manyhues.model.priors import Draw, Prior
from manyhues.model.priors.flow import DRAFTS, GRID_SCALE
from manyhues.model.scene import Scene
from manyhues.sampling import candidates
from manyhues.sampling.hints import Hint
from manyhues.sampling.options import Pick

_AT_ONCE = 16  # candidates that are decoded in a batch: their number is fixed, and so their bytes


@dataclass(frozen=True, eq=False)
class Found:
    """One code of a search: number `done` of `total`, sample `k`. Rough where it is not `final`."""

    final: bool
    done: int
    total: int
    k: int
    code: Array


def search(
    prior: Prior,
    scene: Scene,
    n: int,
    pick: Pick,
    draw: Draw,
    *,
    numbers: Sequence[int] = (),
    at_once: int,
    decode: Callable[[Array, int], Array],
) -> Iterator[Found]:
    """The candidates of n samples, then their final codes in the order to show.

    With `numbers` of samples, those n are drawn, and nothing is chosen. `draw` says all but which
    samples; `at_once` are drawn between two steps. `decode` makes a, b
    ``(m, 2, h, w)`` of codes ``(m, ...)``, so many in a batch.
    """
    if numbers:
        yield from _named(prior, scene, numbers, draw, at_once)
        return
    known = prior.likely(scene, n) if pick == "likely" else None
    if prior.single_answer or pick == "random" or known is not None:
        yield from _plain(prior, scene, n, draw, [] if known is None else list(known), at_once)
        return
    pool: Sequence[int] = range(candidates.pool_size(n))
    parts = []
    for at in range(0, len(pool), DRAFTS * at_once):
        parts.append(prior.draft(scene, draw.of(pool[at : at + DRAFTS * at_once])))
        for k, draft in zip(pool[at:], parts[-1], strict=False):
            yield Found(False, k + 1, len(pool), k, prior.rough(scene, draft))
    drafts = np.concatenate(parts)
    # A grid code is a small colour field itself; a vector has to be decoded to be judged.
    grid = prior.is_grid
    fields = GRID_SCALE * drafts if grid else decode(drafts, _AT_ONCE)
    lightness = scene.levels[0 if grid else -1].lightness
    chosen: list[int] = []
    for wanted, size in candidates.stages(n):
        among = np.arange(size)
        if draw.hints and not grid:
            among = np.union1d(_nearest_to_hints(fields[:size], draw.hints, wanted), chosen)
        first = [int(np.searchsorted(among, k)) for k in chosen]
        best = candidates.choose(fields[among.astype(int)], wanted, pick, lightness, first)
        chosen = [int(among[i]) for i in best]
    done = 0
    if pick == "likely" and grid:
        chosen, done = chosen[: n - 1], 1
        yield Found(True, done, n, -1, _agreed(prior, scene, draw, drafts[: candidates.POOL]))
    for at in range(0, len(chosen), at_once):
        indices = chosen[at : at + at_once]
        for k, code in zip(indices, prior.sample(scene, draw.of(indices)), strict=True):
            done += 1
            yield Found(True, done, n, k, code)


def _plain(
    prior: Prior, scene: Scene, n: int, draw: Draw, listed: Sequence[Array], at_once: int
) -> Iterator[Found]:
    """The prior's listed answers, the i-th by the number -i, then plain samples 0, 1, .."""
    numbers = [-1 - i if i < len(listed) else i - len(listed) for i in range(n)]
    yield from _drawn(prior, scene, numbers, draw, listed, at_once)


def _drawn(
    prior: Prior,
    scene: Scene,
    numbers: Sequence[int],
    draw: Draw,
    listed: Sequence[Array],
    at_once: int,
) -> Iterator[Found]:
    """Samples by their numbers; those below 0 are `listed`, the i-th by the number -i."""
    for at in range(0, len(numbers), at_once):
        some = numbers[at : at + at_once]
        plain = [k for k in some if k >= 0]
        drawn = iter(prior.sample(scene, draw.of(plain)) if plain else ())
        for done, k in enumerate(some, at + 1):
            code = next(drawn) if k >= 0 else listed[-1 - k]
            yield Found(True, done, len(numbers), k, code)


def _named(
    prior: Prior, scene: Scene, numbers: Sequence[int], draw: Draw, at_once: int
) -> Iterator[Found]:
    """Samples by their numbers; those below 0 are the most probable answers, as `likely` has them.

    Raises `UsageError` for one of those that this method has not.
    """
    listed: list[Array] = []
    if least := min(0, *numbers):
        known = prior.likely(scene, -least)
        if known is not None:
            listed = list(known)
        elif prior.is_grid and not prior.single_answer:
            pool = range(candidates.POOL)
            drafts = [prior.draft(scene, draw.of(pool[at : at + DRAFTS])) for at in pool[::DRAFTS]]
            listed = [_agreed(prior, scene, draw, np.concatenate(drafts))]
        if -least > len(listed):
            raise UsageError(f"k {least}: most probable answers of this method: {len(listed)}")
    yield from _drawn(prior, scene, numbers, draw, listed, at_once)


def _agreed(prior: Prior, scene: Scene, draw: Draw, drafts: Array) -> Array:
    """The code of what the first candidates agree on: a grid's most probable answer."""
    agreed: Array = prior.finish(scene, draw.of([-1]), candidates.consensus(drafts)[None])[0]
    return agreed


def _nearest_to_hints(fields: Array, hints: Sequence[Hint], n: int) -> NDArray[np.intp]:
    """Indices of the half of the candidates (n at least) that agree best with the hints."""
    cells = [(hint.cell(fields.shape[2:]), hint.ab) for hint in hints]
    miss = sum(((fields[:, :, r, c] - ab) ** 2).sum(1) for (r, c), ab in cells)
    return np.sort(np.argsort(miss, kind="stable")[: max(n, len(fields) // 2)])
