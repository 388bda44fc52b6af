"""The ONNX graphs of a weights folder, opened when first needed and kept."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from manyhues.color.arrays import Array
from manyhues.errors import NO_MEMORY, lacks_memory
from manyhues.memory import need
from manyhues.model.cores import cores
from manyhues.model.forks import helper
from manyhues.model.manifest import Folder, folder_of, missing, unusable
from manyhues.model.onnx import runtime
from manyhues.model.threads import pool

Item = TypeVar("Item")
Result = TypeVar("Result")

# Megabytes of address space. ONNX Runtime is not asked to go on without: where it finds none, it
# may end the process.
_ALL = 304  # the library, the graphs, and a sample
_GRAPH = 48  # one run of the largest graph


class _Outputs(dict[str, Array]):
    """A graph's outputs by name; one that it has not is a fault of the weights."""

    def __init__(self, path: Path, outputs: Iterable[tuple[str, Array]]) -> None:
        super().__init__(outputs)
        self.path = path

    def __missing__(self, name: str) -> Array:
        raise unusable(self.path, f"{self.path}: gives no `{name}`; install manyhues again")


class Engine:
    """ONNX Runtime sessions over one weights folder; safe to share between threads.

    Every graph runs in one thread, and samples side by side in `map`: the graphs are too small to
    be shared out operator by operator. `threads` bounds the samples at once; 0 is one per core.
    What can be called raises `MemoryError` where memory is too short.
    """

    def __init__(self, folder: Folder = None, *, threads: int = 0) -> None:
        need(_ALL)
        self.folder = folder_of(folder)
        self.threads, self.workers = threads, threads or cores()
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()

    def run(self, graph: str, feeds: dict[str, Array]) -> dict[str, Array]:
        """Run one graph: float32 arrays by name in, float32 arrays by name out."""
        session, outputs = self._session(graph)
        need(_GRAPH)
        wanted = {node.name for node in session.get_inputs()}
        try:
            results = session.run(outputs, {k: v for k, v in feeds.items() if k in wanted})
        except Exception as error:  # ONNX Runtime raises its own, unrelated classes
            raise _fault(self.folder / graph, "cannot be run", error) from error
        return _Outputs(self.folder / graph, zip(outputs, results, strict=True))

    def map(self, job: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results of `job` for all items, in their order, up to `workers` at once."""
        if self.workers == 1 or len(items) < 2:
            return [job(item) for item in items]
        # A pool of its own each time: one that lives on would not survive a fork.
        with pool(min(self.workers, len(items)), begin=helper) as threads:
            return list(threads.map(job, items))

    def _session(self, graph: str) -> tuple[Any, list[str]]:
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = self._load(graph)
            session = self._sessions[graph]
        return session, [node.name for node in session.get_outputs()]

    def _load(self, graph: str) -> Any:
        path = self.folder / graph
        if not path.is_file():
            raise missing(path)
        onnxruntime = runtime()  # slow to import, and `manyhues --help` does without
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # what it raises, it need not print as well
        need(_GRAPH)
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _fault(path, "not a readable ONNX graph", error) from error


def _fault(path: Path, what: str, error: Exception) -> Exception:
    """What ONNX Runtime has raised, as an error of ours."""
    if lacks_memory(error):
        return MemoryError(NO_MEMORY)
    reason = str(error).splitlines()[0]
    return unusable(path, f"{path}: {what} ({reason}); install manyhues again")
