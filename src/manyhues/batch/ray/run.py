"""The driver of ``--engine ray``: plan, leave out what is done, start Ray, collect the reports."""

import contextlib
import io
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from manyhues.batch.options import Options, check_steering
from manyhues.batch.ray.store import HIDDEN, Store, reason
from manyhues.batch.report import Batch, Report, Tally
from manyhues.colorizer import Colorizer
from manyhues.errors import ManyhuesError, OutputError, UsageError
from manyhues.image.names import here
from manyhues.model.cores import cores

if TYPE_CHECKING:
    from manyhues.batch.ray.journal import Row
    from manyhues.batch.ray.source import Item
    from manyhues.batch.ray.worker import Assignment

_MOST_IN_A_BATCH = 32  # items; what a kill costs, and what one file of the journal tells
_BATCHES_A_WORKER = 16  # at least, so that all finish at about the same time
_OBJECT_STORE = 128 * 2**20  # bytes; only names and rows pass through it, pictures never do


def colorize(
    inputs: Sequence[str],
    out: str,
    method: str | None,
    options: Options,
    *,
    address: str | None = None,
    weights: str | Path | None = None,
    workers: int | None = None,
    recursive: bool = True,
) -> Batch:
    """A batch of files, folders, stores and tables with Ray, which starts with the first report.

    `address` is a running cluster's; without it one is started here, with a worker for each core
    (`workers`), and shut down at the end. Where Ray runs already in this process, it is used.
    Raises `ManyhuesError`.
    """
    missing = [name for name in ("ray", "pyarrow", "fsspec") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--engine ray needs {', '.join(missing)}; install it with: pip install 'manyhues[ray]'"
        )
    from manyhues.batch.ray.source import plan_items
    from manyhues.batch.ray.worker import Assignment

    colorizer = Colorizer.load(method, weights)  # a wrong method is known before any work
    check_steering(options)
    left_out: Counter[str] = Counter()
    items = plan_items(inputs, out, left_out, recursive=recursive)
    assignment = Assignment(
        colorizer.method, options, out, None if weights is None else str(weights)
    )
    try:
        store = Store(out)
        store.clear(f"{HIDDEN}/staging")  # a killed run's
        store.staging()
    except OutputError as error:  # as the local engine: each input says so
        reports = (Report(item.key, error=item.error or str(error)) for item in items)
        return Batch(len(items), reports, left_out, error)
    tally = Tally(len(items) * options.count)
    reports = _reports(items, assignment, store, address, workers)
    tallied = _tallied(reports, tally, options.count)
    return Batch(len(items), tallied, left_out, tally=tally)


def _tallied(reports: Generator[Report], tally: Tally, n: int) -> Generator[Report]:
    """The same reports; workers tell of a whole input at once."""
    with contextlib.closing(reports):
        for report in reports:
            made = max(n, len(report.outputs))
            tally.add(made, more=made - n)
            yield report


def _reports(
    items: "Sequence[Item]",
    assignment: "Assignment",
    store: Store,
    address: str | None,
    workers: int | None,
) -> Generator[Report]:
    """One report for each item: what cannot be done, what is done already, then the work."""
    from manyhues.batch.ray import journal, worker
    from manyhues.batch.ray.source import among_results

    options = assignment.options
    existing = store.names()
    rows = journal.read(store, existing)
    present = _by_stem(existing)
    taken = _by_stem(among_results(items, assignment.out))
    facts = worker.facts(assignment)
    todo = []
    try:
        for item in items:
            row = rows.get(item.key)
            inputs = sorted(taken.get(here(item.stem), ()))
            if item.error:
                refused = Report(item.key, error=item.error)
                rows[item.key] = journal.row(refused, facts)
                yield refused
            elif (
                row and not inputs and journal.complete(row, item.stem, options, assignment.method)
            ):
                report = journal.report(row, store)
                report.skipped, report.seconds = True, 0.0
                yield report
            else:
                there = [] if options.overwrite else sorted(present.get(here(item.stem), ()))
                todo.append({**vars(item), "present": there, "inputs": inputs})
        if todo:
            with _cluster(address, workers) as count:
                for part in _rounds(todo):
                    for row in _work(part, assignment, count):
                        known = [rows[row["input"]]] if row["input"] in rows else []
                        rows |= journal.merge([*known, row])
                        yield journal.report(row, store)
    finally:  # after Ctrl-C too: what was reported is true
        journal.write(store, rows.values())


def _by_stem(names: set[str]) -> dict[str, set[str]]:
    """Existing results by the stems that they may belong to: ``<stem>[.p<page>].<k>.<suffix>``."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in names:
        stem = PurePosixPath(name).with_suffix("")
        for _ in range(2):
            stem = stem.with_suffix("")
            found[here(str(stem))].add(name)
    return found


def _rounds(todo: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Items dealt out so that no round has an input twice, as a folder and a file inside it do.

    At the same time, the second would look as if the first had killed its worker.
    """
    rounds: list[list[dict[str, Any]]] = []
    seen: Counter[tuple[str, int]] = Counter()
    for item in todo:
        key = item["source"], item["row"]
        if seen[key] == len(rounds):
            rounds.append([])
        rounds[seen[key]].append(item)
        seen[key] += 1
    return rounds


@contextlib.contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[int]:
    """Ray, quiet and without a call home; gives the number of workers to use."""
    # Read by Ray when it is imported, and by the processes that it starts.
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    # A cluster of our own. Its workers have the priority of the local engine: Ray's default, nice
    # 15, starves them beside anything else. And Ray listens on every interface: without a secret,
    # the network could run code here (a process that imported Ray before has made its own choice).
    own = {"RAY_worker_niceness": "0"}
    if "ray" not in sys.modules:
        own |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    before = dict(os.environ)
    os.environ.update(quiet if address else quiet | own)
    import ray

    scratch = ""
    ours = not ray.is_initialized()
    # What Ray prints to standard output (a worker died) would break ``--json``.
    quieted = contextlib.ExitStack()
    quieted.enter_context(contextlib.redirect_stdout(io.StringIO()))
    try:
        if ours and address:
            with _silence():
                _connect(address)
        elif ours:
            # Ray's sockets live below it, and their paths may have 107 characters at most.
            short = "/tmp" if Path("/tmp").is_dir() else None
            scratch = tempfile.mkdtemp(prefix="manyhues-ray-", dir=short)
            with _silence():
                ray.init(
                    num_cpus=workers or cores(),
                    object_store_memory=_OBJECT_STORE,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    _temp_dir=scratch,
                )
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        if ours:
            ray.shutdown()  # which prints what it kept back
        quieted.close()
        shutil.rmtree(scratch, ignore_errors=True)
        for name in {*quiet, *own}:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing to the standard error of this process: Ray's native code announces its log level."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"--address {address}: no Ray cluster answers there; start one with: ray start --head"
        ) from error


def _work(todo: list[dict[str, Any]], assignment: "Assignment", workers: int) -> Iterator["Row"]:
    """Manifest rows of all items, as the workers finish them."""
    import pyarrow as pa
    import ray
    import ray.data

    from manyhues.batch.ray.worker import ITEMS, Attempts, Worker

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    size = max(1, min(_MOST_IN_A_BATCH, len(todo) // (workers * _BATCHES_A_WORKER)))
    table = pa.Table.from_pylist(todo, schema=ITEMS)
    batches = [table.slice(start, size) for start in range(0, len(table), size)]
    attempts: Any = ray.remote(num_cpus=0)(Attempts).remote()

    class Actor(Worker):
        def __init__(self) -> None:
            super().__init__(
                assignment, lambda key: ray.get(attempts.begin.remote(key)), attempts.end.remote
            )

    done = ray.data.from_arrow(batches).map_batches(
        Actor,
        batch_size=None,  # a batch is a block
        batch_format="pyarrow",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(
            size=max(1, min(workers, len(batches))), max_tasks_in_flight_per_actor=2
        ),
    )
    try:
        rows: Any
        for rows in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from rows.to_pylist()
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, ManyhuesError):
            raise cause from error
        raise OutputError(
            f"{assignment.out}: Ray stopped ({reason(error)}); the same command goes on from there"
        ) from error
