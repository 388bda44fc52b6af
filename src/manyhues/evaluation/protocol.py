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
  The paper's eob and its variance take a, b before either, and so does calibration.
- Samples are as the product draws them, at a diversity of 1: `flow`'s eight keep apart (their
  noise is coupled). Calibration and the ``independent`` figures are of draws that do not: draw j
  of picture i is the first sample of seed ``seed + i + 10,000 (j + 1)``.
- Frechet distance: the first sample of the first half of the pictures, against the true
  pictures of the second half (`truth`), as two judges see them.
- A picture's time is that of `encode_luminance` and one call of `sample_ab` for all samples;
  the median over the pictures leaves out warming up.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manyhues.color import lab as color
from manyhues.errors import ManyhuesError, UsageError
from manyhues.evaluation import calibration, colour_judge, metrics
from manyhues.evaluation.fields import render, resize_ab, to_uint8
from manyhues.evaluation.truth import COLOUR, MIN_FRECHET, NETWORK, Advance, Truth, features_of

Result = dict[str, Any]
Values = dict[str, list[Any]]

BEST_OF = 8
_FIRST_DRAW, _DRAW = 10_000, 10_000  # seeds from a picture to its first draw, and between draws

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
    "frechet_colour",
    "frechet_colour_real",
    "frechet_colour_grey",
    "frechet_colour_share",
    "energy",
    "spread_global",
    "spread_4x4",
    "spread_16x16",
    "spread_finer",
)
RANKS = tuple(f"rank_{name}" for name in calibration.STATISTICS)  # histograms: K + 1 counts
# What was measured, and on what; `evaluate` fills in those that a method's run cannot know.
FACTS = (
    *("seed", "size", "eob_samples", "eob_pictures", "draws", "draw_pictures"),
    *("data", "half", "judge", "version", "notes"),
)
INDEPENDENT = ("best_of_8_pixel", "best_of_8_image", "variance", "pairwise")
_SPREADS = tuple(f"spread_{scale}" for scale in calibration.SCALES)


class Method(Protocol):
    """What is measured: `manyhues.Colorizer`, or anything that samples colour for L*."""

    def encode_luminance(self, luminance: NDArray[np.float32], /) -> Any:
        """L* (H, W) in [0, 100] to a scene of the method's own kind."""

    def sample_ab(
        self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0
    ) -> NDArray[np.float32]:
        """Samples start..start+n-1 of a seed: a, b (n, 2, h, w) in Lab units, at any size."""


@dataclass(frozen=True)
class Plan:
    """How much of what to draw.

    `samples` of each picture; `eob_samples` a, b fields of each of the first `eob_limit` pictures
    for eob and its variance (the paper: 100); `draws` independent ones of each of the first
    `draws_limit` for calibration.
    """

    samples: int = 8
    seed: int = 0
    eob_samples: int = 0
    eob_limit: int = 1000
    draws: int = 0
    draws_limit: int = 1000

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UsageError(f"--samples must be 1 or more, got {self.samples}")
        if self.draws == 1:
            raise UsageError("--draws must be 2 or more, or 0 to leave calibration out; got 1")

    def drawn(self, index: int) -> int:
        """How many samples picture `index` takes: the first ones take many times the others'."""
        eob = self.eob_samples if index < self.eob_limit else 0
        return max(self.samples, eob) + (self.draws if index < self.draws_limit else 0)


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


def independent_draws(method: Method, scene: Any, count: int, seed: int) -> NDArray[np.float32]:
    """Draws that share no noise, of a picture whose samples have `seed`: (count, 2, h, w)."""
    seeds = (seed + _FIRST_DRAW + _DRAW * j for j in range(count))
    return np.concatenate([_draw(method, scene, 1, one) for one in seeds])


def measure(
    method: Method, truth: Truth, plan: Plan | None = None, *, advance: Advance = lambda n: None
) -> Result:
    """Run one method over all pictures; the result has `KEYS`, and intervals as ``<key>_ci``.

    Beside them `RANKS`, ``independent`` (the keys `INDEPENDENT` of the independent draws, with
    their ``n``) and `FACTS`. A metric that the run cannot give is None: the best of 8 with
    fewer samples, the variance of a single one, eob and calibration unless planned, what the judge
    says without a judge or without labels. `advance` is told of every sample drawn (`Plan.drawn`),
    and of every picture judged (`Truth.judged`), for that is what takes time.
    """
    plan = plan or Plan()
    values, first_samples = collect(method, truth, plan, advance)
    return _summary(values, first_samples, truth, plan, advance)


def collect(
    method: Method, truth: Truth, plan: Plan, advance: Advance = lambda n: None
) -> tuple[Values, NDArray[np.uint8]]:
    """Values of each picture by key, in order, and all first samples (N, H, W, 3) uint8.

    Two methods' values of one plan are paired: the same pictures and the same noise. Spreads are
    pairs, of variance had and needed; ranks are counts of draws below the truth.
    """
    keys = (*KEYS, *RANKS, *(f"independent_{key}" for key in INDEPENDENT))
    values: Values = {key: [] for key in keys}
    first_samples = np.empty_like(truth.pictures)
    height, width = truth.pictures.shape[1:3]
    for index, picture in enumerate(truth.pictures):
        seed = plan.seed + index
        rgb = picture / np.float32(255)
        lab = color.rgb_to_lab(rgb)
        luminance, true_ab = np.ascontiguousarray(lab[..., 0]), lab[..., 1:].transpose(2, 0, 1)

        began = time.perf_counter()
        scene = method.encode_luminance(luminance)
        ab = _draw(method, scene, plan.samples, seed)
        values["ms_per_picture"].append(1000 * (time.perf_counter() - began))

        if index < plan.eob_limit and plan.eob_samples:
            many = ab[: plan.eob_samples]
            if plan.eob_samples > plan.samples:
                further = plan.eob_samples - plan.samples
                more = _draw(method, scene, further, seed, plan.samples)
                many = np.concatenate([many, more])
            many = resize_ab(many, height, width)
            values["eob"].append(metrics.eob(many, true_ab))
            values["eob_variance"].append(metrics.eob_variance(many))
        if index < plan.draws_limit and plan.draws:
            draws = independent_draws(method, scene, plan.draws, seed)
            _calibrate(values, draws, true_ab)
            drawn = render(luminance, resize_ab(draws, height, width))
            for key, value in _together(drawn, rgb).items():
                values[f"independent_{key}"].append(value)

        coloured = render(luminance, resize_ab(ab, height, width))  # (samples, H, W, 3)
        first_samples[index] = to_uint8(coloured[0])
        values["best_of_1"].append(metrics.best_of_1(coloured, rgb))
        values["colourfulness"].append(float(metrics.colourfulness(coloured).mean()))
        for key, value in _together(coloured, rgb).items():
            values[key].append(value)
        advance(plan.drawn(index))
    return values, first_samples


def _together(coloured: NDArray[np.float32], rgb: NDArray[np.float32]) -> dict[str, float]:
    """What samples (K, H, W, 3) of one picture have together: of `INDEPENDENT`, what K allows."""
    found = {}
    if len(coloured) > 1:
        found["variance"] = metrics.variance(coloured)
        found["pairwise"] = metrics.pairwise_distance(coloured)
    if len(coloured) >= BEST_OF:
        best = coloured[:BEST_OF]
        found["best_of_8_pixel"] = metrics.best_of_k_pixel(best, rgb)
        found["best_of_8_image"] = metrics.best_of_k_image(best, rgb)
    return found


def _calibrate(values: Values, draws: NDArray[np.float32], true_ab: NDArray[np.float32]) -> None:
    """Energy score, ranks and spreads of one picture's independent draws."""
    side = calibration.SIDE
    draws, true_ab = resize_ab(draws, side, side), resize_ab(true_ab, side, side)
    values["energy"].append(calibration.energy_score(draws, true_ab))
    for key, rank in zip(RANKS, calibration.ranks(draws, true_ab), strict=True):
        values[key].append(int(rank))
    pairs = zip(*calibration.spread_and_need(draws, true_ab), strict=True)
    for key, pair in zip(_SPREADS, pairs, strict=True):
        values[key].append(pair)


def _summary(
    values: Values,
    first_samples: NDArray[np.uint8],
    truth: Truth,
    plan: Plan,
    advance: Advance,
) -> Result:
    """Means (a median for the time) and intervals of per-picture values; then the judges' part."""
    result: Result = dict.fromkeys((*KEYS, *RANKS, "independent", *FACTS))
    result["n"], result["samples"] = len(truth.pictures), plan.samples
    result |= _facts(values, truth, plan)
    ranks = {key: values.pop(key) for key in RANKS}
    together = {key: values.pop(f"independent_{key}") for key in INDEPENDENT}
    per_picture: dict[str, Any] = {key: series for key, series in values.items() if series}
    per_picture["colourfulness_truth"] = truth.colourfulness
    half = len(first_samples) // 2
    judges: Result = {}
    notes: list[str] = []
    if truth.judge is not None and truth.judged:
        features = features_of(truth.judge, first_samples[: truth.judged], advance)
        if truth.classes is not None:
            per_picture["top1"] = truth.judge.top1(features, truth.classes)
            per_picture["top1_grey"], per_picture["top1_truth"] = truth.top1_grey, truth.top1
        if truth.network is not None:
            judges |= truth.network.measure(features[:half], NETWORK)
    if truth.colour is not None:
        seen = colour_judge.features(first_samples[:half])
        judges |= truth.colour.measure(seen, COLOUR)
    else:
        count = len(first_samples)
        notes += [f"no Fréchet distance: it takes {MIN_FRECHET} pictures or more, not {count}"]
    result["notes"] = notes + [judges.pop(key) for key in list(judges) if key.endswith("_note")]
    result |= judges
    for key, series in per_picture.items():
        result[key], result[f"{key}_ci"] = _with_interval(key, series)
    if plan.draws and result["draw_pictures"]:
        for key, found in ranks.items():
            result[key] = calibration.histogram(np.array(found, np.intp), plan.draws)
        result["independent"] = {"n": result["draw_pictures"], "samples": plan.draws}
        for key, series in together.items():
            value = _with_interval(key, series) if series else (None, None)
            result["independent"] |= {key: value[0], f"{key}_ci": value[1]}
    return result


def _with_interval(key: str, series: Sequence[Any]) -> tuple[float, list[float]]:
    statistic: Any = np.median if key == "ms_per_picture" else np.mean
    statistic = calibration.spread_ratio if key in _SPREADS else statistic
    array = np.asarray(series, np.float64)
    return float(statistic(array)), metrics.bootstrap_interval(array, statistic)


def _facts(values: Values, truth: Truth, plan: Plan) -> Result:
    return {
        "seed": plan.seed,
        "size": truth.pictures.shape[1],
        "eob_samples": plan.eob_samples,
        "eob_pictures": len(values["eob"]),
        "draws": plan.draws,
        "draw_pictures": len(values["energy"]),
        "judge": truth.judge.name if truth.judge is not None else None,
    }
