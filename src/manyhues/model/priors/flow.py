"""The flow over a colour grid, coarse to fine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from manyhues.color.arrays import Array, resize
from manyhues.model.checked import FaultError, GraphFile, Range
from manyhues.model.manifest import PriorSettings
from manyhues.model.noise import BLOCK, antithetic
from manyhues.model.non_local import non_local_means
from manyhues.model.priors.base import Draw, Prior, turned_noise, turned_noises
from manyhues.model.scene import Scene
from manyhues.model.solver import integrate, schedule
from manyhues.sampling.hints import Hint

DRAFTS = 8  # in a batch: a quarter quicker than one by one


GRID_SCALE = 25.0  # Lab units of a, b in one unit of a grid code


# The means of a standard normal variable's eighths, from the least, brought to variance 1.
_EIGHTHS = (-1.694, -0.921, -0.505, -0.163, 0.163, 0.505, 0.921, 1.694)

# The mean colour of a sample is led to its tint from the noise to this time, then it is free.
# docs/model/sampling.md has what other times give.
_LED_TO = 0.6
# Times the prior's spread: vividness multiplies tints as well, and spreads them once more.
_TINTS = np.float32(0.85)

_Steps = Range(1, 1000)


@dataclass(frozen=True)
class FlowSettings(PriorSettings, kind="flow"):
    """The graphs, and how samples are drawn with them.

    steps        of the solver at each working size; the last counts for all further ones
    draft_steps  of a candidate to choose by; as many as of a sample where it is not given
    renoise      the time that a coarser answer is noised to, to be finished at the next size
    gain         times the code when the last step is done, for each number of working sizes
    grain        normal noise then, in code units, in pictures no larger than the working size
    alike        share of a cell's colour that comes from cells like it, in larger ones
    vividness    deviation, over samples, of the logarithm of how vivid one is; as `gain`
    tint         graph of a prior of the scene's mean colour, which leads the noisiest steps
    """

    codes = ("grid",)
    condition: GraphFile
    velocity: GraphFile
    steps: Annotated[tuple[int, ...], _Steps]
    draft_steps: Annotated[int | None, _Steps] = None
    renoise: Annotated[float, Range(0.001, 1)] = 0.6
    gain: Annotated[tuple[float, ...], Range(0, 100)] = (1.0,)
    grain: Annotated[float, Range(0, 100)] = 0.0
    alike: Annotated[float, Range(0, 1)] = 0.0
    vividness: Annotated[tuple[float, ...], Range(0, 1)] = (0.0,)
    tint: GraphFile | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "gain", "vividness"):
            if not getattr(self, name):
                raise FaultError(f"{name}: expected one number or more")


class Flow(Prior, settings=FlowSettings):
    """Conditional flow matching over the colour grid, coarse to fine.

    x_t = (1 - t) x_0 + t noise; the network gives v = d x_t / d t, and `integrate` leads from
    t = 1 to 0. Each further working size starts from the coarser answer, partly noised again.
    Hinted cells are part of the condition, so that the rest of the sample agrees with them.
    """

    settings: FlowSettings

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """The grid at the first working size, in fewer steps."""
        return self._coarse(scene, draw, self.settings.draft_steps, DRAFTS)

    def sample(self, scene: Scene, draw: Draw) -> Array:
        """Coarse to fine, all steps; each as vivid as its number says."""
        codes = self.finish(scene, draw, self._coarse(scene, draw))
        if not self._spread(scene, draw):
            return codes
        codes *= self.vividness(scene, draw)[:, None, None, None]
        return _keeping(codes, _hinted(draw.hints, codes.shape[2:]))

    def vividness(self, scene: Scene, draw: Draw) -> Array:
        """Log-normal; 1 where k is no sample's."""
        spread = self._spread(scene, draw)
        vivid = np.exp(spread * _vividness(scene, draw) - spread**2 / 2)
        return np.where(np.array(draw.indices) < 0, np.float32(1), vivid)

    def _spread(self, scene: Scene, draw: Draw) -> np.float32:
        """The deviation of the logarithm of vividness."""
        return np.float32(_at(self.settings.vividness, scene) * min(draw.diversity, 1.0))

    def finish(self, scene: Scene, draw: Draw, drafts: Array) -> Array:
        """Refine grids of the first working size through the remaining ones."""
        return self.done(scene, draw, self._refined(scene, draw, drafts)[-1])

    def stages(self, scene: Scene, draw: Draw) -> list[Array]:
        """Codes ``(n, 2, h, w)`` of the samples at each working size, as the velocity has them."""
        return self._refined(scene, draw, self._coarse(scene, draw))

    def done(self, scene: Scene, draw: Draw, codes: Array) -> Array:
        """Final codes of what the velocity left at the last working size."""
        return self._calibrated(scene, draw, self._averaged(scene, codes))

    def _refined(self, scene: Scene, draw: Draw, drafts: Array) -> list[Array]:
        """Grids of the first working size, and of each further one that starts from those."""
        stages = [drafts]
        t = np.float32(self.settings.renoise)
        for level in range(1, len(scene.levels)):
            shape = self._shape(scene, level)
            noises = _antithetic(scene, draw, shape, stage=level)
            grown = [_resized(code, shape) for code in stages[-1]]
            starts = [(1 - t) * code + t * n for code, n in zip(grown, noises, strict=True)]
            stages.append(self._integrate(scene, level, starts, noises, float(t), draw.hints))
        return stages

    def _averaged(self, scene: Scene, codes: Array, new: float = 1.0) -> Array:
        """Without patches that end where nothing in the picture does; `new` is how much was drawn.

        A picture of the first working size alone has none: a cell is a thing.
        """
        share = new * self.settings.alike
        if len(scene.levels) == 1 or not share:
            return codes
        level = scene.levels[-1]
        lightness = resize(level.lightness, *codes[0].shape[1:])
        return non_local_means(codes, lightness, level.inputs["f8"][0], share)

    def _calibrated(self, scene: Scene, draw: Draw, codes: Array, new: float = 1.0) -> Array:
        """Give back what few steps cost: some strength of the colours, and the finest variation,
        which the last step takes for noise.

        The latter only where a cell is as small in the picture as in training: it would mottle.
        `new` is how much was drawn: the rest has its variation.
        Less noise is less chroma as well. What cells differ by is given back in the same measure,
        and not what they share, which would lie over the scene as a tint: calm, not pale.
        """
        gain, calm = self._strengths(scene, draw)
        shared = codes.mean((2, 3), keepdims=True) if calm < 1 else np.float32(0)
        out = gain * (shared + (codes - shared) / calm)
        if min(scene.luminance.shape) <= min(scene.grid):
            grain = np.stack(turned_noises(scene, draw, codes[0].shape, stage=7))
            grain[[k < 0 for k in draw.indices]] = 0  # no samples: what candidates agree on
            out = out + np.float32(self.settings.grain * new) * grain
        return _keeping(np.asarray(out, np.float32), _hinted(draw.hints, codes.shape[2:]))

    def _uncalibrated(self, scene: Scene, draw: Draw, code: Array) -> Array:
        """A final code ``(2, h, w)`` as the velocity would have left it: it is calibrated again."""
        gain, calm = self._strengths(scene, draw)
        code = code / gain
        shared = code.mean((1, 2), keepdims=True)
        return np.asarray(shared + (code - shared) * calm, np.float32)

    def _strengths(self, scene: Scene, draw: Draw) -> tuple[np.float32, np.float32]:
        """What few steps cost of all colours, and what less noise costs of their differences."""
        gain = _at(self.settings.gain, scene)
        return np.float32(gain), np.float32(np.clip(draw.diversity, 0.5, 1.0))

    def rough(self, scene: Scene, draft: Array) -> Array:
        """The draft, grown to the last working size."""
        return _resized(draft, self._shape(scene, len(scene.levels) - 1))

    def vary(self, scene: Scene, draw: Draw, code: Array, amount: float) -> Array:
        """Noise the code up to t = amount and find the way back.

        By an amount past what the finer sizes are ever noised to, through all of them.
        """
        renoise, last = self.settings.renoise, len(scene.levels) - 1
        level = last if amount <= renoise else 0
        raw = self._uncalibrated(scene, draw, code)
        base = _resized(raw, self._shape(scene, level))
        noises = _antithetic(scene, draw, base.shape, stage=8)
        starts = [(1 - amount) * base + amount * n for n in noises]
        codes = self._integrate(scene, level, starts, noises, amount, draw.hints)
        if level < last:
            return self.finish(scene, draw, codes)
        new = amount / renoise
        return self._calibrated(scene, draw, self._averaged(scene, codes, new), new)

    def _coarse(
        self, scene: Scene, draw: Draw, steps: int | None = None, at_once: int = 1
    ) -> Array:
        starts = _antithetic(scene, draw, self._shape(scene, 0))
        tints = self._tints(scene, starts)
        return self._integrate(scene, 0, starts, starts, 1.0, draw.hints, steps, at_once, tints)

    def _tints(self, scene: Scene, noises: Sequence[Array]) -> Array | None:
        """Mean codes ``(n, 2)``, before their gain, of samples with these noises; None is free.

        A Gaussian of the grey picture, drawn from by the mean of each noise: what leans to a tint
        with the flow's own knowledge leans to it with the prior's. Pictures of the first working
        size alone gain nothing by it, and are free.
        """
        if self.settings.tint is None or len(scene.levels) == 1:
            return None
        told = self.engine.run(self.settings.tint, scene.levels[0].inputs)
        mean, factor = told["tint"][0], told["factor"][0]
        reach = _TINTS * np.float32(noises[0][0].size ** 0.5)
        drawn = [mean + (factor * (reach * noise.mean((1, 2)))).sum(1) for noise in noises]
        return np.asarray(np.stack(drawn) / _at(self.settings.gain, scene), np.float32)

    def _shape(self, scene: Scene, level: int) -> tuple[int, int, int]:
        return 2, scene.levels[level].height // 4, scene.levels[level].width // 4

    def _integrate(
        self,
        scene: Scene,
        level: int,
        starts: Sequence[Array],
        noises: Sequence[Array],
        t_start: float,
        hints: Sequence[Hint],
        steps: int | None = None,
        at_once: int = 1,
        tints: Array | None = None,
    ) -> Array:
        cells = _hinted(hints, starts[0].shape[1:])
        known = np.zeros((1, 3, *starts[0].shape[1:]), np.float32)  # a, b, and 1 where known
        for (row, column), ab in cells:
            known[0, :, row, column] = (*ab, 1)
        inputs = {**scene.levels[level].inputs, "hints": known}
        condition = self.engine.run(self.settings.condition, inputs)
        steps = steps or self.settings.steps[min(level, len(self.settings.steps) - 1)]
        times = np.float32(t_start) * schedule(steps)

        def velocity(x: Array, t: float, n: Array, tint: Array | None) -> Array:
            x = x.copy()
            for (row, column), ab in cells:  # hinted cells are known at every time
                x[:, :, row, column] = (1 - t) * ab + t * n[:, :, row, column]
            feeds = {"x": x, "t": np.full(len(x), t, np.float32), **condition}
            v = self.engine.run(self.settings.velocity, feeds)["v"]
            if tint is not None and t > _LED_TO:
                v = v + (n.mean((2, 3)) - tint - v.mean((2, 3)))[:, :, None, None]
            return v

        def follow(first: int) -> Array:
            some = slice(first, first + at_once)
            start, n = np.stack(starts[some]), np.stack(noises[some])
            tint = None if tints is None else tints[some]
            led = partial(velocity, n=n, tint=tint)
            x: Array = integrate(led, start.astype(np.float32), times)
            return _keeping(x, cells)

        return np.concatenate(self.engine.map(follow, range(0, len(starts), at_once)))


def _at(values: Sequence[float], scene: Scene) -> float:
    """Of values for each number of working sizes, that of a scene."""
    return values[min(len(scene.levels), len(values)) - 1]


def _antithetic(scene: Scene, draw: Draw, shape: tuple[int, ...], stage: int = 0) -> list[Array]:
    """As `turned_noises`, but samples 0 to 7, 8 to 15 and so on keep apart (`antithetic`)."""
    blocks: dict[int, Array] = {}
    for block in {k // BLOCK for k in draw.indices if k >= 0}:
        mates = range(BLOCK * block, BLOCK * (block + 1))
        blocks[block] = antithetic(np.stack(turned_noises(scene, draw.of(mates), shape, stage)))
    return [
        blocks[k // BLOCK][k % BLOCK]
        if k >= 0
        else turned_noises(scene, draw.of([k]), shape, stage)[0]
        for k in draw.indices
    ]


def _vividness(scene: Scene, draw: Draw) -> Array:
    """How vivid the samples are to be, ``(n,)``, standard normal; 0 where k is no sample's.

    Of samples 0 to 7, 8 to 15 and so on each takes another eighth of the distribution, in an order
    that seed and picture give: a few samples see calm and vivid ones.
    """
    orders: dict[int, list[int]] = {}  # of each block: which eighth each of its samples takes
    for block in {k // BLOCK for k in draw.indices if k >= 0}:
        mates = range(BLOCK * block, BLOCK * (block + 1))
        values = [turned_noise(scene, draw.seed, k, (1,), stage=9)[0] for k in mates]
        orders[block] = np.argsort(np.argsort(values)).tolist()
    eighths = [_EIGHTHS[orders[k // BLOCK][k % BLOCK]] if k >= 0 else 0.0 for k in draw.indices]
    return np.array(eighths, np.float32)


def _hinted(hints: Sequence[Hint], grid: tuple[int, ...]) -> list[tuple[tuple[int, int], Array]]:
    """The cells of a grid ``(h, w)`` that hints lie in, and what the code is there: ``(2,)``."""
    return [(hint.cell(grid), hint.ab / GRID_SCALE) for hint in hints]


def _keeping(codes: Array, cells: Sequence[tuple[tuple[int, int], Array]]) -> Array:
    """Codes ``(n, 2, h, w)`` with their hinted cells as `_hinted` has them, in place."""
    for (row, column), ab in cells:
        codes[:, :, row, column] = ab
    return codes


def _resized(code: Array, shape: tuple[int, ...]) -> Array:
    """A grid code ``(2, h, w)`` at another size: bilinear up, box-averaged down."""
    return np.stack([resize(plane, shape[1], shape[2]) for plane in code])
