"""Where the command line reads and writes: folders, weights, standard output."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image
from test_cli import run

from manyhues.cli import arguments
from manyhues.colorizer import Colorizer
from manyhues.image import names


def test_the_output_may_be_above_the_input(
    tiny: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = tmp_path / "below" / "album"
    (album / "deep" / "er").mkdir(parents=True)
    (album / "a.jpg").write_bytes(photo.read_bytes())
    Image.open(photo).save(album / "deep" / "er" / "b.png")
    monkeypatch.chdir(album.parent)
    for out in (".", ".."):
        assert run("colorize", album.name, "-o", out, "-n", 1, "--no-sheet") == 0
        assert (Path(out) / "a.1.jpg").is_file()
        assert (Path(out) / "deep" / "er" / "b.1.png").is_file()


def test_earlier_results_and_other_files_are_left_out_aloud(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    (album / "a.jpg").write_bytes(photo.read_bytes())
    (album / "lone.1.jpg").write_bytes(photo.read_bytes())  # no sheet: a photograph
    (album / "notes.txt").touch()
    (album / "drawing.xcf").touch()
    assert run("colorize", album, "-o", album / "out", "-n", 2) == 0
    capsys.readouterr()
    assert run("colorize", album, "-o", album / "out2", "-n", 1, "--json") == 0
    streams = capsys.readouterr()
    assert len(streams.out.splitlines()) == 2
    said = next(line for line in streams.err.splitlines() if "left out" in line)
    assert "6 results of an earlier run" in said
    assert "1 of kind .txt" in said
    assert "1 of kind .xcf" in said
    assert run("colorize", album / "out" / "a.1.jpg", "-o", tmp_path / "by_name", "-n", 1) == 0
    assert run("colorize", album / "out", "-o", tmp_path / "again", "-n", 1) == 1
    assert "only results of an earlier run; name files to colour them" in capsys.readouterr().err


def test_own_weights_by_the_command_line(
    weights: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(weights, folder)
    for path in folder.glob("*.json"):
        if path.stem != "cvae":
            path.unlink()
    assert run("info", "--weights", folder, "--json") == 0
    assert list(json.loads(capsys.readouterr().out)["methods"]) == ["cvae"]
    command = ("colorize", photo, "-o", tmp_path / "out", "-n", 1, "--weights", folder)
    assert run(*command) == 0
    assert run(*command, "--method", "vae-mdn") == 2
    assert "choose from cvae" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("buffered", [True, False])
def test_standard_output_that_cannot_be_written(
    weights: Path, buffered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "" if buffered else "1")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "manyhues", "info", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "manyhues: standard output cannot be written (No space left on device); "
        "free some space and run this again\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind")
@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_has_gone_is_no_fault(
    weights: Path, buffered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "" if buffered else "1")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        command = [sys.executable, "-m", "manyhues", "info", "--json"]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "")


def test_folders_that_cannot_be_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "a.png")
    below = tmp_path / "file" / "run"
    assert run("train", "mean", "--data", tmp_path, "--out", below, "--minutes", 0.01) == 1
    assert run("export", tmp_path / "run", "--weights", below) == 1
    said = capsys.readouterr().err
    assert said.count("cannot be created (Not a directory); choose another output folder") == 2
    options = ("--data", tmp_path, "--out", tmp_path / "run", "--set", "batch_size=-1")
    assert run("train", "mean", *options) == 2
    assert "batch_size=-1: expected a whole number, 1 or more" in capsys.readouterr().err


def test_a_damaged_page_spoils_no_other(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "scan.tif", tmp_path / "out"
    pages = [Image.fromarray(colourful(40, 50, seed)) for seed in range(3)]
    pages[0].save(source, save_all=True, append_images=pages[1:], compression="tiff_adobe_deflate")
    opened: Any = Image.open(source)
    with opened:
        opened.seek(1)
        (at,), (length,) = opened.tag_v2[273], opened.tag_v2[279]
    data = bytearray(source.read_bytes())
    data[at : at + length] = bytes(length)
    source.write_bytes(data)
    assert run("colorize", source, "-o", out, "-n", 1, "--no-sheet", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in report["outputs"]] == ["scan.p1.1.tif", "scan.p3.1.tif"]
    assert len(report["seeds"]) == 2
    assert report["error"].startswith(f"{source}: of 3 pages 2: truncated or damaged")


def test_patterns_are_expanded_where_the_shell_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "c[1].jpg"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    given = ["colorize", "*.jpg", "c[1]?jpg", "none*", "--name={stem}*"]
    monkeypatch.setattr(names, "WINDOWS", False)
    assert arguments.expanded(given) == given
    monkeypatch.setattr(names, "WINDOWS", True)
    found = arguments.expanded(given)
    assert found[1:] == ["a.jpg", "b.jpg", "c[1].jpg", "c[1].jpg", "none*", "--name={stem}*"]


def test_nothing_is_drawn_for_a_folder_that_takes_no_files(
    tiny: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    album, out = tmp_path / "album", tmp_path / "out"
    (album / "deep").mkdir(parents=True)
    shutil.copy(photo, album / "a.jpg")
    shutil.copy(photo, album / "deep" / "b.jpg")
    command = ("colorize", album, "-o", out, "-n", 1, "--no-sheet")
    assert run(*command) == 0
    (out / "a.1.jpg").unlink()
    shutil.rmtree(out / "deep")
    access = os.access  # root may write anywhere, but for what is read-only
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != out and access(path, mode))
    monkeypatch.setattr(Colorizer, "encode", None)
    assert run(*command) == 1
    said = capsys.readouterr().err
    assert said.count(f"{out}: takes no new files (read-only, or somebody else's); choose") == 2
    assert run("colorize", album, "-o", tmp_path / "new", "--dry-run") == 0
