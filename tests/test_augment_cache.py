"""A cache of colourings, read again by whoever meets the same picture."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.augment import Recolor
from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import OutputError, UsageError

RGB = colourful(48, 40)


def test_a_cache_gives_n_colourings(weights: Path, tmp_path: Path) -> None:
    cached = Recolor(weights=weights, cache=tmp_path / "c", n=3)
    seen = {cached(RGB, seed=seed).tobytes() for seed in range(20)}
    assert len(seen) == 3
    (file,) = (tmp_path / "c").rglob("*.*")
    assert {x.tobytes() for x in np.load(file).values()} == seen
    error = rgb_to_luminance(cached(RGB, seed=0) / 255.0) - rgb_to_luminance(RGB / 255.0)
    assert np.abs(error).mean() < 0.5
    again = pickle.loads(pickle.dumps(cached))
    again._drawn = None  # nothing is drawn again
    assert type(again(RGB)) is np.ndarray
    assert {again(RGB, seed=seed).tobytes() for seed in range(20)} == seen


def test_a_cache_tells_pictures_and_options_apart(weights: Path, tmp_path: Path) -> None:
    for options in ({}, {"n": 2}, {"saturation": 0.5}, {"diversity": 0.5}):
        Recolor(weights=weights, cache=tmp_path, **({"n": 1} | options))(RGB)
    cached = Recolor(weights=weights, cache=tmp_path, n=1)
    cached(RGB[::-1])
    cached(RGB.reshape(40, 48, 3))
    assert len([*tmp_path.rglob("*.npz")]) == 6
    cut = np.dstack([RGB, RGB[..., 0]])
    assert (np.asarray(cached(Image.fromarray(cut)))[..., 3] == cut[..., 3]).all()


@pytest.mark.parametrize("left", [0, 40, 5000])
def test_a_damaged_cache_is_drawn_again(weights: Path, tmp_path: Path, left: int) -> None:
    cached = Recolor(weights=weights, cache=tmp_path, n=2)
    expected = cached(RGB, seed=1)
    (file,) = tmp_path.rglob("*.npz")
    whole = file.read_bytes()
    for rest in (b"", bytes(len(whole) - left)):  # zeros: what a loss of power leaves
        file.write_bytes(whole[:left] + rest)
        assert (cached(RGB, seed=1) == expected).all()
        assert file.read_bytes() == whole


def test_no_damage_is_an_error_or_gives_other_pixels(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An .npy's head, damaged, raised what nobody expects, and its pixels had no sum."""
    cached = Recolor(weights=weights, cache=tmp_path, n=2)
    expected = [cached(RGB, seed=seed) for seed in range(4)]
    (file,) = tmp_path.rglob("*.npz")
    whole, random_ = file.read_bytes(), np.random.default_rng(0)
    drawn = np.stack([*np.load(file).values()])
    monkeypatch.setattr(cached, "_drawn", lambda *_: drawn)
    heads = [*range(0, 200, 3), *range(len(whole) - 200, len(whole), 3)]
    for place in [*heads, *random_.integers(200, len(whole) - 200, 100).tolist()]:
        damaged = bytearray(whole)
        damaged[place] ^= int(random_.integers(1, 256))
        file.write_bytes(damaged)
        seed = place % 4
        assert (cached(RGB, seed=seed) == expected[seed]).all(), place


def test_a_cache_that_cannot_be(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="another output folder"):
        Recolor(weights=weights, cache=tmp_path / "file")(RGB)
    with pytest.raises(UsageError, match="n 0"):
        Recolor(n=0)
