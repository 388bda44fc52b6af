"""Films at the command line."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image
from video.films import frames, moved, write

from manyhues.cli import main as cli


def run(*arguments: Any) -> int:
    try:
        cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def reports(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "in"
    inside.mkdir()
    write(inside / "film.mp4", moved("coffee", 8))
    Image.fromarray(colourful(40, 50)).save(inside / "still.png")
    return inside


def test_a_folder_of_both(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("colorize", folder, "-o", tmp_path / "out", "-n", 2, "--method", "vae-mdn", "--json")
    assert run(*command) == 0
    film, still = reports(capsys)
    assert [Path(path).name for path in film["outputs"]] == ["film.1.mp4", "film.2.mp4"]
    assert Path(film["sheet"]).is_file()
    assert len(film["seeds"]) == 2
    assert film["error"] is None
    assert len(still["outputs"]) == 2
    # The results are not the next run's inputs, and are not made again.
    assert run(*command) == 0
    assert all(report["skipped"] for report in reports(capsys))
    assert run(*command[:1], tmp_path / "out", "-o", tmp_path / "again", "--json") == 1
    assert "only results of an earlier run" in capsys.readouterr().out


@pytest.mark.parametrize("there", [1, 2])
def test_versions_that_are_missing_are_made(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], there: int
) -> None:
    out, film = tmp_path / "out", folder / "film.mp4"
    command = ("colorize", film, "-o", out, "-n", 2, "--method", "vae-mdn", "--json")
    assert run(*command) == 0
    kept, gone = out / f"film.{there}.mp4", out / f"film.{3 - there}.mp4"
    before, wanted = kept.stat().st_mtime_ns, frames(gone)
    gone.unlink()
    capsys.readouterr()
    assert run(*command) == 0
    (report,) = reports(capsys)
    assert len(report["outputs"]) == len(report["seeds"]) == 2
    assert not report["skipped"]
    assert not any("already" in note for note in report["notes"])
    assert kept.stat().st_mtime_ns == before
    for one, two in zip(frames(gone), wanted, strict=True):
        assert (one.to_ndarray() == two.to_ndarray()).all()
    gone.unlink()
    assert run(*command, "--seed", 4) == 0
    assert any(f"{kept.name} is there already" in note for note in reports(capsys)[0]["notes"])


def test_a_film_has_the_names_that_were_asked_for(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("-o", tmp_path / "out", "-n", 1, "--method", "vae-mdn", "--json")
    command = ("colorize", folder / "film.mp4", *given, "--name", "{k} of {stem}")
    for skipped in (False, True):
        assert run(*command) == 0
        (film,) = reports(capsys)
        assert [Path(path).name for path in film["outputs"]] == ["1 of film.mp4"]
        assert (tmp_path / "out" / "1 of film.mp4").is_file()
        assert film["skipped"] is skipped


def test_results_that_are_films_know_themselves(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = folder / "film.mp4"
    command = ("-o", folder, "-n", 1, "--method", "vae-mdn", "--no-sheet", "--json")
    assert run("colorize", film, *command) == 0
    made = (folder / "film.1.mp4").rename(folder / "holiday.mp4")
    capsys.readouterr()
    assert run("colorize", film, made, *command, "--dry-run") == 0
    assert [report["input"] for report in reports(capsys)] == [str(film)]
    made.rename(folder / "film.1.mp4")
    other = ("--seed", 3, "--hint", "2,3@0.1=#ff0000")
    assert run("colorize", film, *command, *other) == 0
    (report,) = reports(capsys)
    said = "made with other options (seed 0, not 3, hints none, not 2,3@0.1=#ff0000), and kept"
    assert said in report["notes"][0]
    assert run("info", folder / "film.1.mp4") == 0
    said, lacking = capsys.readouterr()
    assert "colorize INPUT -o OUT --method vae-mdn --seed 0 --diversity 0.7" in said
    assert "--sample" not in said
    assert "the same -n and --pick" in lacking


def test_a_film_has_no_samples_by_number(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = folder / "film.mp4"
    assert run("colorize", film, "-o", tmp_path / "out", "--sample", 3, "--json") == 1
    assert "--sample is for pictures" in reports(capsys)[0]["error"]


def test_disk_and_speed_are_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = folder / "film.mp4"
    assert run("colorize", film, "-o", tmp_path / "out", "-n", 1, "--method", "vae-mdn") == 0
    said = capsys.readouterr().err
    assert "film.mp4: takes up to about" in said


def test_a_bad_film_is_one_line_and_the_rest_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.mov").write_bytes(b"no film")
    command = ("colorize", folder, "-o", tmp_path / "out", "-n", 1, "--method", "vae-mdn", "--json")
    assert run(*command) == 1
    bad, *good = reports(capsys)
    assert "not a film that can be read" in bad["error"]
    assert all(report["error"] is None for report in good)


@pytest.mark.parametrize("hint", ["5,5@0.1=#c02020", "5,5=#c02020"])
def test_hints(folder: Path, tmp_path: Path, hint: str) -> None:
    film = folder / "film.mp4"
    out = tmp_path / "out"
    assert run("colorize", film, "-o", out, "-n", 1, "--method", "vae-mdn", "--hint", hint) == 0


def test_a_hint_with_a_time_wants_a_film(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = folder / "still.png"
    assert run("colorize", still, "-o", tmp_path / "out", "--hint", "5,5@1=#c02020") == 2
    assert "no input is a film" in capsys.readouterr().err
    assert run("colorize", still, "-o", tmp_path / "out", "--hint", "5,5@x=#c02020") == 2
    assert "X,Y@SECONDS=#RRGGBB" in capsys.readouterr().err


def test_without_the_library_the_extra_is_named(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert run("colorize", folder / "film.mp4", "-o", tmp_path / "out", "--json") == 1
    assert "manyhues[video]" in reports(capsys)[0]["error"]


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    film = write(tmp_path / "film.mp4", moved("coffee", 250, (64, 48)), rate=10)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "manyhues", "colorize", str(film), "-o", str(out)]
    command += ["-n", "1", "--method", "vae-mdn", "--json"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state = out / ".film.parts" / "state.npz"
    limit = time.monotonic() + 240
    while not state.exists() and running.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert state.exists()
    assert not list(out.glob("film*"))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert any("interrupted run" in note for note in json.loads(done.stdout)["notes"])
    assert len(frames(out / "film.1.mp4")) == 250
    assert not list(out.glob(".*"))


def test_info_tells_what_a_film_says(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, out = folder / "film.mp4", tmp_path / "out"
    given = ("-n", 1, "--method", "vae-mdn", "--seed", 5, "--json", "-q")
    assert run("colorize", film, "-o", out, *given) == 0
    (report,) = reports(capsys)
    assert run("info", out / "film.1.mp4", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [told["seed"], told["k"]] == report["seeds"][0]
    assert told["options"] == ["--method", "vae-mdn", "--seed", "5", "--diversity", "0.7"]
    assert run("colorize", film, "-o", out, *given) == 0
    assert reports(capsys)[0]["notes"] == []
    assert run("colorize", film, "-o", out, *given, "--seed", 6) == 0
    assert "made with other options (seed 5, not 6)" in reports(capsys)[0]["notes"][0]
    assert run("info", film) == 1
    assert "does not say that manyhues made it" in capsys.readouterr().err
