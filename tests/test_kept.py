"""Results that are there already: kept, completed, and never called what they are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_cli import names, reports, run


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
    assert "1 existing results were kept" in capsys.readouterr().err
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
