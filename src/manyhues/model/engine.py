"""The weights folder: manifests and ONNX graphs, opened when first needed and kept."""

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from manyhues.color.arrays import Array
from manyhues.errors import WeightsError

Item = TypeVar("Item")
Result = TypeVar("Result")
WEIGHTS = Path(__file__).parents[1] / "weights"
_PREFERRED = ("flow", "vae-mdn")
_NEEDED = (("embedding", "kind"), ("embedding", "graph"), ("prior", "kind"))


class Engine:
    """ONNX Runtime sessions over one weights folder; safe to share between threads.

    Every graph runs in one thread, and samples side by side in `map`: the graphs are too small to
    be shared out operator by operator. `threads` bounds the samples at once; 0 is one per core.
    """

    def __init__(self, folder: Path | str | None = None, *, threads: int = 0) -> None:
        self.folder = WEIGHTS if folder is None else Path(folder)
        self.threads, self.workers = threads, threads or os.cpu_count() or 1
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()

    def methods(self) -> list[str]:
        """Names of the methods whose manifest lies in the folder, the preferred first."""
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        preferred = [name for name in _PREFERRED if name in names]
        return preferred + [name for name in names if name not in preferred]

    def manifest(self, method: str | None) -> dict[str, Any]:
        """The manifest of a method; of the default method for None."""
        methods = self.methods()
        if not methods:
            raise WeightsError(f"{self.folder}: no weights inside; install manyhues again")
        if method is None:
            method = methods[0]
        if method not in methods:
            raise WeightsError(
                f"{method}: no weights of that method; present are {', '.join(methods)}"
            )
        path = self.folder / f"{method}.json"
        try:
            manifest = json.loads(path.read_text("utf-8"))
            missing = {"method", "working_sizes", "embedding", "prior"} - set(manifest)
            for part, key in _NEEDED:
                if part in manifest and key not in manifest[part]:
                    missing.add(f"{part}.{key}")
        except (OSError, ValueError, TypeError) as error:
            raise WeightsError(
                f"{path}: not a readable manifest ({error}); install manyhues again"
            ) from error
        if missing:
            raise WeightsError(
                f"{path}: lacks {', '.join(sorted(missing))}; it belongs to another version, "
                "install manyhues again"
            )
        return dict(manifest)

    def files(self, method: str) -> list[Path]:
        """The graphs that a method runs, its features included."""
        manifest = self.manifest(method)
        parts = [manifest["embedding"], manifest["prior"]]
        keys = ("graph", "condition", "velocity")
        names = [part[key] for part in parts for key in keys if part.get(key)]
        features = features_graph(manifest)
        return [self.folder / name for name in [*([features] if features else []), *names]]

    def run(self, graph: str, feeds: dict[str, Array]) -> dict[str, Array]:
        """Run one graph: float32 arrays by name in, float32 arrays by name out."""
        session, outputs = self._session(graph)
        wanted = {node.name for node in session.get_inputs()}
        try:
            results = session.run(outputs, {k: v for k, v in feeds.items() if k in wanted})
        except Exception as error:  # ONNX Runtime raises its own, unrelated classes
            reason = str(error).splitlines()[0]
            raise WeightsError(
                f"{self.folder / graph}: cannot be run ({reason}); install manyhues again"
            ) from error
        return dict(zip(outputs, results, strict=True))

    def map(self, job: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results of `job` for all items, in their order, up to `workers` at once."""
        if self.workers == 1 or len(items) < 2:
            return [job(item) for item in items]
        # A pool of its own each time: one that lives on would not survive a fork.
        with ThreadPoolExecutor(min(self.workers, len(items))) as pool:
            return list(pool.map(job, items))

    def _session(self, graph: str) -> tuple[Any, list[str]]:
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = self._load(graph)
            session = self._sessions[graph]
        return session, [node.name for node in session.get_outputs()]

    def _load(self, graph: str) -> Any:
        import onnxruntime  # slow to import, and `manyhues --help` does without

        path = self.folder / graph
        if not path.is_file():
            raise WeightsError(f"{path}: the file is missing; install manyhues again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise WeightsError(
                f"{path}: not a readable ONNX graph ({reason}); install manyhues again"
            ) from error


def features_graph(manifest: dict[str, Any]) -> str | None:
    """The graph of a method's grey features; None where it reads none, as the paper's baselines."""
    plain = manifest["prior"]["kind"] in ("normal", "bernoulli")
    if plain and manifest["embedding"]["kind"] == "vector":
        return None
    return str(manifest.get("features", "features.onnx"))
