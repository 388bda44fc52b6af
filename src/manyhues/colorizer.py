"""Colorizer: wires the steps together; the mathematics is elsewhere.

``encode`` reads a picture once, ``sample`` draws as often as asked. `colorize` is the one-shot
door to the same thing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from manyhues.color.arrays import Array
from manyhues.colorization import Colorization, Steering
from manyhues.errors import UsageError
from manyhues.image.picture import Picture, PictureLike
from manyhues.model.engine import Engine
from manyhues.model.forks import step_by_step
from manyhues.model.forks import whole as unforked
from manyhues.model.manifest import Manifest, folder_of, methods
from manyhues.model.priors import Draw, Prior, make_prior
from manyhues.model.scene import Scene, encode, working_sizes
from manyhues.model.search import Found, search
from manyhues.sampling.hints import Hints, parse_hints
from manyhues.sampling.options import Sampling, SamplingOptions, diversity_of, number, whole

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

    Holds no state but its weights: it may be shared between threads, and pickled.

        colorizer = manyhues.Colorizer.load()  # one of manyhues.Colorizer.methods()
        scene = colorizer.encode("old.jpg")
        more = colorizer.sample(scene, n=8, seed=1)
        near = colorizer.vary(scene, more[2], amount=0.3, n=6)
        path = colorizer.blend(scene, more[0], more[3], steps=5)
        red = colorizer.steer(scene, more[2], hints=[(60, 40, "#b03030")], saturation=1.2)
    """

    def __init__(self, engine: Engine, manifest: Manifest) -> None:
        self._engine, self._manifest = engine, manifest
        self.method = manifest.method
        self.prior: Prior = make_prior(engine, manifest)
        self.workers = engine.workers  # samples at once

    @classmethod
    def load(
        cls, method: str | None = None, weights: str | Path | None = None, *, threads: int = 0
    ) -> "Colorizer":
        """Load a method (default: the best that is present) from a weights folder.

        Raises `WeightsError`, which names the methods that are there, and `MemoryError`.
        """
        engine, manifest = Engine(weights, threads=threads), Manifest.load(method, weights)
        manifest.check(weights)
        return cls(engine, manifest)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without its weights: whoever unpickles it opens them there."""
        engine = self._engine
        folder = None if engine.folder == folder_of() else engine.folder.absolute()
        return partial(type(self).load, threads=engine.threads), (self.method, folder)

    @staticmethod
    def methods(weights: str | Path | None = None) -> list[str]:
        """Names of the methods that are present, the default first; `WeightsError` for none."""
        return methods(weights)

    def encode(self, picture: PictureLike, *, refining: bool = False) -> Scene:
        """Read a path, bytes, file, PIL image, array or `Picture`; features are computed once.

        A scene for `refining` costs a fifth less and holds what it takes to vary a code a little,
        and to decode it. Nothing can be drawn anew from it.
        """
        return encode(Picture.open(picture), self._engine, self._manifest, refining=refining)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """`Scene.grid` of a picture of that size."""
        return working_sizes(height, width, self._manifest)[-1]

    def encode_luminance(self, luminance: Array) -> Scene:
        """A scene of bare L*, ``(h, w)`` float32 in [0, 100].

        Raises `PictureError`.

            scene = colorizer.encode_luminance(np.full((48, 64), 50, np.float32))
        """
        return encode(Picture.of_luminance(luminance), self._engine, self._manifest)

    @unforked
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

        For metrics: their diversity is 1, as trained, where `sample` has the calmer default of
        `Sampling`. Raises `UsageError`.

            ab = colorizer.sample_ab(scene, 8, seed=0)  # (8, 2, h, w) float32, Lab units
        """
        self._check_own(scene)
        n, start = whole("n", n, least=1), whole("start", start, least=0)
        diversity = number("diversity", diversity, 0, 10)
        parsed = parse_hints(hints, scene.luminance)
        draw = Draw(whole("seed", seed), range(start, start + n), diversity, parsed)
        codes = self.prior.sample(scene, draw)
        return Steering(hints=tuple(parsed)).applied(scene, self.decode(scene, codes))

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

            for step in colorizer.stream(scene, 4):
                if step.final:
                    step.make().image(0).show()
        """
        return self.steps(scene, Sampling(n, **options))

    @unforked
    def draw(self, scene: Scene, sampling: Sampling) -> Colorization:
        """`sample` with options that are made once for many pictures.

        A palette, `like`, is then read once. Raises as `sample`.

            result = colorizer.draw(scene, Sampling(n=4, like="painting.jpg"))
        """
        # Decoded side by side when all are drawn; whoever streams decodes each as it comes.
        finals = [step for step in self.steps(scene, sampling) if step.final]
        results = self._engine.map(lambda step: step.make(), finals)
        codes = np.concatenate([one.codes for one in results])
        notes, n = results[0].notes, len(results)
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
        return step_by_step(self._steps(scene, sampling, Steering.of(sampling, scene)))

    def codes(self, scene: Scene, sampling: Sampling) -> Iterator[Found]:
        """The codes that `steps` makes pictures of."""
        self._check_own(scene)
        return step_by_step(self._search(scene, sampling, Steering.of(sampling, scene)))

    @unforked
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
        """n neighbours of one colouring: amount 0 is itself, 1 as far as plain draws.

        They are as calm as it is: drawn with the diversity that it was drawn with. Neighbour k
        depends on the seed and k alone; k = start .. start + n - 1 are drawn.
        """
        n, start = whole("n", n, least=1), whole("start", start, least=0)
        amount, seed = number("amount", amount, 0, 1), whole("seed", seed)
        self._check_own(scene, base)
        code = _single(base).codes[0]
        hints = base.steering.hints
        indices = range(start, start + n)
        draw = Draw(seed, indices, diversity_of(base.origin), hints)
        codes = self.prior.vary(scene, draw, code, amount)
        seeds = [(seed, k) for k in indices]
        captions = [f"near, seed {seed} · k {k}" for k in indices]
        return self.of_codes(
            scene,
            codes,
            steering=base.steering,
            seeds=seeds,
            captions=captions,
            notes=_notes(base),
            origin={"near": base.recipe(0), "amount": amount},
        )

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
        return self.of_codes(
            scene,
            base.codes,
            steering=steering,
            seeds=base.seeds,
            captions=base.captions,
            notes=_notes(base),
            origin=base.origin,
        )

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
        drawn = bool(start.seeds and end.seeds)
        seeds = [(start if t < steps / 2 else end).seeds[0] for t in range(steps if drawn else 0)]
        captions = [f"{share:.0%} of the way" for share in shares]
        return self.of_codes(
            scene,
            codes,
            steering=start.steering,
            seeds=seeds,
            captions=captions,
            notes=_notes(start),
            origin={"between": [start.recipe(0), end.recipe(0)], "steps": steps},
        )

    @unforked
    def of_codes(
        self,
        scene: Scene,
        codes: Array,
        *,
        steering: Steering | None = None,
        seeds: Sequence[tuple[int, int]] = (),
        captions: Sequence[str] = (),
        notes: Sequence[str] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> Colorization:
        """A Colorization of given codes: decoded for this scene, and steered.

        Codes are a method's own. A vector fits any scene, a colour grid those of its shape: that
        of the next frame of a film, for one.

            again = colorizer.of_codes(next_scene, result.codes, seeds=result.seeds)

        Args:
            scene: the picture, as this method encodes it.
            codes: ``(n, ...)`` float32, such as `Colorization.codes`.
            steering: how they are steered; `Steering.of` makes one of options.
            seeds: what they were drawn with, n pairs (seed, k); empty where they were not.
            captions: what each is, n texts for people; empty for none.
            notes: what is to be said of the results; by default what is said of the picture.
            origin: plain facts of how the codes came to be, for the files' recipe.

        Raises:
            UsageError: the scene is another method's, or codes, seeds or captions do not fit.
        """
        self._check_own(scene)
        codes = np.ascontiguousarray(codes, np.float32)
        shape = self.prior.code_shape or (2, *(side // 4 for side in scene.grid))
        if codes.shape[1:] != shape or not len(codes):
            expected = ", ".join(map(str, ("n", *shape)))
            raise UsageError(f"codes of shape {codes.shape}: expected ({expected})")
        for name, given in (("seeds", seeds), ("captions", captions)):
            if len(given) not in (0, len(codes)):
                raise UsageError(f"{len(given)} {name}: expected {len(codes)}, one for each code")
        steering = steering or Steering()
        noted = tuple(scene.picture.notes if notes is None else notes)
        return Colorization(
            scene,
            self.method,
            codes,
            steering.applied(scene, self.decode(scene, codes)),
            tuple(seeds),
            steering,
            noted + tuple(hint.faint for hint in steering.hints if hint.faint),
            tuple(captions),
            dict(origin or {}),
        )

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
        graph, inputs = self._manifest.embedding.graph, scene.levels[-1].inputs

        def decode(start: int) -> Array:
            some = codes[start : start + at_once]
            return self._engine.run(graph, {"code": some, **inputs})["ab"]

        return np.concatenate(self._engine.map(decode, range(0, len(codes), at_once)))

    def _steps(self, scene: Scene, sampling: Sampling, steering: Steering) -> Iterator[Step]:
        n, notes = sampling.n, scene.picture.notes
        if self.prior.single_answer and n > 1:
            notes += (f"{self.method} has one answer: all {n} results are the same",)

        def make(k: int, code: Array) -> Colorization:
            return self.of_codes(
                scene,
                code[None],
                steering=steering,
                seeds=[(sampling.seed, k)],
                notes=notes,
                origin={"diversity": sampling.diversity},
            )

        for one in self._search(scene, sampling, steering):
            yield Step(one.final, one.done, one.total, partial(make, one.k, one.code))

    def _search(self, scene: Scene, sampling: Sampling, steering: Steering) -> Iterator[Found]:
        def decode(codes: Array, at_once: int) -> Array:
            return self.decode(scene, codes, at_once=at_once)

        return search(
            self.prior,
            scene,
            sampling.n,
            sampling.pick,
            Draw(sampling.seed, (), sampling.diversity, steering.hints),
            numbers=sampling.k,
            at_once=self.workers,
            decode=decode,
        )


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
