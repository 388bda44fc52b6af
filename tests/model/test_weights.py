"""The weights that are shipped, run for real."""

import json
from pathlib import Path

import numpy as np
import pytest

from manyhues.colorizer import Colorizer
from manyhues.model.manifest import WEIGHTS, Manifest, methods
from manyhues.sampling import candidates
from manyhues.sampling.options import Pick

METHODS = methods()
MEGABYTE = 1_000_000


def megabytes(methods: list[str]) -> float:
    files = {path for method in methods for path in Manifest.load(method).files()}
    return sum(path.stat().st_size for path in files) / MEGABYTE


def scene_luminance() -> np.ndarray:
    """A bright sky over dark ground with a lit ball: enough for a network to have opinions."""
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    luminance = np.where(y < 50, 80 - y / 4, 35 + 5 * np.sin(x / 3))
    ball = np.hypot(x - 64, y - 55)
    out: np.ndarray = np.where(ball < 20, 75 - ball, luminance).astype(np.float32)
    return out


def test_the_papers_methods_are_there() -> None:
    assert {"vae-mdn", "cvae", "cgan", "mean"} <= set(METHODS)


def test_sizes_are_as_promised() -> None:
    assert megabytes(METHODS[:1]) <= 40
    assert megabytes(METHODS) <= 90


def test_no_file_is_orphaned() -> None:
    used = {path.name for method in METHODS for path in Manifest.load(method).files()}
    assert {path.name for path in WEIGHTS.glob("*.onnx")} == used


@pytest.mark.parametrize("method", METHODS)
def test_a_method_colours(method: str) -> None:
    colorizer = Colorizer.load(method)
    scene = colorizer.encode_luminance(scene_luminance())
    ab = colorizer.sample_ab(scene, 4, seed=3)
    assert ab.shape[:2] == (4, 2)
    assert np.isfinite(ab).all()
    assert np.abs(ab).max() < 140
    chroma = np.hypot(ab[:, 0], ab[:, 1]).mean()
    assert chroma > 3  # not the grey picture
    spread = ab.std(0).mean()
    if method == "mean":
        assert spread == 0
    else:
        assert spread > 0.1
    again = colorizer.sample_ab(scene, 2, seed=3, start=2)
    np.testing.assert_array_equal(again, ab[2:])


def test_diverse_raises_pairwise_distance() -> None:
    colorizer = Colorizer.load("flow")
    examples = Path(__file__).resolve().parents[2] / "examples"
    scenes = [colorizer.encode(path) for path in sorted(examples.glob("*.jpg"))]
    assert len(scenes) >= 4

    def spread(pick: Pick) -> float:  # geometric mean: one vivid picture must not count for all
        drawn = [colorizer.sample(scene, 6, pick=pick, diversity=1, seed=1).ab for scene in scenes]
        return float(np.exp(np.mean([np.log(candidates.distances(ab).mean()) for ab in drawn])))

    random = spread(
        "random"
    )  # of it, over seeds 0 to 2: diverse 1.10, likely .73; this seed as much
    assert spread("diverse") > 1.05 * random
    assert spread("likely") < 0.85 * random


@pytest.mark.parametrize("method", METHODS)
def test_manifest_says_where_it_comes_from(method: str) -> None:
    trained = Manifest.load(method).trained
    assert trained["minutes"] > 0
    first = trained
    while "start" in first:  # it trained on, perhaps from few pictures
        first = first["start"]
    assert first["pictures"] > 10_000
    for differences in trained["parity"].values():
        assert differences["float32"] < 0.05
    assert "/" not in json.dumps(trained["config"])


def test_model_card_names_every_method() -> None:
    card = (WEIGHTS / "MODEL_CARD.md").read_text("utf-8")
    for method in METHODS:
        assert f"`{method}`" in card
