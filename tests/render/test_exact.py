"""L* that carries values: the grey of every colour is the one that was asked for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from manyhues.color.lab import clamp_to_gamut, lab_to_rgb, rgb_to_luminance
from manyhues.render import exact

GREYS = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def coloured(chroma: float, depth: int) -> NDArray[np.uint16]:
    """All 65,536 greys, each with a random colour, as the renderer rounds it."""
    neutral = np.repeat((GREYS / 65535)[..., None], 3, -1).astype(np.float32)
    ab = np.random.default_rng(0).normal(0, chroma, (256, 256, 2)).astype(np.float32)
    lab = clamp_to_gamut(np.dstack([rgb_to_luminance(neutral), ab]))
    return np.asarray(np.rint(lab_to_rgb(lab) * (2**depth - 1)).astype(f"uint{depth}"))


@pytest.mark.parametrize("chroma", [0, 5, 30, 80, 150])
def test_at_16_bits_every_grey_comes_back(chroma: float) -> None:
    pixels = coloured(chroma, 16)
    before = pixels.copy()
    settled = exact.settle(pixels, GREYS)
    np.testing.assert_array_equal(exact.grey_of(settled), GREYS)
    assert np.abs(settled.astype(int) - before).max() < 3 * 257  # a colour stays what it was


def test_rounding_alone_loses_them() -> None:
    off = np.abs(exact.grey_of(coloured(80, 16)).astype(int) - GREYS)
    assert off.max() > 10


@pytest.mark.parametrize("chroma", [0, 5, 30, 80, 150])
def test_at_8_bits_every_8_bit_grey_comes_back(chroma: float) -> None:
    settled = exact.settle(coloured(chroma, 8), GREYS)
    off = np.abs(exact.grey_of(settled).astype(int) - GREYS)
    assert off.max() < 257 / 2


def test_a_grey_picture_stays() -> None:
    pixels = np.repeat(GREYS[..., None], 3, -1)
    np.testing.assert_array_equal(exact.settle(pixels.copy(), GREYS), pixels)
