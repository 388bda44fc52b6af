"""Coupled noise: each sample as normal as before, a block of eight apart."""

from pathlib import Path

import numpy as np
from conftest import colourful

from manyhues.colorizer import Colorizer
from manyhues.model.noise import BLOCK, antithetic
from manyhues.model.priors.base import Draw


def _blocks(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).standard_normal((count, BLOCK, 2, 6, 5), np.float32)
    return np.stack([antithetic(block) for block in drawn])


def test_each_noise_alone_stays_standard_normal() -> None:
    """Every sample of a block, in every cell and in the broadest wave."""
    noises = _blocks(4000)
    for k in range(BLOCK):
        flat = noises[:, k].reshape(len(noises), -1)
        covariance = flat.T @ flat / len(flat)
        assert abs(covariance - np.eye(flat.shape[1])).max() < 0.12  # five standard errors
        tint = noises[:, k].mean((2, 3)) * np.sqrt(30)
        assert abs((tint**4).mean() - 3) < 0.4  # kurtosis of a normal


def test_a_block_sums_to_zero_but_for_its_broadest_waves_which_point_everywhere() -> None:
    noises = _blocks(20).astype(np.float64)
    tint = noises.mean((3, 4))
    angle = np.sort(np.arctan2(tint[..., 1], tint[..., 0]), axis=1)
    assert np.allclose(np.diff(angle, axis=1), np.pi / 4, atol=1e-4)
    first, second = tint[:, 0], tint[:, 1]
    assert ((first * second).sum(1) < 0).all()  # opposite
    checker = np.indices(noises.shape[3:]).sum(0) % 2 * 2 - 1  # a fine wave
    assert np.abs((noises * checker).mean((3, 4)).sum(1)).max() < 0.25
    assert np.abs((noises * checker).mean((3, 4))).max() > 0.25


def test_twice_the_noise_is_twice_the_coupled_noise() -> None:
    """So that `diversity` may come before."""
    drawn = np.random.default_rng(1).standard_normal((BLOCK, 2, 4, 16), np.float32)
    assert np.allclose(antithetic(2 * drawn), 2 * antithetic(drawn), atol=1e-5)


def test_flow_draws_samples_that_keep_apart(weights: Path) -> None:
    """Starts of samples 8 to 15 point everywhere, whichever of them are asked for."""
    colorizer = Colorizer.load("flow", weights)
    scene = colorizer.encode(colourful(70, 90))
    starts: list[np.ndarray] = []
    prior = colorizer.prior
    prior._integrate = lambda scene, level, codes, *rest: starts.append(np.stack(codes))  # type: ignore[attr-defined]
    prior.draft(scene, Draw(5, range(8, 16)))
    prior.draft(scene, Draw(5, [13]))
    eight, one = starts
    assert np.array_equal(eight[5], one[0])
    tint = eight.mean((2, 3))
    angle = np.sort(np.arctan2(tint[:, 1], tint[:, 0]))
    assert np.allclose(np.diff(angle), np.pi / 4, atol=1e-4)
