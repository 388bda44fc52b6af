"""Results that know themselves, what they were made with, and runs beside each other."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from test_ray import contents, make_pictures
from test_ray_names import both, rounds, twice

from manyhues.batch import kept, local, plan
from manyhues.batch.options import Options
from manyhues.batch.report import Report
from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.image import files

__all__ = ["both", "rounds"]  # fixtures

REMEDY = "and kept; choose another folder (-o), or replace them (--overwrite)"


def colour(inputs: list[Path], out: Path, **options: Any) -> list[Report]:
    """With the paper's method, and no sheet unless it is asked for."""
    given = Options(**{"n": 2, "sheet": False, "pick": "random", **options})
    return list(local.colorize(inputs, out, "vae-mdn", given).reports)


@pytest.mark.parametrize("format_", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("sheet", [True, False])
def test_a_folders_own_results_are_no_inputs(
    tiny: Path, tmp_path: Path, format_: Any, sheet: bool
) -> None:
    """``manyhues colorize *.jpg -o .``, again and again."""
    folder = make_pictures(tmp_path / "in", 2)
    options: dict[str, Any] = {"sheet": sheet, "format": format_}
    colour(sorted(folder.iterdir()), folder, **options)
    first = contents(folder)
    batch = local.colorize(
        sorted(folder.iterdir()), folder, "vae-mdn", Options(n=2, pick="random", **options)
    )
    assert batch.left_out == {"results of an earlier run": 6 if sheet else 4}
    assert [Path(report.input).name for report in batch.reports] == ["p000.jpg", "p001.jpg"]
    assert contents(folder) == first
    again = tmp_path / "again"
    assert [len(r.outputs) for r in colour([folder], again, **options)] == [2, 2]


def test_a_result_that_is_named_alone_is_coloured(tiny: Path, tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "in", 1)
    colour([folder], tmp_path / "out")
    results = sorted((tmp_path / "out").iterdir())
    (one,) = colour(results[:1], tmp_path / "once more")
    assert not one.error
    assert len(colour(results, tmp_path / "both")) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": 5}, "seed 0, not 5"),
        ({"diversity": 0.8, "saturation": 1.5}, "diversity 0.7, not 0.8, saturation 1, not 1.5"),
        ({"hints": [(3, 4, "red")]}, "hints none, not 3,4=#ff0000"),
        ({"pick": "likely"}, "pick random, not likely"),
        ({"pick": "diverse"}, "pick random, not diverse"),
        ({"k": [0, 26]}, "sample 1, not 26"),
        ({}, ""),
        ({"k": [0, 1]}, ""),
    ],
    ids=str,
)
def test_other_options_are_said_by_both_engines(
    both: Any, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    folder = twice(tmp_path, ["photos/a.jpg"])
    base: dict[str, Any] = {"n": 2, "pick": "random", "sheet": False}
    both(folder, ["photos"], "out", Options(**base))
    (report,) = both(folder, ["photos"], "out", Options(**(base | options)))
    assert report["skipped"]
    wanted = [f"made with other options ({said}), {REMEDY}"] if said else []
    assert report["notes"] == wanted


def test_another_method_or_palette_is_said(tiny: Path, photo: Path, tmp_path: Path) -> None:
    colour([photo], tmp_path / "out")
    palette = tmp_path / "red.png"
    Image.new("RGB", (8, 8), "red").save(palette)
    (report,) = colour([photo], tmp_path / "out", like=palette)
    assert report.notes == [f"made with other options (no palette), {REMEDY}"]
    options = Options(n=2, sheet=False, pick="random")
    (report,) = local.colorize([photo], tmp_path / "out", "cvae", options).reports
    assert "(method vae-mdn, not cvae)" in report.notes[0]


def test_more_are_added_to_those_that_are_there(tiny: Path, photo: Path, tmp_path: Path) -> None:
    """``-n 6``, then ``-n 14``: no folder's history decides a picture."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    colour([photo], out, n=6, pick="diverse")
    (report,) = colour([photo], out, n=14, pick="diverse")
    assert report.notes == ["6 existing results were kept"]
    colour([photo], whole, n=14, pick="diverse")
    assert contents(out) == contents(whole)
    (report,) = colour([photo], out, n=2, pick="diverse")
    assert report.notes == ["photo.3.jpg to photo.14.jpg beside them: of a run that wanted more"]


def test_kept_ones_of_other_options_are_named(tiny: Path, photo: Path, tmp_path: Path) -> None:
    colour([photo], tmp_path / "out")
    (report,) = colour([photo], tmp_path / "out", n=3, seed=4)
    assert report.notes == [
        "2 existing results were kept, 2 of them made otherwise (seed 0, not 4)"
    ]


def test_two_runs_into_one_folder(weights: Path, tmp_path: Path) -> None:
    """What another has finished meanwhile is kept, and nothing fails."""
    folder, out = make_pictures(tmp_path / "in", 12, size=90), tmp_path / "out"
    code = (
        "import sys; from pathlib import Path; import manyhues.model.manifest as m;"
        f"m.WEIGHTS = Path({str(weights)!r});"
        "from manyhues.cli.main import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "colorize", str(folder), "-o", str(out), "-n", "3"]
    runs = [
        subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for run in runs:
        told, said = run.communicate(timeout=600)
        assert run.returncode == 0, said
        assert all(json.loads(line)["error"] is None for line in told.splitlines())
    assert len(list(out.iterdir())) == 12 * 4


def test_a_result_that_comes_meanwhile_is_kept(
    tiny: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write = tmp_path / "out", files.write

    def late(data: bytes, path: Path, *, overwrite: bool = False) -> None:
        if path.name == "photo.2.jpg":
            path.write_bytes(b"theirs")
        write(data, path, overwrite=overwrite)

    monkeypatch.setattr(files, "write", late)
    (report,) = colour([photo], out, sheet=True)
    assert report.error is None
    assert (out / "photo.2.jpg").read_bytes() == b"theirs"
    assert (out / "photo.sheet.jpg").exists()


def test_names_by_a_pattern(tiny: Path, photo: Path, tmp_path: Path) -> None:
    colour([photo], tmp_path, name="{k:02}_{stem}", n=2, sheet=True)
    assert sorted(contents(tmp_path)) == [
        *("01_photo.jpg", "02_photo.jpg", "in/photo.jpg", "photo.sheet.jpg")
    ]
    for wrong in ("{stem}", "{k}", "x/{stem}.{k}", "{stem}{", "{stem}.{k}.{nonsense}", "{0}"):
        with pytest.raises(UsageError, match=r"expected \{stem\} and \{k\} in it"):
            Options(name=wrong)
    for wrong in ("{stem}{k}", "{k}{stem}"):  # 11 of scan, and 1 of scan1
        with pytest.raises(UsageError, match="put a sign between"):
            Options(name=wrong)
    with pytest.raises(UsageError, match="cannot be printed"):
        Options(name="{stem}.{k}\n")


def test_quality_makes_smaller_files(tiny: Path, tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    Image.fromarray(colourful(200, 300)).save(source)
    sizes = {}
    for quality in (None, 97, 80):
        colour([source], tmp_path / str(quality), n=1, quality=quality)
        sizes[quality] = (tmp_path / str(quality) / "a.1.jpg").stat().st_size
    assert sizes[97] > 1.5 * sizes[80]
    usual, same = (np.asarray(Image.open(tmp_path / name / "a.1.jpg")) for name in ("None", "97"))
    assert (usual == same).all()
    for wrong in (0, 101):
        with pytest.raises(UsageError, match="quality"):
            Options(quality=wrong)


def test_a_second_run_with_another_quality_says_so(tiny: Path, photo: Path, tmp_path: Path) -> None:
    def notes(**options: Any) -> str:
        (report,) = colour([photo], tmp_path / "out", n=1, **options)
        return " ".join(report.notes)

    assert notes(quality=50) == notes(quality=50) == ""
    assert "(quality 50, not 80), and kept" in notes(quality=80)
    assert "(quality 50, not as usual), and kept" in notes()
    assert "PNG has no quality to choose" in notes(quality=50, format="png")
    assert notes(format="png") == ""  # what had no effect is no difference


def test_results_of_another_picture_of_the_same_name_are_not_taken_for_its_own(
    tiny: Path, tmp_path: Path
) -> None:
    pictures = [tmp_path / folder / "IMG_1.png" for folder in "ab"]
    for shade, picture in enumerate(pictures):
        picture.parent.mkdir()
        Image.new("L", (40, 30), 90 + 50 * shade).save(picture)
    out = tmp_path / "out"
    for picture in pictures[:1] * 2:
        (report,) = colour([picture], out, n=1)
        assert not report.notes
    (report,) = colour(pictures[1:], out, n=1)
    assert report.skipped
    assert "made of another picture of that name" in report.notes[0]
    (report,) = colour(pictures[1:], out, n=2)
    assert "1 of them made otherwise (another picture)" in report.notes[0]


def test_what_a_dry_run_tells_is_what_would_happen(tiny: Path, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    batch = local.planned([photo], tmp_path / "file", Options())
    assert "cannot be created" in str(batch.fault)
    assert all(report.error for report in batch.reports)
    for wrong in ({"map": "none"}, {"like": tmp_path / "none"}, {"seed": 2**70}):
        with pytest.raises(UsageError):
            local.planned([photo], tmp_path / "out", Options(**wrong))


@pytest.mark.parametrize("suffix", ["bmp", "jpg"])
def test_results_that_say_nothing_are_known_by_their_sheet(
    tiny: Path, tmp_path: Path, suffix: str
) -> None:
    source = tmp_path / f"a.{suffix}"
    Image.fromarray(colourful(40, 50)).save(source)
    colour([source], tmp_path, n=2, sheet=True)
    for path in tmp_path.glob("a.*.*"):
        Image.open(path).copy().save(path)  # another program, which leaves out what they say
    given = sorted(tmp_path.glob("*.*"))
    assert [job.source for job in plan.plan(given, tmp_path)] == [source]
    assert len(plan.plan(given[:1], tmp_path)) == 1  # named alone, it is meant


def test_recipes_that_say_the_same_differ_in_nothing(weights: Path) -> None:
    colorizer = Colorizer.load("vae-mdn", weights)
    options = Options(seed=3, hints=[(1, 2, "red")], diversity=2, saturation=0.5)
    result = colorizer.draw(colorizer.encode(colourful(30, 40)), options)
    assert not kept.differences(result.recipe(0), kept.asked(colorizer, options))
