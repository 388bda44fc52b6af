"""The shipped graphs give runs that training can go on from."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from conftest import colourful
from PIL import Image

from manyhues.cli import main as cli
from manyhues.colorizer import Colorizer
from manyhues.errors import TrainingError, UsageError, WeightsError
from manyhues.model.manifest import WEIGHTS
from manyhues.model.scene import Level
from manyhues.training import checkpoint, registry
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.export.recover import recover
from manyhues.training.export.weights import export
from manyhues.training.methods.features import Tune, TuneConfig
from manyhues.training.methods.flow import Flow, FlowConfig
from manyhues.training.networks.grey import GreyFeatures


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("recovered")
    assert [folder.name for folder in recover(out)] == ["features", "detail", "flow", "tint"]
    return out


def test_recovered_networks_do_what_the_graphs_do(runs: Path) -> None:
    """At another size than the one that `recover` checks itself at."""
    grey = 255 * torch.rand(1, 1, 130, 100)
    maps = GreyFeatures(runs / "features")(grey, (80, 64))
    session = ort.InferenceSession(str(WEIGHTS / "flow.features.onnx"))
    feeds = {"grey": grey.numpy(), "luminance": np.zeros((1, 1, 80, 64), np.float32)}
    for ours, theirs in zip(maps, session.run(None, feeds), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 0.01 * ours.std()
    detail: Any = registry.load(runs / "detail")[0]
    code, luminance = torch.randn(2, 2, 20, 16), torch.rand(1, 1, 80, 64) * 2 - 1
    session = ort.InferenceSession(str(WEIGHTS / "flow.decoder.onnx"))
    inputs = {"code": code, "luminance": luminance, "f8": maps[0]}
    (theirs,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    assert np.abs(detail.decoder(code, luminance, maps[0]).numpy() - theirs).max() < 0.05


def test_features_are_cached_as_the_runtime_reads_them(runs: Path, tmp_path: Path) -> None:
    """Of a picture of the second working size, at both."""
    picture = colourful(128, 128, 5)
    (tmp_path / "p").mkdir()
    Image.fromarray(picture).save(tmp_path / "p" / "a.png")
    levels = Colorizer.load("flow").encode(picture).levels

    def errors(level: Level, *, finer: bool) -> list[float]:
        source, tuned, size = tmp_path / "p", runs / "features", level.height
        folder = build_cache(source, tmp_path / "c", size=size, tuned=tuned, finer=finer)
        batch = Cache([folder]).batch(np.arange(1))
        pairs = (
            (level.inputs[name], cached.numpy())
            for name, cached in (("f8", batch.f8), ("f16", batch.f16), ("f32", batch.f32))
        )
        return [float(np.abs(a - b).mean() / np.abs(a).mean()) for a, b in pairs]

    same, fine, without = (
        errors(levels[0], finer=True),
        errors(levels[1], finer=False),
        errors(levels[0], finer=False),  # lacks the second size's share
    )
    assert max(same + fine) < 0.15  # caches are made in bfloat16
    assert same[0] == without[0]
    assert same[1] < 0.6 * without[1]
    assert same[2] < 0.3 * without[2]


def test_training_starts_from_recovered_runs(runs: Path) -> None:
    settings = FlowConfig(start=str(runs / "flow"), features=str(runs / "features"))
    task = Flow(settings)
    task.begin()
    tensors, facts = checkpoint.read_tensors(runs / "flow" / checkpoint.MODEL)
    assert facts["kind"] == "flow"
    assert all(torch.equal(value, tensors[name]) for name, value in task.state_dict().items())
    tune = Tune(TuneConfig(width=8, start=str(runs / "features"), keep=1.0))
    head = tune.head.logits.weight.detach().clone()
    tune.begin()
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


def test_recovered_runs_are_exported_as_the_models_they_are(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.app(
        ["export", str(runs / "detail"), "--weights", str(tmp_path / "w")], standalone_mode=False
    )
    said = capsys.readouterr().err
    assert "flow.decoder.onnx" in said
    assert "not a model" not in said
    with pytest.raises(UsageError, match="a `features` run colours nothing by itself"):
        export(runs / "features")
