"""Scenes, noise and the five priors."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import METHODS, colourful
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.arrays import Array
from manyhues.colorizer import Colorizer
from manyhues.errors import PictureError
from manyhues.model.engine import Engine
from manyhues.model.noise import noise
from manyhues.model.priors.base import Draw
from manyhues.model.priors.flow import Flow
from manyhues.model.scene import Scene, working_size
from manyhues.sampling.hints import Hint, parse_hints
from manyhues.sampling.options import Sampling


def test_noise_is_a_function_of_seed_k_and_stage() -> None:
    base = noise(3, 5, (4, 4))
    assert base.dtype == np.float32
    assert np.array_equal(base, noise(3, 5, (4, 4)))
    assert np.array_equal(noise(-1, 0, (2,)), noise(2**64 - 1, 0, (2,)))
    for other in (noise(4, 5, (4, 4)), noise(3, 6, (4, 4)), noise(3, 5, (4, 4), stage=1)):
        assert not np.array_equal(base, other)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (480, 640, (64, 80)),
        (640, 480, (80, 64)),
        (1, 1, (64, 64)),
        (30, 4000, (64, 256)),
        (257, 7, (256, 64)),
    ],
)
def test_working_size(height: int, width: int, expected: tuple[int, int]) -> None:
    assert working_size(height, width, 64, square=False) == expected
    assert working_size(height, width, 64, square=True) == (64, 64)


def test_small_pictures_are_not_blown_up_to_the_finer_working_size(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)  # working sizes 64 and 96
    small = colorizer.encode_luminance(np.full((60, 80), 50, np.float32))
    large = colorizer.encode_luminance(np.full((64, 80), 50, np.float32))
    assert [level.height for level in small.levels] == [64]
    assert [level.height for level in large.levels] == [64, 96]
    assert [colorizer.grid(height, 80) for height in (60, 64)] == [small.grid, large.grid]


@pytest.mark.parametrize("value", [np.nan, np.inf, 300, -5])
def test_bare_luminance_out_of_its_range_is_refused(weights: Path, value: float) -> None:
    luminance = np.full((60, 80), 50, np.float32)
    luminance[3, 4] = value
    with pytest.raises(PictureError, match=r"expected \[0, 100\]; scale it"):
        Colorizer.load("flow", weights).encode_luminance(luminance)


def test_features_see_a_larger_picture_close_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to `look` times the working size; a small picture is read as it is."""
    colorizer = Colorizer.load("flow")
    looks: list[dict[str, tuple[int, ...]]] = []
    run = colorizer.prior.engine.run

    def watched(graph: str, feeds: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
        looks.append({name: feeds[name].shape[2:] for name in ("luminance", "grey")})
        return run(graph, feeds)

    monkeypatch.setattr(colorizer.prior.engine, "run", watched)
    for height, width, seen in (
        (48, 64, [(64, 64 + 16)]),
        (80, 100, [(80, 100)]),
        (100, 150, [(100, 150), (128, 192)]),
        (600, 800, [(128, 160), (256, 352)]),
    ):
        looks.clear()
        scene = colorizer.encode_luminance(np.full((height, width), 40, np.float32))
        assert sorted(look["grey"] for look in looks) == seen
        for look, level in zip(sorted(looks, key=lambda x: x["grey"]), scene.levels, strict=True):
            assert look["luminance"] == (level.height, level.width)


def test_the_coarse_level_takes_a_share_from_the_finer_one(weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "weights")
    manifest = json.loads((folder / "flow.json").read_text())
    manifest |= {"working_sizes": [64, 128], "finer": [0.0, 0.25, 0.5]}
    (folder / "flow.json").write_text(json.dumps(manifest))
    picture = np.random.default_rng(0).integers(0, 2, (256, 384), np.uint8) * np.uint8(255)
    mixed = Colorizer.load("flow", folder).encode(picture)
    manifest["finer"] = []
    (folder / "flow.json").write_text(json.dumps(manifest))
    coarse, fine = Colorizer.load("flow", folder).encode(picture).levels
    assert np.array_equal(mixed.levels[1].inputs["f32"], fine.inputs["f32"])
    for name, share in (("f8", 0.0), ("f16", 0.25), ("f32", 0.5)):
        own, near = coarse.inputs[name], fine.inputs[name]
        near = near.reshape(*own.shape[:2], own.shape[2], 2, own.shape[3], 2).mean((3, 5))
        expected = (1 - share) * own + share * near
        np.testing.assert_allclose(mixed.levels[0].inputs[name], expected, atol=1e-5)
        assert (np.abs(own - expected).max() > 1e-3) == (share > 0)


@pytest.mark.parametrize("method", METHODS)
def test_sample_k_is_the_same_for_every_n(weights: Path, method: str) -> None:
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(colourful(70, 90))
    eight = colorizer.sample_ab(scene, 8, seed=3)
    assert np.array_equal(eight[:3], colorizer.sample_ab(scene, 3, seed=3))
    assert np.array_equal(eight[5:], colorizer.sample_ab(scene, 3, seed=3, start=5))
    assert eight.dtype == np.float32
    assert eight.shape[:2] == (8, 2)
    other = Colorizer.load(method, weights, threads=1)
    assert np.array_equal(eight, other.sample_ab(other.encode(colourful(70, 90)), 8, seed=3))
    if method != "mean":
        assert eight.std(0).mean() > 1
        assert not np.array_equal(eight, colorizer.sample_ab(scene, 8, seed=4))
    else:
        assert np.ptp(eight, axis=0).max() == 0


def test_a_large_variation_of_a_grid_starts_at_the_first_working_size(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)
    ramp = np.linspace(0, 100, 96 * 128, dtype=np.float32).reshape(96, 128)
    scene = colorizer.encode_luminance(ramp)
    code = np.full((2, 24, 32), 1.0, np.float32)
    levels = []
    solve = colorizer.prior._integrate  # type: ignore[attr-defined]

    def spy(scene: object, level: int, *rest: object) -> object:
        levels.append(level)
        return solve(scene, level, *rest)

    colorizer.prior._integrate = spy  # type: ignore[attr-defined]
    for amount, expected in ((0.5, [1]), (0.9, [0, 1])):
        levels.clear()
        assert colorizer.prior.vary(scene, Draw(0, [0]), code, amount).shape == (1, 2, 24, 32)
        assert levels == expected


def test_gain_by_the_last_working_size_grain_for_small_pictures_neither_for_hinted_cells(
    weights: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(weights, tmp_path / "weights")
    manifest = json.loads((folder / "flow.json").read_text())
    del manifest["prior"]["tint"]  # which is of colours after their gain
    (folder / "flow.json").write_text(json.dumps(manifest))
    bare = Colorizer.load("flow", folder)
    folder = shutil.copytree(folder, tmp_path / "given")
    manifest["prior"] |= {"gain": [1.1, 1.3], "grain": 0.05}
    (folder / "flow.json").write_text(json.dumps(manifest))
    given = Colorizer.load("flow", folder)
    small, large = (bare.encode(colourful(side, side)) for side in (64, 140))
    hint = parse_hints([(9, 17, "#806040")], small.luminance)
    plain, six = (c.prior.sample(small, Draw(0, range(6), hints=hint)) for c in (bare, given))
    row, column = hint[0].cell(plain.shape[2:])
    assert np.array_equal(six[:, :, row, column], plain[:, :, row, column])
    assert (six - np.float32(1.3) * plain).std() == pytest.approx(0.05, rel=0.05)
    two = Draw(0, range(2))
    assert np.array_equal(
        given.prior.sample(large, two), np.float32(1.3) * bare.prior.sample(large, two)
    )
    three = given.prior.sample(small, Draw(0, range(3), hints=hint))
    assert np.array_equal(three, six[:3])
    tiny, agreed = bare.encode(colourful(60, 60)), np.zeros((1, 2, 16, 16), np.float32)
    assert not given.prior.finish(tiny, Draw(0, [-1]), agreed).any()  # not a sample
    assert (given.prior.finish(tiny, Draw(0, [-1]), agreed + 1) == np.float32(1.1)).all()
    assert given.prior.finish(tiny, Draw(0, [0]), agreed).any()


def test_eight_samples_differ_in_vividness_as_a_manifest_says(
    weights: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(weights, tmp_path / "weights")
    manifest = json.loads((folder / "flow.json").read_text())
    manifest["prior"] |= {"vividness": [0.0, 0.3]}
    (folder / "flow.json").write_text(json.dumps(manifest))
    bare, given = Colorizer.load("flow", weights), Colorizer.load("flow", folder)
    scene = bare.encode(colourful(140, 140))
    hint = parse_hints([(9, 17, "#806040")], scene.luminance)

    def logarithms(draw: Draw) -> NDArray[np.float64]:
        """How much more vivid each sample is than without; one factor for all of its cells."""
        plain, vivid = (c.prior.sample(scene, draw) for c in (bare, given))
        row, column = hint[0].cell(plain.shape[2:])
        for known in hint if draw.hints else ():
            assert np.array_equal(vivid[:, :, row, column], plain[:, :, row, column]), known
            plain[:, :, row, column] = vivid[:, :, row, column] = np.nan
        ratio = (vivid / plain).reshape(len(plain), -1)
        assert np.nanstd(ratio, axis=1).max() < 1e-4
        return np.asarray(np.log(np.nanmean(ratio, axis=1)), np.float64)

    eight = logarithms(Draw(0, range(8), hints=hint))
    assert (eight + 0.3**2 / 2).std() == pytest.approx(0.3, rel=0.01)
    assert np.exp(eight).mean() == pytest.approx(1, abs=0.01)
    assert len(set(eight.round(4))) == 8  # another eighth of the distribution each
    assert logarithms(Draw(0, [9, 2]))[1] == pytest.approx(eight[2], abs=1e-4)
    calm = logarithms(Draw(0, range(8), 0.5))
    assert calm.std() == pytest.approx(0.15, rel=0.01)
    small = bare.encode(colourful(60, 60))
    one, other = (c.prior.sample(small, Draw(0, range(2))) for c in (bare, given))
    assert np.array_equal(one, other)  # by the number of working sizes
    agreed, no_sample = np.ones((1, 2, 36, 36), np.float32), Draw(0, [-1])
    one, other = (c.prior.finish(scene, no_sample, agreed) for c in (bare, given))
    assert np.array_equal(one, other)


def test_pictures_of_a_batch_do_not_share_a_mood(weights: Path) -> None:
    """Sample k leans elsewhere in each picture, and its noise stays standard normal."""
    colorizer = Colorizer.load("cvae", weights)
    random = np.random.default_rng(0)
    grey = [random.integers(0, 256, (4, 4), np.uint8).repeat(16, 0).repeat(16, 1) for _ in range(8)]
    draw = Draw(0, range(400))
    codes = np.stack([colorizer.prior.sample(colorizer.encode(each), draw) for each in grey])
    assert abs(codes.mean()) < 0.05
    assert codes.std() == pytest.approx(1, abs=0.02)
    flat = codes.reshape(8, -1)
    shared = (flat @ flat.T / flat.shape[1])[np.triu_indices(8, 1)]
    assert abs(shared.mean()) < 0.15  # it was 1
    assert shared.max() < 0.8


def test_noise_hardly_moves_when_a_picture_is_saved_again(weights: Path) -> None:
    colorizer = Colorizer.load("cvae", weights)
    rgb = colourful(70, 90)
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=80)
    draw = Draw(0, range(50))
    one, two = (colorizer.prior.sample(colorizer.encode(p), draw) for p in (rgb, out.getvalue()))
    assert 0 < np.abs(one - two).max() < 0.2


@pytest.mark.parametrize("method", METHODS)
def test_vary_and_blend_start_where_they_should(weights: Path, method: str) -> None:
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(colourful(70, 90))
    result = colorizer.sample(scene, 4, pick="random")
    same = colorizer.vary(scene, result[1], amount=0, n=2)
    assert np.abs(same.ab - result.ab[1]).max() < 1e-3
    path = colorizer.blend(scene, result[0], result[3], steps=5)
    assert len(path) == 5
    assert np.abs(path.ab[0] - result.ab[0]).max() < 1e-3
    assert np.abs(path.ab[-1] - result.ab[3]).max() < 1e-3
    if method == "mean":
        return
    near = colorizer.vary(scene, result[1], amount=0.2, n=4).ab - result.ab[1]
    far = colorizer.vary(scene, result[1], amount=1.0, n=4).ab - result.ab[1]
    assert 0 < np.abs(near).mean() < np.abs(far).mean()


@pytest.mark.parametrize("method", ["flow", "vae-mdn", "cvae"])
def test_diversity_spreads(weights: Path, method: str) -> None:
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(colourful(70, 90))
    spreads = [colorizer.sample_ab(scene, 6, diversity=d).std(0).mean() for d in (0.3, 1.0, 1.5)]
    assert spreads == sorted(spreads)


def test_less_noise_does_not_pale_the_flow(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)
    prior = colorizer.prior
    assert isinstance(prior, Flow)
    scene = colorizer.encode(colourful(170, 190))  # larger than the working size: no grain
    codes = np.random.default_rng(0).standard_normal((2, 2, 32, 36), np.float32)
    hint = Hint(95, 85, np.array([30, -20], np.float32), (190, 170))

    def calibrated(diversity: float) -> NDArray[np.float32]:
        whole = prior._calibrated(scene, Draw(0, range(2), diversity, (hint,)), codes)
        # A hint is what it is.
        assert np.allclose(whole[:, :, row, column], np.array([30, -20]) / 25, atol=1e-6)
        whole[:, :, row, column] = np.nan
        return whole

    row, column = hint.cell((32, 36))
    shared = codes.mean((2, 3), keepdims=True)
    gain = np.nanmean(calibrated(1.0) / codes)
    for diversity, times in ((1.5, 1.0), (0.8, 1.25), (0.5, 2.0), (0.1, 2.0)):
        # What cells differ by, and not the tint that they share.
        found = calibrated(diversity) / gain - shared
        assert np.nanmax(np.abs(found - times * (codes - shared))) < 1e-4


def test_a_code_is_calibrated_once(weights: Path) -> None:
    """Neighbours start from what the velocity has left, or their colours would grow each time."""
    colorizer = Colorizer.load("flow", weights)
    prior = colorizer.prior
    assert isinstance(prior, Flow)
    scene = colorizer.encode(colourful(170, 190))
    codes = np.random.default_rng(0).standard_normal((2, 2, 32, 36), np.float32)
    for diversity in (0.7, 1.0, 1.4):
        draw = Draw(0, range(2), diversity)
        given = prior._calibrated(scene, draw, codes)
        back = [prior._uncalibrated(scene, draw, code) for code in given]
        assert np.abs(np.stack(back) - codes).max() < 1e-5


@pytest.mark.parametrize("method", ["flow", "vae-mdn"])
def test_neighbours_are_as_calm_as_what_they_are_near(weights: Path, method: str) -> None:
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(colourful(170, 190))
    asked = []
    plain = colorizer.prior.vary

    def vary(scene: Scene, draw: Draw, code: Array, amount: float) -> Array:
        asked.append(draw.diversity)
        return plain(scene, draw, code, amount)

    colorizer.prior.vary = vary  # type: ignore[method-assign]
    calm, wild = (
        colorizer.sample(scene, 1, diversity=d, seed=3, pick="random") for d in (0.2, 1.5)
    )
    near = colorizer.vary(scene, calm, amount=0.5, n=1)
    between = colorizer.blend(scene, near, wild, steps=3)[1]
    bare = colorizer.of_codes(scene, calm.codes)
    for base in (calm, wild, near, between, bare, colorizer.steer(scene, wild, saturation=2)):
        colorizer.vary(scene, base, n=1)
    assert asked[1:] == [0.2, 1.5, 0.2, 1.5, Sampling.diversity, 1.5]
    far = [
        colorizer.vary(scene, base, amount=1.0, n=8).codes.std(0).mean() for base in (calm, wild)
    ]
    assert far[0] < far[1]


def test_larger_pictures_are_coloured_alike_where_they_look_alike(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)
    prior = colorizer.prior
    assert isinstance(prior, Flow)
    hint = Hint(30, 20, np.array([30, -20], np.float32), (190, 170))

    def differs(height: int, width: int, hints: tuple[Hint, ...] = ()) -> NDArray[np.float32]:
        scene = colorizer.encode(colourful(height, width))
        codes = []
        for share in (0.0, 0.8):
            prior.settings = replace(prior.settings, alike=share)
            codes.append(prior.sample(scene, Draw(0, range(2), 1.0, hints)))
        return np.asarray(np.abs(codes[1] - codes[0]), np.float32)

    assert not differs(60, 64).any()  # too small to have patches
    moved = differs(170, 190, (hint,))
    assert moved.mean() > 0.01
    row, column = hint.cell(moved.shape[2:])
    assert not moved[:, :, row, column].any()
    # Neighbours of a sample as well, as far as they are drawn anew.
    scene = colorizer.encode(colourful(170, 190))
    code = prior.sample(scene, Draw(0, range(1), 1.0, (hint,)))[0]

    def varied(amount: float, share: float) -> NDArray[np.float32]:
        prior.settings = replace(prior.settings, alike=share)
        return np.asarray(prior.vary(scene, Draw(1, range(1), 1.0, (hint,)), code, amount))

    shifts = [np.abs(varied(t, 0.8) - varied(t, 0.0)) for t in (0.0, 0.2, 0.5)]
    assert not shifts[0].any()
    assert 0 < shifts[1].mean() < shifts[2].mean()
    assert not shifts[2][:, :, row, column].any()


def test_mixture_draws_its_components_by_weight(weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    scene = colorizer.encode(colourful(70, 90))
    graph = Engine(weights).run("vae-mdn.prior.onnx", scene.levels[0].inputs)
    codes = colorizer.prior.sample(scene, Draw(0, range(2000), diversity=0.0))
    component = ((codes[:, None] - graph["mean"]) ** 2).sum(-1).argmin(1)
    share = np.bincount(component, minlength=4) / 2000
    assert share == pytest.approx(np.exp(graph["log_pi"][0]), abs=0.04)
    means = colorizer.prior.likely(scene, 3)
    assert means is not None
    best = np.argsort(-graph["log_pi"][0])
    assert np.array_equal(means, graph["mean"][0][best[:3]])
    likely = colorizer.sample(scene, 6, pick="likely", seed=7)
    assert np.array_equal(likely.codes[:4], graph["mean"][0][best])
    assert likely.seeds == ((7, -1), (7, -2), (7, -3), (7, -4), (7, 0), (7, 1))
    assert likely.sheet(60).width > 60
