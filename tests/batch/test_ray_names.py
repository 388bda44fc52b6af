"""The Ray engine's names: which files are an input's, whose they were, and what is never taken."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from test_ray import contents, make_pictures

from manyhues.batch import local
from manyhues.batch.options import Options
from manyhues.batch.ray import journal, run
from manyhues.batch.ray.source import plan_items
from manyhues.batch.ray.worker import ITEMS, Assignment, Attempts, Worker
from manyhues.cli import progress
from manyhues.errors import UsageError

OPTIONS = Options(n=2, pick="random", sheet=False)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The sources of each batch that comes to the one worker, which works without Ray."""
    seen: list[list[str]] = []

    def work(todo: list[dict[str, Any]], assignment: Assignment, workers: int) -> Iterator[Any]:
        seen.append([item["source"] for item in todo])
        attempts = Attempts()
        worker = Worker(assignment, attempts.begin, attempts.end)
        yield from worker(pa.Table.from_pylist(todo, schema=ITEMS)).to_pylist()

    monkeypatch.setattr(run, "_cluster", lambda address, workers: contextlib.nullcontext(1))
    monkeypatch.setattr(run, "_work", work)
    return seen


@pytest.fixture
def both(
    rounds: list[list[str]],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Colours with both engines, each in its folder (`twice`); gives the Ray engine's reports.

    Both must say the same errors and leave the same files.
    """

    def colour(folder: Path, inputs: list[str], out: str, options: Options = OPTIONS) -> Any:
        told = []
        for engine in ("ray", "local"):
            monkeypatch.chdir(folder / engine)
            if engine == "ray":
                batch = run.colorize(inputs, out, "vae-mdn", options)
            else:
                paths = [Path(given) for given in inputs]
                batch = local.colorize(paths, Path(out), "vae-mdn", options)
            progress.watch(batch, out, True)
            lines = capsys.readouterr().out.splitlines()
            told.append({(r["input"], *r["outputs"]): r for r in map(json.loads, lines)})
        mine, theirs = (
            {key: (r["error"], r["notes"], r["sheet"]) for key, r in reports.items()}
            for reports in told
        )
        assert mine == theirs
        monkeypatch.chdir(tmp_path)
        assert visible(folder / "ray") == visible(folder / "local")
        return list(told[0].values())

    return colour


def visible(folder: Path) -> dict[str, bytes]:
    return {
        name: data
        for name, data in contents(folder).items()
        if ".manyhues/" not in name and not name.endswith("manifest.parquet")
    }


def twice(folder: Path, names: list[str]) -> Path:
    """A folder with the same pictures for each engine."""
    for engine in ("ray", "local"):
        (source,) = make_pictures(folder / "source", 1).iterdir()
        for name in names:
            path = folder / engine / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
    return folder


def test_results_of_an_input_under_another_name_are_not_the_wanted_ones(
    both: Any, tmp_path: Path
) -> None:
    folder = twice(tmp_path, ["photos/a/x.jpg"])
    (first,) = both(folder, ["photos"], "out")
    assert first["outputs"] == ["out/a/x.1.jpg", "out/a/x.2.jpg"]
    (second,) = both(folder, ["photos/a"], "out")
    assert second["outputs"] == ["out/x.1.jpg", "out/x.2.jpg"]
    assert not second["skipped"]
    for inputs in (["photos"], ["photos/a"]):
        (again,) = both(folder, inputs, "out")
        assert again["skipped"]


def test_a_folder_and_a_file_inside_it_are_two_items_one_after_the_other(
    both: Any, rounds: list[list[str]], tmp_path: Path
) -> None:
    folder = twice(tmp_path, ["photos/a/x.jpg", "photos/y.jpg"])
    reports = both(folder, ["photos", "photos/a/x.jpg"], "out")
    assert sum(len(report["outputs"]) for report in reports) == 6
    assert not any(report["notes"] or report["error"] for report in reports)
    assert rounds == [["photos/a/x.jpg", "photos/y.jpg"], ["photos/a/x.jpg"]]


def test_results_of_pages_are_not_those_of_one() -> None:
    row: journal.Row = {"error": None, "outputs": ["d/x.p1.1.png", "d/x.p2.1.png"]}
    row["options"] = journal.options_json(OPTIONS)
    assert not journal.complete(row, "d/x", OPTIONS)
    row["outputs"] = ["d/x.1.png", "d/x.2.png"]
    assert journal.complete(row, "d/x", OPTIONS)
    assert not journal.complete(row, "x", OPTIONS)


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("name", ["a.1.jpg", "a.sheet.jpg"])
def test_no_result_stands_where_an_input_is(
    both: Any, tmp_path: Path, name: str, overwrite: bool
) -> None:
    folder = twice(tmp_path, ["photos/a.jpg", f"photos/{name}"])
    options = Options(n=2, overwrite=overwrite)
    inputs = ["photos/a.jpg", f"photos/{name}"]
    bad, good = both(folder, inputs, "photos", options)
    assert bad["error"] == (
        f"photos/a.jpg: its result photos/{name} is an input of this run itself; "
        "choose another folder with -o"
    )
    assert good["error"] is None
    # What an earlier run has made of the first is no input.
    for engine in ("ray", "local"):
        (folder / engine / "photos" / name).unlink()
    both(folder, inputs[:1], "photos", options)
    (again,) = both(folder, inputs, "photos", options)
    assert (again["input"], again["error"]) == (inputs[0], None)


def test_a_sheet_that_no_run_made_is_kept(both: Any, tmp_path: Path) -> None:
    folder, options = twice(tmp_path, ["photos/a.jpg"]), Options(n=2)
    outs = [folder / engine / "out" for engine in ("ray", "local")]
    for out in outs:
        out.mkdir()
        (out / "a.sheet.jpg").write_bytes(b"somebody's")
    (report,) = both(folder, ["photos"], "out", options)
    assert report["notes"] == ["out/a.sheet.jpg exists and was kept; --overwrite replaces it"]
    assert (outs[0] / "a.sheet.jpg").read_bytes() == b"somebody's"
    for out in outs:
        (out / "a.2.jpg").unlink()
    both(folder, ["photos"], "out", options)  # some results are there: now it is their sheet
    assert (outs[0] / "a.sheet.jpg").read_bytes()[:2] == b"\xff\xd8"


# URLs


@pytest.fixture
def memory() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    yield fs
    fs.rm("/names", recursive=True)


def test_results_among_the_inputs_of_a_url(memory: Any) -> None:
    for name in ("a.png", "out/a.1.png", "other/b.png"):
        memory.pipe_file(f"/names/in/{name}", b"")
    for out in ("memory://names/in", "memory://names/in/"):
        with pytest.raises(UsageError, match="is the input folder itself"):
            plan_items(["memory://names/in"], out)
    items = plan_items(["memory://names/in/"], "memory://names/in/out/")
    assert [item.stem for item in items] == ["a", "other/b"]
    assert (
        len(plan_items(["memory://names/in"], "memory://names/in/o")) == 3
    )  # a longer name's prefix
    (within,) = plan_items(["memory://names/in/out"], "memory://names/in")
    assert (within.error, within.stem) == ("", "a.1")  # above the input is nothing to leave out
    (named,) = plan_items(["memory://names/in/a.png"], "memory://names/in")
    assert named.error == ""


def test_no_result_stands_where_an_input_is_behind_a_url(
    memory: Any,
    rounds: list[list[str]],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (picture,) = make_pictures(tmp_path / "in", 1).iterdir()
    inputs = [f"memory://names/{name}" for name in ("a.jpg", "a.1.jpg")]
    for url in inputs:
        memory.pipe_file(url, picture.read_bytes())
    options = Options(n=1, pick="random", sheet=False, overwrite=True)
    batch = run.colorize(inputs, "memory://names", "vae-mdn", options)
    assert progress.watch(batch, "memory://names", True) == 1
    bad, good = map(json.loads, capsys.readouterr().out.splitlines())
    assert bad["error"] == (
        "memory://names/a.jpg: its result memory://names/a.1.jpg is an input of this run itself; "
        "choose another folder with -o"
    )
    assert good["outputs"] == ["memory://names/a.1.1.jpg"]
    assert memory.cat_file("/names/a.1.jpg") == picture.read_bytes()


@pytest.mark.parametrize("given", ["film.mp4", "file", "folder", "memory://films/film.mp4"])
def test_films_are_refused_in_words(
    rounds: list[list[str]], tiny: Path, tmp_path: Path, given: str
) -> None:
    if given.startswith("memory"):
        fsspec.filesystem("memory").pipe_file("/films/film.mp4", b"frames")
        source = given
    else:
        source = str(tmp_path / ("film.mp4" if given != "file" else "Film.MOV"))
        Path(source).write_bytes(b"frames")
    where = str(tmp_path) if given == "folder" else source
    (report,) = run.colorize([where], str(tmp_path / "out"), "vae-mdn", OPTIONS).reports
    assert (
        report.error
        == f"{source}: a film, and Ray colours pictures; colour it without --engine ray"
    )
    assert not rounds
