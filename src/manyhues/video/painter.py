"""The colours of a film's key frames, n versions at once, and of the frames between them.

A shot's first frame is coloured as a picture of its own, but for the strength of its colours: what
is pale or gaudy by chance would stay so to the end of the shot. From key frame to key frame the
code is brought along motion, noised part of the way and sampled again (as `Colorizer.vary` does),
with the noise of the shot: so it can follow what comes new into the picture. Where the picture is
the same, most of the last colours is kept. benchmarks/films.py has what else was tried, and the
figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from manyhues.color.arrays import Array, resize
from manyhues.colorization import Steering
from manyhues.colorizer import Colorizer
from manyhues.model.noise import BLOCK
from manyhues.model.priors import Draw
from manyhues.model.priors.flow import GRID_SCALE
from manyhues.model.scene import Scene
from manyhues.model.threads import pool
from manyhues.sampling.hints import Hint, Hints
from manyhues.sampling.options import Sampling
from manyhues.video.motion import Motion, motion
from manyhues.video.shots import Seen, Stretch

AMOUNT = 0.4  # how far a code is noised from key frame to key frame
FRESH = 0.15  # of the new colours where the picture is the same
EVEN = 0.75  # of what a shot is by chance paler or stronger than usual, in logarithms, taken back
_STRONGER = 3.0  # at most, by chance
_GREY = 1e-3  # RMS chroma of drafts without any colour
_SAME_SCENE = 0.6  # of the picture found in a key frame of an earlier shot
_ALIKE = 0.5  # correlation of the coarsest L* below which that is not even tried
SHOTS = 12  # earlier shots that are remembered
_NOWHERE = 0.01  # weight of colours of what is not found: the frame must have some


@dataclass(frozen=True, eq=False)
class Look:
    """The colours of a key frame.

    ab      (n, 2, h, w) float32 in Lab units, as drawn: what the next key frame goes on from
    shown   the same, steered
    codes   (n, ...) float32 where codes are vectors, which stay through a shot; else empty
    seeds   n pairs (seed, k)
    turn    (2, 256) float32, `Scene.turn` of the shot's first frame
    levels  L* of the frame, as `Seen` has it
    """

    ab: Array
    shown: Array
    codes: Array
    seeds: tuple[tuple[int, int], ...]
    turn: Array
    levels: list[Array]


class Painter:
    """Colours key frames one after the other. Holds the looks of earlier shots."""

    def __init__(self, colorizer: Colorizer, sampling: Sampling) -> None:
        self.colorizer, self.palette = colorizer, sampling.palette
        self.sampling = replace(sampling, like=None, hints=())  # what is steered, is steered here
        self.earlier: list[Look] = []

    def begin(self, scene: Scene, seen: Seen, hints: Hints = ()) -> Look:
        """The first frame of a shot, drawn anew, whatever came before it."""
        sampling, steering = replace(self.sampling, hints=hints), self._steering(scene, hints)
        found = list(self.colorizer.codes(scene, sampling))
        finals = [one for one in found if one.final]
        codes, numbers = np.stack([one.code for one in finals]), [one.k for one in finals]
        if self.colorizer.prior.is_grid:
            candidates = {one.k: one.code for one in found if not one.final}
            draw = Draw(sampling.seed, numbers, sampling.diversity, steering.hints)
            codes = codes / self._relative_chroma(scene, draw, candidates) ** EVEN
        ab = self.colorizer.decode(scene, codes)
        vectors = codes if codes.ndim == 2 else codes[:0]
        seeds = tuple((sampling.seed, k) for k in numbers)
        return Look(ab, steering.applied(scene, ab), vectors, seeds, scene.turn, seen.levels)

    def _relative_chroma(self, scene: Scene, draw: Draw, candidates: dict[int, Array]) -> Array:
        """Chroma of samples over what is usual for the picture, ``(n, 1, 1, 1)``.

        By a sample's draft against the mean of the first eight's, and by its vividness. A draft
        foretells its sample: over draws of 31 pictures the logarithms of their chroma correlate
        by .89, with a slope of 1.1. 1 where k is no sample's.
        """
        prior, drafts = self.colorizer.prior, dict(candidates)
        for block in sorted({0, *(k // BLOCK for k in draw.indices if k >= 0)}):
            mates = range(BLOCK * block, BLOCK * (block + 1))
            if not all(k in drafts for k in mates):
                made = prior.draft(scene, draw.of(mates))
                drafts |= {k: prior.rough(scene, one) for k, one in zip(mates, made, strict=True)}
        usual = max(float(np.mean([_chroma(drafts[k]) for k in range(BLOCK)])), _GREY)
        own = [_chroma(drafts[k]) / usual if k >= 0 else 1.0 for k in draw.indices]
        relative = np.clip(own, 1 / _STRONGER, _STRONGER) * prior.vividness(scene, draw)
        return np.asarray(relative, np.float32)[:, None, None, None]

    def follow(
        self, scene: Scene, seen: Seen, last: Look, moved: Motion, hints: Hints = ()
    ) -> Look:
        """A key frame after `last`; `moved` says where it lies there."""
        old = moved.bring(last.ab)
        steering = self._steering(scene, hints)
        new = self._new(scene.turned(last.turn), old, last, steering.hints)
        share = 1 - (1 - FRESH) * moved.sure
        ab = np.asarray(old + share * (new - old), np.float32)
        shown = steering.applied(scene, ab)
        return replace(last, ab=ab, shown=shown, levels=seen.levels)

    def remember(self, look: Look) -> None:
        """Keep the last look of a shot, for a cut back to it."""
        self.earlier = [*self.earlier, look][-SHOTS:]

    def _steering(self, scene: Scene, hints: Hints) -> Steering:
        steering = Steering.of(replace(self.sampling, hints=hints), scene)
        return replace(steering, palette=self.palette)

    def _new(self, scene: Scene, old: Array, last: Look, hints: Sequence[Hint]) -> Array:
        if last.codes.size:
            return self.colorizer.decode(scene, last.codes)
        h, w = (side // 4 for side in scene.grid)
        prior = self.colorizer.prior

        def one(i: int) -> Array:
            code = np.stack([resize(part, h, w) for part in old[i]]) / np.float32(GRID_SCALE)
            seed, k = last.seeds[i]
            draw = Draw(seed, [k], self.sampling.diversity, tuple(hints))
            new = self.colorizer.decode(scene, prior.vary(scene, draw, code, AMOUNT))[0]
            return np.asarray(new, np.float32)

        if len(old) == 1:
            return one(0)[None]
        with pool(min(len(old), self.colorizer.workers)) as threads:
            return np.stack(list(threads.map(one, range(len(old)))))


def seen_before(seen: Seen, views: Sequence[list[Array]]) -> tuple[int, Motion] | None:
    """Which of these views, each L* as `Seen.levels`, most of a frame is found in, and where."""
    best: tuple[int, Motion] | None = None
    coarse = seen.levels[0].ravel()
    for i, levels in reversed(list(enumerate(views))):
        other = levels[0].ravel()
        if not np.std(coarse) or not np.std(other):
            continue
        if np.corrcoef(coarse, other)[0, 1] < _ALIKE:
            continue
        moved = motion(seen.levels, levels)
        if moved.sure.mean() > max(_SAME_SCENE, best[1].sure.mean() if best else 0):
            best = i, moved
    return best


def _chroma(code: Array) -> float:
    """RMS chroma of a code ``(2, h, w)``, in its own units."""
    return float(np.sqrt((code**2).sum(0).mean()))


def between(stretch: Stretch, back: list[Motion], first: Array, last: Array) -> Iterator[Array]:
    """Colours ``(n, 2, h, w)`` of each frame of a stretch, its key frame's too, in order.

    From both key frames along motion (`back` is `shots.backward`), the nearer and the surer one
    counting for more.
    """
    count = len(stretch.frames)
    for i, (before, after) in enumerate(zip(stretch.motions, back, strict=False), 1):
        share = i / count
        old = np.float32(1 - share) * (before.sure + np.float32(_NOWHERE))
        new = np.float32(share) * (after.sure + np.float32(_NOWHERE))
        mixed = (old * before.bring(first) + new * after.bring(last)) / (old + new)
        yield np.asarray(mixed, np.float32)
    yield last
