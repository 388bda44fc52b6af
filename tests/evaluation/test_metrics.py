"""Each metric against a case computed by hand, or against a second library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from skimage import color as skimage_color

from manyhues.color import lab as color
from manyhues.errors import UsageError
from manyhues.evaluation import metrics

# Two samples of a picture of two pixels: each is right in one pixel and off by .2 in the other.
TRUTH = np.zeros((1, 2, 3))
OPPOSED = np.zeros((2, 1, 2, 3))
OPPOSED[0, 0, 0] = 0.2
OPPOSED[1, 0, 1] = 0.2


def test_best_of_k_by_hand() -> None:
    assert metrics.best_of_k_pixel(OPPOSED, TRUTH) == 0  # each pixel picks the sample that is right
    assert metrics.best_of_k_image(OPPOSED, TRUTH) == pytest.approx(100 * 0.2 / np.sqrt(2))
    worse = OPPOSED.copy()
    worse[0] *= 3
    assert metrics.best_of_1(worse, TRUTH) == pytest.approx(100 * 0.6 / np.sqrt(2))
    assert metrics.best_of_k_image(worse, TRUTH) == pytest.approx(100 * 0.2 / np.sqrt(2))


def test_pixel_minimum_is_taken_channel_by_channel() -> None:
    samples = np.zeros((2, 1, 1, 3))
    samples[0, ..., 0] = 0.3  # red off here
    samples[1, ..., 2] = 0.3  # blue off there
    assert metrics.best_of_k_pixel(samples, np.zeros((1, 1, 3))) == 0
    samples[:, ..., 1] = 0.3  # green off in both: one channel of three remains
    error = metrics.best_of_k_pixel(samples, np.zeros((1, 1, 3)))
    assert error == pytest.approx(100 * 0.3 / np.sqrt(3))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_best_of_k_is_ordered(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    samples, truth = rng.random((k, 4, 5, 3)), rng.random((4, 5, 3))
    pixel, image = metrics.best_of_k_pixel(samples, truth), metrics.best_of_k_image(samples, truth)
    assert pixel <= image + 1e-9 <= metrics.best_of_1(samples, truth) + 2e-9
    loop = min(np.sqrt(((s - truth) ** 2).mean()) for s in samples)
    assert image == pytest.approx(100 * loop)


def test_variance_by_hand() -> None:
    # Values 0 and .2 in half of the pixels' places: variance .01 in every place.
    assert metrics.variance(OPPOSED) == pytest.approx(0.01)
    assert metrics.variance(np.repeat(OPPOSED[:1], 8, axis=0)) == pytest.approx(0, abs=1e-15)
    ab = np.zeros((4, 2, 3, 3))
    ab[:2, 0] = 12.8  # half of the samples at 12.8, half at 0, in one of the two channels
    assert metrics.eob_variance(ab) == pytest.approx(0.05**2 / 2)


def test_pairwise_distance_by_hand() -> None:
    grey = np.zeros((3, 2, 2, 3))
    grey[1], grey[2] = 0.1, 0.4  # distances .1, .4, .3
    assert metrics.pairwise_distance(grey) == pytest.approx(100 * 0.8 / 3)
    with pytest.raises(UsageError, match="two samples"):
        metrics.pairwise_distance(grey[:1])


def test_eob_takes_the_best_whole_field() -> None:
    truth = np.zeros((2, 4, 4))
    samples = np.zeros((3, 2, 4, 4))
    samples[0] = 25.6  # .2 everywhere
    samples[1, 0] = 12.8  # .1 in a alone: RMS .1 / sqrt 2
    samples[2, :, :2] = 25.6
    assert metrics.eob(samples, truth) == pytest.approx(0.1 / np.sqrt(2))
    assert metrics.eob(samples[:1], truth) == pytest.approx(0.2)


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(UsageError, match="against a truth"):
        metrics.best_of_k_pixel(np.zeros((8, 4, 4, 3)), np.zeros((5, 4, 3)))


def test_colourfulness_by_hand() -> None:
    assert metrics.colourfulness(np.full((4, 4, 3), 0.7)) == pytest.approx(0)
    red = np.zeros((4, 4, 3))
    red[..., 0] = 1  # rg = 255, yb = 127.5, no spread
    assert metrics.colourfulness(red) == pytest.approx(0.3 * np.hypot(255, 127.5))
    half = red.copy()
    half[:2] = [0, 1, 0]  # rg = -255 above, 255 below; yb = 127.5 in all
    # Signed means: rg cancels. With absolute values the centre would be larger.
    assert metrics.colourfulness(half) == pytest.approx(255 + 0.3 * 127.5)
    both = metrics.colourfulness(np.stack([red, half]))
    assert both.shape == (2,)
    assert both[1] == pytest.approx(255 + 0.3 * 127.5)


def _frechet_by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    first, second = np.cov(a.T), np.cov(b.T)
    shift = a.mean(0) - b.mean(0)
    root = sqrtm(first @ second)
    return float(shift @ shift + np.trace(first + second - 2 * root.real))


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 12), (60, 80, 40)])
def test_frechet_against_scipy(n: int, m: int, d: int) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    b = rng.normal(size=(m, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    ours = metrics.frechet(a, b).distance
    assert ours == pytest.approx(_frechet_by_sqrtm(a, b), rel=1e-6)
    assert metrics.frechet(b, a).distance == pytest.approx(ours, rel=1e-9)


def test_frechet_of_fewer_pictures_than_features() -> None:
    """Rank-deficient covariances: the trace of the root is the nuclear norm of A B'."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(20, 64)), rng.normal(size=(30, 64)) + 1
    centred_a, centred_b = a - a.mean(0), b - b.mean(0)
    nuclear = np.linalg.norm(centred_a @ centred_b.T, "nuc") / np.sqrt(19 * 29)
    trace = a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + trace - 2 * nuclear
    assert metrics.frechet(a, b).distance == pytest.approx(expected, rel=1e-9)


def test_frechet_by_hand() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(100, 5))
    assert metrics.frechet(a, a).distance == pytest.approx(0, abs=1e-9)
    assert metrics.frechet(a, a + 2).distance == pytest.approx(5 * 4)
    spread = np.trace(np.cov(a.T))  # sigma 1 against sigma 3: (3 - 1)^2 of the variance
    assert metrics.frechet(a - a.mean(0), 3 * (a - a.mean(0))).distance == pytest.approx(4 * spread)
    with pytest.raises(UsageError, match="N >= 2"):
        metrics.frechet(a[:1], a)


def test_frechet_interval_is_as_wide_as_fresh_data_say() -> None:
    """The jackknife's width against the spread over really redrawn data."""
    rng = np.random.default_rng(3)
    distances, halves = [], []
    for _ in range(150):
        d = metrics.frechet(rng.normal(size=(150, 4)), 1.5 * rng.normal(size=(120, 4)) + 0.5)
        distances.append(d.distance)
        low, high = metrics.frechet_interval(d)
        halves.append((high - low) / 2)
    assert np.mean(halves) / 1.96 == pytest.approx(np.std(distances), rel=0.2)


def test_no_frechet_interval_goes_below_0() -> None:
    far = metrics.Frechet(3.0, np.array([-4.0, 4.0]), np.zeros(2))
    low, high = metrics.frechet_interval(far)
    assert low == 0.0
    assert high == pytest.approx(3.0 + metrics.Z_95 * 32**0.5)


def test_frechet_share() -> None:
    assert metrics.frechet_share(10, 10, 60) == 1
    assert metrics.frechet_share(60, 10, 60) == 0
    assert metrics.frechet_share(20, 10, 60) == pytest.approx(0.8)
    assert metrics.frechet_share(20, 10, 9) is None


def test_share_interval_is_as_wide_as_fresh_data_say() -> None:
    rng = np.random.default_rng(4)
    shares, halves = [], []
    for _ in range(150):
        truth, other = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
        generated, grey = 0.9 * truth + 0.3, 0.4 * truth + 1
        parts = [metrics.frechet(x, other) for x in (generated, truth, grey)]
        share = metrics.frechet_share(*(p.distance for p in parts))
        interval = metrics.frechet_share_interval(*parts)
        assert share is not None
        assert interval is not None
        shares.append(share)
        halves.append((interval[1] - interval[0]) / 2)
    assert np.mean(halves) / 1.96 == pytest.approx(np.std(shares), rel=0.2)


def test_bootstrap_interval() -> None:
    values = np.random.default_rng(5).normal(3, 2, 400)
    low, high = metrics.bootstrap_interval(values)
    assert low < values.mean() < high
    assert (high - low) / 2 / 1.96 == pytest.approx(values.std() / 20, rel=0.1)
    assert metrics.bootstrap_interval(values) == [low, high]
    assert metrics.bootstrap_interval(np.full(10, 7.0)) == [7, 7]
    median_low, median_high = metrics.bootstrap_interval(values, np.median)
    assert median_low < np.median(values) < median_high


def test_lab_against_skimage() -> None:
    """All metrics stand on these conversions."""
    rgb = np.random.default_rng(6).random((16, 16, 3))
    lab = color.rgb_to_lab(rgb)
    np.testing.assert_allclose(lab, skimage_color.rgb2lab(rgb), atol=0.01)
    np.testing.assert_allclose(color.lab_to_rgb(lab), skimage_color.lab2rgb(lab), atol=1e-3)
