"""A worker colours batches of items, and keeps its weights between them. It knows nothing of Ray.

Every item goes through `manyhues.batch.local.run`, as in the local engine, into a folder of its
own, so the bytes are the same. Then the batch's rows go into the journal. Only after that do its
results appear.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from manyhues import __version__
from manyhues.batch import local
from manyhues.batch.options import Options
from manyhues.batch.plan import Job
from manyhues.batch.ray import journal
from manyhues.batch.ray.source import Item, read_item
from manyhues.batch.ray.store import Store, is_url
from manyhues.batch.report import Report, unexpected
from manyhues.colorization import SHEET
from manyhues.colorizer import Colorizer
from manyhues.errors import ManyhuesError
from manyhues.model.manifest import Manifest, folder_of

MOST_DEATHS = 2  # workers that an input may take with it before it is left out
ITEMS = pa.schema(
    [
        ("source", pa.string()),
        ("stem", pa.string()),
        ("row", pa.int64()),
        ("present", pa.list_(pa.string())),  # outputs that are there already
        ("inputs", pa.list_(pa.string())),  # inputs below the output folder that may be in its way
    ]
)


@dataclass(frozen=True)
class Assignment:
    """What all workers of a run are to do; `weights` is a folder, by default the package's."""

    method: str
    options: Options
    out: str
    weights: str | None = None


class Attempts:
    """How often each input was begun and not ended: one that kills its worker is known by that."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def begin(self, key: str) -> int:
        """Note an attempt; returns how many earlier attempts came to no end."""
        deaths = self._begun.get(key, 0)
        self._begun[key] = deaths + 1
        return deaths

    def end(self, key: str) -> None:
        """Note that an input is done, well or badly."""
        self._begun.pop(key, None)


def weights_digest(method: str, weights: str | None) -> str:
    """First 12 digits of the SHA-256 of a method's manifest and graphs."""
    folder = folder_of(weights)
    digest = hashlib.sha256()
    for path in [folder / f"{method}.json", *Manifest.load(method, folder).files(folder)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def facts(assignment: Assignment) -> journal.Row:
    """The columns that all rows of a run share."""
    return {
        "method": assignment.method,
        "options": journal.options_json(assignment.options),
        "software": f"manyhues {__version__}",
        "weights": weights_digest(assignment.method, assignment.weights),
    }


class Worker:
    """One warm colorizer with one thread; called with batches of items (`ITEMS`)."""

    def __init__(
        self, assignment: Assignment, begin: Callable[[str], int], end: Callable[[str], object]
    ) -> None:
        self._assignment, self._begin, self._end = assignment, begin, end
        self._store = Store(assignment.out)
        self._colorizer = Colorizer.load(assignment.method, assignment.weights, threads=1)
        self._facts = facts(assignment)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Colour a batch; returns its journal rows. Raises `OutputError` for the store alone."""
        scratch = Path(tempfile.mkdtemp(prefix="manyhues-", dir=self._store.staging()))
        try:
            rows, fresh = [], []
            for number, given in enumerate(batch.to_pylist()):
                item = Item(given["source"], given["stem"], given["row"])
                folder = scratch / str(number)
                report = self._guarded(item, given, folder)
                staged = {path for path in folder.rglob("*") if path.is_file()}
                names = {path.relative_to(folder).as_posix(): path for path in staged}
                present = set(given["present"])
                fresh.append(
                    {n: p for n, p in names.items() if n not in present or self._is_redrawn(n, p)}
                )
                rows.append(self._row(item, report, folder))
            journal.append(self._store, rows)
            failed = []
            for row, results in zip(rows, fresh, strict=True):
                try:
                    for name, path in results.items():
                        self._store.publish(path, name)
                except ManyhuesError as error:
                    row |= {"error": str(error), "outputs": [], "sheet": None}
                    failed.append(row)
            if failed:
                journal.append(self._store, failed)
            return journal.table(rows)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _is_redrawn(self, name: str, path: Path) -> bool:
        """Whether a file that was there is a sheet, and is another now; results are all kept."""
        return name.endswith(SHEET) and path.read_bytes() != self._store.read(name)

    def _guarded(self, item: Item, given: dict[str, Any], folder: Path) -> Report:
        """One item's report, whatever happens in it."""
        deaths = self._begin(item.key)
        try:
            if deaths >= MOST_DEATHS:
                return Report(
                    item.key,
                    error=f"{item.key}: {deaths} workers died on it; colour it alone to see why, "
                    "or leave it out",
                )
            report = self._colour(item, given, folder)
            if deaths:
                report.notes.append("a worker died on it; a second one did it")
            return report
        except ManyhuesError as error:
            return Report(item.key, error=str(error))
        except Exception as error:  # a fault of ours must not end a run of millions
            shutil.rmtree(folder, ignore_errors=True)
            return Report(
                item.key,
                error=unexpected(item.key, error),
            )
        finally:
            self._end(item.key)

    def _colour(self, item: Item, given: dict[str, Any], folder: Path) -> Report:
        folder.mkdir()
        for name in given["present"]:  # what is there already is not made again
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self._store.read(name))
        inputs = [Job(folder / name) for name in given["inputs"]]
        if item.row < 0 and not is_url(item.source):
            return self._local(Path(item.source), item, folder, inputs)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fetched:
            source = Path(fetched) / item.name
            source.write_bytes(read_item(item))
            return self._local(source, item, folder, inputs)

    def _local(self, source: Path, item: Item, folder: Path, inputs: list[Job]) -> Report:
        def shown(text: str) -> str:
            return text.replace(str(source), item.key).replace(str(folder), self._store.place)

        # The first job alone is done; the others say where results must not go.
        jobs = [Job(source, Path(item.stem)), *inputs]
        report = next(local.run(self._colorizer, jobs, folder, self._assignment.options))
        return replace(
            report,
            error=shown(report.error) if report.error else None,
            notes=[shown(note) for note in report.notes],
        )

    def _row(self, item: Item, report: Report, folder: Path) -> journal.Row:
        def name(path: str) -> str:
            return Path(path).relative_to(folder).as_posix()

        named = replace(
            report,
            input=item.key,
            outputs=[name(path) for path in report.outputs],
            sheet=None if report.sheet is None else name(report.sheet),
        )
        return journal.row(named, self._facts)
