"""Names of results: all different, by what the inputs are, whoever came first."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import colourful
from PIL import Image
from test_ray import make_pictures
from test_ray_names import both, rounds

from manyhues.batch import local
from manyhues.batch.options import Options
from manyhues.batch.plan import plan
from manyhues.batch.ray.run import _by_stem
from manyhues.batch.ray.source import plan_items
from manyhues.errors import UsageError
from manyhues.image import names

__all__ = ["both", "rounds"]  # fixtures


def stems(inputs: list[Path], out: Path) -> dict[str, str]:
    return {str(job.source): job.error or job.stem.as_posix() for job in plan(inputs, out)}


def picture(path: Path, pages: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [Image.fromarray(colourful(20, 20 + i)) for i in range(pages)]
    if pages > 1:
        images[0].save(path, save_all=True, append_images=images[1:])
    else:
        images[0].save(path)
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/1.jpg", "b/1.jpg"], ["a/1", "b/1"]),
        (["x/a/1.jpg", "y/a/1.jpg"], ["x/a/1", "y/a/1"]),
        (["scan.tif", "scan.jpg", "other.jpg"], ["scan.tif", "scan.jpg", "other"]),
        (["scan.tif", "scan.jpg", "scan.tif.png"], ["scan.tif.tif", "scan.jpg", "scan.tif.png"]),
        (["a/1.jpg", "b/1.jpg", "b/1.png"], ["a/1.jpg", "b/1.jpg", "1.png"]),
        (["a.png", "deep/a.jpg"], ["a.png", "a.jpg"]),
    ],
    ids=str,
)
def test_files_of_one_name(names: list[str], expected: list[str], tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in names]
    wanted = {str(path): stem for path, stem in zip(paths, expected, strict=True)}
    assert stems(paths, tmp_path / "out") == wanted
    assert stems(paths[::-1], tmp_path / "out") == wanted


def test_folders_keep_their_trees(tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in ("a/d/1.jpg", "b/d/1.jpg", "b/d/2.jpg")]
    found = stems([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert found == dict(zip(map(str, paths), ["a/d/1", "b/d/1", "d/2"], strict=True))


def test_pages_and_pictures_that_are_named_after_pages(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a", "b", "b.p1"):
        picture(folder / f"{name}.tif", pages=2)
    for name in ("a.p2.png", "a.p3.png", "c.tif", "c.p1.png"):
        picture(folder / name)
    found = {Path(name).name: stem for name, stem in stems([folder], tmp_path / "out").items()}
    assert found == {
        "a.tif": "a.tif",
        "a.p2.png": "a.p2.png",
        "a.p3.png": "a.p3",
        "b.tif": "b",
        "b.p1.tif": "b.p1",
        "c.tif": "c",
        "c.p1.png": "c.p1",
    }


def test_both_engines_say_and_write_the_same(both: Any, tmp_path: Path) -> None:
    names = ["photos/a/x.jpg", "photos/b/x.jpg", "photos/b/x.png"]
    (source,) = make_pictures(tmp_path / "source", 1).iterdir()
    for engine in ("ray", "local"):
        for name in names:
            path = tmp_path / engine / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.open(source).save(path)
    options = Options(n=1, pick="random", sheet=False)
    reports = both(tmp_path, names, "out", options)
    told = {report["input"]: report for report in reports}
    assert [told[name]["outputs"] for name in names] == [
        ["out/a/x.jpg.1.jpg"],
        ["out/b/x.jpg.1.jpg"],
        ["out/x.png.1.png"],
    ]
    assert told[names[0]]["notes"] == [
        "named with its folder and suffix, because another input has the same name"
    ]
    again = both(tmp_path, names, "out", options)
    assert all(report["skipped"] for report in again)


NFC, NFD = "B\N{LATIN SMALL LETTER E WITH ACUTE}", "Be\N{COMBINING ACUTE ACCENT}"


@pytest.mark.parametrize(
    "given",
    [
        ["album/IMG.jpg", "album/img.JPG"],
        ["album/IMG.jpg", "other/img.jpg"],
        ["A/1.jpg", "a/1.jpg"],
        ["x/A/1.jpg", "x/a/1.jpg", "y/A/1.jpg"],
        [f"album/{NFC}.jpg", f"album/{NFD}.jpg", f"album/{NFD}.JPG", "album/be.jpg"],
        ["album/IMG.jpg", "album/img.jpg", "other/img.jpg", "album/Img.png"],
    ],
    ids=str,
)
def test_case_and_the_coding_of_accents_tell_no_results_apart(
    given: list[str], tmp_path: Path
) -> None:
    """To Windows and macOS they are one name, so their results have different ones everywhere."""
    paths = [picture(tmp_path / name) for name in given]
    if len({path.stat().st_ino for path in paths}) < len(paths):
        pytest.skip("ONE NAME ALREADY: this file system tells no case apart")
    for inputs in (paths, sorted({path.parent for path in paths})):
        found = stems(inputs, tmp_path / "out")
        assert len(found) == len(paths)
        assert len(set(map(names.folded, found.values()))) == len(paths), found
        assert stems(inputs[::-1], tmp_path / "out") == found
        assert not [stem for stem in found.values() if str(tmp_path) in stem]


def test_only_what_differs_in_spelling_alone_gets_a_mark(tmp_path: Path) -> None:
    folder = tmp_path / "album"
    for name in ("IMG.jpg", "img.JPG", "Img.png", "other.jpg"):
        picture(folder / name)
    found = {Path(name).name: stem for name, stem in stems([folder], tmp_path / "out").items()}
    assert found["other.jpg"] == "other"
    assert found["Img.png"] == "Img.png"
    assert found["IMG.jpg"] == f"IMG.jpg~{names.mark('IMG.jpg')}"
    assert found["img.JPG"] == f"img.JPG~{names.mark('img.JPG')}"


def test_pages_of_another_case(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    picture(folder / "Scan.tif", pages=2)
    picture(folder / "scan.P2.png")
    found = {Path(name).name: stem for name, stem in stems([folder], tmp_path / "out").items()}
    assert found == {"Scan.tif": "Scan.tif", "scan.P2.png": "scan.P2.png"}


@pytest.mark.parametrize("letter", ["x", "写"])
def test_the_longest_names_have_results_sheets_and_pages(
    letter: str, tiny: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    letters = 250 // len(letter.encode())
    picture(folder / f"{letter * letters}.tif", pages=2)
    picture(folder / f"{letter * (letters - 1)}a.jpg")
    batch = local.colorize([folder], out, "vae-mdn", Options(n=10, pick="random"))
    reports = list(batch.reports)
    assert not [report.error for report in reports if report.error]
    assert all("not every name can be written" in report.notes[0] for report in reports)
    assert len(list(out.iterdir())) == 3 * 11
    again = local.colorize([folder], out, "vae-mdn", Options(n=10, pick="random"))
    assert all(report.skipped for report in again.reports)


def test_windows_gets_names_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    for name in ("con.jpg", "a:b.jpg", "a?b.jpg", "trip. /1.jpg", "scan .jpg", "a\\b.jpg"):
        try:
            picture(folder / name)
        except OSError:
            pytest.skip("NO SUCH NAMES: this file system does not take them itself")
    monkeypatch.setattr(names, "WINDOWS", True)
    backslash = "a\\b"
    found = {Path(name).name: stem for name, stem in stems([folder], tmp_path / "out").items()}
    assert found == {
        "con.jpg": "con_",
        "a:b.jpg": f"a_b~{names.mark('a:b')}",
        "a?b.jpg": f"a_b~{names.mark('a?b')}",
        "a\\b.jpg": f"a_b~{names.mark(backslash)}",
        "1.jpg": "trip_/1",
        "scan .jpg": "scan ",
    }


def test_rows_of_a_shard_stay_below_the_folder_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ["C:\\a.jpg", "C:/a", "..\\..\\b", "nul", "d.", "e\0"]
    table = pa.table({"id": ids, "image": [b""] * len(ids)})
    pq.write_table(table, tmp_path / "s.parquet")
    for windows, first in ((False, "s/C:/a.row0"), (True, "s/C_/a.row0")):
        monkeypatch.setattr(names, "WINDOWS", windows)
        items = plan_items([str(tmp_path / "s.parquet")], str(tmp_path / "out"))
        found = [item.stem for item in items]
        assert found[0] == first
        assert len(set(found)) == len(ids)
        assert not [stem for stem in found if ".." in stem.split("/") or "\0" in stem]
    assert found[2:] == ["s/b", "s/nul_", "s/d.", "s/e_"]


def test_a_result_that_is_an_input_by_another_spelling_is_refused(
    tiny: Path, tmp_path: Path
) -> None:
    """Where case makes no difference, ``img.1.jpg`` is ``IMG.1.jpg``: as two links of one file."""
    mine = picture(tmp_path / "IMG.1.jpg")
    (tmp_path / "img.1.jpg").hardlink_to(mine)
    source = picture(tmp_path / "in" / "img.jpg")
    before = mine.read_bytes()
    options = Options(n=1, pick="random", overwrite=True)
    reports = list(local.colorize([mine, source], tmp_path, "vae-mdn", options).reports)
    assert "is an input of this run itself" in (reports[1].error or "")
    assert mine.read_bytes() == before


def test_the_input_folder_by_another_spelling_is_no_output_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = tmp_path / "Album"
    picture(album / "a.jpg")
    picture(album / "out" / "b.jpg")
    monkeypatch.setattr(names, "ONE_CASE", True)
    with pytest.raises(UsageError, match="is the input folder itself"):
        plan([album], tmp_path / "album")
    assert [job.source.name for job in plan([album], tmp_path / "album" / "OUT")] == ["a.jpg"]
    assert _by_stem({"IMG.1.jpg"})[names.here("img")] == {"IMG.1.jpg"}
