"""Colorizer: wires the steps together; the mathematics is elsewhere.

``encode`` reads a picture once, ``sample`` draws as often as asked. `colorize` is the one-shot
door to the same thing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np

from manyhues.color.arrays import Array
from manyhues.colorization import Colorization, Steering
from manyhues.errors import PictureError, UsageError
from manyhues.image.picture import Picture, PictureLike
from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest, methods
from manyhues.model.priors import Draw, Prior, make_prior
from manyhues.model.priors.flow import DRAFTS, GRID_SCALE
from manyhues.model.scene import Scene, encode
from manyhues.sampling import candidates
from manyhues.sampling.hints import Hint, Hints, apply_hints, parse_hints
from manyhues.sampling.options import Sampling, SamplingOptions, number, whole
from manyhues.sampling.palette import apply_palette

__all__ = ["Colorization", "Colorizer", "colorize"]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of `Colorizer.stream`: number `done` of `total` candidates, or results if `final`.

    `make` gives it as a Colorization of one. A candidate's is rough where its code is a draft.
    """

    final: bool
    done: int
    total: int
    make: Callable[[], Colorization]


class Colorizer:
    """One method, loaded: encodes pictures and samples colourings of them.

    Holds no state but its weights: it may be shared between threads.
    """

    def __init__(self, engine: Engine, manifest: Manifest) -> None:
        self._engine, self._manifest = engine, manifest
        self.method = manifest.method
        self.prior: Prior = make_prior(engine, manifest)

    @classmethod
    def load(
        cls, method: str | None = None, weights: str | Path | None = None, *, threads: int = 0
    ) -> "Colorizer":
        """Load a method (default: the best that is present) from a weights folder.

        Raises `WeightsError`, which names the methods that are there.
        """
        engine = Engine(weights, threads=threads)
        return cls(engine, Manifest.load(method, weights))

    @staticmethod
    def methods(weights: str | Path | None = None) -> list[str]:
        """Names of the methods that are present, the default first; `WeightsError` for none."""
        return methods(weights)

    def encode(self, picture: PictureLike) -> Scene:
        """Read a path, bytes, file, PIL image, array or `Picture`; features are computed once."""
        return encode(Picture.open(picture), self._engine, self._manifest)

    def encode_luminance(self, luminance: Array) -> Scene:
        """A scene of bare L*, ``(h, w)`` float32 in [0, 100]."""
        luminance = np.ascontiguousarray(luminance, np.float32)
        if luminance.ndim != 2 or not luminance.size:
            raise PictureError(f"L* of shape {luminance.shape}: expected (H, W)")
        return encode(Picture(luminance, name="array"), self._engine, self._manifest)

    def sample_ab(
        self,
        scene: Scene,
        n: int,
        seed: int = 0,
        *,
        start: int = 0,
        diversity: float = 1.0,
        hints: Hints = (),
    ) -> Array:
        """Plain draws k = start .. start + n - 1: a, b ``(n, 2, h, w)`` at the working size.

        Raises `UsageError`.
        """
        self._check_own(scene)
        n, start = whole("n", n, least=1), whole("start", start, least=0)
        diversity = number("diversity", diversity, 0, 10)
        parsed = parse_hints(hints, scene.luminance)
        draw = Draw(whole("seed", seed), range(start, start + n), diversity, parsed)
        codes = self.prior.sample(scene, draw)
        return self._steer(scene, self.decode(scene, codes), Steering(hints=tuple(parsed)))

    def sample(
        self, scene: Scene, n: int = Sampling.n, **options: Unpack[SamplingOptions]
    ) -> Colorization:
        """n colourings of an encoded picture; the options, and their defaults, are `Sampling`'s.

        Raises `UsageError`; where `like` cannot be read, `PictureError`.

            result = colorizer.sample(scene, 4, seed=7, hints=[(120, 80, "#b03030")])
        """
        return self.draw(scene, Sampling(n, **options))

    def stream(
        self, scene: Scene, n: int = Sampling.n, **options: Unpack[SamplingOptions]
    ) -> Iterator[Step]:
        """The work of `sample`, step by step: the candidates tried, then the n results in order.

        Whoever stops asking stops the work.
        """
        return self.steps(scene, Sampling(n, **options))

    def draw(self, scene: Scene, sampling: Sampling) -> Colorization:
        """`sample` with options that are made once for many pictures: `like` is read once."""
        # Decoded side by side when all are drawn; whoever streams decodes each as it comes.
        finals = [step for step in self.steps(scene, sampling) if step.final]
        results = self._engine.map(lambda step: step.make(), finals)
        codes, notes, n = (
            np.concatenate([one.codes for one in results]),
            results[0].notes,
            len(results),
        )
        if n > 1 and not self.prior.single_answer and (codes == codes[0]).all():
            diversity = f"diversity {sampling.diversity:g}"
            notes += (f"{diversity} leaves one answer: all {n} results are the same",)
        return replace(
            results[0],
            notes=notes,
            codes=codes,
            ab=np.concatenate([one.ab for one in results]),
            seeds=tuple(one.seeds[0] for one in results),
        )

    def steps(self, scene: Scene, sampling: Sampling) -> Iterator[Step]:
        """`stream` with options that are made once for many pictures."""
        self._check_own(scene)
        parsed = tuple(parse_hints(sampling.hints, scene.luminance))
        steering = Steering(sampling.saturation, parsed, sampling.palette)
        draw = Draw(sampling.seed, (), sampling.diversity, parsed)
        return self._steps(scene, sampling.n, sampling.pick, draw, steering)

    def vary(
        self,
        scene: Scene,
        base: Colorization,
        *,
        amount: float = 0.3,
        n: int = 6,
        seed: int = 0,
        start: int = 0,
    ) -> Colorization:
        """n neighbours of one colouring: amount 0 is itself, 1 as far as fresh samples.

        Neighbour k depends on the seed and k alone; k = start .. start + n - 1 are drawn.
        """
        n, start = whole("n", n, least=1), whole("start", start, least=0)
        amount, seed = number("amount", amount, 0, 1), whole("seed", seed)
        self._check_own(scene, base)
        code = _single(base).codes[0]
        hints = base.steering.hints
        indices = range(start, start + n)
        codes = self.prior.vary(scene, Draw(seed, indices, hints=hints), code, amount)
        seeds = [(seed, k) for k in indices]
        captions = [f"near, seed {seed} · k {k}" for k in indices]
        return self._make(scene, codes, seeds, base.steering, _notes(base), captions)

    def steer(
        self,
        scene: Scene,
        base: Colorization,
        *,
        saturation: float | None = None,
        hints: Hints | None = None,
    ) -> Colorization:
        """The same colourings with other hints or another saturation; None leaves it as it is.

        Nothing is drawn, so all that is not steered stays, and it is quick.
        """
        self._check_own(scene, base)
        steering = base.steering
        if saturation is not None:
            checked = number("saturation", saturation, 0, 10)
            steering = replace(steering, saturation=checked)
        if hints is not None:
            steering = replace(steering, hints=tuple(parse_hints(hints, scene.luminance)))
        return self._make(scene, base.codes, base.seeds, steering, _notes(base), base.captions)

    def blend(
        self, scene: Scene, start: Colorization, end: Colorization, *, steps: int = 5
    ) -> Colorization:
        """A path of `steps` colourings from one to another, both ends included.

        All are steered as `start` is; where `end` was steered otherwise, `steer` it alike first.
        """
        steps = whole("steps", steps, least=2)
        self._check_own(scene, start, end)
        a, b = _single(start).codes[0], _single(end).codes[0]
        shares = np.linspace(0, 1, steps)
        codes = np.stack([self.prior.mix(a, b, t) for t in shares])
        seeds = [(start if t < steps / 2 else end).seeds[0] for t in range(steps)]
        captions = [f"{share:.0%} of the way" for share in shares]
        return self._make(scene, codes, seeds, start.steering, _notes(start), captions)

    def _check_own(self, scene: Scene, *bases: Colorization) -> None:
        """Each method reads pictures at its own sizes, and codes are its own."""
        for method in (scene.method, *(base.method for base in bases)):
            if method != self.method:
                raise UsageError(
                    f"a colorizer of `{self.method}` was given what one of `{method}` made; "
                    "encode and sample with one and the same"
                )

    def decode(self, scene: Scene, codes: Array, *, at_once: int = 1) -> Array:
        """Codes ``(n, ...)`` to a, b ``(n, 2, h, w)`` in Lab units, `at_once` in a batch.

        One at a time for results, because ONNX Runtime's last bits may depend on the batch's
        size. Candidates, whose number is fixed, go through in batches: a third quicker.
        """
        graph = self._manifest.embedding.graph
        inputs = scene.levels[-1].inputs
        batches = [codes[i : i + at_once] for i in range(0, len(codes), at_once)]

        def decode(some: Array) -> Array:
            return self._engine.run(graph, {"code": some, **inputs})["ab"]

        return np.concatenate(self._engine.map(decode, batches))

    def _steps(
        self, scene: Scene, n: int, pick: str, draw: Draw, steering: Steering
    ) -> Iterator[Step]:
        notes, at_once = scene.picture.notes, self._engine.workers
        if self.prior.single_answer and n > 1:
            notes += (f"{self.method} has one answer: all {n} results are the same",)

        def make(k: int, code: Array) -> Colorization:
            return self._make(scene, code[None], [(draw.seed, k)], steering, notes)

        known = self.prior.likely(scene, n) if pick == "likely" else None
        if self.prior.single_answer or pick == "random" or known is not None:
            listed = [] if known is None else list(known)
            # The i-th most probable answer goes by the number -i; plain samples follow.
            numbers = [-1 - i if i < len(listed) else i - len(listed) for i in range(n)]
            for at in range(0, n, at_once):
                some = numbers[at : at + at_once]
                plain = [k for k in some if k >= 0]
                drawn = iter(self.prior.sample(scene, draw.of(plain)) if plain else ())
                for done, k in enumerate(some, at + 1):
                    code = next(drawn) if k >= 0 else listed[-1 - k]
                    yield Step(True, done, n, partial(make, k, code))
            return
        pool: Sequence[int] = range(candidates.pool_size(n))
        parts = []
        for at in range(0, len(pool), DRAFTS * at_once):
            parts.append(self.prior.draft(scene, draw.of(pool[at : at + DRAFTS * at_once])))
            for k, draft in zip(pool[at:], parts[-1], strict=False):
                rough = partial(make, k, self.prior.rough(scene, draft))
                yield Step(False, k + 1, len(pool), rough)
        drafts = np.concatenate(parts)
        # A grid code is a small colour field itself; a vector has to be decoded to be judged.
        grid = self._manifest.is_grid
        fields = GRID_SCALE * drafts if grid else self.decode(scene, drafts, at_once=16)
        lightness = scene.levels[0 if grid else -1].lightness
        if draw.hints and not grid:
            fields, drafts, pool = _nearest_to_hints(fields, drafts, pool, draw.hints, n)
        chosen, done = [pool[i] for i in candidates.choose(fields, n, pick, lightness)], 0
        if pick == "likely" and grid:
            agreed = self.prior.finish(scene, draw.of([-1]), candidates.consensus(drafts)[None])[0]
            chosen, done = chosen[: n - 1], 1
            yield Step(True, done, n, partial(make, -1, agreed))
        for at in range(0, len(chosen), at_once):
            indices = chosen[at : at + at_once]
            for k, code in zip(indices, self.prior.sample(scene, draw.of(indices)), strict=True):
                done += 1
                yield Step(True, done, n, partial(make, k, code))

    def _make(
        self,
        scene: Scene,
        codes: Array,
        seeds: Sequence[tuple[int, int]],
        steering: Steering,
        notes: tuple[str, ...],
        captions: Sequence[str] = (),
    ) -> Colorization:
        ab = self._steer(scene, self.decode(scene, codes), steering)
        notes += tuple(hint.faint for hint in steering.hints if hint.faint)
        return Colorization(
            scene, self.method, codes, ab, tuple(seeds), steering, notes, tuple(captions)
        )

    def _steer(self, scene: Scene, ab: Array, steering: Steering) -> Array:
        if steering.palette is not None:
            ab = apply_palette(ab, *steering.palette)
        if steering.saturation != 1:
            ab = ab * np.float32(steering.saturation)
        if steering.hints:  # last, so that the hinted colour comes out whatever the rest
            small = scene.levels[-1].lightness
            ab = apply_hints(ab, steering.hints, small, scene.upsampler)
        return ab


def _nearest_to_hints(
    fields: Array, drafts: Array, pool: Sequence[int], hints: Sequence[Hint], n: int
) -> tuple[Array, Array, list[int]]:
    """Keep the half of the candidates (n at least) that agree best with the hints."""
    cells = [(hint.cell(fields.shape[2:]), hint.ab) for hint in hints]
    miss = sum(((fields[:, :, r, c] - ab) ** 2).sum(1) for (r, c), ab in cells)
    kept = np.sort(np.argsort(miss, kind="stable")[: max(n, len(pool) // 2)])
    return fields[kept], drafts[kept], [pool[i] for i in kept]


def _single(base: Colorization) -> Colorization:
    if len(base) != 1:
        raise UsageError(f"a Colorization of {len(base)}: expected one sample, such as result[2]")
    return base


def _notes(base: Colorization) -> tuple[str, ...]:
    """Its notes but for those of its hints."""
    faint = [hint.faint for hint in base.steering.hints]
    return tuple(note for note in base.notes if note not in faint)


def colorize(
    picture: PictureLike,
    n: int = Sampling.n,
    *,
    method: str | None = None,
    weights: str | Path | None = None,
    **options: Unpack[SamplingOptions],
) -> Colorization:
    """Colour one picture: path, bytes, open file, PIL image or array. Options as `Sampling`.

    Loads the weights on every call; keep a `Colorizer` for more than one picture. Raises
    `ManyhuesError`.

        result = manyhues.colorize("old.jpg", n=4, seed=7, pick="likely")
    """
    sampling = Sampling(n, **options)
    colorizer = Colorizer.load(method, weights)
    return colorizer.draw(colorizer.encode(picture), sampling)
