"""What a run is exported as: its graphs and its manifest, and what several methods have in common.

A method says it in `Task.export_plan`, with its own modules, and the inputs and sizes from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from manyhues.model.checked import GraphFile
from manyhues.model.manifest import FEATURES, Embedding, Manifest, PriorSettings
from manyhues.training.export.graph import Graph
from manyhues.training.networks.grey import CHANNELS, LOOK, FeaturesAtSize, GreyFeatures


@dataclass(frozen=True)
class Plan:
    """The graphs of a run, and the manifest of its method; none for a part that others share.

    `parts` are runs that the method was made of, by the name that the manifest tells them under.
    `activations` is the graph that is written in 8 bits where that is asked for. A graph that
    `joins` a method, by its name and a setting of its prior, is named there in the manifest that
    the folder has of it.
    """

    graphs: Sequence[Graph]
    manifest: Manifest | None = None
    parts: Mapping[str, Path] = field(default_factory=dict)
    activations: str = ""
    joins: tuple[str, str] | None = None


_H, _W = torch.export.Dim("h16"), torch.export.Dim("w16")
_N = torch.export.Dim("n")
_ANY_H, _ANY_W = torch.export.Dim("any_h"), torch.export.Dim("any_w")


def maps(h: int, w: int, *names: str) -> dict[str, Tensor]:
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


def spatial_graph(
    name: str, module: nn.Module, names: Sequence[str], outputs: Sequence[str], scale: float
) -> Graph:
    """A graph over maps of any size; `names` are those of its inputs, as `maps` has them."""
    return Graph(
        name, module, maps(64, 96, *names), outputs, _SPATIAL, maps(128, 80, *names), scale
    )


def features_graph(name: str = FEATURES, tuned: Path | None = None) -> Graph:
    """The grey features: as published, or of a run that tuned them."""

    def inputs(h: int, w: int, look: int) -> dict[str, Tensor]:
        chance = torch.Generator().manual_seed(h * w)
        grey = {"grey": torch.rand(1, 1, look * h, look * w, generator=chance) * 255}
        return grey | (maps(h, w, "luminance") if tuned else {})

    return Graph(
        name,
        FeaturesAtSize(GreyFeatures(tuned)) if tuned else GreyFeatures(),
        inputs(64, 96, LOOK if tuned else 1),
        ("f8", "f16", "f32"),
        {"grey": {2: _ANY_H, 3: _ANY_W} if tuned else _SPATIAL["luminance"], **_SPATIAL},
        inputs(128, 80, 1),
    )


def code_decoder(method: str, module: nn.Module, code: int, *, bits: bool) -> Graph:
    """A decoder of `code` numbers to a square; of zeros and ones for `bits`."""

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


def grid_decoder(tuned: Path | None) -> GraphFile:
    """The detail decoder's graph: it reads the features of those that it decodes for."""
    return GraphFile("flow.decoder.onnx" if tuned else "detail.decoder.onnx")


def grid_manifest(
    method: str, tuned: Path | None, prior: PriorSettings, sizes: tuple[int, ...] = (64,)
) -> Manifest:
    """Of a method whose code is the colour grid."""
    return Manifest(method, sizes, Embedding("grid", grid_decoder(tuned)), prior)


def vector_manifest(method: str, decoder: Graph, code: int, prior: PriorSettings) -> Manifest:
    """Of a method whose code is a vector, for squares."""
    embedding = Embedding("vector", GraphFile(decoder.name), (code,))
    return Manifest(method, (64,), embedding, prior, square=True)
