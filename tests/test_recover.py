"""The shipped graphs give runs that training can go on from."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

from manyhues.engine import WEIGHTS
from manyhues.errors import TrainingError, WeightsError
from manyhues.training import checkpoint, registry
from manyhues.training.data import Cache
from manyhues.training.features import GreyFeatures
from manyhues.training.flow import Flow, FlowConfig
from manyhues.training.recover import recover
from manyhues.training.tune import Tune, TuneConfig


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("recovered")
    assert [folder.name for folder in recover(out)] == ["features", "detail", "flow"]
    return out


def test_recovered_networks_do_what_the_graphs_do(runs: Path) -> None:
    """At another size than the one that `recover` checks itself at."""
    grey = 255 * torch.rand(1, 1, 80, 64)
    maps = GreyFeatures(runs / "features")(grey)
    session = ort.InferenceSession(str(WEIGHTS / "flow.features.onnx"))
    for ours, theirs in zip(maps, session.run(None, {"grey": grey.numpy()}), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 0.01 * ours.std()
    detail: Any = registry.load(runs / "detail")[0]
    code, luminance = torch.randn(2, 2, 20, 16), torch.rand(1, 1, 80, 64) * 2 - 1
    session = ort.InferenceSession(str(WEIGHTS / "flow.decoder.onnx"))
    feeds = {"code": code, "luminance": luminance, "f8": maps[0]}
    (theirs,) = session.run(None, {name: value.numpy() for name, value in feeds.items()})
    assert np.abs(detail.decoder(code, luminance, maps[0]).numpy() - theirs).max() < 0.05


def test_training_starts_from_recovered_runs(runs: Path) -> None:
    settings = FlowConfig(start=str(runs / "flow"), features=str(runs / "features"))
    task = Flow(settings)
    task.prepare(Cache.__new__(Cache))
    tensors, facts = checkpoint.read_tensors(runs / "flow" / checkpoint.MODEL)
    assert facts["kind"] == "flow"
    assert all(torch.equal(value, tensors[name]) for name, value in task.state_dict().items())
    tune = Tune(TuneConfig(width=8, start=str(runs / "features"), keep=1.0))
    head = tune.head.logits.weight.detach().clone()
    tune.prepare(Cache.__new__(Cache))
    ours = tune.features.state_dict()
    kept = GreyFeatures(runs / "features").state_dict()
    assert all(torch.allclose(ours[name], kept[name]) for name in kept)
    assert torch.equal(tune.head.logits.weight, head)


def test_recovering_refuses_to_replace_a_run_and_says_what_is_missing(
    runs: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"features: holds a run already; use another --out"):
        recover(runs)
    with pytest.raises(WeightsError, match=r"flow\.features\.onnx: cannot be read"):
        recover(tmp_path / "runs", tmp_path)
