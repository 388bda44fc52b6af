"""Grey features for caches: through ONNX Runtime on a CPU, which is four times as quick as PyTorch.

A crop's features take 12 and 43 ms of one core there (working sizes 64 and 128); and they are then
what the runtime sees, whose graph this is.
"""

import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from manyhues.model.engine import Engine
from manyhues.model.manifest import FEATURES
from manyhues.training.export.graph import write_graph
from manyhues.training.export.plan import features_graph
from manyhues.training.networks.grey import CHANNELS, GreyFeatures, network_id
from manyhues.training.processes import mixed_precision

MAPS = ("f8", "f16", "f32")
# Pictures that the grey network looks at together on a GPU.
_BATCH = 16


def shapes(size: int) -> dict[str, tuple[int, int, int]]:
    """The shape of each map of a square picture at a working size, by the map's name."""
    sides = (size // stride for stride in (4, 8, 16))
    return {name: (c, n, n) for name, c, n in zip(MAPS, CHANNELS, sides, strict=True)}


@lru_cache(maxsize=1)  # a set has a cache for each working size
def _graph_of(tuned: Path | None, _identity: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        write_graph(graph := features_graph(tuned=tuned), Path(scratch))
        return (Path(scratch) / graph.name).read_bytes()


class Looks:
    """Looks at grey pictures (N, 1, H, W), 0..255, for a working size: maps as float32 arrays.

    A context: the graph that a CPU runs is written into a temporary folder.
    """

    def __init__(self, tuned: Path | None, device: torch.device) -> None:
        self.tuned, self.device = tuned, device

    def __enter__(self) -> "Looks":
        if self.device.type == "cpu":
            self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            folder = Path(self._scratch.name)
            (folder / FEATURES).write_bytes(_graph_of(self.tuned, network_id(self.tuned)))
            self._engine = Engine(folder, threads=torch.get_num_threads())
        else:
            self._network = GreyFeatures(self.tuned).to(self.device)
        return self

    def __exit__(self, *_: object) -> None:
        if self.device.type == "cpu":
            self._scratch.cleanup()

    def __call__(self, grey: NDArray[np.float32], size: int) -> list[NDArray[np.float32]]:
        if self.device.type == "cpu":
            return self._through_runtime(grey, size)
        with torch.inference_mode(), mixed_precision(self.device):
            batches = torch.from_numpy(grey).to(self.device).split(_BATCH)
            looks = [self._network(part, (size, size)) for part in batches]
        return [torch.cat(values).float().cpu().numpy() for values in zip(*looks, strict=True)]

    def _through_runtime(self, grey: NDArray[np.float32], size: int) -> list[NDArray[np.float32]]:
        luminance = np.zeros((1, 1, size, size), np.float32)  # it is read for its size alone

        def look(picture: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
            maps = self._engine.run(FEATURES, {"grey": picture, "luminance": luminance})
            return [maps[name] for name in MAPS]

        looks = self._engine.map(look, np.split(grey, len(grey)))
        return [np.concatenate(values) for values in zip(*looks, strict=True)]
