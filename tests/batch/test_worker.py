"""What a worker of the Ray engine does with a batch, without Ray."""

from pathlib import Path
from typing import Any

import fsspec
import pytest
from test_ray import contents, locally, paint, pictures

from manyhues.batch.ray import journal, worker
from manyhues.batch.ray.source import Item, plan_items
from manyhues.batch.ray.store import Store
from manyhues.batch.ray.worker import Attempts
from manyhues.colorizer import Colorizer

__all__ = ["pictures"]  # a fixture


def test_results_appear_after_the_journal_tells_of_them(
    weights: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    seen: list[set[str]] = []
    append = journal.append

    def look(store: Store, rows: Any) -> None:
        seen.append(store.names())
        append(store, rows)

    monkeypatch.setattr(journal, "append", look)
    paint(weights, plan_items([str(pictures)], str(out)), str(out))
    assert seen == [set()]
    store = Store(str(out))
    told = journal.read(store, store.names())
    named = {name for row in told.values() for name in journal.files(row)}
    assert store.names() - named == {"scan.p2.sheet.jpg"}  # a report names the first page's
    assert named <= store.names()
    assert len(told) == len(seen) + 6
    # Where files are gone, no row tells of them any more; that a picture is bad stays true.
    assert set(journal.read(store, set())) == {str(pictures / x) for x in ("cut.jpg", "empty.jpg")}
    assert not list(store.staging().iterdir())


def test_an_input_that_kills_its_worker_is_left_out(
    weights: Path, pictures: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    good, poison = (Item(str(pictures / name), name[:4]) for name in ("p000.jpg", "p001.jpg"))
    attempts = Attempts()
    attempts.begin(poison.key)  # the first worker died here
    (row,) = paint(weights, [poison], out, attempts)
    assert row["error"] is None
    assert "a worker died" in row["notes"][-1]
    for _ in range(worker.MOST_DEATHS):
        attempts.begin(poison.key)
    fine, bad = paint(weights, [good, poison], out, attempts)
    assert fine["error"] is None
    assert "workers died on it" in bad["error"]


def test_a_fault_of_ours_fails_alone(
    weights: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Colorizer.encode

    def faulty(self: Colorizer, picture: Any) -> Any:
        if picture.name.endswith("p001.jpg"):
            raise KeyError("a bug")
        return encode(self, picture)

    monkeypatch.setattr(Colorizer, "encode", faulty)
    items = [Item(str(pictures / f"p00{i}.jpg"), f"p00{i}") for i in range(3)]
    rows = paint(weights, items, str(tmp_path / "out"))
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert "unexpected KeyError" in rows[1]["error"]


def test_a_store_that_is_not_whole_by_itself_gets_files_by_renaming(
    weights: Path, pictures: Path, tmp_path: Path
) -> None:
    """fsspec's memory store stands for any that shows a file while it grows."""
    fs = fsspec.filesystem("memory")
    for name in ("a.jpg", "deep/b.jpg"):
        fs.pipe_file(f"/src/{name}", (pictures / "p000.jpg").read_bytes())
    items = plan_items(["memory://src"], "memory://dst")
    assert [(item.key, item.stem) for item in items] == [
        ("memory://src/a.jpg", "a"),
        ("memory://src/deep/b.jpg", "deep/b"),
    ]
    rows = paint(weights, items, "memory://dst")
    assert not any(row["error"] for row in rows)
    store = Store("memory://dst")
    assert store.names() == {f"{s}.{x}.jpg" for s in ("a", "deep/b") for x in ("1", "2", "sheet")}
    direct = locally(weights, pictures / "p000.jpg", tmp_path / "local")
    assert store.read("deep/b.2.jpg") == direct["p000.2.jpg"]
    journal.write(store, journal.read(store, store.names()).values())
    assert "manifest.parquet" in store.names()
    assert store.names(".manyhues") == set()


def test_results_that_were_there_are_kept_and_the_sheet_tells_of_them(
    weights: Path, pictures: Path, tmp_path: Path
) -> None:
    out, item = tmp_path / "out", Item(str(pictures / "p000.jpg"), "p000")
    (first,) = paint(weights, [item], str(out))
    whole = contents(out)
    (out / "p000.1.jpg").write_bytes((pictures / "p001.jpg").read_bytes())
    (out / "p000.2.jpg").unlink()
    (row,) = paint(weights, [item], str(out))
    assert row["seeds"] == [[], first["seeds"][1]]
    assert (out / "p000.1.jpg").read_bytes() == (pictures / "p001.jpg").read_bytes()
    assert (out / "p000.2.jpg").read_bytes() == whole["p000.2.jpg"]
    assert (out / "p000.sheet.jpg").read_bytes() != whole["p000.sheet.jpg"]
