"""Shared fixtures: tiny deterministic weights of all five kinds, and the pictures of the data set.

Tests marked ``data`` read MANYHUES_DATA, or ``../shared/data`` beside the repository.
"""

import hashlib
import io
import json
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=3000, deadline=None)
settings.load_profile("fixed")

os.environ["LC_ALL"] = "C.UTF-8"  # messages are tested in English, wherever the tests run

METHODS = ("flow", "vae-mdn", "cvae", "cgan", "mean")
CODE = 8


def data_folder() -> Path:
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("MANYHUES_DATA", beside))


@pytest.fixture(scope="session")
def data() -> Path:
    return data_folder()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if data_folder().is_dir():
        return
    reason = f"NO DATA at {data_folder()}: set MANYHUES_DATA to the folder of pictures"
    for item in items:
        if "data" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=reason))


class Graph:
    """Writes a small ONNX graph node by node; weights are a fixed random sequence."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weight(self, *shape: int, scale: float = 1.0) -> str:
        return self.const(self.random.standard_normal(shape) * scale)

    def op(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def resize(self, x: str, factor: float) -> str:
        scales = self.const([1, 1, factor, factor])
        return self.op("Resize", x, "", scales, mode="linear")

    def save(self, path: Path, inputs: dict[str, int], outputs: list[str]) -> None:
        from onnx import TensorProto, helper, save

        def info(name: str, rank: int) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank)

        ranks = dict.fromkeys(outputs)
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            [info(name, rank) for name, rank in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ranks[name]) for name in ranks],
            self.constants,
        )
        opset = [helper.make_opsetid("", 17)]
        save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def _features(folder: Path) -> None:
    g = Graph(1)
    grey = g.op("Div", "grey", g.const(255.0))
    for name, stride, channels in (("f8", 4, 40), ("f16", 8, 112), ("f32", 16, 320)):
        size = [stride, stride]
        pooled = g.op("AveragePool", grey, kernel_shape=size, strides=size)
        g.op("Conv", pooled, g.weight(channels, 1, 1, 1), out=name)
    g.save(folder / "features.onnx", {"grey": 4}, ["f8", "f16", "f32"])


def _vector_decoder(folder: Path, name: str) -> None:
    g = Graph(2)
    flat = g.op("MatMul", "code", g.weight(CODE, 2 * 64, scale=0.3))
    field = g.resize(g.op("Reshape", flat, g.const([-1, 2, 8, 8], np.int64)), 8)
    shaded = g.op("Add", field, g.op("Mul", "luminance", g.const(0.1)))
    g.op("Mul", g.op("Tanh", shaded), g.const(60.0), out="ab")
    g.save(folder / name, {"code": 2, "luminance": 4}, ["ab"])


def _grid_decoder(folder: Path, name: str) -> None:
    g = Graph(3)
    field = g.resize(g.op("Mul", "code", g.const(25.0)), 4)
    shaded = g.op("Add", field, g.op("Mul", "luminance", g.const(3.0)))
    detail = g.resize(g.op("Conv", "f8", g.weight(2, 40, 1, 1, scale=0.1)), 4)
    g.op("Add", shaded, detail, out="ab")
    g.save(folder / name, {"code": 4, "luminance": 4, "f8": 4}, ["ab"])


def _mixture(folder: Path, name: str) -> None:
    g = Graph(4)
    components = 4
    pooled = [g.op("Flatten", g.op("GlobalAveragePool", feature)) for feature in ("f16", "f32")]
    both = g.op("Concat", *pooled, axis=1)
    g.op("LogSoftmax", g.op("MatMul", both, g.weight(432, components, scale=0.02)), out="log_pi")
    shape = g.const([1, components, CODE], np.int64)
    flat = g.op("MatMul", both, g.weight(432, components * CODE, scale=0.05))
    g.op("Reshape", flat, shape, out="mean")
    sigma = g.const(np.full((1, components, CODE), np.log(0.5)))
    g.op("Identity", sigma, out="log_sigma")
    g.save(folder / name, {"f16": 4, "f32": 4}, ["log_pi", "mean", "log_sigma"])


def _point(folder: Path, name: str) -> None:
    g = Graph(5)
    g.op("Tanh", g.op("Conv", "f8", g.weight(2, 40, 1, 1, scale=0.3)), out="code")
    g.save(folder / name, {"luminance": 4, "f8": 4, "f16": 4, "f32": 4}, ["code"])


def _flow(folder: Path) -> None:
    g = Graph(6)
    given = g.op("Conv", "hints", g.weight(2, 3, 3, 3, scale=0.3), pads=[1, 1, 1, 1])
    grey = g.op("Conv", "f8", g.weight(2, 40, 1, 1, scale=0.3))
    g.op("Tanh", g.op("Add", grey, given), out="c1")
    g.op("Conv", "f16", g.weight(2, 112, 1, 1, scale=0.02), out="c2")
    g.op("Flatten", g.op("GlobalAveragePool", "f32"), out="g")
    inputs = {"luminance": 4, "f8": 4, "f16": 4, "f32": 4, "hints": 4}
    g.save(folder / "flow.condition.onnx", inputs, ["c1", "c2", "g"])
    g = Graph(7)
    time = g.op("Reshape", "t", g.const([-1, 1, 1, 1], np.int64))
    pull = g.op("Sub", g.op("Mul", "x", g.const(0.3)), "c1")
    g.op("Mul", pull, g.op("Add", time, g.const(0.5)), out="v")
    g.save(folder / "flow.velocity.onnx", {"x": 4, "t": 1, "c1": 4, "c2": 4, "g": 2}, ["v"])
    g = Graph(8)
    pooled = g.op("Flatten", g.op("GlobalAveragePool", "f32"))
    g.op("Tanh", g.op("MatMul", pooled, g.weight(320, 2, scale=0.1)), out="tint")
    g.op("Identity", g.const([[[0.3, 0.0], [0.1, 0.2]]]), out="factor")
    seen = {"luminance": 4, "f8": 4, "f16": 4, "f32": 4}
    g.save(folder / "flow.tint.onnx", seen, ["tint", "factor"])


def build_weights(folder: Path) -> Path:
    """A weights folder with all five methods, tiny and deterministic."""
    folder.mkdir(parents=True, exist_ok=True)
    _features(folder)
    for method in ("vae-mdn", "cvae", "cgan"):
        _vector_decoder(folder, f"{method}.decoder.onnx")
    for method in ("mean", "flow"):
        _grid_decoder(folder, f"{method}.decoder.onnx")
    _mixture(folder, "vae-mdn.prior.onnx")
    _point(folder, "mean.prior.onnx")
    _flow(folder)
    priors: dict[str, dict[str, Any]] = {
        "vae-mdn": {"kind": "mixture", "graph": "vae-mdn.prior.onnx"},
        "cvae": {"kind": "normal"},
        "cgan": {"kind": "bernoulli"},
        "mean": {"kind": "point", "graph": "mean.prior.onnx"},
        "flow": {
            "kind": "flow",
            "condition": "flow.condition.onnx",
            "velocity": "flow.velocity.onnx",
            "steps": [3, 2],
            "draft_steps": 2,
            "renoise": 0.6,
            "tint": "flow.tint.onnx",
        },
    }
    for method, prior in priors.items():
        vector = method in ("vae-mdn", "cvae", "cgan")
        embedding: dict[str, Any] = {"kind": "vector" if vector else "grid"}
        embedding["graph"] = f"{method}.decoder.onnx"
        if vector:
            embedding["code"] = [CODE]
        manifest = {
            "method": method,
            "working_sizes": [64, 96] if method == "flow" else [64],
            "square": vector,
            "embedding": embedding,
            "prior": prior,
            "trained": {"note": "a test double"},
        }
        (folder / f"{method}.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def tiny(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny weights in the place of the shipped ones."""
    monkeypatch.setattr("manyhues.model.manifest.WEIGHTS", weights)
    return weights


def _identity(graph: Any) -> str:
    """The same for two graphs of the same network with the same weights and inputs."""
    digest = hashlib.sha256(f"{graph.outputs} {graph.module}".encode())
    tensors = {**graph.module.state_dict(), **dict(graph.module.named_buffers())}
    for name, tensor in (*tensors.items(), *graph.inputs.items(), *graph.again.items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    for module in graph.module.modules():
        plain = {k: v for k, v in vars(module).items() if isinstance(v, int | float | str | tuple)}
        digest.update(repr(plain).encode())
    return digest.hexdigest()


@pytest.fixture(scope="session", autouse=True)
def exported_once() -> Iterator[None]:
    """A graph that was written before is copied: PyTorch's exporter takes some ten seconds."""
    if "manyhues.training.export.graph" not in sys.modules:  # no test of this run can export
        yield
        return
    from manyhues.training.data import looks
    from manyhues.training.export import graph as whole
    from manyhues.training.export import weights

    kept: dict[str, tuple[bytes, dict[str, float]]] = {}
    written = whole.write_graph

    def write_graph(graph: whole.Graph, folder: Path) -> dict[str, float]:
        graph.module.eval()
        key, path = _identity(graph), folder / graph.name
        if key not in kept:
            differences = written(graph, folder)
            kept[key] = path.read_bytes(), differences
        path.write_bytes(kept[key][0])
        return dict(kept[key][1])

    with pytest.MonkeyPatch.context() as patch:
        for module in (whole, looks, weights):
            patch.setattr(module, "write_graph", write_graph)
        yield


def colourful(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A saturated picture (H, W, 3) with edges and a gradient; red, green and blue all differ."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([255 * x / max(1, width - 1), 255 * y / max(1, height - 1), 40 + 0 * x], axis=-1)
    rgb[height // 3 : height // 2 + 1, width // 4 : width // 2 + 1] = (230, 20, 40)
    rgb += random.normal(0, 4, rgb.shape)
    return np.asarray(np.clip(rgb, 0, 255), np.uint8)


def write_blocks(
    folder: Path, count: int, *, seed: int = 0, cells: int = 4, width: int = 64
) -> Path:
    """A folder of small training pictures ``000.png``, ...: soft blocks of random colours."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(seed)
    for index in range(count):
        coarse = generator.integers(0, 256, (cells, cells, 3), np.uint8)
        Image.fromarray(coarse).resize((width, 64)).save(folder / f"{index:03d}.png")
    return folder


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def adobe_like_profile(name: str = "wide", gamma: float = 2.2) -> bytes:
    """A matrix profile with primaries wider than sRGB, put together by hand."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(80)
    tags = {
        b"desc": text,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(">I", start + len(body)) + b"lcms\x02\x10\0\0mntrRGB XYZ "
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small grey JPEG."""
    path = tmp_path / "in" / "photo.jpg"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(colourful(90, 120)).convert("L").save(path, quality=92)
    return path
