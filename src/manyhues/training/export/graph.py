"""One network to ONNX: written, compared with PyTorch, then stored in half precision.

Every graph is compared in float32 before its weights are halved (they are cast back when a session
opens, so that only the file is smaller).
"""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from manyhues.errors import TrainingError
from manyhues.image import files
from manyhues.model.onnx import runtime

PARITY = 0.05  # largest difference to PyTorch that an export may have, Lab units
OPSET = 18


@dataclass(frozen=True)
class Graph:
    """One graph to write: example inputs fix its names, ranks and dynamic axes.

    `scale` turns a difference of outputs into Lab units.
    """

    name: str
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: Sequence[str]
    dynamic: dict[str, dict[int, Any]]
    again: dict[str, Tensor]  # inputs of another shape, to see that the axes are dynamic
    scale: float = 1.0


def _session(model: bytes | str) -> Any:
    ort = runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _difference(graph: Graph, session: Any, inputs: dict[str, Tensor]) -> float:
    with torch.inference_mode():
        ours = graph.module(*inputs.values())
    ours = ours if isinstance(ours, tuple) else (ours,)
    theirs = session.run(None, {k: v.numpy() for k, v in inputs.items()})
    return graph.scale * max(
        float(np.abs(a.numpy() - b).max()) for a, b in zip(ours, theirs, strict=True)
    )


def halve(model: onnx.ModelProto, least: int = 1024) -> None:
    """Store float32 initialisers of `least` numbers or more as float16, cast back on use.

    Fewer are scales and biases, which int8 convolutions want as they are.
    """
    graph = model.graph
    casts = []
    for initialiser in graph.initializer:
        if initialiser.data_type != TensorProto.FLOAT:
            continue
        values: NDArray[np.float32] = numpy_helper.to_array(initialiser)
        if values.size < least or np.abs(values).max() > 6e4:
            continue
        name = initialiser.name
        initialiser.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)


@contextlib.contextmanager
def quiet(name: str | None) -> Iterator[None]:
    """Errors alone are logged by the logger `name` (None: the root) in here."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def write_graph(graph: Graph, folder: Path) -> dict[str, float]:
    """Export, check, halve and write one graph; return its differences to PyTorch, Lab units.

    Raises `TrainingError` when float32 differs by more than `PARITY`.
    """
    runtime()  # before PyTorch's exporter may import it
    graph.module.eval()
    with (
        quiet("torch.onnx"),  # it reports that torchvision is absent
        tempfile.TemporaryDirectory() as scratch,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),  # the exporter is talkative
    ):
        warnings.simplefilter("ignore")
        path = Path(scratch) / "graph.onnx"
        torch.onnx.export(
            graph.module,
            tuple(graph.inputs.values()),
            str(path),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=tuple(graph.dynamic.get(name) for name in graph.inputs),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
        )
        model = onnx.load(str(path))
    for entry in (*model.graph.node, *model.graph.value_info):
        entry.ClearField("doc_string")
        entry.ClearField("metadata_props")  # stack traces with the exporting machine's paths
    session = _session(model.SerializeToString())
    exact = max(_difference(graph, session, each) for each in (graph.inputs, graph.again))
    if exact > PARITY:
        raise TrainingError(
            f"{graph.name}: differs from PyTorch by {exact:.3g}, more than {PARITY}; "
            "this is a fault of the export, please report it"
        )
    halve(model)
    data = model.SerializeToString()
    half = max(_difference(graph, _session(data), each) for each in (graph.inputs, graph.again))
    files.write(data, folder / graph.name, overwrite=True)
    return {"float32": round(exact, 6), "half": round(half, 4)}
