"""Int8 graphs: weights and activations of convolutions in 8 bits, the rest in float32.

The ranges of the activations are those met while real pictures are sampled (static, post-training
quantisation; Jacob et al. 2018). Weights take 7 of their 8 bits: processors without VNNI add
pairs of products in 16 bits, which 8 would overflow.
"""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from manyhues.color.arrays import Array
from manyhues.colorizer import Colorizer
from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest
from manyhues.model.onnx import runtime
from manyhues.training.data.pictures import open_pictures, training_split
from manyhues.training.export.graph import quiet

PICTURES = 32
_EVERY = 3  # one run of a graph in so many is kept: neighbouring steps are alike


class _Listener(Engine):
    """An engine that keeps what one of its graphs is fed."""

    def __init__(self, folder: Path, graph: str) -> None:
        super().__init__(folder, threads=1)
        self.graph, self.runs = graph, 0
        self.fed: list[dict[str, Array]] = []

    def run(self, graph: str, feeds: dict[str, Array]) -> dict[str, Array]:
        if graph == self.graph:
            self.runs += 1
            if self.runs % _EVERY == 0:
                names = {node.name for node in self._session(graph)[0].get_inputs()}
                self.fed.append({name: feeds[name] for name in names})
        return super().run(graph, feeds)


class _Reader:
    """What ONNX Runtime calls a CalibrationDataReader."""

    def __init__(self, fed: list[dict[str, Array]]) -> None:
        self.rest: Iterator[dict[str, Array]] = iter(fed)

    def get_next(self) -> dict[str, Array] | None:
        return next(self.rest, None)


def quantize(weights: Path, method: str, graph: str, pictures: Path) -> tuple[bytes, float]:
    """The int8 version of a float32 graph of a method, and the RMS difference of its outputs.

    `pictures` is a folder or set as for training; its first 32 are sampled once each. The first
    and the last convolution stay in float32. Raises `DataError` where no picture can be decoded.
    """
    engine = _Listener(weights, graph)
    colorizer = Colorizer(engine, Manifest.load(method, weights))
    source = open_pictures(pictures, training_split(pictures))
    source.first()
    for number, (_, rgb) in enumerate(islice(source.decoded(), PICTURES)):
        colorizer.sample_ab(colorizer.encode(rgb), 1, start=number)
    quantization = runtime(".quantization")
    shapes = runtime(".quantization.shape_inference")
    with tempfile.TemporaryDirectory() as scratch, quiet(None):  # it advises what is done here
        ready, made = Path(scratch) / "ready.onnx", Path(scratch) / "made.onnx"
        shapes.quant_pre_process(str(weights / graph), str(ready), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(ready),
            str(made),
            _Reader(engine.fed),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_ends(onnx.load(str(ready))),
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        data = made.read_bytes()
    exact, rough = Engine(weights, threads=1), f"int8.{graph}"
    (weights / rough).write_bytes(data)
    error = [
        float(np.mean((value - exact.run(graph, fed)[name]) ** 2))
        for fed in engine.fed
        for name, value in exact.run(rough, fed).items()
    ]
    (weights / rough).unlink()
    return data, float(np.sqrt(np.mean(error)))


def _ends(model: Any) -> list[str]:
    """Names of the convolutions that read an input of the graph or write an output."""
    outside = {value.name for value in (*model.graph.input, *model.graph.output)}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    return [n.name for n in convolutions if outside & {*n.input, *n.output}]
