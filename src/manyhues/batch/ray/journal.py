"""The journal: one row for each input, as parquet beside the results.

While a run goes on, every batch leaves its rows in the journal *before* its results appear, so that
after a kill each result has a row that tells how it was made. At the end of the run the journal
becomes one file, ``manifest.parquet``.
"""

import io
import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manyhues.batch.options import Options
from manyhues.batch.ray.source import MANIFEST
from manyhues.batch.ray.store import HIDDEN, Store, reason
from manyhues.batch.report import Report
from manyhues.errors import OutputError

JOURNAL = f"{HIDDEN}/journal"
SCHEMA = pa.schema(
    [
        ("input", pa.string()),
        ("outputs", pa.list_(pa.string())),  # names below the output folder
        ("sheet", pa.string()),
        ("seeds", pa.list_(pa.list_(pa.int64()))),  # (seed, k) of each output
        ("seconds", pa.float64()),
        ("error", pa.string()),
        ("skipped", pa.bool_()),  # results were there before any row told of them
        ("notes", pa.list_(pa.string())),
        ("method", pa.string()),
        ("options", pa.string()),  # JSON
        ("software", pa.string()),
        ("weights", pa.string()),  # digest of the method's files
        ("finished", pa.timestamp("us", tz="UTC")),
    ]
)
Row = dict[str, Any]


def options_json(options: Options) -> str:
    """What results depend on, as the column ``options`` holds it."""
    facts = asdict(options) | {"like": None if options.like is None else str(options.like)}
    del facts["overwrite"], facts["max_pixels"]
    return json.dumps(facts, sort_keys=True)


def complete(row: Row, stem: str, options: Options) -> bool:
    """Whether a row has all files that these options ask for; never where they replace.

    The same input has another stem where it was found by another folder. Of several pages, a row
    names the first sheet alone: a worker has to look.
    """
    if row["error"] or options.overwrite or len(row["outputs"]) != options.n:
        return False
    if any(name.rsplit(".", 2)[0] != stem for name in row["outputs"]):  # <stem>.<k>.<suffix>
        return False
    then = json.loads(row["options"])
    return (then["format"], then["sheet"]) == (options.format, options.sheet)


def row(report: Report, facts: Row) -> Row:
    """A report, whose outputs are names below the output folder, as a row of now."""
    return {**vars(report), **facts, "finished": datetime.now(UTC)}


def table(rows: list[Row]) -> pa.Table:
    """Rows as an Arrow table."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def report(row: Row, store: Store) -> Report:
    """A row as the report that ``--json`` prints."""
    return Report(
        row["input"],
        [store.full(name) for name in row["outputs"]],
        None if row["sheet"] is None else store.full(row["sheet"]),
        row["seeds"],
        row["seconds"],
        row["error"],
        row["skipped"],
        row["notes"],
    )


def files(row: Row) -> list[str]:
    """Names of all files that a row tells of."""
    return [*row["outputs"], *([row["sheet"]] if row["sheet"] else [])]


def append(store: Store, rows: list[Row]) -> None:
    """Add rows to the journal. Raises `OutputError`."""
    store.write(f"{JOURNAL}/{uuid.uuid4().hex}.parquet", _encode(table(rows)))


def read(store: Store, existing: set[str]) -> dict[str, Row]:
    """What is known from earlier runs, by input, the journal of a killed one included.

    A row whose files are not all there (`existing`) is not true, and left out. Raises
    `OutputError` when a file cannot be read.
    """
    names = [MANIFEST] if MANIFEST in existing else []
    names += sorted(store.names(JOURNAL))
    rows: list[Row] = []
    for name in names:
        try:
            rows += pq.read_table(io.BytesIO(store.read(name)), schema=SCHEMA).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise OutputError(
                f"{store.full(name)}: not a manifest of this version ({reason(error)}); "
                "move it away to start a new one"
            ) from error
    true = (row for row in rows if existing.issuperset(files(row)))
    return merge(true)


def merge(rows: Iterable[Row]) -> dict[str, Row]:
    """The newest row of each input; that results were there already tells less than any."""
    newest: dict[str, Row] = {}
    for row in rows:
        other = newest.get(row["input"])
        if other is None or (other["skipped"], row["finished"]) >= (
            row["skipped"],
            other["finished"],
        ):
            newest[row["input"]] = row
    return newest


def write(store: Store, rows: Iterable[Row]) -> None:
    """Write ``manifest.parquet``, sorted by input, and drop the journal. Raises `OutputError`."""
    ordered = sorted(rows, key=lambda row: str(row["input"]))
    if ordered:
        store.write(MANIFEST, _encode(table(ordered)))
    store.clear(HIDDEN)


def _encode(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
