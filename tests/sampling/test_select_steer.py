"""Choosing among candidates, and steering: hints, palette, saturation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import METHODS, colourful
from PIL import Image

from manyhues.color.arrays import Array
from manyhues.color.lab import clamp_to_gamut, rgb_to_lab
from manyhues.colorizer import Colorizer
from manyhues.errors import PictureError, UsageError
from manyhues.model.priors.base import Draw
from manyhues.sampling import candidates
from manyhues.sampling import hints as steer
from manyhues.sampling.hints import Hint
from manyhues.sampling.options import CALM, Sampling


def crowd() -> Array:
    """20 flat fields: 18 in three tight groups, 2 alone and far away."""
    random = np.random.default_rng(0)
    centres = np.repeat([[0, 0], [30, 0], [0, 30]], 6, axis=0) + random.normal(0, 1, (18, 2))
    points = np.concatenate([centres, [[-90, -90], [95, 95]]]).astype(np.float32)
    return np.ascontiguousarray(np.broadcast_to(points[..., None, None], (20, 2, 8, 8)))


def test_distances_are_rms() -> None:
    fields = np.zeros((2, 2, 32, 32), np.float32)
    fields[1, 0], fields[1, 1] = 3, 4
    assert candidates.distances(fields) == pytest.approx(np.array([[0, 5], [5, 0]]))


RGB = colourful(48, 64)
FLAT = np.full((32, 32), 50, np.float32)
EDGE = np.repeat(np.where(np.arange(64) < 32, 20, 80).astype(np.float32)[None], 64, axis=0)


def test_diverse_is_typical_first_and_shows_each_group() -> None:
    fields = crowd()
    chosen = candidates.choose(fields, 5, "diverse", FLAT)
    assert chosen[0] // 6 == 0  # the group in the middle
    assert {i // 6 for i in chosen} >= {0, 1, 2}
    assert not {18, 19} & set(candidates.choose(fields, 8, "likely", FLAT))


def test_patchy_is_colour_that_changes_where_the_picture_does_not() -> None:
    left = np.zeros((2, 16, 16), np.float32)
    left[:, :, 8:] = 20
    fields = np.stack([left, left.transpose(0, 2, 1), np.full_like(left, 20)])
    along, across, flat = candidates.patchiness(fields, EDGE)
    assert along < 0.01 < across
    assert flat == 0
    weak = candidates.patchiness(np.concatenate([fields, 0.1 * fields]), EDGE)
    assert 0 < weak[4] < weak[1]  # all but grey is not patchy
    assert not candidates.patchiness(0 * fields, EDGE).any()
    np.testing.assert_allclose(
        candidates.patchiness(25 * fields, EDGE),
        25 * candidates.patchiness(fields, EDGE),
        rtol=1e-5,
    )


def test_a_pale_candidate_is_not_the_patchiest(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but grey, what little colour it has in stripes; the others in stripes twice as faint."""
    stripes = np.where(np.arange(16) % 2, 1.0, -1.0) * np.ones((2, 16, 1))
    strong = np.stack([20 * np.ones((2, 16, 16)) + 2 * stripes] * 10)
    strong *= np.linspace(1, 1.2, 10)[:, None, None, None]
    fields = np.concatenate([strong, 0.3 * stripes[None]]).astype(np.float32)
    monkeypatch.setattr(candidates, "_KEPT", 10 / 11)
    flat = np.full((16, 16), 50, np.float32)
    assert 10 in candidates.choose(fields, 2, "diverse", flat)


def test_of_equally_far_ones_the_patchy_is_shown_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight hues, each once all over a flat picture and once in two halves of as much chroma."""
    hues = np.exp(2j * np.pi * np.arange(8) / 8)
    whole = np.stack([hues.real, hues.imag], 1)[:, :, None, None] * np.full((16, 16), 15.0)
    half = whole.copy()
    half[..., 8:] *= -1
    fields = np.concatenate([whole, half]).astype(np.float32)
    monkeypatch.setattr(candidates, "_KEPT", 1.0)
    monkeypatch.setattr(candidates, "cast", lambda ab: np.zeros(len(ab), np.float32))
    flat = np.full((16, 16), 50, np.float32)
    assert max(candidates.choose(fields, 4, "diverse", flat)) < 8
    monkeypatch.setattr(candidates, "_PATCH", 1e6)  # nothing is patchy
    assert max(candidates.choose(fields, 4, "diverse", flat)) >= 8


def test_cast_is_a_hue_that_nothing_in_the_scene_is_without() -> None:
    even = np.zeros((2, 16, 16), np.float32)
    even[1] = 20
    half = even.copy()
    half[:, :, 8:] = 0
    against = even.copy()
    against[1, :, 12:] = -20
    fields = np.stack([even, 2 * even, half, against, 0 * even])
    assert candidates.cast(fields) == pytest.approx([20, 40, 0, -20, 0])
    turned = np.stack([-even[::-1], even[:, ::-1]])  # whichever hue
    assert candidates.cast(turned) == pytest.approx([20, 20])


def test_perceived_chroma_is_that_of_cie94() -> None:
    fields = np.zeros((3, 2, 4, 4), np.float32)
    fields[1, 0], fields[2, 1] = 0.01, -40
    seen = candidates.perceived(fields)
    assert not seen[0].any()
    assert seen[1, 0] == pytest.approx(0.01, rel=1e-3)  # weak colours stay
    chroma = np.linspace(0, 40, 4001)
    weighted = np.trapezoid(1 / (1 + 0.045 * chroma), chroma)
    assert seen[2, 1] == pytest.approx(-weighted, rel=1e-5)
    assert seen[2, 0] == pytest.approx(0)


def test_diverse_prefers_colours_of_things_to_casts() -> None:
    """Either way of being as far apart: all of the picture in a hue, or a half of it, stronger."""
    random = np.random.default_rng(0)
    hue = random.normal(0, 1, (20, 2, 1, 1))
    hue *= 20 / np.linalg.norm(hue, axis=1, keepdims=True)
    fields = np.broadcast_to(hue, (20, 2, 16, 16)).astype(np.float32).copy()
    fields[::2, :, :, :8] *= np.sqrt(2)
    fields[::2, :, :, 8:] = 0
    chosen = candidates.choose(fields, 6, "diverse", EDGE)
    assert sum(i % 2 for i in chosen) <= 1


def test_diverse_leaves_out_the_patchy() -> None:
    """As far apart as the calm ones, but with all colours in one picture."""
    random = np.random.default_rng(0)
    calm = np.broadcast_to(random.normal(0, 20, (18, 2, 1, 1)), (18, 2, 8, 8))
    motley = random.normal(0, 20, (2, 2, 8, 8))
    fields = np.concatenate([motley, calm]).astype(np.float32)
    assert min(candidates.choose(fields, 8, "diverse", FLAT)) >= 2
    assert min(candidates.choose(fields, 8, "likely", FLAT)) >= 2


@pytest.mark.parametrize("pick", ["diverse", "likely"])
def test_choice_of_a_smaller_n_is_the_beginning_of_a_larger(pick: str) -> None:
    fields = crowd()
    for n in range(1, 12):
        assert candidates.choose(fields, 12, pick, FLAT)[:n] == candidates.choose(
            fields, n, pick, FLAT
        )
    assert [candidates.pool_size(n) for n in (1, 12, 13, 24, 25)] == [48, 48, 96, 96, 144]


def test_consensus_is_the_mean_at_the_candidates_chroma() -> None:
    # 3 and 1 in `a` agree on 2; their RMS over both channels is sqrt((9 + 1) / 4).
    fields = np.zeros((2, 2, 4, 4), np.float32)
    fields[0, 0], fields[1, 0] = 3, 1
    agreed = candidates.consensus(fields)
    assert agreed[0] == pytest.approx(np.full((4, 4), 5**0.5 / candidates.PALE))
    assert not agreed[1].any()
    fields[1, 0] = -2.9  # opposites agree on next to nothing, which is no reason for strong colour
    assert candidates.consensus(fields)[0] == pytest.approx(np.full((4, 4), 0.1), abs=1e-5)
    assert not candidates.consensus(0 * fields).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_is_the_same_whichever_way_it_was_picked(weights: Path, method: str) -> None:
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(colourful(140, 160))  # large enough for two working sizes
    result = colorizer.sample(scene, 3, pick="diverse", seed=5)
    for (_, k), ab in zip(result.seeds, result.ab, strict=True):
        plain = colorizer.sample_ab(scene, 1, 5, start=k, diversity=Sampling.diversity)
        assert np.array_equal(plain[0], ab)


def test_likely_of_a_grid_begins_with_the_consensus(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)
    scene = colorizer.encode(colourful(60, 80))
    result = colorizer.sample(scene, 3, pick="likely", seed=5, diversity=1)
    assert result.seeds[0] == (5, -1)
    assert all(k >= 0 for _, k in result.seeds[1:])
    two = colorizer.sample(scene, 2, pick="likely", seed=5, diversity=1)
    assert np.array_equal(result.ab[:2], two.ab)
    drafts = colorizer.prior.draft(scene, Draw(5, range(48)))
    agreed = colorizer.decode(scene, candidates.consensus(drafts)[None])
    assert np.array_equal(result.ab[:1], agreed)  # so small a picture has one working size


def test_drafts_are_drawn_in_batches_that_do_not_depend_on_the_threads(weights: Path) -> None:
    picture, hint = colourful(60, 80), Hint(3, 5, np.array([30.0, -20.0], np.float32), (80, 60))
    draws = []
    for threads in (1, 2):
        colorizer = Colorizer.load("flow", weights, threads=threads)
        scene = colorizer.encode(picture)
        draw = Draw(5, range(11), hints=(hint,))
        draws.append(colorizer.prior.draft(scene, draw))
        one = colorizer.prior.draft(scene, draw.of([9]))[0]
        assert draws[-1][9] == pytest.approx(one, abs=1e-4)
    assert np.array_equal(draws[0], draws[1])


def test_diverse_raises_pairwise_distance() -> None:
    """Of candidates that differ in one half, and from cell to cell by half as much."""

    def spread(pick: str | None) -> float:
        sums = 0.0
        random = np.random.default_rng(0)
        for _ in range(20):
            tints, cells = random.normal(0, 12, (48, 2, 1, 1)), random.normal(0, 6, (48, 2, 16, 16))
            cells[:, :, :, :8] += tints
            fields = cells.astype(np.float32)
            chosen = candidates.choose(fields, 6, pick, FLAT) if pick else range(6)
            sums += float(candidates.distances(fields[list(chosen)]).sum())
        return sums

    assert spread("diverse") > 1.2 * spread(None) > 1.2 * spread("likely")


@pytest.mark.parametrize("method", METHODS)
def test_a_hint_comes_out_exactly_in_every_sample(weights: Path, method: str) -> None:
    picture = colourful(120, 160)
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(picture)
    hints = [(60, 50, "#b03030"), (150, 10, "#3050a0")]
    result = colorizer.sample(scene, 3, hints=hints, saturation=0.5)
    for k in range(3):
        lab = rgb_to_lab(result.pixels(k) / 255.0)
        for x, y, colour in hints:
            wanted = rgb_to_lab(np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0)
            wanted[0] = scene.luminance[y, x]
            wanted = clamp_to_gamut(wanted[None])[0]
            assert np.abs(lab[y, x] - wanted).max() < 2.5  # a, b steps of 8 bits


def test_a_hint_is_spread_once_for_all_samples(weights: Path) -> None:
    steer._spread.cache_clear()
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(colourful(60, 80))
    hints = [(60, 50, "#b03030"), (10, 10, "#3050a0")]
    result = colorizer.sample(scene, 3, hints=hints)
    colorizer.vary(scene, result[0], n=2)
    assert steer._spread.cache_info().misses == 2


def test_a_hint_fills_its_surface_and_stops_at_the_edge(weights: Path) -> None:
    picture = np.full((128, 128), 60, np.uint8)
    picture[:, 64:] = 190
    colorizer = Colorizer.load("cvae", weights)
    scene = colorizer.encode(picture)
    plain = colorizer.sample_ab(scene, 2)
    hinted = colorizer.sample_ab(scene, 2, hints=[(32, 64, "#a03020")])
    change = np.abs(hinted - plain).sum(1)
    assert change[:, 28:36, 20:30].min() > 5 * change[:, 28:36, 40:50].max()


@pytest.mark.parametrize(
    ("hint", "fault"),
    [
        ((500, 1, "#fff"), "outside"),
        ((-1, 1, "#fff"), "outside"),
        ((1, 1, "teapot"), "#rrggbb"),
        ((1.5, 1, "#fff"), "whole pixels"),
        ((1, "#fff"), "expected"),
    ],
)
def test_bad_hints(weights: Path, hint: tuple[Any, ...], fault: str) -> None:
    colorizer = Colorizer.load("cvae", weights)
    scene = colorizer.encode(colourful(20, 30))
    with pytest.raises(UsageError, match=fault):
        colorizer.sample(scene, 2, hints=[hint])


def test_like_takes_the_palette(weights: Path, tmp_path: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(colourful(60, 80))
    green = np.random.default_rng(0).integers(0, 60, (40, 50, 3), dtype=np.uint8)
    green[..., 1] += 140
    result = colorizer.sample(scene, 3, like=green)
    ab = rgb_to_lab(green / 255.0)[..., 1:].reshape(-1, 2)
    assert result.ab.mean((2, 3)) == pytest.approx(np.tile(ab.mean(0), (3, 1)), abs=2)
    assert np.cov(result.ab[0].reshape(2, -1)) == pytest.approx(np.cov(ab.T), rel=0.1, abs=3)
    path = tmp_path / "palette.png"
    Image.fromarray(green).save(path)
    assert np.array_equal(colorizer.sample(scene, 3, like=path).ab, result.ab)
    with pytest.raises(UsageError, match="grey"):
        colorizer.sample(scene, 3, like=np.full((9, 9), 80, np.uint8))
    with pytest.raises(PictureError, match="not finite"):
        colorizer.sample(scene, 3, like=np.full((9, 9, 3), np.nan))
    red = colorizer.sample(scene, 3, like=np.full((1, 1, 3), (200, 0, 0), np.uint8)).ab
    assert np.isfinite(red).all()
    assert (red[:, 0] > 40).all()


def test_saturation(weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(colourful(60, 80))
    plain = colorizer.sample(scene, 2)
    assert np.allclose(colorizer.sample(scene, 2, saturation=0.5).ab, plain.ab / 2)
    grey = colorizer.sample(scene, 1, saturation=0).pixels(0)
    assert np.ptp(grey.astype(int), axis=-1).max() <= 1


def test_a_hint_that_cannot_show_says_so(weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    picture = np.full((64, 64, 3), 250, np.uint8)
    picture[:, 32:] = 120
    scene = colorizer.encode(picture)
    white = colorizer.sample(scene, 1, hints=[(5, 5, "#8a3324")])
    assert white.notes == ("hint 5,5=#8a3324: its place is too light to show much of that colour",)
    assert colorizer.sample(scene, 1, hints=[(50, 5, "#8a3324"), (5, 5, "#ffffff")]).notes == ()
    assert colorizer.steer(scene, white, saturation=0.5).notes == white.notes
    assert colorizer.steer(scene, white, hints=[]).notes == ()
    plain = colorizer.sample(scene, 1)
    assert colorizer.steer(scene, plain, hints=[(5, 5, "#8a3324")]).notes == white.notes
    assert colorizer.vary(scene, white, n=1).notes == white.notes


def test_what_another_method_made_is_refused(weights: Path) -> None:
    own, other = (Colorizer.load(method, weights) for method in ("vae-mdn", "mean"))
    scene, foreign = own.encode(RGB), other.encode(RGB)
    base, alien = own.sample(scene, 1), other.sample(foreign, 1)
    calls: list[Callable[[], Any]] = [
        lambda: own.sample(foreign, 1),
        lambda: own.sample_ab(foreign, 1),
        lambda: own.vary(scene, alien),
        lambda: own.steer(foreign, base),
        lambda: own.blend(scene, base, alien),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=r"of `vae-mdn` was given what one of `mean` made"):
            call()


@pytest.mark.parametrize("method", METHODS)
def test_one_answer_for_all_is_said(weights: Path, method: str) -> None:
    colorizer = Colorizer.load(method, weights)
    result = colorizer.sample(colorizer.encode(RGB), 3, pick="random", diversity=0)
    same = bool((result.ab == result.ab[0]).all())
    assert same == any("3 results are the same" in note for note in result.notes)


def test_seeds_of_every_whole_kind(weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(RGB)
    plain = colorizer.sample(scene, 1, seed=3)
    seeds: list[Any] = [np.int64(3), np.int32(3), np.uint8(3)]
    for seed in seeds:
        again = colorizer.sample(scene, 1, seed=seed)
        assert np.array_equal(again.ab, plain.ab)
        assert type(again.seeds[0][0]) is int
    for wrong in (None, "a", 1.5):
        with pytest.raises(UsageError, match="expected a whole number"):
            colorizer.sample(scene, 1, seed=wrong)  # type: ignore[arg-type]


def test_a_recipe_says_its_diversity_whatever_it_is(weights: Path) -> None:
    """Defaults may change: a file has to say what made it."""
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(RGB)
    calm, as_trained = colorizer.sample(scene, 1), colorizer.sample(scene, 1, diversity=1)
    assert calm.recipe(0)["diversity"] == CALM
    assert as_trained.recipe(0)["diversity"] == 1
    assert colorizer.vary(scene, as_trained, n=1).recipe(0)["near"]["diversity"] == 1


def test_what_is_shown_of_a_result_is_short_and_true(weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(RGB)
    result = colorizer.sample(scene, 2, pick="random")
    assert len(repr(result)) < 200
    assert "seed 0 · k 1" in repr(result)
    near = colorizer.vary(scene, result[1], n=2)
    assert near.labels == ("near, seed 0 · k 0", "near, seed 0 · k 1")
    assert near[1].labels == near.labels[1:]
    assert colorizer.steer(scene, near, saturation=0.5).labels == near.labels
    path = colorizer.blend(scene, result[0], near[1], steps=3)
    assert path.labels == ("0% of the way", "50% of the way", "100% of the way")
