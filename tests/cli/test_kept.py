"""Results that are there already: kept, completed, and never called what they are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from test_cli import names, reports, run

from manyhues.colorizer import Colorizer


def test_skip_resume_overwrite(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ("colorize", photo, "-o", out, "-n", 2, "--json")
    assert run(*command) == 0
    first = {name: (out / name).read_bytes() for name in names(out)}
    assert not reports(capsys)["photo.jpg"]["skipped"]
    (out / "photo.1.jpg").write_bytes(b"mine")
    (out / "photo.2.jpg").unlink()  # as if killed before it
    assert run(*command) == 0
    assert (out / "photo.1.jpg").read_bytes() == b"mine"
    assert (out / "photo.2.jpg").read_bytes() == first["photo.2.jpg"]
    assert "kept" in reports(capsys)["photo.jpg"]["notes"][0]
    assert run(*command) == 0
    assert reports(capsys)["photo.jpg"]["skipped"]
    assert run(*command, "--overwrite") == 0
    assert {name: (out / name).read_bytes() for name in names(out)} == first


def test_more_results_make_a_new_sheet(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("colorize", photo, "-o", out, "-n", 1) == 0
    one = (out / "photo.sheet.jpg").read_bytes()
    first = (out / "photo.1.jpg").stat()
    assert run("colorize", photo, "-o", out, "-n", 3) == 0
    three = (out / "photo.sheet.jpg").read_bytes()
    assert three != one
    assert (out / "photo.1.jpg").stat().st_mtime_ns == first.st_mtime_ns
    assert "1 existing result was kept" in capsys.readouterr().err
    (out / "photo.sheet.jpg").write_bytes(b"mine")
    assert run("colorize", photo, "-o", out, "-n", 2) == 0
    assert (out / "photo.sheet.jpg").read_bytes() == b"mine"
    assert run("colorize", photo, "-o", out, "-n", 3, "--overwrite") == 0
    assert (out / "photo.sheet.jpg").read_bytes() == three


def test_kept_results_of_other_options_are_shown_as_what_they_are(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ("colorize", photo, "-o", out, "--json", "--method", "vae-mdn", "--pick", "random")
    assert run(*command, "-n", 3) == 0
    (out / "photo.3.jpg").unlink()
    (out / "photo.2.jpg").unlink()
    (out / "photo.2.jpg").mkdir()  # no picture, and in the way
    Image.new("RGB", (120, 90), (250, 0, 0)).save(out / "photo.1.jpg")
    mine = (out / "photo.1.jpg").read_bytes()
    sheets = []
    for seed in (0, 5):
        capsys.readouterr()
        assert run(*command, "-n", 3, "--seed", seed) == 0
        report = reports(capsys)["photo.jpg"]
        assert report["seeds"] == [[], [], [seed, 2]]
        assert report["notes"] == ["2 existing results were kept, 2 of them made otherwise"]
        (out / "photo.3.jpg").unlink()
        with Image.open(out / "photo.sheet.jpg") as sheet:
            pixels = np.asarray(sheet.convert("RGB")).astype(int)
        sheets.append(((pixels - (250, 0, 0)) ** 2).sum(-1).min())
    assert max(sheets) < 300  # the red file is what the sheet shows
    assert (out / "photo.1.jpg").read_bytes() == mine


def test_a_sheet_that_no_run_made_is_kept(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "photo.sheet.jpg").write_bytes(b"mine")
    command = ("colorize", photo, "-o", out, "-n", 1, "--json")
    assert run(*command) == 0
    assert (out / "photo.sheet.jpg").read_bytes() == b"mine"
    assert "photo.sheet.jpg exists and was kept" in reports(capsys)["photo.jpg"]["notes"][0]
    assert run(*command, "--overwrite") == 0
    assert (out / "photo.sheet.jpg").read_bytes() != b"mine"


@pytest.mark.parametrize("overwrite", ["--overwrite", "--no-overwrite"])
@pytest.mark.parametrize("name", ["photo.1.jpg", "photo.sheet.jpg"])
def test_inputs_are_never_replaced(
    tiny: Path,
    photo: Path,
    capsys: pytest.CaptureFixture[str],
    overwrite: str,
    name: str,
) -> None:
    rival = photo.with_name(name)
    rival.write_bytes(photo.read_bytes())
    before = rival.read_bytes()
    out = photo.parent
    assert run("colorize", photo, rival, "-o", out, "-n", 1, "--json", overwrite) == 1
    told = reports(capsys)
    assert "is an input of this run itself; choose another" in told["photo.jpg"]["error"]
    assert told[name]["error"] is None
    assert rival.read_bytes() == before


def test_every_output_has_its_seeds(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "scan.tif", tmp_path / "out"
    pages = [Image.fromarray(colourful(20, 20 + i)).convert("L") for i in range(3)]
    pages[0].save(source, save_all=True, append_images=pages[1:])
    command = ("colorize", source, "-o", out, "-n", 2, "--json", "--pick", "random")
    assert run(*command) == 0
    assert reports(capsys)["scan.tif"]["seeds"] == 3 * [[0, 0], [0, 1]]
    (out / "scan.p2.1.tif").unlink()
    assert run(*command) == 0
    assert reports(capsys)["scan.tif"]["seeds"] == [[], [], [0, 0], [0, 1], [], []]
    assert run(*command) == 0
    assert reports(capsys)["scan.tif"]["seeds"] == 6 * [[]]
    (out / "scan.p3.2.tif").unlink()
    (out / "scan.p3.2.tif").mkdir()  # in the way
    assert run(*command, "--overwrite") == 1
    told = reports(capsys)["scan.tif"]
    assert len(told["seeds"]) == len(told["outputs"])


def test_a_fault_of_ours_does_not_end_the_batch(
    tiny: Path,
    photo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = tmp_path / "second.jpg"
    second.write_bytes(photo.read_bytes())
    encode = Colorizer.encode

    def faulty(self: Colorizer, picture: Any) -> Any:
        if picture.name == str(photo):
            raise ZeroDivisionError("division by zero")
        return encode(self, picture)

    monkeypatch.setattr(Colorizer, "encode", faulty)
    assert run("colorize", photo, second, "-o", tmp_path / "out", "-n", 1, "--json") == 1
    told = reports(capsys)
    assert told["photo.jpg"]["error"] == (
        f"{photo}: unexpected ZeroDivisionError (division by zero); please report it"
    )
    assert told["second.jpg"]["error"] is None
