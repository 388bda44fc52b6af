"""Samples by their numbers, and choices that do not depend on how many are asked for."""

from pathlib import Path

import numpy as np
import pytest
from conftest import METHODS, colourful

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.sampling import candidates
from manyhues.sampling.options import Pick, Sampling


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pick", ["diverse", "likely"])
def test_a_captions_number_brings_its_sample_back(weights: Path, method: str, pick: Pick) -> None:
    colorizer = Colorizer.load(method, weights)
    scene = colorizer.encode(colourful(140, 160))
    hints = [(9, 9, "#ff0000")]
    shown = colorizer.sample(scene, 4, seed=5, pick=pick, diversity=0.9, hints=hints)
    numbers = [k for _, k in shown.seeds]
    again = colorizer.sample(scene, k=numbers[::-1], seed=5, diversity=0.9, hints=hints)
    assert again.seeds == shown.seeds[::-1]
    for one, other in zip(again, list(shown)[::-1], strict=True):
        assert one.encoded(0, "PNG") == other.encoded(0, "PNG")


def test_numbers_are_as_many_as_they_are(weights: Path) -> None:
    assert Sampling(k=[26, 3, 26]).k == (26, 3)
    assert Sampling(n=6, k=np.array([26, 3])).n == 2  # type: ignore[arg-type]
    assert Sampling(k=[]).n == 6
    colorizer = Colorizer.load("cvae", weights)
    scene = colorizer.encode(colourful(40, 50))
    with pytest.raises(UsageError, match="k -1: most probable answers of this method: 0"):
        colorizer.sample(scene, k=[2, -1])
    flow = Colorizer.load("flow", weights)
    with pytest.raises(UsageError, match="k -2: most probable answers of this method: 1"):
        flow.sample(flow.encode(colourful(40, 50)), k=[-2])


@pytest.mark.parametrize("method", ["flow", "cvae"])
@pytest.mark.parametrize("pick", ["diverse", "likely"])
@pytest.mark.parametrize("hinted", [False, True], ids=["plain", "hinted"])
def test_more_begin_as_fewer_do(weights: Path, method: str, pick: Pick, hinted: bool) -> None:
    colorizer = Colorizer.load(method, weights, threads=1)
    scene = colorizer.encode(colourful(60, 80))
    hints = [(9, 9, "#ff0000")] if hinted else []
    made = {n: colorizer.sample(scene, n, pick=pick, hints=hints) for n in (6, 14, 26)}
    for n in (6, 14):
        assert made[26].seeds[:n] == made[n].seeds
        assert np.array_equal(made[26].ab[:n], made[n].ab)
    assert len(set(made[26].seeds)) == 26


def test_the_first_stay_whatever_comes_beside_them() -> None:
    assert candidates.stages(6) == [(6, 48)]
    assert candidates.stages(26) == [(12, 48), (24, 96), (26, 144)]
    random = np.random.default_rng(0)
    fields = random.normal(0, 20, (40, 2, 8, 8)).astype(np.float32)
    flat = np.full((8, 8), 50, np.float32)
    patchiest = int(candidates.patchiness(fields, flat).argmax())  # it would be left out
    for pick in ("diverse", "likely"):
        first = [patchiest, 7]
        chosen = candidates.choose(fields, 6, pick, flat, first)
        assert chosen[:2] == first
        assert len(set(chosen)) == 6
