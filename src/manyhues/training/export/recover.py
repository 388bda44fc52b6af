"""Shipped graphs back to runs: to train on from the flow's weights where its runs are not at hand.

    manyhues recover --out runs

writes ``features``, ``detail``, ``flow`` and ``tint`` there, which `--set start=` and
`--set features=` take (`manyhues train`). Weights are those of the graphs: half precision, and 8
bits in the velocity's convolutions. The head that `features` was tuned with, and the optimizers'
moments, are in no graph.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper
from torch import Tensor, nn

from manyhues.errors import TrainingError, WeightsError
from manyhues.image.files import make_folder
from manyhues.model.manifest import folder_of
from manyhues.model.onnx import runtime
from manyhues.training import checkpoint
from manyhues.training.methods.detail import Detail, DetailConfig
from manyhues.training.methods.features import TuneConfig
from manyhues.training.methods.flow import Flow, FlowConfig
from manyhues.training.methods.tint import Tint, TintConfig
from manyhues.training.networks.grey import FeaturesAtSize, GreyFeatures

NEAR = 0.05  # of the outputs' deviation: what 8 bits of activations differ by, and more than halves

Layers = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]  # weight and bias by name


class _Graph:
    """The constants of a graph by name, dequantised and in single precision."""

    def __init__(self, path: Path) -> None:
        try:
            self.model = onnx.load(str(path))
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(
                f"{path}: cannot be read ({error}); install manyhues again"
            ) from error
        graph = self.model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.makers: dict[str, NodeProto] = {o: n for n in graph.node for o in n.output}

    def value(self, name: str) -> NDArray[np.float32] | None:
        """The constant that a node reads as `name`, or None for a tensor that depends on inputs."""
        if name in self.constants:
            return self.constants[name].astype(np.float32)
        node = self.makers.get(name)
        if node is None or node.op_type not in ("Cast", "DequantizeLinear"):
            return None
        stored = self.value(node.input[0])
        if stored is None or node.op_type == "Cast":
            return stored
        scale, zero = self.value(node.input[1]), self.value(node.input[2])
        assert scale is not None
        assert zero is not None
        column = (-1,) + (1,) * (stored.ndim - 1) if scale.size > 1 else ()
        return (stored - zero.reshape(column)) * scale.reshape(column)

    def layers(self, inside: str = "") -> Layers:
        """Weight and bias of every convolution and linear layer, by the layer's name.

        Of a network that was exported `inside` another module, by its name in the network.
        """
        found: Layers = {}
        for node in self.model.graph.node:
            if node.op_type in ("Conv", "Gemm"):
                weight, bias = self.value(node.input[1]), self.value(node.input[2])
                if weight is not None and bias is not None:
                    name = node.input[1].split(".weight")[0]
                    found[name.removeprefix(f"{inside}.")] = weight, bias
        return found

    def affine(self) -> list[NDArray[np.float32]]:
        """Scales and shifts (C,) of the normalisations, in the order that they run in."""
        found = []
        for node in self.model.graph.node:
            if node.op_type in ("Mul", "Add"):
                for value in map(self.value, node.input):
                    if value is not None and value.ndim == 3 and value.shape[1:] == (1, 1):
                        found.append(value.ravel())
        return found


def _set(module: nn.Module, layers: Layers, **buffers: Tensor) -> None:
    """Give a module the weights and biases of all its layers; norms count as layers."""
    shapes, state = module.state_dict(), dict(buffers)
    for name, pair in layers.items():
        for part, value in zip(("weight", "bias"), pair, strict=True):
            key = f"{name}.{part}"
            state[key] = torch.from_numpy(np.array(value)).reshape(shapes[key].shape)
    module.load_state_dict(state)


def features(weights: Path) -> GreyFeatures:
    """`flow.features.onnx` as a network. Its normalisations are folded into the convolutions; they
    keep their published statistics and scales here, so that tuning can go on."""
    config = TuneConfig()
    network = GreyFeatures(network=config.network, zoom=config.zoom)
    layers = _Graph(weights / "flow.features.onnx").layers(inside="features")
    pairs = [("stem.0", "stem.1")]
    for i, block in enumerate(network.blocks):
        names = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
        pairs += [(f"blocks.{i}.{c}", f"blocks.{i}.{b}") for c, b in names if hasattr(block, c)]
    state: dict[str, Any] = network.state_dict()
    for convolution, norm in pairs:
        weight, bias = map(torch.from_numpy, layers[convolution])
        deviation = (state[f"{norm}.running_var"] + network.get_submodule(norm).eps).sqrt()
        gain = state[f"{norm}.weight"] / deviation
        gain = torch.where(gain.abs() < 1e-3, 1e-3, gain)
        state[f"{convolution}.weight"] = weight / gain[:, None, None, None]
        state[f"{norm}.weight"] = gain * deviation
        state[f"{norm}.bias"] = bias + state[f"{norm}.running_mean"] * gain
    network.load_state_dict(state)
    return network


def _norms(network: nn.Module) -> list[str]:
    """Names of the group normalisations of a `GridUNet`, in the order that they run in."""
    names = [n for n, module in network.named_modules() if isinstance(module, nn.GroupNorm)]
    return sorted(names, key=lambda name: name == "norm")  # registered before none, run last


def flow(weights: Path, settings: FlowConfig) -> Flow:
    """`flow.velocity.onnx` and `flow.condition.onnx` as a task."""
    task = Flow(settings)
    velocity = _Graph(weights / "flow.velocity.onnx")
    layers = velocity.layers()
    layers |= _Graph(weights / "flow.condition.onnx").layers(inside="network")
    affine = iter(velocity.affine())
    for name in _norms(task.network):
        layers[name] = next(affine), next(affine)
    _set(task.network, layers)
    return task


def detail(weights: Path, settings: DetailConfig) -> Detail:
    """`flow.decoder.onnx` as a task."""
    task = Detail(settings)
    _set(task.decoder, _Graph(weights / "flow.decoder.onnx").layers())
    return task


def tint(weights: Path, settings: TintConfig) -> Tint:
    """`flow.tint.onnx` as a task."""
    task, graph = Tint(settings), _Graph(weights / "flow.tint.onnx")
    buffers = {n: torch.tensor(graph.constants[n]) for n in ("centre", "deviation")}
    _set(task.network, graph.layers(), **buffers)
    return task


def _check(path: Path, module: nn.Module, inputs: dict[str, Tensor]) -> None:
    """Raise `TrainingError` unless the module does what the graph does."""
    module.eval()
    session = runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        ours = module(*inputs.values())
    theirs = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    for a, b in zip(ours if isinstance(ours, tuple) else (ours,), theirs, strict=True):
        error = float((a - torch.from_numpy(b)).std() / a.std())
        if error > NEAR:
            raise TrainingError(
                f"{path}: not recovered, {error:.2f} of its outputs' deviation away; it may be of "
                "another version of manyhues"
            )


def recover(out: Path, given: Path | None = None) -> list[Path]:
    """Write the runs ``features``, ``detail`` and ``flow`` into `out`; return their folders.

    And ``tint``, where the flow has a prior of the scene's mean colour. `given` is a weights
    folder (default: the package's).

    Raises `WeightsError` for graphs that cannot be read, `TrainingError` where a run is already
    or where a recovered network does not do what its graph does.
    """
    weights = folder_of(given)
    tinted = (weights / "flow.tint.onnx").exists()
    names = ["features", "detail", "flow"] + ["tint"] * tinted
    folders = [out / name for name in names]
    for folder in folders:
        if (folder / checkpoint.MODEL).exists():
            raise TrainingError(f"{folder}: holds a run already; use another --out")
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    network = features(weights)
    grey = 255 * torch.rand(1, 1, 128, 128, generator=generator)  # seen at twice the working size
    seen = {"grey": grey, "luminance": torch.zeros(1, 1, 64, 64)}
    _check(weights / "flow.features.onnx", FeaturesAtSize(network), seen)
    tensors = {f"features.{k}": v for k, v in checkpoint.state_of(network).items()}
    _write(folders[0], "features", TuneConfig(), tensors)
    f8, f16, f32 = network(grey, (64, 64))

    decoder = detail(weights, DetailConfig(features=str(folders[0])))
    seen = {"code": random(2, 2, 16, 16), "luminance": random(1, 1, 64, 64), "f8": f8}
    _check(weights / "flow.decoder.onnx", decoder.decoder, seen)
    _write(folders[1], "detail", decoder.config, checkpoint.state_of(decoder))

    task = flow(weights, FlowConfig(features=str(folders[0])))
    with torch.inference_mode():
        hints = torch.zeros(1, 3, 16, 16)
        c1, c2, g = task.network.condition(random(1, 1, 64, 64), f8, f16, f32, hints)
    x, t = random(2, 2, 16, 16), torch.tensor([0.3, 0.8])
    seen = {"x": x, "t": t, "c1": c1, "c2": c2, "g": g}
    _check(weights / "flow.velocity.onnx", task.network, seen)
    _write(folders[2], "flow", task.config, checkpoint.state_of(task))

    if tinted:
        prior = tint(weights, TintConfig(features=str(folders[0])))
        seen = {"luminance": random(1, 1, 64, 64), "f8": f8, "f16": f16, "f32": f32}
        _check(weights / "flow.tint.onnx", prior.network, seen)
        _write(folders[3], "tint", prior.config, checkpoint.state_of(prior))
    return folders


def _write(folder: Path, kind: str, settings: Any, tensors: dict[str, Tensor]) -> None:
    make_folder(folder)
    config = checkpoint.config_facts(settings)
    facts = {"kind": kind, "config": config, "step": 0, "seconds": 0.0, "pictures": 0}
    facts["recovered"] = True  # a model, though no step of its training is known
    checkpoint.write_tensors(folder / checkpoint.MODEL, tensors, facts)
