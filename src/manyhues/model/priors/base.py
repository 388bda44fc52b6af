"""P(code | grey): how each method draws codes. One class for each kind of prior.

A code is a vector ``(K,)`` or a colour grid ``(2, h/4, w/4)`` in a, b / 25. So that choosing among
many candidates stays cheap, there are two ways of drawing: `draft` gives codes good enough to
choose by, `sample` the final codes of the same samples. For most kinds they are the same.

Sample k of a picture depends on (seed, k) and the picture's L* alone: noise is counter-based and
turned by L* (`Scene.turn`), and graphs run one sample at a time, because ONNX Runtime's results
may differ in the last bit between batch sizes. Drafts, whose number is fixed, run in batches.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from manyhues.color.lab import Array
from manyhues.errors import WeightsError
from manyhues.model.engine import Engine, noise
from manyhues.model.noise import BLOCK, couple
from manyhues.model.non_local import alike
from manyhues.model.scene import Scene
from manyhues.model.solver import integrate, schedule
from manyhues.render.upsample import resize
from manyhues.sampling.hints import Hint

DRAFTS = 8  # in a batch: a quarter quicker than one by one
GRID_SCALE = 25.0  # Lab units of a, b in one unit of a grid code


@dataclass(frozen=True)
class Draw:
    """What to draw: samples `indices` of `seed`, with Gaussian noise scaled by `diversity`."""

    seed: int
    indices: Sequence[int]
    diversity: float = 1.0
    hints: Sequence[Hint] = ()

    def of(self, indices: Sequence[int]) -> "Draw":
        """The same draw of other samples."""
        return replace(self, indices=indices)


class Prior(ABC):
    """Draws codes for a scene. Gaussian kinds spread by `diversity` (standard deviation)."""

    single_answer = False

    def __init__(self, engine: Engine, manifest: dict[str, Any]) -> None:
        self.engine, self.spec = engine, manifest["prior"]
        self.code_shape = tuple(manifest["embedding"].get("code", ()))

    @abstractmethod
    def draft(self, scene: Scene, draw: Draw) -> Array:
        """Codes ``(n, ...)`` of the samples to draw, good enough to choose by."""

    def finish(self, scene: Scene, draw: Draw, drafts: Array) -> Array:
        """Final codes ``(n, ...)`` that keep to drafts, whosever they are."""
        return drafts

    def rough(self, scene: Scene, draft: Array) -> Array:
        """One draft in the shape of a final code, to look at before it is finished."""
        return draft

    def sample(self, scene: Scene, draw: Draw) -> Array:
        """Final codes ``(n, ...)`` of the samples to draw."""
        return self.finish(scene, draw, self.draft(scene, draw))

    def likely(self, scene: Scene, n: int) -> Array | None:
        """Up to n codes, most probable first, where the kind knows them; else None."""
        return None

    def vary(self, scene: Scene, draw: Draw, code: Array, amount: float) -> Array:
        """Codes near `code`: amount 0 is the code itself, 1 a fresh sample."""
        fresh = self.sample(scene, draw)
        return np.stack([self.mix(code, other, amount) for other in fresh])

    def mix(self, start: Array, end: Array, amount: float) -> Array:
        """A code on the way from one to another, amount in [0, 1]."""
        return ((1 - amount) * start + amount * end).astype(np.float32)


class Normal(Prior):
    """Code ~ N(0, I)."""

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """Plain normal noise."""
        return np.stack(_noises(scene, draw, self.code_shape))

    def mix(self, start: Array, end: Array, amount: float) -> Array:
        """Spherical interpolation: codes of this many dimensions all lie near one sphere."""
        lengths = float(np.linalg.norm(start)), float(np.linalg.norm(end))
        cosine = float((start * end).sum()) / max(lengths[0] * lengths[1], 1e-12)
        angle = float(np.arccos(np.clip(cosine, -1, 1)))
        if angle < 1e-4 or angle > np.pi - 1e-4:
            return super().mix(start, end, amount)
        a, b = np.sin((1 - amount) * angle), np.sin(amount * angle)
        return np.asarray((a * start + b * end) / np.sin(angle), np.float32)


class Bernoulli(Prior):
    """Independent 0 or 1 with probability 1/2: the dropout noise of the cGAN."""

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """The signs of normal noise."""
        drawn = [_noise(scene, draw.seed, k, self.code_shape) > 0 for k in draw.indices]
        return np.stack(drawn).astype(np.float32)

    def mix(self, start: Array, end: Array, amount: float) -> Array:
        """Take a growing, fixed set of bits from the end."""
        order = np.argsort(noise(0, 0, start.shape, stage=9).ravel()).reshape(start.shape)
        return np.where(order < amount * start.size, end, start).astype(np.float32)


class Mixture(Prior):
    """The paper's mixture density network: a Gaussian mixture read off the grey features."""

    def _mixture(self, scene: Scene) -> tuple[Array, Array, Array]:
        out = self.engine.run(self.spec["graph"], scene.levels[-1].inputs)
        log_pi = out["log_pi"][0]
        pi = np.exp(log_pi - log_pi.max())
        return pi / pi.sum(), out["mean"][0], np.exp(out["log_sigma"][0])  # (M,), (M, K), (M, K)

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """Draw a component by its weight, then from its Gaussian.

        A race of exponential clocks, from a second stream of noise, picks the component.
        """
        pi, mean, sigma = self._mixture(scene)
        codes = []
        for k in draw.indices:
            generator_noise = _noise(scene, draw.seed, k, (len(pi), 2), stage=1)
            # |n1|^2 + |n2|^2 of two normals is exponential: a race that component i wins with
            # probability pi_i when its clock runs at that rate.
            clock = (generator_noise**2).sum(1) / np.maximum(pi, 1e-30)
            m = int(clock.argmin())
            spread = sigma[m] * _noise(scene, draw.seed, k, mean[m].shape)
            codes.append(mean[m] + spread * draw.diversity)
        return np.stack(codes).astype(np.float32)

    def likely(self, scene: Scene, n: int) -> Array | None:
        """The components' means, most probable first: the authors' way at test time."""
        pi, mean, _ = self._mixture(scene)
        return mean[np.argsort(-pi, kind="stable")[:n]]


class Point(Prior):
    """One regression answer, whatever the noise."""

    single_answer = True

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """The answer, once for each sample."""
        code = self.engine.run(self.spec["graph"], scene.levels[-1].inputs)["code"]
        return np.repeat(code, len(draw.indices), axis=0)


class Flow(Prior):
    """Conditional flow matching over the colour grid, coarse to fine.

    x_t = (1 - t) x_0 + t noise; the network gives v = d x_t / d t, and `integrate` leads from
    t = 1 to 0. Each further working size starts from the coarser answer, partly noised again.
    Hinted cells are part of the condition, so that the rest of the sample agrees with them.
    """

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """The grid at the first working size, in fewer steps."""
        return self._coarse(scene, draw, self.spec.get("draft_steps"), DRAFTS)

    def sample(self, scene: Scene, draw: Draw) -> Array:
        """Coarse to fine, all steps."""
        return self.finish(scene, draw, self._coarse(scene, draw))

    def finish(self, scene: Scene, draw: Draw, drafts: Array) -> Array:
        """Refine grids of the first working size through the remaining ones."""
        return self.done(scene, draw, self._refined(scene, draw, drafts)[-1])

    def stages(self, scene: Scene, draw: Draw) -> list[Array]:
        """Codes ``(n, 2, h, w)`` of the samples at each working size, as the velocity has them."""
        return self._refined(scene, draw, self._coarse(scene, draw))

    def done(self, scene: Scene, draw: Draw, codes: Array) -> Array:
        """Final codes of what the velocity left at the last working size."""
        return self._calibrated(scene, draw, self._alike(scene, codes))

    def _refined(self, scene: Scene, draw: Draw, drafts: Array) -> list[Array]:
        """Grids of the first working size, and of each further one that starts from those."""
        stages = [drafts]
        t = np.float32(self.spec.get("renoise", 0.6))
        for level in range(1, len(scene.levels)):
            shape = self._shape(scene, level)
            noises = _coupled(scene, draw, shape, stage=level)
            grown = [_resized(code, shape) for code in stages[-1]]
            starts = [(1 - t) * code + t * n for code, n in zip(grown, noises, strict=True)]
            stages.append(self._integrate(scene, level, starts, noises, float(t), draw.hints))
        return stages

    def _alike(self, scene: Scene, codes: Array, new: float = 1.0) -> Array:
        """Without patches that end where nothing in the picture does; `new` is how much was drawn.

        A picture of the first working size alone has none: a cell is a thing.
        """
        share = new * float(self.spec.get("alike", 0.0))
        if len(scene.levels) == 1 or not share:
            return codes
        level = scene.levels[-1]
        lightness = resize(level.lightness, *codes[0].shape[1:])
        return alike(codes, lightness, level.inputs["f8"][0], share)

    def _calibrated(self, scene: Scene, draw: Draw, codes: Array) -> Array:
        """Give back what few steps cost: some strength of the colours, and the finest variation,
        which the last step takes for noise.

        The latter only where a cell is as small in the picture as in training: it would mottle.
        Less noise is less chroma as well. What cells differ by is given back in the same measure,
        and not what they share, which would lie over the scene as a tint: calm, not pale.
        """
        gains = np.atleast_1d(self.spec.get("gain", 1.0))  # one for each working size
        calm = np.float32(np.clip(draw.diversity, 0.5, 1.0))
        shared = codes.mean((2, 3), keepdims=True) if calm < 1 else np.float32(0)
        out = shared + (codes - shared) / calm
        out = np.float32(gains[min(len(scene.levels), len(gains)) - 1]) * out
        if min(scene.luminance.shape) <= min(scene.grid):
            grain = np.stack(_noises(scene, draw, codes[0].shape, stage=7))
            grain[[k < 0 for k in draw.indices]] = 0  # no samples: what candidates agree on
            out = out + np.float32(self.spec.get("grain", 0.0)) * grain
        return _keeping(np.asarray(out, np.float32), _hinted(draw.hints, codes.shape[2:]))

    def rough(self, scene: Scene, draft: Array) -> Array:
        """The draft, grown to the last working size."""
        return _resized(draft, self._shape(scene, len(scene.levels) - 1))

    def vary(self, scene: Scene, draw: Draw, code: Array, amount: float) -> Array:
        """Noise the code up to t = amount and find the way back.

        By an amount past what the finer sizes are ever noised to, through all of them.
        """
        renoise, last = float(self.spec.get("renoise", 0.6)), len(scene.levels) - 1
        level = last if amount <= renoise else 0
        base = _resized(code, self._shape(scene, level))
        noises = _coupled(scene, draw, base.shape, stage=8)
        starts = [(1 - amount) * base + amount * n for n in noises]
        codes = self._integrate(scene, level, starts, noises, amount, draw.hints)
        if level < last:
            return self.finish(scene, draw, codes)
        codes = self._alike(scene, codes, amount / renoise)
        return _keeping(codes, _hinted(draw.hints, codes.shape[2:]))

    def _coarse(
        self, scene: Scene, draw: Draw, steps: int | None = None, at_once: int = 1
    ) -> Array:
        starts = _coupled(scene, draw, self._shape(scene, 0))
        return self._integrate(scene, 0, starts, starts, 1.0, draw.hints, steps, at_once)

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
    ) -> Array:
        cells = _hinted(hints, starts[0].shape[1:])
        known = np.zeros((1, 3, *starts[0].shape[1:]), np.float32)  # a, b, and 1 where known
        for (row, column), ab in cells:
            known[0, :, row, column] = (*ab, 1)
        inputs = {**scene.levels[level].inputs, "hints": known}
        condition = self.engine.run(self.spec["condition"], inputs)
        steps = steps or self.spec["steps"][min(level, len(self.spec["steps"]) - 1)]
        times = np.float32(t_start) * schedule(steps)

        def velocity(x: Array, t: float, n: Array) -> Array:
            x = x.copy()
            for (row, column), ab in cells:  # hinted cells are known at every time
                x[:, :, row, column] = (1 - t) * ab + t * n[:, :, row, column]
            feeds = {"x": x, "t": np.full(len(x), t, np.float32), **condition}
            return self.engine.run(self.spec["velocity"], feeds)["v"]

        def follow(first: int) -> Array:
            some = slice(first, first + at_once)
            start, n = np.stack(starts[some]), np.stack(noises[some])
            x: Array = integrate(partial(velocity, n=n), start.astype(np.float32), times)
            return _keeping(x, cells)

        return np.concatenate(self.engine.map(follow, range(0, len(starts), at_once)))


def _noise(scene: Scene, seed: int, k: int, shape: tuple[int, ...], stage: int = 0) -> Array:
    """Standard normal noise of sample k of this picture: two fields, mixed as its L* says."""
    still, turned = noise(seed, k, (2, *shape), stage)
    cosine, sine = (np.resize(part, shape) for part in scene.turn)  # repeated to fill the shape
    return np.asarray(cosine * still + sine * turned, np.float32)


def _noises(scene: Scene, draw: Draw, shape: tuple[int, ...], stage: int = 0) -> list[Array]:
    scale = np.float32(draw.diversity)
    return [_noise(scene, draw.seed, k, shape, stage) * scale for k in draw.indices]


def _coupled(scene: Scene, draw: Draw, shape: tuple[int, ...], stage: int = 0) -> list[Array]:
    """As `_noises`, but samples 0 to 7, 8 to 15 and so on keep apart (`manyhues.model.noise`)."""
    blocks: dict[int, Array] = {}
    for block in {k // BLOCK for k in draw.indices if k >= 0}:
        mates = range(BLOCK * block, BLOCK * (block + 1))
        blocks[block] = couple(np.stack(_noises(scene, draw.of(mates), shape, stage)))
    return [
        blocks[k // BLOCK][k % BLOCK] if k >= 0 else _noises(scene, draw.of([k]), shape, stage)[0]
        for k in draw.indices
    ]


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


_KINDS: dict[str, type[Prior]] = {
    "normal": Normal,
    "bernoulli": Bernoulli,
    "mixture": Mixture,
    "point": Point,
    "flow": Flow,
}


def make_prior(engine: Engine, manifest: dict[str, Any]) -> Prior:
    """The prior that a manifest asks for."""
    kind = manifest["prior"].get("kind")
    if kind not in _KINDS:
        raise WeightsError(
            f"{manifest['method']}.json: prior of unknown kind {kind!r}; update manyhues"
        )
    return _KINDS[kind](engine, manifest)
