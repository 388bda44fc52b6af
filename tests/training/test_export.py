import json
import logging
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from conftest import colourful
from PIL import Image

from manyhues.colorizer import Colorizer
from manyhues.errors import TrainingError, UsageError
from manyhues.model.manifest import WEIGHTS
from manyhues.model.priors.base import Draw
from manyhues.training import checkpoint, registry
from manyhues.training.export import graph as writing
from manyhues.training.export import weights as export
from manyhues.training.export.graph import PARITY, Graph
from manyhues.training.export.plan import features_graph
from manyhues.training.networks.grey import GreyFeatures


def save_run(
    kind: str, out: Path, like: torch.nn.Module | None = None, **config: object
) -> torch.nn.Module:
    """An untrained run whose weights are not at their zeros of initialisation.

    Its own network is that of `like`, if given: what it shares is exported once.
    """
    torch.manual_seed(0)
    options = {k: v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}
    task = registry.build(kind, registry.make_config(kind, options))
    with torch.no_grad():
        for parameter in task.parameters():
            if parameter.abs().max() == 0:
                parameter.normal_(std=0.02)
    if like is not None:
        task.get_submodule("network").load_state_dict(like.get_submodule("network").state_dict())
    out.mkdir(parents=True)
    facts = {
        "kind": kind,
        "config": checkpoint.config_facts(task.config),
        "step": 1,
        "seconds": 60.0,
        "pictures": 2,
    }
    checkpoint.write_tensors(out / checkpoint.MODEL, checkpoint.state_of(task), facts)
    return task.eval()


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained flow: its run, and in `exact` its weights and the files that they share."""
    folder = tmp_path_factory.mktemp("flow")
    save_run("flow", folder / "run")
    export.export(folder / "run", with_shared(folder / "exact"))
    return folder


def with_shared(weights: Path) -> Path:
    """A new folder with the shipped graphs that methods share."""
    weights.mkdir()
    for shared in ("features.onnx", "detail.decoder.onnx"):
        shutil.copy(WEIGHTS / shared, weights)
    return weights


def check_exported(graphs: list[Path], method: str | None) -> None:
    """Halved, anonymous, and by its manifest near to PyTorch; nothing half-written is left."""
    assert graphs
    weights = graphs[0].parent
    for graph in graphs:
        kinds = {i.data_type for i in onnx.load(graph).graph.initializer if np.prod(i.dims) > 1023}
        assert onnx.TensorProto.FLOAT not in kinds
        assert str(Path.home()).encode() not in graph.read_bytes()
    if method is not None:
        manifest = json.loads((weights / f"{method}.json").read_text())
        assert manifest["method"] == method
        assert str(weights.parent) not in json.dumps(manifest)
        for differences in manifest["trained"]["parity"].values():
            assert differences["float32"] < PARITY
            assert differences["half"] < 0.5  # half a step of Lab: out of sight
    assert not [f for f in weights.iterdir() if f.name.startswith(".")]


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("mdn", "vae-mdn"),
        ("cvae", "cvae"),
        ("cgan", "cgan"),
        ("mean", "mean"),
        ("detail", None),
    ],
)
def test_export_has_parity(kind: str, method: str | None, tmp_path: Path) -> None:
    save_run(kind, tmp_path / "run")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "features.onnx").touch()  # exported by their own tests
    (tmp_path / "weights" / "detail.decoder.onnx").touch()
    files = export.export(tmp_path / "run", tmp_path / "weights", overwrite=True)
    check_exported([f for f in files if f.suffix == ".onnx"], method)


def test_flow_export_has_parity(flow: Path) -> None:
    check_exported(sorted((flow / "exact").glob("flow.*.onnx")), "flow")


def test_int8_export_draws_the_same_samples(
    flow: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed in range(3):
        Image.fromarray(colourful(128, 160, seed)).save(pictures / f"{seed}.png")
    (pictures / "1.png").write_bytes(b"damaged")  # left out, with a warning
    with caplog.at_level(logging.INFO):
        export.export(flow / "run", with_shared(tmp_path / "int8"), pictures)
        assert logging.getLogger().level == logging.INFO  # it quiets others for itself alone
    assert "left out" in caplog.text
    assert "up to 32 are sampled to measure activations" in capsys.readouterr().err
    drawn = []
    for folder in (flow / "exact", tmp_path / "int8"):
        colorizer = Colorizer.load("flow", folder)
        scene = colorizer.encode(colourful(128, 160, 9))
        drawn.append(colorizer.prior.sample(scene, Draw(0, range(2))))
    exact, int8_codes = drawn
    assert 0 < np.abs(exact - int8_codes).max() < 0.1 * exact.std()
    path = tmp_path / "int8" / "flow.velocity.onnx"
    operations = {node.op_type for node in onnx.load(path).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= operations
    assert path.stat().st_size < 0.7 * (flow / "exact" / path.name).stat().st_size
    manifest = json.loads((tmp_path / "int8" / "flow.json").read_text())
    assert 0 < manifest["trained"]["parity"][path.name]["int8_rms"] < 2
    assert sorted(f.name for f in (tmp_path / "int8").iterdir()) == [
        "detail.decoder.onnx",
        "features.onnx",
        "flow.condition.onnx",
        "flow.json",
        "flow.velocity.onnx",
    ]


def test_a_stopped_export_mixes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_run("flow", tmp_path / "run")
    folder = tmp_path / "weights"
    folder.mkdir()
    old = ("features.onnx", "detail.decoder.onnx", "flow.condition.onnx", "flow.velocity.onnx")
    for name in old:
        (folder / name).write_bytes(b"old")
    whole = writing.write_graph

    def stopped(graph: Graph, into: Path) -> dict[str, float]:
        if graph.name == "flow.velocity.onnx":
            raise KeyboardInterrupt
        return whole(graph, into)

    monkeypatch.setattr(export, "write_graph", stopped)
    with pytest.raises(KeyboardInterrupt):
        export.export(tmp_path / "run", folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict.fromkeys(old, b"old")


def test_features_export_agrees_with_torch(tmp_path: Path) -> None:
    graph = features_graph()
    differences = writing.write_graph(graph, tmp_path)
    assert differences["float32"] < PARITY
    session = ort.InferenceSession(str(tmp_path / "features.onnx"))
    f8, f16, f32 = session.run(None, {"grey": np.full((1, 1, 32, 48), 128, np.float32)})
    assert (f8.shape, f16.shape, f32.shape) == ((1, 40, 8, 12), (1, 112, 4, 6), (1, 320, 2, 3))


def test_parity_is_enforced(tmp_path: Path) -> None:
    class Drifting(torch.nn.Module):
        """Gives other numbers in PyTorch than those that the exporter saw."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + (0.0 if torch.compiler.is_exporting() else 1.0)

    x = {"x": torch.zeros(1, 2)}
    graph = Graph("drift.onnx", Drifting(), x, ("y",), {}, x)
    with pytest.raises(TrainingError, match=r"drift\.onnx: differs from PyTorch by 1"):
        writing.write_graph(graph, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_grid_methods_want_the_detail_decoder(tmp_path: Path) -> None:
    save_run("mean", tmp_path / "run")
    with pytest.raises(
        UsageError, match="export a `detail` run with the same features into it first"
    ) as caught:
        export.export(tmp_path / "run", tmp_path / "weights")
    assert str(caught.value).endswith(f": manyhues export RUN --weights {tmp_path / 'weights'}")
    assert not (tmp_path / "weights").exists()


def test_tuned_features_have_a_decoder_of_their_own(flow: Path, tmp_path: Path) -> None:
    """Its f8 is not that of the published features, which `mean` and its decoder read."""
    weights = tmp_path / "weights"
    untrained, _ = registry.load(flow / "run")
    save_run("joint", tmp_path / "joint", untrained)  # brings its features; a flow run names theirs
    save_run("flow", tmp_path / "flow", features=str(tmp_path / "joint"))
    save_run("detail", tmp_path / "detail", features=str(tmp_path / "joint"))
    with_shared(weights)
    for run in ("flow", "joint"):
        with pytest.raises(
            UsageError, match="export a `detail` run with the same features into it first"
        ):
            export.export(tmp_path / run, weights)
    assert [f.name for f in export.export(tmp_path / "detail", weights)] == ["flow.decoder.onnx"]
    export.export(tmp_path / "joint", weights)
    manifest = json.loads((weights / "flow.json").read_text())
    assert manifest["features"] == "flow.features.onnx"
    assert manifest["embedding"]["graph"] == "flow.decoder.onnx"
    assert manifest["trained"]["config"].keys().isdisjoint({"start", "features"})
    colorizer = Colorizer.load("flow", weights)
    drawn = colorizer.sample(colorizer.encode(colourful(64, 90)), 1, pick="random")
    assert drawn.images[0].size == (90, 64)
    # Pictures may be larger than the working size; these are of no shape that it was exported with.
    session = ort.InferenceSession(str(weights / "flow.features.onnx"))
    features = GreyFeatures(tmp_path / "joint")
    for seen in ((48, 80), (100, 130)):
        grey = 255 * torch.rand(1, 1, *seen)
        feeds = {"grey": grey.numpy(), "luminance": np.zeros((1, 1, 48, 80), np.float32)}
        for a, b in zip(features(grey, (48, 80)), session.run(None, feeds), strict=True):
            np.testing.assert_allclose(a.numpy(), b, atol=0.1)  # half precision; they are about 2


def test_vae_alone_is_no_method(tmp_path: Path) -> None:
    save_run("vae", tmp_path / "run")
    with pytest.raises(UsageError, match="colours nothing by itself"):
        export.export(tmp_path / "run", tmp_path / "weights")
