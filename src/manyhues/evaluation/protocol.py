"""The protocol: one method, one set of pictures, every metric.

The same for all methods, so that their numbers can stand side by side:

- A method sees L* of the true picture, in float32 and not rounded to 8 bits.
- Picture i is sampled with seed ``seed + i``: one seed for all would give all pictures the same
  noise, and the Frechet distance would see a single colour mood where there are many.
- Samples are plain draws at a diversity of 1, as trained: `sample_ab`'s default. What people are
  shown by default is calmer (`manyhues.sampling.options.CALM`).
- a, b are brought to the picture's size (bilinear up, area average down) and pulled into the
  gamut at fixed L*, as the product does. Published comparisons clip RGB instead: on vivid random
  colour that moves best of 8 by 1 % and gives 5 % more variance, so ours is the stricter way.
  The paper's eob and its variance take a, b before either.
- Frechet distance: the first sample of the first half of the pictures, against the true
  pictures of the second half. The first half itself, true and grey, against the same second
  half gives the real-to-real floor and the grey ceiling.
- A picture's time is that of `encode_luminance` and one call of `sample_ab` for all samples;
  the median over the pictures leaves out warming up.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manyhues.color import lab as color
from manyhues.errors import ManyhuesError, UsageError
from manyhues.evaluation import metrics
from manyhues.evaluation.metrics import Floats, Frechet

Result = dict[str, Any]
Advance = Callable[[int], object]

BEST_OF = 8
JUDGE_BATCH = 128
MIN_FRECHET = 16  # pictures; below it a half says nothing about a covariance

KEYS = (
    "n",
    "samples",
    "best_of_8_pixel",
    "best_of_8_image",
    "best_of_1",
    "variance",
    "eob",
    "eob_variance",
    "colourfulness",
    "colourfulness_truth",
    "frechet",
    "frechet_real",
    "frechet_grey",
    "frechet_share",
    "pairwise",
    "top1",
    "top1_grey",
    "top1_truth",
    "ms_per_picture",
)


class Method(Protocol):
    """What is measured: `manyhues.Colorizer`, or anything that samples colour for L*."""

    def encode_luminance(self, luminance: NDArray[np.float32], /) -> Any:
        """L* (H, W) in [0, 100] to a scene of the method's own kind."""

    def sample_ab(
        self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0
    ) -> NDArray[np.float32]:
        """Samples start..start+n-1 of a seed: a, b (n, 2, h, w) in Lab units, at any size."""


class JudgeLike(Protocol):
    """What `protocol` needs of `judge.Judge`."""

    def features(self, pictures: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Pictures (N, H, W, 3) uint8 to features (N, D)."""

    def class_indices(self, labels: Sequence[str], /) -> NDArray[np.intp] | None:
        """Labels (N) to classes (N,), or None where the classifier does not know them."""

    def top1(self, features: NDArray[np.float32], truth: NDArray[np.intp], /) -> Floats:
        """Features (N, D) and classes (N,) to 1 where the classifier is right, else 0: (N,)."""


@dataclass(frozen=True)
class Truth:
    """The true pictures, and all that is known of them before any method runs.

    `pictures` (N, H, W, 3) uint8; per-picture values are (N,); whatever needs a judge, or labels
    that the judge knows, is None without.
    """

    pictures: NDArray[np.uint8]
    colourfulness: Floats
    judge: JudgeLike | None = None
    second_half: NDArray[np.float32] | None = None  # features of the true second half
    floor: Frechet | None = None
    ceiling: Frechet | None = None
    classes: NDArray[np.intp] | None = None
    top1: Floats | None = None
    top1_grey: Floats | None = None

    @classmethod
    def prepare(
        cls,
        pictures: NDArray[np.uint8],
        labels: Sequence[str] = (),
        judge: JudgeLike | None = None,
        advance: Advance = lambda n: None,
    ) -> "Truth":
        """Judge the true and the grey pictures once, for all methods.

        `advance` is told of every picture judged: two times N in all.
        """
        colourfulness = np.array([float(metrics.colourfulness(p / 255.0)) for p in pictures])
        if judge is None:
            return cls(pictures, colourfulness)
        grey = np.stack([greyed(picture) for picture in pictures])
        true_features = features_of(judge, pictures, advance)
        grey_features = features_of(judge, grey, advance)
        classes = judge.class_indices(labels)
        half = len(pictures) // 2
        second_half, floor, ceiling = None, None, None
        if len(pictures) >= MIN_FRECHET:
            second_half = true_features[half:]
            floor = metrics.frechet(true_features[:half], second_half)
            ceiling = metrics.frechet(grey_features[:half], second_half)
        return cls(
            pictures,
            colourfulness,
            judge,
            second_half,
            floor,
            ceiling,
            classes,
            None if classes is None else judge.top1(true_features, classes),
            None if classes is None else judge.top1(grey_features, classes),
        )

    @property
    def judged(self) -> int:
        """How many pictures of each method the judge has to see."""
        if self.classes is not None:
            return len(self.pictures)
        return 0 if self.floor is None else len(self.pictures) // 2


def features_of(
    judge: JudgeLike, pictures: NDArray[np.uint8], advance: Advance = lambda n: None
) -> NDArray[np.float32]:
    """Features of pictures (N, H, W, 3), in batches so that progress can be seen."""
    out = []
    for start in range(0, len(pictures), JUDGE_BATCH):
        out.append(judge.features(pictures[start : start + JUDGE_BATCH]))
        advance(len(out[-1]))
    return np.concatenate(out)


def greyed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The neutral picture with the same L*, (H, W, 3) uint8: a method that answers a = b = 0."""
    luminance = color.rgb_to_luminance(picture / 255.0)
    return to_uint8(render(luminance, np.zeros((1, 2, *luminance.shape), np.float32))[0])


def to_uint8(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """[0, 1] to 0..255, rounded; shape kept."""
    return np.asarray(np.rint(np.asarray(rgb) * 255), np.uint8)


@lru_cache(maxsize=16)
def _resize_matrix(source: int, target: int) -> NDArray[np.float32]:
    """Rows of weights (target, source): bilinear up, area average down; pixel centres at .5."""
    scale = source / target
    if target >= source:
        centre = np.clip((np.arange(target) + 0.5) * scale - 0.5, 0, source - 1)
        weights = np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(source)))
    else:
        edges = np.arange(target)[:, None] * scale
        cells = np.arange(source)
        weights = np.minimum(edges + scale, cells + 1) - np.maximum(edges, cells)
        weights = np.maximum(weights, 0) / scale
    return np.asarray(weights, np.float32)


def resize_ab(ab: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Colour fields (..., h, w) to (..., height, width): bilinear up, area average down."""
    if ab.shape[-2:] == (height, width):
        return ab
    rows, columns = _resize_matrix(ab.shape[-2], height), _resize_matrix(ab.shape[-1], width)
    return np.asarray(rows @ ab @ columns.T, np.float32)


def render(luminance: NDArray[np.float32], ab: NDArray[np.float32]) -> NDArray[np.float32]:
    """L* (H, W) and a, b (K, 2, H, W) to RGB (K, H, W, 3) in [0, 1], in gamut at fixed L*."""
    layers = np.broadcast_to(luminance, (len(ab), *luminance.shape))
    lab = np.stack([layers, ab[:, 0], ab[:, 1]], axis=-1)  # (K, H, W, 3)
    return color.lab_to_rgb(color.clamp_to_gamut(lab))


def _draw(method: Method, scene: Any, n: int, seed: int, start: int = 0) -> NDArray[np.float32]:
    """`sample_ab`, checked: one NaN would otherwise turn every mean into NaN."""
    ab = np.asarray(method.sample_ab(scene, n, seed, start=start), np.float32)
    if ab.ndim != 4 or ab.shape[:2] != (n, 2):
        raise UsageError(f"the method returned a, b of shape {ab.shape}; expected ({n}, 2, h, w)")
    if not np.isfinite(ab).all():
        raise ManyhuesError(
            f"the method returned NaN or infinite colour for seed {seed}; export its weights again"
        )
    return ab


def measure(
    method: Method,
    truth: Truth,
    *,
    samples: int = 8,
    seed: int = 0,
    eob_samples: int = 0,
    eob_limit: int = 1000,
    advance: Advance = lambda n: None,
) -> Result:
    """Run one method over all pictures; the result has `KEYS`, and intervals as ``<key>_ci``.

    `eob_samples` a, b fields of each of the first `eob_limit` pictures go into eob and its
    variance (the paper: 100). A metric that the run cannot give is None: the best of 8 with
    fewer samples, the variance of a single one, eob without `eob_samples`, what the judge says
    without a judge or without labels. `advance` is told of every picture coloured, and of every
    one judged: N + `Truth.judged` in all.
    """
    if samples < 1:
        raise UsageError(f"samples must be 1 or more, got {samples}")
    values: dict[str, list[float]] = {key: [] for key in KEYS}
    first_samples = np.empty_like(truth.pictures)
    height, width = truth.pictures.shape[1:3]
    for index, picture in enumerate(truth.pictures):
        rgb = picture / np.float32(255)
        lab = color.rgb_to_lab(rgb)
        luminance = np.ascontiguousarray(lab[..., 0])

        began = time.perf_counter()
        scene = method.encode_luminance(luminance)
        ab = _draw(method, scene, samples, seed + index)
        values["ms_per_picture"].append(1000 * (time.perf_counter() - began))

        if index < eob_limit and eob_samples:
            many = ab[:eob_samples]
            if eob_samples > samples:
                more = _draw(method, scene, eob_samples - samples, seed + index, samples)
                many = np.concatenate([many, more])
            many = resize_ab(many, height, width)
            values["eob"].append(metrics.eob(many, lab[..., 1:].transpose(2, 0, 1)))
            values["eob_variance"].append(metrics.eob_variance(many))

        coloured = render(luminance, resize_ab(ab, height, width))  # (samples, H, W, 3)
        first_samples[index] = to_uint8(coloured[0])
        values["best_of_1"].append(metrics.best_of_1(coloured, rgb))
        values["colourfulness"].append(float(metrics.colourfulness(coloured).mean()))
        if samples > 1:
            values["variance"].append(metrics.variance(coloured))
            values["pairwise"].append(metrics.pairwise_distance(coloured))
        if samples >= BEST_OF:
            best = coloured[:BEST_OF]
            values["best_of_8_pixel"].append(metrics.best_of_k_pixel(best, rgb))
            values["best_of_8_image"].append(metrics.best_of_k_image(best, rgb))
        advance(1)
    return _summary(values, first_samples, truth, samples, advance)


def _summary(
    values: dict[str, list[float]],
    first_samples: NDArray[np.uint8],
    truth: Truth,
    samples: int,
    advance: Advance,
) -> Result:
    """Means (a median for the time) and intervals of per-picture values; then the judge's part."""
    result: Result = dict.fromkeys(KEYS)
    result["n"], result["samples"] = len(truth.pictures), samples
    per_picture: dict[str, Any] = {key: series for key, series in values.items() if series}
    per_picture["colourfulness_truth"] = truth.colourfulness
    if truth.judge is not None and truth.judged:
        features = features_of(truth.judge, first_samples[: truth.judged], advance)
        if truth.classes is not None:
            per_picture["top1"] = truth.judge.top1(features, truth.classes)
            per_picture["top1_grey"], per_picture["top1_truth"] = truth.top1_grey, truth.top1
        result |= _frechet_part(features[: len(first_samples) // 2], truth)
    for key, series in per_picture.items():
        statistic = np.median if key == "ms_per_picture" else np.mean
        result[key] = float(statistic(series))
        result[f"{key}_ci"] = metrics.bootstrap_interval(np.asarray(series), statistic)
    return result


def _frechet_part(generated_half: NDArray[np.float32], truth: Truth) -> Result:
    """Frechet distance of the generated first half, with floor, ceiling and share."""
    if truth.second_half is None or truth.floor is None or truth.ceiling is None:
        return {}
    generated = metrics.frechet(generated_half, truth.second_half)
    part: Result = {}
    for key, value in (
        ("frechet", generated),
        ("frechet_real", truth.floor),
        ("frechet_grey", truth.ceiling),
    ):
        part[key], part[f"{key}_ci"] = value.distance, metrics.frechet_interval(value)
    share = metrics.frechet_share(generated.distance, truth.floor.distance, truth.ceiling.distance)
    if share is not None:
        part["frechet_share"] = share
        part["frechet_share_ci"] = metrics.frechet_share_interval(
            generated, truth.floor, truth.ceiling
        )
    return part
