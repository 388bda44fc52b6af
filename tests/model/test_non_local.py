"""What looks alike is coloured alike."""

import numpy as np
import pytest

from manyhues.model import non_local
from manyhues.model.non_local import non_local_means


def halves(height: int = 24, width: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """A dark half and a light half, with other features each: L* and features."""
    light = np.full((height, width), 30, np.float32)
    light[:, width // 2 :] = 70
    return light, np.stack([light / 100, 1 - light / 100, np.zeros_like(light)])


def test_a_patch_in_a_uniform_place_goes_and_an_edge_stays() -> None:
    lightness, features = halves()
    code = np.zeros((1, 2, 24, 32), np.float32)
    code[0, 0, :, :16], code[0, 1, :, 16:] = 0.5, 0.5
    even = non_local_means(code, lightness, features, 0.8)
    assert np.abs(even - code).max() < 1e-3  # what ends at the edge is as it was
    patchy = code.copy()
    patchy[0, 0, 10:13, 4:7], patchy[0, 1, 10:13, 4:7] = -0.5, 0.8
    mended = non_local_means(patchy, lightness, features, 0.8)
    before, after = (np.abs(c - code)[0, :, 10:13, 4:7].mean() for c in (patchy, mended))
    assert after < 0.5 * before
    assert np.abs(mended - code)[0, :, :, 16:].max() < 0.1  # nothing crosses the edge
    assert np.sqrt((mended**2).mean()) == pytest.approx(np.sqrt((patchy**2).mean()), rel=1e-5)


def test_no_share_changes_nothing() -> None:
    lightness, features = halves()
    code = np.random.default_rng(0).normal(size=(2, 2, 24, 32)).astype(np.float32)
    assert np.allclose(non_local_means(code, lightness, features, 0.0), code, atol=1e-6)
    grey = np.zeros_like(code)
    assert not non_local_means(grey, lightness, features, 0.8).any()  # grey stays grey


def test_samples_do_not_depend_on_one_another_nor_on_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    lightness, features = halves()
    features = features + generator.normal(size=features.shape).astype(np.float32)
    codes = generator.normal(size=(5, 2, 24, 32)).astype(np.float32)
    whole = non_local_means(codes, lightness, features, 0.8)
    assert whole.dtype == np.float32
    for k in range(5):
        alone = non_local_means(codes[k : k + 1], lightness, features, 0.8)
        assert np.array_equal(alone[0], whole[k])
    monkeypatch.setattr(non_local, "_BAND", 64)
    banded = non_local_means(codes, lightness, features, 0.8)
    assert np.allclose(banded, whole, atol=0.02)  # far cells
    upright = non_local_means(codes.swapaxes(2, 3), lightness.T, features.swapaxes(1, 2), 0.8)
    assert np.array_equal(upright, non_local_means(codes, lightness, features, 0.8).swapaxes(2, 3))


def test_weights_are_those_of_the_formula() -> None:
    generator = np.random.default_rng(2)
    lightness = generator.uniform(0, 100, (4, 5)).astype(np.float32)
    features = generator.normal(size=(3, 4, 5)).astype(np.float32)
    code = generator.normal(size=(1, 2, 4, 5)).astype(np.float32)
    seen = (features - features.mean((1, 2), keepdims=True)) / features.std((1, 2), keepdims=True)
    expected = np.zeros_like(code)
    for i, j in np.ndindex(4, 5):
        total, mean = 0.0, np.zeros(2)
        for y, x in np.ndindex(4, 5):
            distance = ((i - y) ** 2 + (j - x) ** 2) / non_local.REACH**2
            distance += (lightness[i, j] - lightness[y, x]) ** 2 / non_local.LIGHTNESS**2
            distance += ((seen[:, i, j] - seen[:, y, x]) ** 2).mean() / non_local.FEATURES**2
            weight = np.exp(-distance / 2)
            total, mean = total + weight, mean + weight * code[0, :, y, x]
        expected[0, :, i, j] = mean / total
    expected *= np.sqrt((code**2).mean() / (expected**2).mean())
    assert np.allclose(non_local_means(code, lightness, features, 1.0), expected, atol=5e-3)
