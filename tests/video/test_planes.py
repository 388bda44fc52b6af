import numpy as np
import pytest

from manyhues.color.lab import rgb_to_lab
from manyhues.video.planes import chroma, halved, lightness


@pytest.mark.parametrize("full", [False, True])
def test_no_colour_is_neutral_chroma(full: bool) -> None:
    luma = np.linspace(16, 235, 48 * 64).astype(np.uint8).reshape(48, 64)
    for plane in chroma(luma, np.zeros((2, 12, 16), np.float32), full, "bt601"):
        assert (plane == 128).all()


@pytest.mark.parametrize(("full", "low", "high"), [(False, 16, 235), (True, 0, 255)])
def test_lightness_spans_the_range(full: bool, low: int, high: int) -> None:
    light = lightness(np.array([[low, high]], np.uint8), full)
    assert light[0, 0] == 0
    assert light[0, 1] == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full", [False, True])
def test_players_see_the_colour(matrix: str, full: bool) -> None:
    """Decoded as a player does, a, b are those asked for, nearly: the luma is the film's own."""
    red, blue = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[
        matrix
    ]
    luma = np.full((48, 64), 140, np.uint8)
    asked = np.zeros((2, 48, 64), np.float32)
    asked[0], asked[1] = 22, -14
    cb, cr = (plane.astype(np.float64) - 128 for plane in chroma(luma, asked, full, matrix))
    scale = 255 if full else 224
    grey = 140 / 255 if full else (140 - 16) / 219
    r, b = grey + cr / scale * 2 * (1 - red), grey + cb / scale * 2 * (1 - blue)
    g = (grey - red * r - blue * b) / (1 - red - blue)
    lab = rgb_to_lab(np.stack([r, g, b], -1))
    assert np.abs(lab[..., 1] - 22).max() < 3
    assert np.abs(lab[..., 2] + 14).max() < 3


def test_chroma_stays_inside_rgb() -> None:
    luma = np.tile(np.array([16, 30, 200, 235], np.uint8), (48, 16))
    cb, cr = chroma(luma, np.full((2, 48, 64), 80, np.float32), False, "bt709")
    grey = (luma.astype(np.float64) - 16) / 219
    r = grey + (cr.astype(np.float64) - 128) / 224 * 2 * (1 - 0.2126)
    b = grey + (cb.astype(np.float64) - 128) / 224 * 2 * (1 - 0.0722)
    g = (grey - 0.2126 * r - 0.0722 * b) / 0.7152
    for part in (r, g, b):
        assert part.min() > -0.01
        assert part.max() < 1.01


def test_odd_sizes_round_up() -> None:
    assert halved(np.zeros((7, 257), np.uint8)).shape == (4, 129)
