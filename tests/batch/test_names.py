"""Names of results: all different, by what the inputs are, whoever came first."""

from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image
from test_ray import make_pictures
from test_ray_names import both, rounds

from manyhues.batch.options import Options
from manyhues.batch.plan import plan

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
