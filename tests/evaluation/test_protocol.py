"""The protocol with fake methods whose every metric is known."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_fakes import ColourJudge, Noise, Oracle, labels, pictures
from numpy.typing import NDArray

from manyhues.color import lab
from manyhues.errors import ManyhuesError, UsageError
from manyhues.evaluation import protocol
from manyhues.evaluation.fields import render, resize_ab
from manyhues.evaluation.protocol import FACTS, KEYS, RANKS, Plan, measure
from manyhues.evaluation.truth import Truth


def test_oracle_makes_no_error() -> None:
    rgb = pictures()
    truth = Truth.prepare(rgb, labels(rgb), ColourJudge())
    result = measure(Oracle(rgb), truth, Plan(eob_samples=10))
    for key in ("best_of_8_pixel", "best_of_8_image", "best_of_1", "variance", "pairwise", "eob"):
        assert result[key] == pytest.approx(0, abs=0.1), key
    assert result["colourfulness"] == pytest.approx(result["colourfulness_truth"], rel=1e-3)
    assert result["frechet"] == pytest.approx(result["frechet_real"], rel=0.02)
    assert result["frechet_share"] == pytest.approx(1, abs=0.02)
    assert result["top1"] == result["top1_truth"] == 1
    assert result["top1_grey"] < 1


def test_grey_method_is_the_ceiling() -> None:
    rgb = pictures()
    truth = Truth.prepare(rgb, labels(rgb), ColourJudge())
    result = measure(Noise(spread=0), truth, Plan(eob_samples=8))
    assert result["frechet"] == pytest.approx(result["frechet_grey"])
    assert result["frechet_share"] == pytest.approx(0, abs=1e-6)
    assert result["top1"] == result["top1_grey"]
    assert result["variance"] == pytest.approx(0, abs=1e-12)
    # Without colour, eob is the RMS of the true a, b in units of 128.
    ab = lab.rgb_to_lab(rgb / 255.0)[..., 1:]
    expected = np.sqrt((ab**2).mean((1, 2, 3))).mean() / 128
    assert result["eob"] == pytest.approx(expected, rel=1e-4)


def test_keys_are_those_of_the_design() -> None:
    """The list in the design document, key by key and in its order."""
    rgb = pictures()
    truth = Truth.prepare(rgb, labels(rgb), ColourJudge())
    result = measure(Noise(), truth, Plan(eob_samples=12, draws=8))
    named = """`n`, `samples`, `best_of_8_pixel`, `best_of_8_image`, `best_of_1`, `variance`,
    `eob`, `eob_variance`, `colourfulness`, `colourfulness_truth`, `frechet`, `frechet_real`,
    `frechet_grey`, `frechet_share`, `pairwise`, `top1`, `top1_grey`, `top1_truth`,
    `ms_per_picture`, `frechet_colour`, `frechet_colour_real`, `frechet_colour_grey`,
    `frechet_colour_share`, `energy`, `spread_global`, `spread_4x4`, `spread_16x16`,
    `spread_finer`"""
    keys = re.findall(r"`(\w+)`", named)
    plain = [key for key in result if not key.endswith("_ci")]
    assert plain == [*keys, *RANKS, "independent", *FACTS]
    assert keys == list(KEYS)
    for key in keys[2:]:
        low, high = result[f"{key}_ci"]
        assert low <= result[key] <= high, key
    intervals = [key for key in result if key.endswith("_ci")]
    assert len(intervals) == len(keys) - 2  # n and samples have none
    assert result["n"] == 20
    assert result["samples"] == 8


def test_what_a_run_cannot_give_is_null() -> None:
    truth = Truth.prepare(pictures(3))
    result = measure(Noise(), truth, Plan(samples=1))
    given = {key for key in KEYS if result[key] is not None}
    assert given == {
        "n",
        "samples",
        "best_of_1",
        "colourfulness",
        "colourfulness_truth",
        "ms_per_picture",
    }
    intervals = {f"{key}_ci" for key in given - {"n", "samples"}}
    assert set(result) == {*KEYS, *RANKS, "independent", *FACTS} | intervals
    assert result["independent"] is None
    assert result["rank_chroma"] is None
    few = measure(Noise(), truth, Plan(samples=4))
    assert few["best_of_8_pixel"] is None
    assert few["variance"] > 0
    # The judge is there, but three pictures have no covariance and no labels.
    judged = measure(Noise(), Truth.prepare(pictures(3), (), ColourJudge()))
    assert judged["frechet"] is None
    assert judged["top1"] is None


def test_best_of_8_ignores_further_samples() -> None:
    truth = Truth.prepare(pictures(4))
    eight, twelve = (
        measure(Noise(), truth, Plan(samples=8)),
        measure(Noise(), truth, Plan(samples=12)),
    )
    assert eight["best_of_8_pixel"] == twelve["best_of_8_pixel"]
    assert eight["best_of_8_image"] == twelve["best_of_8_image"]
    assert eight["variance"] != twelve["variance"]


def test_two_runs_agree_but_for_the_clock() -> None:
    rgb = pictures()
    truth = Truth.prepare(rgb, labels(rgb), ColourJudge())
    first, second = (measure(Noise(), truth, Plan(eob_samples=9, seed=3)) for _ in range(2))
    timed = {"ms_per_picture", "ms_per_picture_ci"}
    assert {k: v for k, v in first.items() if k not in timed} == {
        k: v for k, v in second.items() if k not in timed
    }
    assert measure(Noise(), truth, Plan(seed=4))["best_of_1"] != first["best_of_1"]


def test_every_picture_has_its_own_seed_and_eob_goes_on_from_the_samples() -> None:
    method = Noise()
    measure(method, Truth.prepare(pictures(3)), Plan(samples=2, seed=7, eob_samples=5, eob_limit=2))
    assert method.seen == [(7, 0, 2), (7, 2, 3), (8, 0, 2), (8, 2, 3), (9, 0, 2)]


def test_frechet_is_taken_against_the_other_half() -> None:
    """Colours of the second half change nothing in the generated set, but the reference."""
    rgb = pictures()
    judge = ColourJudge()
    truth = Truth.prepare(rgb, (), judge)
    assert truth.network is not None
    np.testing.assert_array_equal(truth.network.second_half, judge.features(rgb[10:]))
    seen: list[int] = []

    class Counting(ColourJudge):
        def features(self, pictures: NDArray[np.uint8], /) -> NDArray[np.float32]:
            seen.append(len(pictures))
            return super().features(pictures)

    truth = Truth.prepare(rgb, (), Counting())
    told: list[int] = []
    plan = Plan(samples=2, eob_samples=5, eob_limit=3, draws=4, draws_limit=6)
    measure(Noise(), truth, plan, advance=told.append)
    assert seen == [20, 20, 10]  # true, grey, and only the first half of the generated ones
    assert told[:20] == [9] * 3 + [6] * 3 + [2] * 14  # samples, so that the time left is true
    assert sum(told[20:]) == truth.judged == 10


def test_a_run_says_what_it_measured() -> None:
    truth = Truth.prepare(pictures(20), (), ColourJudge())
    plan = Plan(samples=2, seed=7, eob_samples=5, eob_limit=3, draws=4, draws_limit=6)
    result = measure(Noise(), truth, plan)
    assert {key: result[key] for key in FACTS[:6]} == {
        "seed": 7,
        "size": 16,
        "eob_samples": 5,
        "eob_pictures": 3,
        "draws": 4,
        "draw_pictures": 6,
    }
    assert result["judge"] == "a fake"
    assert result["notes"] == []
    few = measure(Noise(), Truth.prepare(pictures(3), (), ColourJudge()), Plan(samples=2))
    assert few["notes"] == ["no Fréchet distance: it takes 16 pictures or more, not 3"]
    assert [sum(result[key]) for key in RANKS] == [6] * 4
    assert [len(result[key]) for key in RANKS] == [5] * 4  # ranks 0 to 4
    assert result["independent"]["n"] == 6
    assert result["independent"]["variance"] > 0
    assert result["independent"]["best_of_8_image"] is None  # of four draws


def test_calibration_is_of_draws_that_share_no_noise() -> None:
    """Eight samples that sum to zero look wider spread than they are; single ones do not."""
    method = Noise()
    measure(method, Truth.prepare(pictures(2)), Plan(samples=2, seed=3, draws=3, draws_limit=1))
    alone = [(3 + 10_000 * j, 0, 1) for j in (1, 2, 3)]
    assert method.seen == [(3, 0, 2), *alone, (4, 0, 2)]

    class Apart(Noise):
        """Its samples 0 and 1 are opposite: as far apart as they go, each as it is alone."""

        def sample_ab(self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0) -> Any:
            first = super().sample_ab(scene, 1, seed)
            return np.concatenate([first, -first])[start : start + n]

    truth = Truth.prepare(pictures(3))
    apart, free = (measure(m, truth, Plan(samples=2, draws=2)) for m in (Apart(), Noise()))
    for key in ("energy", "spread_finer", "independent"):
        assert apart[key] == free[key]
    assert apart["pairwise"] > 1.2 * free["pairwise"]


def test_why_a_share_is_missing_is_said() -> None:
    """Grey no further than the floor: true colours of the halves have nothing in common."""
    rgb = np.concatenate([np.full((10, 16, 16, 3), (200, 60, 60)), pictures(10) // 8 + 110])
    truth = Truth.prepare(rgb.astype(np.uint8), (), ColourJudge())
    result = measure(Noise(), truth)
    assert result["frechet_share"] is None
    assert result["frechet_colour_share"] is None
    assert len(result["notes"]) == 2
    assert "10 pictures a half are too few" in result["notes"][0]


def test_render_keeps_luminance_out_of_gamut() -> None:
    luminance = np.full((4, 4), 60, np.float32)
    ab = np.full((2, 2, 4, 4), 120, np.float32)
    ab[1] = -120
    back = lab.rgb_to_lab(render(luminance, ab))
    np.testing.assert_allclose(back[..., 0], 60, atol=0.1)


def test_resize_of_colour_fields() -> None:
    ab = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    up = resize_ab(ab, 4, 4)
    assert up.shape == (1, 2, 4, 4)
    np.testing.assert_allclose(up[0, 0, 0], [0, 0.25, 0.75, 1])  # half-pixel centres, edges held
    np.testing.assert_allclose(resize_ab(up, 2, 2).mean((2, 3)), ab.mean((2, 3)), atol=1e-6)
    wide = np.arange(6, dtype=np.float32).reshape(1, 1, 1, 6).repeat(2, 1)
    np.testing.assert_allclose(resize_ab(wide, 1, 3)[0, 0, 0], [0.5, 2.5, 4.5])
    np.testing.assert_allclose(resize_ab(wide, 1, 4)[0, 0, 0], [1 / 3, 5 / 3, 10 / 3, 14 / 3])


def test_methods_of_another_working_size() -> None:
    truth = Truth.prepare(pictures(3))
    for side in (8, 32):
        assert measure(Noise(side=side), truth)["best_of_1"] > 0


def test_bad_methods_are_named() -> None:
    truth = Truth.prepare(pictures(2))

    class Broken(Noise):
        def sample_ab(self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0) -> Any:
            return super().sample_ab(scene, n, seed, start=start) * self.spread

    with pytest.raises(ManyhuesError, match="NaN"):
        measure(Broken(spread=float("nan")), truth)

    class Short(Noise):
        def sample_ab(self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0) -> Any:
            return super().sample_ab(scene, n - 1, seed, start=start)

    with pytest.raises(UsageError, match="expected"):
        measure(Short(), truth)
    with pytest.raises(UsageError, match="samples"):
        measure(Noise(), truth, Plan(samples=0))


@pytest.mark.slow
def test_judge_network() -> None:
    judge_module = pytest.importorskip("manyhues.evaluation.judge")
    from manyhues.training.data.classes import classes

    ids = classes()
    assert len(ids) == 1000 == len(set(ids))
    assert ids == sorted(ids)
    judge = judge_module.Judge()
    features = judge.features(pictures(4))
    assert features.shape == (4, 1280)
    assert features.min() >= 0
    assert features.max() <= 6
    np.testing.assert_array_equal(features, judge.features(pictures(4)))
    assert np.abs(features - judge.features(pictures(4)[..., ::-1])).max() > 0.1  # sees colour
    assert judge.class_indices(["n01440764", "n15075141"]).tolist() == [0, 999]
    assert judge.class_indices(["n01440764", "Ann_Somebody"]) is None
    assert judge.class_indices([]) is None


@pytest.mark.slow
@pytest.mark.data
def test_judge_knows_the_classes(data: Path) -> None:
    """Wrongly ordered classes would be right once in a thousand."""
    judge_module = pytest.importorskip("manyhues.evaluation.judge")
    from manyhues.training.data.pictures import load_square

    rgb, names = load_square(data / "imagenet64", 64, 48, "val")
    judge = judge_module.Judge()
    assert judge.top1(judge.features(rgb), judge.class_indices(names)).mean() > 0.1


def test_protocol_needs_no_torch() -> None:
    source = Path(protocol.__file__).read_text()
    assert "torch" not in source
