import numpy as np
import pytest
from numpy.typing import NDArray

from manyhues.color.lab import rgb_to_lab, rgb_to_luminance
from manyhues.video import planes as planes_module
from manyhues.video.planes import coloured, grey, halved, lightness
from video.films import WEIGHTS, shown

kinds = pytest.mark.parametrize("matrix", list(WEIGHTS))
ranges = pytest.mark.parametrize("full", [False, True])


def ramp(full: bool) -> NDArray[np.uint8]:
    low, high = (0, 255) if full else (16, 235)
    return np.linspace(low, high, 96 * 128).astype(np.uint8).reshape(96, 128)


@ranges
def test_no_colour_changes_nothing(full: bool) -> None:
    luma, cb, cr = coloured(ramp(full), np.zeros((2, 12, 16), np.float32), full, "bt601")
    assert (cb == 128).all()
    assert (cr == 128).all()
    assert (luma == ramp(full)).all()


@pytest.mark.parametrize(("full", "low", "high"), [(False, 16, 235), (True, 0, 255)])
def test_lightness_spans_the_range(full: bool, low: int, high: int) -> None:
    light = lightness(np.array([[low, high]], np.uint8), full)
    assert light[0, 0] == 0
    assert light[0, 1] == pytest.approx(100, abs=0.01)


@kinds
@ranges
def test_players_see_the_colour(matrix: str, full: bool) -> None:
    """Decoded as a player does, a, b are those asked for, nearly."""
    luma = np.full((96, 128), 140, np.uint8)
    asked = np.zeros((2, 48, 64), np.float32)
    asked[0], asked[1] = 22, -14
    lab = rgb_to_lab(shown(coloured(luma, asked, full, matrix), full, matrix))
    assert np.abs(lab[..., 1] - 22).max() < 1
    assert np.abs(lab[..., 2] + 14).max() < 1


@kinds
@ranges
def test_lightness_stays(matrix: str, full: bool) -> None:
    """Strong colours that change across the frame, on all of luma: L* is off by its steps alone."""
    luma = ramp(full)
    rows, columns = np.mgrid[0:48, 0:64].astype(np.float32)
    strong = np.stack([70 * np.cos(rows / 9), 70 * np.sin(columns / 11)])
    now = rgb_to_luminance(np.clip(shown(coloured(luma, strong, full, matrix), full, matrix), 0, 1))
    off = np.abs(now - lightness(luma, full))
    assert off.mean() < 0.25
    assert np.percentile(off, 99) < 1


@kinds
@ranges
def test_a_film_in_colour_is_read_by_its_lightness(matrix: str, full: bool) -> None:
    rows, columns = np.mgrid[0:48, 0:64]
    cb, cr = (128 + 24 * np.cos(rows / 9)).astype(np.uint8), (128 + 24 * np.sin(columns / 11))
    planes = np.clip(ramp(full), 70, 180), cb, cr.astype(np.uint8)
    truth = rgb_to_luminance(np.clip(shown(planes, full, matrix), 0, 1))
    read = np.abs(lightness(grey(planes, full, matrix), full) - truth)
    assert read.mean() < 0.2
    assert np.percentile(read, 99) < 0.6
    assert np.abs(lightness(planes[0], full) - truth).mean() > 3 * read.mean()


def test_the_noise_of_an_encoder_is_no_colour() -> None:
    noise = np.random.default_rng(0).integers(126, 131, (2, 48, 64), np.uint8)
    assert (grey((ramp(False), *noise), False, "bt709") == ramp(False)).all()


@kinds
def test_chroma_stays_inside_rgb(matrix: str) -> None:
    luma = np.repeat(np.array([16, 30, 200, 235], np.uint8), 32)[None].repeat(96, 0)
    rgb = shown(coloured(luma, np.full((2, 48, 64), 80, np.float32), False, matrix), False, matrix)
    inside = rgb[:, [8, 40, 90, 120]]  # away from the edges, where chroma is shared
    assert inside.min() > -0.012
    assert inside.max() < 1.012


def test_odd_sizes_round_up() -> None:
    assert halved(np.zeros((7, 257), np.uint8)).shape == (4, 129)
    planes = coloured(
        np.full((7, 257), 90, np.uint8), np.ones((2, 4, 64), np.float32), True, "bt601"
    )
    assert [plane.shape for plane in planes] == [(7, 257), (4, 129), (4, 129)]


@pytest.mark.parametrize("shape", [(95, 127), (96, 128), (7, 257)])
def test_what_is_added_lies_where_its_cells_do(shape: tuple[int, int]) -> None:
    """Each chroma cell is of two by two pixels, also where the last one is of one."""
    rows, columns = np.indices(shape, dtype=np.float32)
    wave = 20 * np.cos((rows + 2 * columns) / 40)
    y, x = rows[::2, ::2] + 0.5, columns[::2, ::2] + 0.5
    values = 20 * np.cos((y + 2 * x) / 40)
    added = planes_module._added(np.full(shape, 100, np.uint8), values, full=True)
    assert np.abs(added - (100 + wave))[1:-1, 1:-1].max() < 1
