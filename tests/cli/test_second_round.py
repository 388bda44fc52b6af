"""Streams, presets, defaults of one's own, dry runs, and what progress and notes say."""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image
from test_cli import names, reports, run

from manyhues.batch.report import Batch, Report, Tally
from manyhues.cli import arguments, progress
from manyhues.image import provenance
from manyhues.language import lines


def pipe(data: bytes = b"") -> io.TextIOWrapper:
    """A standard stream that is no terminal."""
    return io.TextIOWrapper(io.BytesIO(data))


def sent(stream: Any) -> bytes:
    return bytes(stream.buffer.getvalue())


def recipe(path: Path) -> dict[str, Any]:
    found = provenance.read_file(path)
    assert found is not None
    return found


def test_a_picture_comes_from_standard_input_and_goes_to_standard_output(
    tiny: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert run("colorize", photo, "-o", out, "-n", 1) == 0
    monkeypatch.setattr(sys, "stdin", pipe(photo.read_bytes()))
    assert run("colorize", "-", "-o", tmp_path / "in", "-n", 1, "--json") == 0
    assert reports(capsys)["-"]["outputs"] == [str(tmp_path / "in" / "stdin.1.jpg")]
    assert (tmp_path / "in" / "stdin.1.jpg").read_bytes() == (out / "photo.1.jpg").read_bytes()
    stream = pipe()
    monkeypatch.setattr(sys, "stdin", pipe(photo.read_bytes()))
    monkeypatch.setattr(sys, "stdout", stream)
    assert run("colorize", "-", "-o", "-", "-n", 1) == 0
    assert sent(stream) == (out / "photo.1.jpg").read_bytes()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-o", "-"], "give one input, and -n 1"),
        (["-o", "-", "-n", 1, "--json"], "leave out --json"),
        (["-o", "out", "--sample", 3, "-n", 2], "-n 2: --sample names 1; leave out one of them"),
        (["-o", "-", "--engine", "ray", "-n", 1], "--engine local"),
        (["-o", "out", "--engine", "ray", "--name", "{k}.{stem}"], "leave it out"),
        (["-o", "out", "--engine", "ray", "--dry-run"], "use --engine local"),
        (["-o", "out", "--name", "{stem}"], "expected {stem} and {k}"),
        (["-o", "out", "--name", "{stem} {k}.JPG"], "leave out .JPG, which --format gives"),
        (["-o", "-", "-n", 1, "--dry-run"], "name a folder with -o"),
    ],
    ids=str,
)
def test_what_does_not_go_together(
    tiny: Path, photo: Path, given: list[Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("colorize", photo, *given) == 2
    assert said in capsys.readouterr().err


def test_what_streams_cannot_hold(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", pipe(b"no picture"))
    assert run("colorize", "-", "-o", tmp_path / "out") == 1
    assert "standard input: " in capsys.readouterr().err
    pages = [Image.fromarray(colourful(20, 20 + i)) for i in range(2)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    monkeypatch.setattr(sys, "stdout", pipe())
    assert run("colorize", tmp_path / "scan.tif", "-o", "-", "-n", 1) == 1
    assert "holds one picture, not the 2 pages" in capsys.readouterr().err


def test_a_captions_sample_comes_back(tiny: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("colorize", photo, "-o", out, "-n", 3) == 0
    k = recipe(out / "photo.3.jpg")["k"]
    assert run("colorize", photo, "-o", tmp_path / "one", "--sample", k) == 0
    assert names(tmp_path / "one") == {"photo.1.jpg", "photo.sheet.jpg"}
    assert (tmp_path / "one" / "photo.1.jpg").read_bytes() == (out / "photo.3.jpg").read_bytes()
    assert run("colorize", photo, "-o", tmp_path / "most", "--sample", -1, "--sample", 7) == 0
    assert [recipe(tmp_path / "most" / f"photo.{i}.jpg")["k"] for i in (1, 2)] == [-1, 7]


def test_info_of_a_result_makes_it_again(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, given = tmp_path / "out", ["--hint", "9,9=#ff0000", "--diversity", 0.7, "--seed", 4]
    assert run("colorize", photo, "-o", out, "-n", 2, "--saturation", 1.5, *given) == 0
    capsys.readouterr()
    result = out / "photo.2.jpg"
    assert run("info", result, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["seed"] == 4
    assert run("colorize", photo, "-o", tmp_path / "again", *facts["options"]) == 0
    assert (tmp_path / "again" / "photo.1.jpg").read_bytes() == result.read_bytes()
    capsys.readouterr()
    assert run("info", result) == 0
    said = capsys.readouterr().out
    assert "artificial colour by manyhues" in said
    assert "again: manyhues colorize INPUT -o OUT --method flow --seed 4 --sample" in said
    assert run("info", out / "photo.sheet.jpg") == 0
    assert "contact sheet" in capsys.readouterr().err
    assert run("info", photo) == 1
    assert run("info", tmp_path / "none.jpg") == 1


def test_a_preset_gives_way_to_what_is_given(tiny: Path, photo: Path, tmp_path: Path) -> None:
    made = {}
    choices: dict[str, list[Any]] = {
        "varied": ["--preset", "Varied"],
        "same": ["--diversity", 1],
        "own": ["--preset", "varied", "--diversity", 0.7],
        "plain": [],
    }
    for name, options in choices.items():
        assert run("colorize", photo, "-o", tmp_path / name, "-n", 1, *options) == 0
        made[name] = (tmp_path / name / "photo.1.jpg").read_bytes()
    assert made["varied"] == made["same"] != made["plain"] == made["own"]
    assert run("colorize", photo, "-o", tmp_path / "x", "--preset", "nonsense") == 2


def test_defaults_of_ones_own(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('[colorize]\nn = 2\nsheet = false\nformat = "TIF"\npreset = "varied"\n')
    assert run("--config", config, "colorize", photo, "-o", tmp_path / "a") == 0
    assert names(tmp_path / "a") == {"photo.1.tiff", "photo.2.tiff"}
    assert f"defaults are from {config}" in capsys.readouterr().err
    assert recipe(tmp_path / "a" / "photo.1.tiff")["diversity"] == 1
    assert run("--config", config, "colorize", photo, "-o", tmp_path / "b", "-n", 1) == 0
    assert names(tmp_path / "b") == {"photo.1.tiff"}
    for text, said in (
        ("[colorize]\nnonsense = 1\n", "no option 'nonsense'; choose from address"),
        ("[nonsense]\n", "expected tables of options"),
        ("n = 1\n", "expected tables of options"),
        ("[", "not a TOML file"),
        ("[colorize]\nn = true\n", "Invalid value for '-n'"),
    ):
        config.write_text(text)
        assert run("--config", config, "colorize", photo, "-o", tmp_path / "c") == 2
        assert said in capsys.readouterr().err
    assert run("--config", tmp_path / "none.toml", "info") == 2


def test_a_dry_run_writes_nothing(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photo.parent / "text.jpg").write_text("no picture")
    out = tmp_path / "out"
    command = ("colorize", photo.parent, "-o", out, "-n", 2)
    assert run(*command, "--dry-run") == 1
    said = capsys.readouterr()
    assert said.out == f"{photo} -> {out / 'photo.1.jpg'} to {out / 'photo.2.jpg'}\n"
    assert "text.jpg" in said.err
    assert not out.exists()
    assert run(*command, "--json") == 1
    done = reports(capsys)
    assert run(*command, "--dry-run", "--json") == 1
    planned = reports(capsys)
    for name in done:
        assert planned[name]["outputs"] == done[name]["outputs"]
    assert planned["photo.jpg"]["skipped"]


def test_how_large_a_picture_may_be_is_known_before_any_work(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("colorize", photo, "-o", tmp_path / "out", "--dry-run")
    assert run(*command, "--max-pixels", 100) == 1
    assert "over the limit" in capsys.readouterr().err
    assert run(*command) == 0


def test_words_in_any_case_and_other_names_of_formats(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--pick", "Random", "--method", "VAE-MDN", "--engine", "LOCAL", "--format=TIF"]
    assert run("colorize", photo, "-o", tmp_path, "-n", 1, "--no-sheet", *words) == 0
    assert (tmp_path / "photo.1.tiff").exists()
    assert run("colorize", photo, "-o", tmp_path, "-n", 1, "--format", "JPEG") == 0
    assert (tmp_path / "photo.1.jpg").exists()
    capsys.readouterr()
    assert run("colorize", "-h") == 0
    assert "album: calm, for old photographs" in " ".join(capsys.readouterr().out.split())
    assert arguments.spelt(["--name", "jpeg", "tif"]) == ["--name", "jpeg", "tif"]


def test_files_that_look_like_options_and_tables(
    tiny: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-dash.jpg").write_bytes(photo.read_bytes())
    assert run("colorize", "-dash.jpg", "-o", "out") == 2
    said = capsys.readouterr().err
    assert "-dash.jpg: looks like an option; the file is named by ./-dash.jpg" in said
    assert run("colorize", "./-dash.jpg", "-o", "out", "-n", 1) == 0
    assert run("colorize", "-o", "out2", "-n", 1, "--", "-dash.jpg") == 0
    capsys.readouterr()
    assert run("colorize", "in.parquet", "-o", "out") == 2
    assert "tables are read by another engine: --engine ray" in capsys.readouterr().err
    (photo.parent / "a.parquet").touch()
    assert run("colorize", photo.parent, "-o", "out", "-n", 1) == 0
    assert "1 of kind .parquet; --engine ray reads .parquet" in capsys.readouterr().err


def test_folders_of_folders_are_left_out_on_demand(tiny: Path, photo: Path, tmp_path: Path) -> None:
    below = photo.parent / "below" / "b.jpg"
    below.parent.mkdir()
    below.write_bytes(photo.read_bytes())
    command = ("colorize", photo.parent, "-n", 1, "--no-sheet", "-o")
    assert run(*command, tmp_path / "flat", "--no-recursive") == 0
    assert names(tmp_path / "flat") == {"photo.1.jpg"}
    assert run(*command, tmp_path / "all") == 0
    assert names(tmp_path / "all") == {"photo.1.jpg", "below/b.1.jpg"}


def test_quiet_says_errors_alone(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photo.parent / "notes.txt").touch()
    out = tmp_path / "out"
    assert run("colorize", photo.parent, "-o", out, "--quiet", "--method", "mean") == 0
    assert capsys.readouterr() == ("", "")
    assert run("colorize", photo, tmp_path / "none.jpg", "-o", out, "-q") == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_threads_change_no_byte(tiny: Path, photo: Path, tmp_path: Path) -> None:
    assert run("colorize", photo, "-o", tmp_path / "a", "-n", 3) == 0
    assert run("colorize", photo, "-o", tmp_path / "b", "-n", 3, "--threads", 1) == 0
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_too_many_are_refused_with_the_bound(
    tiny: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("colorize", photo, "-o", "out", "-n", 1000000) == 2
    assert "1000" in capsys.readouterr().err.replace("1000000", "")


def test_completion_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "--install-completion" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("colorize --pi", "--pick"),
        ("colorize --pick l", "likely"),
        ("colorize --preset al", "album"),
        ("colorize --method va", "vae-mdn"),
        ("train pref", "preference"),
    ],
)
def test_a_shell_completes_words(typed: str, offered: str) -> None:
    asked = {"_MANYHUES_COMPLETE": "complete_bash", "COMP_WORDS": f"manyhues {typed}"}
    asked["COMP_CWORD"] = str(len(typed.split()))
    program = "import sys; sys.argv = ['manyhues']; from manyhues.__main__ import main; main()"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [offered], done.stderr


def test_a_closed_stream_is_said(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run("colorize", "-", "-o", tmp_path / "out") == 2
    assert "standard input is closed" in capsys.readouterr().err


def test_a_log_is_told_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lines, "EVERY", 0.0)
    tally = Tally(4)

    def work() -> Any:
        for name in ("a", "b"):
            tally.add(2)
            yield Report(name)

    batch = Batch(2, work(), Counter(), tally=tally)
    assert progress.watch(batch, "out", False) == 0
    said = capsys.readouterr().err
    assert "manyhues: colourings done: 2 of 4, pictures: 0 of 2, after 0 s" in said
    assert "manyhues: colourings done: 4 of 4, pictures: 2 of 2, after 0 s" in said
    # Coloured, and about to be told of.
    assert "colourings done: 4 of 4, pictures: 1 of 2" not in said


def test_notes_of_many_pictures_name_one_and_count_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = [Report(f"{i}.jpg", notes=["page 1 of 2 was read"]) for i in range(30)]
    batch = Batch(30, (report for report in told), Counter(), tally=Tally(30))
    progress.watch(batch, "out", False)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert lines == [
        "note: 0.jpg: page 1 of 2 was read",
        "note: page 1 of 2 was read: 29 more pictures",
    ]
    told = [Report("scan.dcm", notes=["its EXIF is gone", "cut", "its EXIF is gone"])]
    batch = Batch(1, (report for report in told), Counter(), tally=Tally(1))
    progress.watch(batch, "out", False)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert lines == ["note: scan.dcm: its EXIF is gone (2 pages)", "note: scan.dcm: cut"]


def test_progress_counts_colourings_as_they_are_written(
    tiny: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int, int]] = []
    add = Tally.add

    def told(self: Tally, done: int = 1, *, more: int = 0) -> None:
        add(self, done, more=more)
        seen.append((self.done, self.total, len(list(tmp_path.glob("out/*.jpg")))))

    monkeypatch.setattr(Tally, "add", told)
    second = photo.with_name("cut.jpg")
    second.write_bytes(photo.read_bytes()[:300])
    assert run("colorize", photo, second, "-o", tmp_path / "out", "-n", 5, "--no-sheet") == 1
    assert {total for _, total, _ in seen} == {10}
    assert {done for done, _, _ in seen} == {0, 1, 2, 3, 4, 5, 10}
    assert all(written >= done for done, _, written in seen if done <= 5)
