"""The Ray engine: the local engine's bytes, any source, restarts, deaths."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import colourful
from PIL import Image

from manyhues.batch import local as folders
from manyhues.batch import plan
from manyhues.batch.options import Options
from manyhues.batch.ray import journal
from manyhues.batch.ray.run import colorize
from manyhues.batch.ray.source import Item, plan_items
from manyhues.batch.ray.store import Store
from manyhues.batch.ray.worker import ITEMS, Assignment, Attempts, Worker
from manyhues.cli import main as cli
from manyhues.cli import progress
from manyhues.colorizer import Colorizer
from manyhues.errors import OutputError, UsageError

OPTIONS = Options(n=2)
# Ray Data copies its own deprecated settings.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*")


def make_pictures(folder: Path, count: int, size: int = 40) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = colourful(size, size + number % 7, seed=number)
        Image.fromarray(pixels).convert("L").save(folder / f"p{number:03d}.jpg")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Good ones, one below, one of two pages, and bad ones."""
    folder = make_pictures(tmp_path / "in", 3)
    Image.fromarray(colourful(30, 20)).save(make_pictures(folder / "deep", 0) / "x.y.png")
    pages = [Image.fromarray(colourful(20, 20 + i)).convert("L") for i in range(2)]
    pages[0].save(folder / "scan.tif", save_all=True, append_images=pages[1:])
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes((folder / "p000.jpg").read_bytes()[:300])
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the manifest, by relative name."""
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != "manifest.parquet"}


def locally(weights: Path, source: Path, out: Path) -> dict[str, bytes]:
    colorizer = Colorizer.load("vae-mdn", weights)
    list(folders.run(colorizer, plan.plan([source], out), out, OPTIONS))
    return contents(out)


def rows_of(out: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    assert len({row["input"] for row in rows}) == len(rows)  # nothing twice
    return {row["input"]: row for row in rows}


def paint(
    weights: Path, items: list[Item], out: str, attempts: Attempts | None = None
) -> list[Any]:
    attempts = attempts or Attempts()
    assignment = Assignment("vae-mdn", OPTIONS, out, str(weights))
    present = sorted(Store(out).names())
    given = [{**vars(item), "present": present, "inputs": []} for item in items]
    table = pa.Table.from_pylist(given, schema=ITEMS)
    rows: list[Any] = Worker(assignment, attempts.begin, attempts.end)(table).to_pylist()
    return rows


# Planning


def test_shards(weights: Path, pictures: Path, tmp_path: Path) -> None:
    data = [(pictures / f"p00{i}.jpg").read_bytes() for i in range(3)]
    folder = tmp_path / "shards"
    folder.mkdir()
    pq.write_table(
        pa.table({"image": [*data, None], "id": ["x/1.jpg", "../2", "1.png", "4"]}),
        folder / "a.parquet",
        row_group_size=2,
    )
    nested = [{"bytes": data[0], "path": "p.jpg"}]
    pq.write_table(pa.table({"image": nested}), folder / "b.parquet")
    pq.write_table(pa.table({"picture": data}), folder / "c.parquet")
    items = plan_items([str(folder)], str(tmp_path / "out"))
    assert [(item.key.removeprefix(f"{folder}/"), item.stem) for item in items] == [
        ("a.parquet#0", "a/x/1"),
        ("a.parquet#1", "a/2"),
        ("a.parquet#2", "a/1"),
        ("a.parquet#3", "a/4"),
        ("b.parquet#0", "b/0"),
        ("c.parquet", "c"),
    ]
    assert "no `image` column" in items[-1].error
    rows = paint(weights, items[:-1], str(tmp_path / "out"))
    assert [bool(row["error"]) for row in rows] == [False, False, False, True, False]
    direct = locally(weights, pictures / "p002.jpg", tmp_path / "local")
    assert (tmp_path / "out" / "a" / "1.2.jpg").read_bytes() == direct["p002.2.jpg"]


def test_items_of_one_name_are_told_apart(pictures: Path, tmp_path: Path) -> None:
    table = pa.table({"image": [b""] * 4, "id": ["1", "1.jpg", "2", "p001"]})
    pq.write_table(table, tmp_path / "in.parquet")
    make_pictures(tmp_path / "other" / "in", 2)
    items = plan_items([str(tmp_path / "in.parquet"), str(tmp_path / "other")], "out")
    assert [(item.stem, bool(item.note)) for item in items] == [
        *(("in/p000", False), ("in/p001.jpg", True)),
        *(("in/1.row0", True), ("in/1.row1", True), ("in/2", False), ("in/p001.row3", True)),
    ]
    assert not any(item.error for item in items)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("s3://bucket/in", "-o", "out"), "--engine ray"),
        (("in", "-o", "s3://bucket/out"), "--engine ray"),
        (("in", "-o", "out", "--address", "auto"), "add --engine ray"),
        (("in", "-o", "nonsense://x", "--engine", "ray"), "cannot be opened"),
        (("in", "-o", "in", "--engine", "ray"), "input folder itself"),
    ],
)
def test_wrong_usage(
    tiny: Path,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(pictures.parent)
    with pytest.raises(SystemExit) as stop:
        cli.main(["colorize", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


# With Ray: one cluster for all of these


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """An S3 server on loopback; its address and its keys are in the environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir("archive")
        yield address
    server.stop()


def ray_processes(*names: str) -> set[int]:
    """Numbers of Ray's living processes (on Linux; elsewhere none are seen)."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = entry.read_text(errors="replace")
            if any(name in line for name in names or ("raylet", "gcs_server", "ray::")):
                found.add(int(entry.parent.name))
    return found


@pytest.fixture(scope="module")
def cluster(moto: str) -> Iterator[None]:
    """Ray stays up between tests: `colorize` uses what runs already, and leaves it running."""
    from manyhues.batch.ray.run import _cluster

    before = ray_processes()
    with _cluster(None, 2):
        yield
    _wait(lambda: ray_processes() <= before)


def _wait(done: Callable[[], bool]) -> None:
    """Until it is so; Ray may take a minute for anything where other programs have the cores."""
    end = time.monotonic() + 300
    while not done():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def with_ray(weights: Path, source: Path | str, out: Path | str, **options: Any) -> int:
    batch = colorize([str(source)], str(out), "vae-mdn", Options(n=2, **options), weights=weights)
    return progress.watch(batch, str(out), True)


@pytest.mark.slow
def test_the_same_as_the_local_engine(
    cluster: None,
    weights: Path,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "ray"
    assert with_ray(weights, pictures, out) == 2
    captured = capsys.readouterr()
    told = {r["input"]: r for r in map(json.loads, captured.out.splitlines())}
    assert contents(out) == locally(weights, pictures, tmp_path / "local")
    colorizer = Colorizer.load("vae-mdn", weights)
    again = tmp_path / "again"
    for report in folders.run(colorizer, plan.plan([pictures], again), again, OPTIONS):
        mine = told[report.input] | {"seconds": 0}
        theirs = json.loads(json.dumps(report.as_dict()).replace(str(again), str(out)))
        assert mine == theirs | {"seconds": 0}
    assert captured.err.count("coloured into") == 1
    assert "2 failed" in captured.err
    rows = rows_of(out)
    assert set(rows) == set(told)
    assert rows[str(pictures / "p000.jpg")]["outputs"] == ["p000.1.jpg", "p000.2.jpg"]
    assert rows[str(pictures / "scan.tif")]["seeds"] == told[str(pictures / "scan.tif")]["seeds"]


@pytest.mark.slow
def test_object_stores(cluster: None, weights: Path, pictures: Path, tmp_path: Path) -> None:
    fs = fsspec.filesystem("s3")
    fs.put(str(pictures), "archive/in", recursive=True)
    shard = pa.table({"image": [(pictures / "p002.jpg").read_bytes()], "id": ["p002"]})
    with fs.open("archive/in/shard.parquet", "wb") as file:
        pq.write_table(shard, file)
    fs.pipe_file("archive/out/p000.1.jpg", b"mine")
    assert with_ray(weights, "s3://archive/in", "s3://archive/out") == 2
    local = locally(weights, pictures, tmp_path / "local")
    local |= {f"shard/{k}": v for k, v in local.items() if k.startswith("p002")}
    store = Store("s3://archive/out")
    assert store.names() == {*local, "manifest.parquet"}  # no journal is left
    assert store.read("p000.1.jpg") == b"mine"  # nothing that exists is replaced
    for name in ("p000.1.jpg", "p000.sheet.jpg", "shard/p002.sheet.jpg"):  # other title or tile
        del local[name]
    assert {name: store.read(name) for name in local} == local
    rows = journal.read(store, store.names())
    assert rows["s3://archive/in/shard.parquet#0"]["outputs"][0] == "shard/p002.1.jpg"
    assert "s3://archive/in/cut.jpg: damaged" in rows["s3://archive/in/cut.jpg"]["error"]


def test_clearing_a_folder_that_vanishes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("memory://archive/out")
    monkeypatch.setattr(store._fs, "exists", lambda path: True)
    store.clear("staging")
    assert not store.names()


@pytest.mark.slow
def test_killed_worker_and_killed_driver(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker is killed: the run goes on. The driver is killed: the next run completes it."""
    source, out = make_pictures(tmp_path / "in", 60, size=120), tmp_path / "out"
    code = (
        "import sys; from manyhues.batch.local import Options;"
        "from manyhues.batch.ray.run import colorize; from manyhues.cli.progress import watch;"
        f"batch = colorize([{str(source)!r}], {str(out)!r}, 'flow', Options(n=2),"
        f" weights={str(weights)!r}, workers=2);"
        f"sys.exit(watch(batch, {str(out)!r}, True))"
    )
    before = ray_processes()
    driver = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    try:
        _wait(lambda: len(list(out.glob("p*.jpg"))) > 15)
        os.kill(min(ray_processes("MapWorker") - before), signal.SIGKILL)
        seen = len(list(out.glob("p*.jpg")))
        _wait(lambda: len(list(out.glob("p*.jpg"))) > seen + 45)  # it went on
        assert driver.poll() is None
    finally:
        driver.kill()
        said = driver.communicate()[1]
    # Workers and servers go with their driver; two agents of Ray's take a minute to see it.
    heart = ("raylet", "gcs_server", "MapWorker")
    _wait(lambda: ray_processes(*heart) <= before)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(driver.pid, signal.SIGKILL)
    # That its worker died is noted with the picture it was at; Ray itself prints nothing.
    for line in said.splitlines():  # or how far it was
        assert b": a worker died" in line or line.startswith(b"manyhues: "), said
    half = contents(out)
    results = {name: data for name, data in half.items() if not name.startswith(".manyhues/")}
    assert 60 < len(results) < 180
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    told = [json.loads(line) for line in again.stdout.splitlines()]
    assert len(told) == 60
    whole = contents(out)
    assert results.items() <= whole.items()  # nothing was made twice or differently
    assert len(whole) == 180
    assert sum(r["skipped"] for r in told) >= len(results) // 3 - 2 * 2
    rows = rows_of(out)
    assert set(rows) == {str(path) for path in source.iterdir()}
    for row in rows.values():
        assert row["error"] is None
        assert len(row["seeds"]) == len(row["outputs"]) == 2
        assert set(journal.files(row)) <= set(whole)
    colorizer = Colorizer.load("flow", weights)
    direct = colorizer.sample(colorizer.encode(source / "p030.jpg"), 2)
    direct.save(tmp_path / "direct")
    assert contents(tmp_path / "direct").items() <= whole.items()
    # All is there: Ray is not even started, and the manifest stays what it is.
    batch = colorize([str(source)], str(out), "flow", OPTIONS, weights=weights)
    assert progress.watch(batch, str(out), True) == 0
    assert all(json.loads(line)["skipped"] for line in capsys.readouterr().out.splitlines())
    assert rows_of(out) == rows


def test_store_faults_name_place_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file.*cannot be written.*check the place"):
        Store(str(tmp_path / "file")).write("x", b"")
    with pytest.raises(UsageError, match="check the URL"):
        Store("nonsense://x")
    assert Store(str(tmp_path)).names() == {"file"}
