"""The command line as a program sees it: standard output, exit status, files."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.batch.local import run as folders_run
from manyhues.batch.options import Options
from manyhues.batch.plan import plan
from manyhues.cli import arguments
from manyhues.cli import main as cli
from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.sampling import hints


def run(*arguments: Any) -> int:
    """Exit status of the command."""
    try:
        cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def reports(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    lines = capsys.readouterr().out.splitlines()
    return {Path(r["input"]).name: r for r in map(json.loads, lines)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder: two good pictures, one below, and one of each fault."""
    root = tmp_path / "in"
    (root / "deep" / "er").mkdir(parents=True)
    Image.fromarray(colourful(40, 50)).save(root / "a.jpg")
    Image.fromarray(colourful(30, 20)).convert("L").save(root / "deep" / "er" / "b.png")
    (root / "empty.jpg").touch()
    (root / "text.jpg").write_text("no picture\n" * 9)
    data = (root / "a.jpg").read_bytes()
    (root / "cut.jpg").write_bytes(data[: len(data) // 2])
    (root / "notes.txt").write_text("not a picture, and not asked to be one")
    return root


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_folder_with_faults(
    tiny: Path, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("colorize", tree, tmp_path / "missing.png", "-o", out, "-n", 2, "--json") == 1
    found = reports(capsys)
    assert set(found) == {"a.jpg", "b.png", "empty.jpg", "text.jpg", "cut.jpg", "missing.png"}
    good = found["a.jpg"]
    assert set(good) >= {"input", "outputs", "sheet", "seeds", "seconds", "error"}
    assert good["outputs"] == [str(out / "a.1.jpg"), str(out / "a.2.jpg")]
    assert good["sheet"] == str(out / "a.sheet.jpg")
    assert len(good["seeds"]) == 2
    assert good["error"] is None
    for bad in ("empty.jpg", "text.jpg", "cut.jpg", "missing.png"):
        assert bad in found[bad]["error"]
        assert ";" in found[bad]["error"]  # fault; remedy
        assert found[bad]["outputs"] == []
        assert found[bad]["sheet"] is None
    assert names(out) == {
        *(f"a.{x}.jpg" for x in ("1", "2", "sheet")),
        *(f"deep/er/b.{x}" for x in ("1.png", "2.png", "sheet.jpg")),
    }
    with Image.open(out / "deep" / "er" / "b.1.png") as image:
        assert image.size == (20, 30)


def test_messages_go_to_standard_error(
    tiny: Path, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("colorize", tree, "-o", tmp_path / "out", "-n", 1) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3 failed" in captured.err
    assert "empty.jpg" in captured.err
    assert "Traceback" not in captured.err


def test_an_empty_argument_is_refused_by_name(
    tiny: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = names(tmp_path)
    for given, named in (
        ((photo, "-o", ""), "-o"),
        ((photo, "-o", " "), "-o"),
        ((photo, "--out="), "--out"),
        (("", "-o", "out"), "an argument"),
        ((photo, "-o", "out", "--like", ""), "--like"),
    ):
        assert run("colorize", *given) == 2
        assert f"{named}: is empty; leave it out, or give a value" in capsys.readouterr().err
    assert names(tmp_path) == before


def test_one_file_given_twice_is_one_input(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("colorize", photo, photo.parent, photo, "-o", tmp_path / "o", "-n", 1, "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_output_inside_the_input_is_not_read_again(tiny: Path, tree: Path) -> None:
    assert run("colorize", tree, "-o", tree / "out", "-n", 1) == 1
    before = names(tree)
    assert run("colorize", tree, "-o", tree / "out", "-n", 1) == 1
    assert names(tree) == before
    assert run("colorize", tree, "-o", tree) == 2


def test_every_page(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "scan.tif", tmp_path / "out"
    pages = [Image.fromarray(colourful(20, 20 + i)).convert("L") for i in range(2)]
    pages[0].save(source, save_all=True, append_images=pages[1:])
    assert run("colorize", source, "-o", out, "-n", 1, "--json") == 0
    assert names(out) == {f"scan.p{p}.{x}" for p in (1, 2) for x in ("1.tif", "sheet.jpg")}
    assert len(reports(capsys)["scan.tif"]["outputs"]) == 2


def test_options_reach_the_sampler(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ("colorize", photo, "-n", 1, "--no-sheet", "--format", "png", "--pick", "random")
    written = {}
    for name, options in {
        "plain": (),
        "seed": ("--seed", 3),
        "method": ("--method", "cvae"),
        "diversity": ("--diversity", 0.2),
        "saturation": ("--saturation", 0.3),
        "hint": ("--hint", "10,10=#ff0000", "90,60=#0000ff"),
        "like": ("--like", photo.with_name("like.png")),
    }.items():
        palette = np.zeros((9, 9, 3), np.uint8)
        palette[:5] = (200, 30, 30)
        Image.fromarray(palette).save(photo.with_name("like.png"))
        assert run(*base, *options, "-o", tmp_path / name) == 0
        written[name] = (tmp_path / name / "photo.1.png").read_bytes()
    assert len(set(written.values())) == len(written)


def test_mean_says_that_its_answers_are_one(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("colorize", photo, "-o", tmp_path / "out", "-n", 2, "--method", "mean") == 0
    assert "one answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--hint", "12"),
        ("-n", "0"),
        ("--pick", "best"),
        ("--format", "gif"),
        ("--engine", "nonsense"),
        ("--like", "nowhere.png"),
        ("--saturation", "-1"),
        ("--seed", "9" * 30),
        ("--nonsense",),
    ],
)
def test_wrong_usage(tiny: Path, photo: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run("colorize", photo, "-o", tmp_path / "out", *arguments) == 2
    assert not (tmp_path / "out").exists()


def test_faults_of_the_whole_run_are_one_line(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("colorize", photo) == 2  # no -o
    capsys.readouterr()
    assert run("colorize", photo, "-o", photo / "out") == 1  # its parent is a file
    assert run("colorize", photo, "-o", tmp_path / "out", "--method", "oracle") == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("colorize", empty, "-o", tmp_path / "out") == 1
    errors = capsys.readouterr().err.splitlines()
    assert "choose another output folder" in errors[0]
    assert "choose from flow" in errors[1]
    assert "no pictures inside" in errors[-1]


def test_info(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["default"] == "flow"
    assert set(facts["methods"]) == {"flow", "vae-mdn", "cvae", "cgan", "mean"}
    assert facts["methods"]["cvae"]["trained"]["note"] == "a test double"
    assert facts["runtimes"]["onnxruntime"]
    assert run("info") == 0
    assert "vae-mdn" in capsys.readouterr().out


def test_info_goes_on_after_a_damaged_manifest(
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(weights, folder)
    (folder / "flow.json").write_text("{")
    monkeypatch.setattr("manyhues.model.manifest.WEIGHTS", folder)
    assert run("info", "--json") == 1
    facts = json.loads(capsys.readouterr().out)
    assert set(facts["methods"]) == {"vae-mdn", "cvae", "cgan", "mean"}
    assert "flow.json: not a readable manifest" in facts["damaged"]["flow"]
    assert run("info") == 1
    captured = capsys.readouterr()
    assert "vae-mdn" in captured.out
    assert "install manyhues again" in captured.err
    (folder / "mean.prior.onnx").unlink()
    assert run("info") == 1
    assert "mean.prior.onnx: the file is missing; install manyhues again" in capsys.readouterr().err


def test_training_verbs_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run("train", "vae", "--data", "a", "b", "--out", "c") == 2
    assert run("export", "c") == 2
    assert capsys.readouterr().err.count("pip install 'manyhues[train]'") == 2


def test_several_values_after_one_option() -> None:
    spread = arguments.repeat_options
    assert spread(["train", "--data", "a", "b", "--out", "c"]) == (
        ["train", "--data", "a", "--data", "b", "--out", "c"]
    )
    assert spread(["x", "--hint", "1,2=#fff", "3,4=#000", "in.png"]) == (
        ["x", "--hint", "1,2=#fff", "--hint", "3,4=#000", "in.png"]
    )
    assert spread(["x", "--hint"]) == ["x", "--hint"]


def test_parse_hint() -> None:
    assert hints.parse_hint("120,80=#b03030") == (120, 80, "#b03030")
    with pytest.raises(UsageError, match="expected X,Y=#RRGGBB"):
        hints.parse_hint("120x80")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for its memory")
def test_memory_stays_flat_over_many_pictures(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(240):
        Image.fromarray(colourful(90, 120, i)).save(folder / f"{i:03}.jpg", quality=30)
    jobs = plan([folder], tmp_path / "out")
    colorizer = Colorizer.load("mean", weights, threads=1)
    held = []
    for report in folders_run(colorizer, jobs, tmp_path / "out", Options(n=1, sheet=False)):
        assert report.error is None
        held.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20)
    assert max(held[200:]) - max(held[60:80]) < 4  # MiB; the pictures' L* alone would be 6


def test_a_full_disk_leaves_nothing_partial(
    tiny: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run("colorize", photo, "-o", tmp_path / "out", "-n", 2) == 1
    assert names(tmp_path / "out") == set()


def test_ctrl_c_leaves_nothing_partial(weights: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = (
        "import sys; from pathlib import Path; import manyhues.model.manifest as m;"
        f"m.WEIGHTS = Path({str(weights)!r});"
        "from manyhues.cli.main import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "colorize", str(photo), "-o", str(out)]
    command += ["-n", "600", "--pick", "random", "--no-sheet"]
    # A shell without job control has its background processes ignore SIGINT; undo that.
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and not (out.is_dir() and any(out.glob("*.jpg"))):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=240)[1]
    assert process.returncode == 130
    assert "goes on from there" in errors
    assert "Traceback" not in errors
    written = list(out.iterdir())
    assert 0 < len(written) < 600
    for path in written:
        assert path.suffix == ".jpg"
        with Image.open(path) as image:
            image.load()


def _seconds_beyond_bare(arguments: str) -> float:
    """Processor time of a fresh process up to its exit, less that of Python itself."""
    code = "import atexit, sys, time; atexit.register(lambda: print(time.process_time()))\n"
    found = []
    for more in (arguments, ""):
        command = [sys.executable, "-c", code + more]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(float(done.stdout.splitlines()[-1]))
    return found[0] - found[1]


@pytest.mark.parametrize(
    ("code", "most"),
    [
        ("import manyhues", 0.3),
        ("sys.argv[1:] = ['--help']; from manyhues.__main__ import main; main()", 0.5),
    ],
)
def test_start_is_quick(code: str, most: float) -> None:
    """In processor time, which other work on the machine stretches little: the least of five."""
    assert any(_seconds_beyond_bare(code) < most for _ in range(5))
