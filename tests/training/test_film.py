"""Grey as on old film: blue turns light, red turns dark, and colours are not touched."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_blocks
from torch import Tensor

from manyhues.color.lab import (
    LINEAR_TO_LUMINANCE,
    lab_to_linear,
    linear_to_srgb,
    rgb_to_lab,
    rgb_to_luminance,
)
from manyhues.training.data import film
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.data.film import filmed


def lab_of(*rgb: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """L*/50 - 1 and a, b of even pictures of 16 x 16."""
    lab = rgb_to_lab(np.array(rgb, np.float32) / 255)
    whole = torch.from_numpy(lab)[:, :, None, None].expand(-1, -1, 16, 16)
    return whole[:, :1] / 50 - 1, whole[:, 1:]


def test_light_is_that_of_color_py() -> None:
    rgb = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    lab = rgb_to_lab(rgb)
    luminance, ab = torch.from_numpy(lab.transpose(0, 3, 1, 2)).split((1, 2), 1)
    light = film.linear(luminance, ab)
    expected = lab_to_linear(lab).clip(0, 1).transpose(0, 3, 1, 2)
    assert light.numpy() == pytest.approx(expected, abs=1e-5)
    assert film.srgb(light).numpy() == pytest.approx(linear_to_srgb(light.numpy()), abs=1e-6)
    seen = film.luminance_of(torch.einsum("c,nchw->nhw", torch.tensor(film.FILMS[0]), light))
    as_grey = film.luminance_of(
        torch.einsum("c,nchw->nhw", torch.tensor(LINEAR_TO_LUMINANCE), light)
    )
    assert as_grey.numpy() == pytest.approx(rgb_to_luminance(rgb), abs=1e-3)
    assert (seen - as_grey).abs().max() > 10


@pytest.fixture
def sharp(monkeypatch: pytest.MonkeyPatch) -> None:
    """The film's response alone."""
    for name in ("TONE", "FADE", "GRAIN"):
        monkeypatch.setattr(film, name, 1e-9)


def test_film_stays_in_range_and_is_the_generators() -> None:
    generator = torch.Generator().manual_seed(3)
    luminance = torch.rand(64, 1, 16, 16, generator=generator) * 2 - 1
    ab = torch.randn(64, 2, 16, 16, generator=generator) * 40
    assert torch.equal(filmed(luminance, ab, 0.0), luminance)
    first, second = (filmed(luminance, ab, 0.5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert -1 <= first.min() <= first.max() <= 1
    assert torch.isfinite(first).all()
    changed = (first != luminance).flatten(1).any(1).float().mean()
    assert 0.3 < changed < 0.7


@pytest.mark.usefixtures("sharp")
def test_a_film_sees_greys_as_they_are_and_a_blue_one_swaps_red_and_blue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grey, none = lab_of((10, 10, 10), (120, 120, 120), (250, 250, 250))
    assert (filmed(grey, none, 1.0) - grey).abs().max() < 0.002
    monkeypatch.setattr(film, "FILMS", ((0.0, 0.0, 1.0),))
    luminance, ab = lab_of(*[(220, 60, 50)] * 200, *[(50, 60, 220)] * 200)
    red, blue = filmed(luminance, ab, 1.0).mean((1, 2, 3)).split(200)
    assert (red <= luminance[0, 0, 0, 0] + 1e-3).all()
    assert (blue >= luminance[-1, 0, 0, 0] - 1e-3).all()
    assert red.std() > 0.05  # responses between the eye's and the film's


def test_a_cache_on_film_keeps_colours_and_is_another(tmp_path: Path) -> None:
    folder = write_blocks(tmp_path / "pictures", 12)
    plain, film_ = (
        build_cache(folder, tmp_path / "cache", film=share, features=False) for share in (0.0, 0.5)
    )
    assert plain != film_
    rows = np.arange(12)
    before, after = (Cache([f]).batch(rows, features=False) for f in (plain, film_))
    assert torch.equal(before.ab, after.ab)
    same = (before.luminance == after.luminance).flatten(1).all(1)
    assert 0 < same.sum() < 12
