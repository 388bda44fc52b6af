"""The prior of a scene's mean colour: learned, exported into a flow's folder, recovered."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import write_blocks

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.model.priors.base import Draw
from manyhues.training import checkpoint, loop, registry
from manyhues.training.data.cache import Batch
from manyhues.training.export import weights as export
from manyhues.training.export.recover import recover
from manyhues.training.methods.tint import Tint, TintConfig, mean_code
from manyhues.training.run import train


def batch_of(mean: torch.Tensor) -> Batch:
    """Pictures whose features say their mean colour (B, 2), in code units, but for noise of .1."""
    count, ab = len(mean), 25 * mean + 2.5 * torch.randn(len(mean), 2)
    f32 = torch.randn(count, 320, 4, 4)
    f32[:, :2] += 10 * mean[:, :, None, None]
    return Batch(
        torch.rand(count, 1, 64, 64) * 2 - 1,
        ab[:, :, None, None] + torch.randn(count, 2, 64, 64),
        torch.randn(count, 40, 16, 16),
        torch.randn(count, 112, 8, 8),
        f32,
    )


def test_it_learns_what_features_say_and_how_sure_they_are() -> None:
    torch.manual_seed(0)
    task: Any = Tint(TintConfig(width=32, drop=0.0))
    optimizer = torch.optim.Adam(task.parameters(), 0.01)
    for _ in range(200):
        (step,) = task.steps(batch_of(0.4 * torch.randn(64, 2)), 0.0)
        optimizer.zero_grad()
        step.loss.backward()
        optimizer.step()
    seen = batch_of(0.4 * torch.randn(256, 2))
    mean, factor = task.network(seen.luminance, seen.f8, seen.f16, seen.f32)
    missed = (mean_code(seen) - mean).square().mean().sqrt()
    assert missed < 0.25  # a constant misses .41
    spread = (factor @ factor.transpose(1, 2)).diagonal(dim1=1, dim2=2).mean().sqrt()
    assert 0.5 * missed < spread < 2 * missed
    assert list(task.pictures(seen))[:3] == ["tint of the truth", "mean", "sample 1"]


def test_a_run_joins_the_flow_of_a_folder(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 4)
    run, weights = tmp_path / "runs" / "tint", tmp_path / "weights"
    train("tint", [write_blocks(tmp_path / "pictures", 12)], run, 0.005, False, ["batch_size=4"])
    task: Any = registry.load(run)[0]
    assert (task.network.deviation != 1).any()  # measured
    with pytest.raises(UsageError, match="export a `flow` run with the same features into it"):
        export.export(run, weights)
    assert not weights.exists()
    shutil.copytree(tiny, weights)
    (weights / "flow.tint.onnx").unlink()
    before = json.loads((weights / "flow.json").read_text())
    del before["prior"]["tint"]
    (weights / "flow.json").write_text(json.dumps(before))
    other = json.dumps(before | {"features": "features.onnx"})
    (weights / "flow.json").write_text(other)
    with pytest.raises(UsageError, match="reads other features than the flow"):
        export.export(run, weights)
    (weights / "flow.json").write_text(json.dumps(before))
    names = [path.name for path in export.export(run, weights)]
    assert sorted(names) == ["flow.json", "flow.tint.onnx"]
    after = json.loads((weights / "flow.json").read_text())
    assert after["prior"]["tint"] == "flow.tint.onnx"
    assert before["prior"].items() <= after["prior"].items()
    assert (
        after["trained"]["tint"]["steps"] == checkpoint.read_facts(run / checkpoint.MODEL)["step"]
    )
    assert str(tmp_path) not in json.dumps(after)
    colorizer = Colorizer.load("flow", weights)
    scene = colorizer.encode_luminance(np.full((64, 64), 50, np.float32))
    assert len(colorizer.sample_ab(scene, 2)) == 2


def test_the_shipped_one_is_recovered(tmp_path: Path) -> None:
    assert (recover(tmp_path)[-1]).name == "tint"  # and does what the graph does, or it raises
    assert isinstance(registry.load(tmp_path / "tint")[0], Tint)


def test_samples_are_led_to_their_tints(tiny: Path, tmp_path: Path) -> None:
    """The noise of a sample says where in the prior it lies; the velocity is its own from .6 on."""
    free = tmp_path / "free"
    shutil.copytree(tiny, free)
    manifest = json.loads((free / "flow.json").read_text())
    del manifest["prior"]["tint"]
    (free / "flow.json").write_text(json.dumps(manifest))
    luminance = np.linspace(5, 95, 64 * 64, dtype=np.float32).reshape(64, 64)
    drawn, small = [], []
    for folder in (tiny, free):
        colorizer = Colorizer.load("flow", folder)
        scene = colorizer.encode_luminance(luminance)
        prior: Any = colorizer.prior
        draw = Draw(0, range(64))
        drawn.append(prior.sample(scene, draw).mean((2, 3)))
        small.append(colorizer.sample_ab(colorizer.encode_luminance(luminance[:40, :40]), 2))
        if folder == tiny:
            told = prior.engine.run("flow.tint.onnx", scene.levels[0].inputs)
    assert np.array_equal(small[0], small[1])  # of the first working size alone: its own tints
    led, own = drawn
    centre = told["tint"][0]
    assert np.linalg.norm(led.mean(0) - centre) < np.linalg.norm(own.mean(0) - centre)
    assert (
        np.abs(np.cov(led.T) - told["factor"][0] @ told["factor"][0].T).max()
        < np.abs(np.cov(own.T) - told["factor"][0] @ told["factor"][0].T).max()
    )
