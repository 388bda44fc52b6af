"""Energy score, ranks and spread by scale against cases computed by hand and by simulation."""

import numpy as np
import pytest

from manyhues.errors import UsageError
from manyhues.evaluation import calibration, colour_judge, metrics
from manyhues.evaluation.calibration import SCALES, STATISTICS

ZERO = np.zeros((2, 2, 2))


def test_energy_score_by_hand() -> None:
    draws = np.zeros((2, 2, 2, 2))
    draws[0, 0, 0, 0] = 3  # distance 3 from the truth
    draws[1, 1, 1, 1] = 4  # distance 4; the two are 5 apart
    assert calibration.energy_score(draws, ZERO) == pytest.approx((3 + 4) / 2 - 5 / 2)
    third = np.concatenate([draws, draws[:1]])  # pairs 5, 0, 5
    assert calibration.energy_score(third, ZERO) == pytest.approx(10 / 3 - (10 / 3) / 2)
    same = np.repeat(draws[:1], 8, axis=0)  # one answer: its distance to the truth
    assert calibration.energy_score(same, ZERO) == pytest.approx(3)
    with pytest.raises(UsageError, match="two draws"):
        calibration.energy_score(draws[:1], ZERO)


def test_energy_score_is_least_for_the_right_spread() -> None:
    rng = np.random.default_rng(0)
    scores = {scale: [] for scale in (0.0, 0.5, 1.0, 1.5)}  # type: dict[float, list[float]]
    for _ in range(2000):
        truth, draws = rng.normal(size=(2, 2, 2)), rng.normal(size=(8, 2, 2, 2))
        for scale, found in scores.items():
            found.append(calibration.energy_score(scale * draws, truth))
    means = {scale: np.mean(found) for scale, found in scores.items()}
    assert min(means, key=lambda scale: means[scale]) == 1.0


def test_statistics_by_hand() -> None:
    ab = np.zeros((2, 2, 2))
    ab[0] = [[3, 3], [-3, -3]]
    ab[1] = 4
    assert dict(zip(STATISTICS, calibration.statistics(ab), strict=True)) == {
        "mean_a": 0,
        "mean_b": 4,
        "chroma": 5,
        "spread_a": 3,
    }
    assert calibration.statistics(np.stack([ab, ab])).shape == (2, 4)


def test_ranks_count_the_draws_below() -> None:
    draws = np.zeros((3, 2, 2, 2))
    draws[:, 0] = np.array([-5, 1, 7])[:, None, None]
    draws[:, 1] = 2
    truth = np.zeros((2, 2, 2))
    truth[0] = [[0, 4], [0, 4]]  # mean a 2, spread of a 2; mean b 0; chroma 2
    # Chroma of the draws: 5.4, 2.2, 7.3; their spread of a is 0.
    assert calibration.ranks(draws, truth).tolist() == [2, 0, 0, 3]
    assert calibration.histogram(np.array([0, 3, 3]), 3) == [1, 0, 0, 2]


def test_ranks_of_a_draw_among_draws_are_even() -> None:
    rng = np.random.default_rng(1)
    found = np.array(
        [
            calibration.ranks(rng.normal(size=(8, 2, 2, 2)), rng.normal(size=(2, 2, 2)))
            for _ in range(1800)
        ]
    )
    for column in found.T:
        counts = calibration.histogram(column, 8)
        assert len(counts) == 9
        assert min(counts) > 150  # 200 each; five standard deviations are 67
        assert max(counts) < 250


def test_spread_by_hand() -> None:
    draws = np.zeros((2, 2, 16, 16))
    draws[0], draws[1] = 1, -1  # variance of two (divisor 1): 2, all of it global
    have, need = calibration.spread_and_need(draws, np.full((2, 16, 16), 3.0))
    assert have.tolist() == [2, 0, 0, 0]
    assert need.tolist() == [9 / 1.5, 0, 0, 0]  # the mean is off by 3; 1 + 1/K = 1.5
    checks = np.indices((16, 16)).sum(0) % 2 * 2.0 - 1  # neighbours differ, cells of 4 do not
    have, need = calibration.spread_and_need(draws * checks, np.zeros((2, 16, 16)))
    assert have[2] == 2  # of a field of 16 x 16, cells of 16 x 16 are the pixels
    assert have[[0, 1, 3]].tolist() == [0, 0, 0]
    fine = calibration.spread_and_need(np.kron(draws * checks, np.ones((1, 1, 2, 2))), ZERO32)[0]
    assert fine.tolist() == [0, 0, 2, 0]
    finer = np.indices((32, 32)).sum(0) % 2 * 2.0 - 1
    found = calibration.spread_and_need(np.ones((2, 2, 32, 32)) * finer, ZERO32)
    assert found[0].tolist() == [0, 0, 0, 0]
    assert found[1].tolist() == [0, 0, 0, pytest.approx(1 / 1.5)]
    assert calibration.spread_ratio(np.array([(1.0, 8.0), (3.0, 8.0)])) == pytest.approx(0.5)
    with pytest.raises(UsageError, match="multiples of 16"):
        calibration.spread_and_need(np.zeros((2, 2, 10, 16)), np.zeros((2, 10, 16)))


ZERO32 = np.zeros((2, 32, 32))


def test_spread_over_needed_is_one_where_the_truth_is_like_a_draw() -> None:
    rng = np.random.default_rng(2)

    def fields(count: int) -> np.ndarray:
        wave = sum(
            np.kron(rng.normal(size=(count, 2, cells, cells)), np.ones((32 // cells, 32 // cells)))
            for cells in (1, 4, 16, 32)
        )
        return np.asarray(wave)

    pairs = np.array(
        [calibration.spread_and_need(fields(8), fields(1)[0]) for _ in range(600)]
    )  # (600, 2, 4)
    for column, scale in enumerate(SCALES):
        assert calibration.spread_ratio(pairs[:, :, column]) == pytest.approx(1, abs=0.06), scale


def test_the_second_judge_by_hand() -> None:
    grey = np.full((1, 8, 8, 3), 120, np.uint8)
    assert np.abs(colour_judge.features(grey)).max() < 0.05
    half = grey.copy()
    half[:, :, :4] = (200, 60, 60)  # the left half is red
    (found,) = colour_judge.features(half)
    assert found.shape == (38,)
    a, b = found[0:32:2].reshape(4, 4), found[1:32:2].reshape(4, 4)
    assert a[:, :2] == pytest.approx(a[0, 0])
    assert a[0, 0] > 40
    assert np.abs(a[:, 2:]).max() < 0.05
    chroma = np.hypot(a[0, 0], b[0, 0])
    spread_a, spread_b, both, mean, spread, high = found[32:]
    assert spread_a == pytest.approx(a[0, 0] / 2, abs=0.05)
    assert both == pytest.approx(np.sqrt(spread_a * spread_b), abs=0.05)  # all moves together
    assert (mean, spread) == pytest.approx((chroma / 2, chroma / 2), abs=0.05)
    assert high == pytest.approx(chroma, abs=0.05)


def test_a_share_of_the_second_judge_needs_no_spread_in_grey() -> None:
    """All grey pictures are the same point to it: a covariance of nothing."""
    rng = np.random.default_rng(3)
    true = rng.normal(size=(60, 5))
    distance = metrics.frechet(np.zeros((60, 5)), true)
    expected = (true.mean(0) ** 2).sum() + np.trace(np.cov(true.T))
    assert distance.distance == pytest.approx(expected)
    assert np.isfinite(distance.first).all()
