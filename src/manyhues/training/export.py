"""``manyhues export``: a trained run to ONNX graphs and a manifest that the runtime reads."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from manyhues import writer
from manyhues.engine import WEIGHTS
from manyhues.errors import UsageError
from manyhues.training import checkpoint, registry
from manyhues.training.features import CHANNELS, FINER_SHARES, LOOK
from manyhues.training.flow import ALIKE, DRAFT_STEPS, GAIN, GRAIN, RENOISE, STEPS, Flow
from manyhues.training.graph import Graph, halve, write_graph
from manyhues.training.grid import CODE_SCALE, GridUNet
from manyhues.training.looking import Looking
from manyhues.training.looks import features_graph


class _Condition(nn.Module):
    """`GridUNet.condition` as a module of its own, for the exporter."""

    def __init__(self, network: GridUNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor, hints: Tensor
    ) -> Any:
        return self.network.condition(luminance, f8, f16, f32, hints)


class _Predict(nn.Module):
    """`Mean.predict` as a module of its own."""

    def __init__(self, task: Any) -> None:
        super().__init__()
        self.task = task

    def forward(self, luminance: Tensor, f8: Tensor, f16: Tensor, f32: Tensor) -> Any:
        return self.task.predict(luminance, f8, f16, f32)


_H, _W = torch.export.Dim("h16"), torch.export.Dim("w16")
_N = torch.export.Dim("n")


def _maps(h: int, w: int, *names: str) -> dict[str, Tensor]:
    """Random inputs for a working size of h x w."""
    torch.manual_seed(h * w)
    every = {
        "luminance": torch.rand(1, 1, h, w) * 2 - 1,
        "f8": torch.randn(1, CHANNELS[0], h // 4, w // 4),
        "f16": torch.randn(1, CHANNELS[1], h // 8, w // 8),
        "f32": torch.randn(1, CHANNELS[2], h // 16, w // 16),
        "hints": torch.zeros(1, 3, h // 4, w // 4),
        "c1": torch.randn(1, 96, h // 4, w // 4),
        "c2": torch.randn(1, 192, h // 8, w // 8),
        "g": torch.randn(1, 256),
        "x": torch.randn(2, 2, h // 4, w // 4),
        "code": torch.randn(2, 2, h // 4, w // 4),
        "t": torch.rand(2),
    }
    return {name: every[name] for name in names}


_SPATIAL = {
    "luminance": {2: 16 * _H, 3: 16 * _W},
    "f8": {2: 4 * _H, 3: 4 * _W},
    "f16": {2: 2 * _H, 3: 2 * _W},
    "f32": {2: _H, 3: _W},
    "hints": {2: 4 * _H, 3: 4 * _W},
    "c1": {2: 4 * _H, 3: 4 * _W},
    "c2": {2: 2 * _H, 3: 2 * _W},
    "x": {0: _N, 2: 4 * _H, 3: 4 * _W},
    "code": {0: _N, 2: 4 * _H, 3: 4 * _W},
    "t": {0: _N},
}


def _spatial(
    name: str, module: nn.Module, names: Sequence[str], outputs: Sequence[str], scale: float
) -> Graph:
    return Graph(
        name, module, _maps(64, 96, *names), outputs, _SPATIAL, _maps(128, 80, *names), scale
    )


def _vector_decoder(method: str, module: nn.Module, code: int, *, bits: bool) -> Graph:
    def inputs(count: int) -> dict[str, Tensor]:
        torch.manual_seed(count)
        noise = torch.randn(count, code)
        return {
            "code": (noise > 0).float() if bits else noise,
            "luminance": torch.rand(1, 1, 64, 64) * 2 - 1,
        }

    return Graph(
        f"{method}.decoder.onnx",
        module,
        inputs(3),
        ("ab",),
        {"code": {0: _N}},
        inputs(1),
    )


def _decoder(task: Any) -> str:
    """The detail decoder's graph: it reads the features of those that it decodes for."""
    return "flow.decoder.onnx" if task.tuned else "detail.decoder.onnx"


def _plan(kind: str, task: Any) -> tuple[str | None, dict[str, Any], list[Graph]]:
    """Method name, manifest and graphs of a run; no name for a part that others share."""
    vector = {"working_sizes": [64], "square": True}
    grid = {
        "working_sizes": [64],
        "square": False,
        "embedding": {"kind": "grid", "graph": _decoder(task)},
    }
    if kind == "mdn":
        code = task.config.code
        names = ("f16", "f32")
        prior = Graph(
            "vae-mdn.prior.onnx",
            task.mixture,
            _maps(64, 64, *names),
            ("log_pi", "mean", "log_sigma"),
            {},
            _maps(64, 64, *names),
        )
        decoder = _vector_decoder("vae-mdn", task.vae.decoder, code, bits=False)
        return (
            "vae-mdn",
            _vector(vector, decoder.name, code, "mixture", prior.name),
            [
                prior,
                decoder,
            ],
        )
    if kind == "cvae":
        code = task.config.code
        decoder = _vector_decoder("cvae", task.decoder, code, bits=False)
        return "cvae", _vector(vector, decoder.name, code, "normal"), [decoder]
    if kind == "cgan":
        code = task.generator.code
        decoder = _vector_decoder("cgan", task.generator, code, bits=True)
        return "cgan", _vector(vector, decoder.name, code, "bernoulli"), [decoder]
    if kind == "detail":
        names4 = ("code", "luminance", "f8")
        return None, {}, [_spatial(_decoder(task), task.decoder, names4, ("ab",), 1.0)]
    if kind == "mean":
        module = _Predict(task)
        inputs = ("luminance", "f8", "f16", "f32")
        graph = _spatial("mean.prior.onnx", module, inputs, ("code",), CODE_SCALE)
        return "mean", grid | {"prior": {"kind": "point", "graph": graph.name}}, [graph]
    if isinstance(task, Flow):
        network = task.network
        condition = _spatial(
            "flow.condition.onnx",
            _Condition(network),
            ("luminance", "f8", "f16", "f32", "hints"),
            ("c1", "c2", "g"),
            1.0,
        )
        velocity = _spatial(
            "flow.velocity.onnx", network, ("x", "t", "c1", "c2", "g"), ("v",), CODE_SCALE
        )
        manifest = grid | {
            "working_sizes": [64, 128],
            "prior": {
                "kind": "flow",
                "condition": condition.name,
                "velocity": velocity.name,
                "steps": list(STEPS),
                "draft_steps": DRAFT_STEPS,
                "renoise": RENOISE,
                "gain": GAIN,
                "grain": GRAIN,
                "alike": ALIKE,
            },
        }
        graphs = [condition, velocity]
        if task.tuned:
            graphs.append(features_graph("flow.features.onnx", task.tuned))
            manifest |= {"features": graphs[-1].name, "look": LOOK, "finer": FINER_SHARES}
        return "flow", manifest, graphs
    raise UsageError(f"a `{kind}` run colours nothing by itself; export what was trained on it")


def _vector(
    base: dict[str, Any], decoder: str, code: int, prior: str, graph: str | None = None
) -> dict[str, Any]:
    return base | {
        "embedding": {"kind": "vector", "graph": decoder, "code": [code]},
        "prior": {"kind": prior} | ({"graph": graph} if graph else {}),
    }


_PATHS = (
    "vae",
    "features",
    "start",
    "decoder",
)  # where a run lay is nobody's business but its owner's


def _provenance(facts: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of its training; of a mean, also what it is the mean of.

    Of one that trained on, the same of what it began with, where that is still there.
    """
    parts = {"mean_of": facts["mean_of"]} if "mean_of" in facts else {}
    start = Path(facts["config"].get("start", "")) / checkpoint.MODEL
    if facts["config"].get("start") and start.exists():
        parts["start"] = _provenance(checkpoint.read_facts(start))
    return parts | {
        "minutes": round(facts["seconds"] / 60, 1),
        "steps": facts["step"],
        "pictures": facts["pictures"],
        "config": {k: v for k, v in facts["config"].items() if k not in _PATHS},
    }


def export(run: Path, weights: Path | None = None, int8: Path | None = None) -> list[Path]:
    """Write a run's graphs and manifest into `weights` (default: the package's); list the files.

    `int8` is a picture set: the flow's velocity is written in 8 bits, after the activations that
    samples of those pictures meet. Raises `WeightsError` for a checkpoint that cannot be read,
    `TrainingError` when the exported graphs do not do what PyTorch does.
    """
    folder = weights or WEIGHTS
    writer.make_folder(folder)
    task, facts = registry.load(run)
    if isinstance(task, Looking):  # a flow that brings its own features
        task.tuned = run
    method, manifest, graphs = _plan(facts["kind"], task.float())
    shared = manifest.get("embedding", {}).get("graph")
    if shared and shared not in {g.name for g in graphs} and not (folder / shared).exists():
        same = " with the same features" if task.tuned else ""
        raise UsageError(f"{method} wants {shared} in {folder}; export a `detail` run{same} first")
    if not (folder / "features.onnx").exists():
        graphs.append(features_graph())
    # All graphs are made before the first old one is replaced: graphs of two runs do not mix.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export") as scratch:
        made = Path(scratch)
        parity = {graph.name: write_graph(graph, made) for graph in graphs}
        files = list(parity)
        if method is not None:
            trained: dict[str, Any] = {**_provenance(facts), "parity": parity}
            if facts["kind"] == "mdn":
                vae = Path(task.config.vae) / checkpoint.MODEL
                # None when the VAE's run is no longer where it was.
                known = vae.exists()
                trained["vae"] = _provenance(checkpoint.read_facts(vae)) if known else None
            manifest = {"method": method, **manifest, "trained": trained}
            files.append(f"{method}.json")
            _write_manifest(manifest, made / files[-1])
            if int8 is not None and method == "flow":
                parity |= _quantised(made, folder, manifest, int8)
                _write_manifest(manifest, made / files[-1])
        return [(made / name).replace(folder / name) for name in files]


def _write_manifest(manifest: dict[str, Any], path: Path) -> None:
    writer.write(json.dumps(manifest, indent=2).encode(), path, overwrite=True)


def _quantised(
    made: Path, folder: Path, manifest: dict[str, Any], pictures: Path
) -> dict[str, dict[str, float]]:
    """Replace the flow's velocity in `made` by its int8 version; return its parity."""
    from manyhues.training.quantize import quantize

    for shared in ("features.onnx", manifest["embedding"]["graph"]):
        if not (made / shared).exists():
            shutil.copy(folder / shared, made / shared)
    graph = manifest["prior"]["velocity"]
    data, difference = quantize(made, manifest["method"], graph, pictures)
    model = onnx.load_from_string(data)
    halve(model)
    writer.write(model.SerializeToString(), made / graph, overwrite=True)
    before = manifest["trained"]["parity"][graph]
    return {graph: before | {"int8_rms": round(CODE_SCALE * difference, 4)}}
