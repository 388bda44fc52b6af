"""Bad input through the real command line: one line each, the rest done, nothing partial."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from test_picture import bomb

from manyhues.image.names import stem_of

Command = Any


# One process imports all that the commands need, which takes a second; each runs in a copy of it.
COPIES = """
import json, os, sys, warnings
from pathlib import Path
import manyhues.batch.local, manyhues.cli.progress, manyhues.colorizer, manyhues.video
import manyhues.evaluation.evaluate
from manyhues.cli.main import main
from manyhues.model import manifest, onnx
onnx.runtime()
for line in sys.stdin:
    folder, before, arguments, *told = json.loads(line)
    with warnings.catch_warnings(action="ignore"):  # of threads of numpy's, which are not used yet
        copy = os.fork()
    if copy == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)
else:
    sys.exit()
for number, path in enumerate((os.devnull, *told)):
    os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
os.chdir(folder)
manifest.WEIGHTS = Path(sys.argv[1])
exec(before)
main(arguments)
"""


@pytest.fixture(scope="module")
def copies(weights: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", COPIES, weights],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


@pytest.fixture
def command(
    copies: subprocess.Popen[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Command:
    """Runs `manyhues` with the tiny weights in a process of its own, in `tmp_path`."""

    def run(*arguments: Any, before: str = "") -> subprocess.CompletedProcess[str]:
        told = [tmp_path_factory.mktemp("told") / name for name in ("out", "err")]
        given = [str(tmp_path), before, [*map(str, arguments)], *map(str, told)]
        assert copies.stdin
        assert copies.stdout
        print(json.dumps(given), file=copies.stdin, flush=True)
        status = int(copies.stdout.readline())
        out, err = (path.read_text("utf-8", "replace") for path in told)
        assert "Traceback" not in err
        assert "Warning" not in err
        return subprocess.CompletedProcess([*map(str, arguments)], status, out, err)

    return run


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "good.jpg"
    path.parent.mkdir()
    Image.fromarray(colourful(40, 50)).save(path)
    return path


def test_every_fault_is_one_line_and_the_rest_is_done(
    command: Command, good: Path, tmp_path: Path
) -> None:
    folder = good.parent
    data = good.read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "text.jpg").write_text("no picture\n" * 9)
    (folder / "empty.png").touch()
    (folder / "bomb.png").write_bytes(bomb("PNG"))
    (folder / "loop.jpg").symlink_to("loop.jpg")
    Image.fromarray(np.ones((9, 9), np.float32)).save(folder / "float.tif")
    Image.new("L", (1, 1), 90).save(folder / "one.png")
    long_output, too_long = "x" * 250, "y" * 300
    (folder / f"{long_output}.jpg").write_bytes(data)
    (tmp_path / "none").mkdir()
    faults = {
        "in/cut.jpg": "damaged",
        "in/text.jpg": "not a picture",
        "in/empty.png": "empty (0 bytes)",
        "in/bomb.png": "30000 x 30000 pixels are over the limit",
        "in/loop.jpg": "cannot be read",
        "in/float.tif": "no fixed white point",
        too_long: "cannot be read",
        "missing.jpg": "no such file",
        "none": "no pictures inside",
    }
    done = command(
        "colorize", "in", too_long, "missing.jpg", "none", "-o", "out", "-n", 2, "--json"
    )
    assert done.returncode == 1
    found = {report["input"]: report for report in map(json.loads, done.stdout.splitlines())}
    assert set(found) == {*faults, "in/good.jpg", "in/one.png", f"in/{long_output}.jpg"}
    for name, fault in faults.items():
        error = found[name]["error"]
        assert fault in error
        assert name in error
        assert ";" in error  # fault; remedy
        assert f"  {error}" in done.stderr.splitlines()
    stems = {"good": "jpg", "one": "png", stem_of(long_output): "jpg"}  # the last one cut to fit
    whole = {f"{stem}.{k}.{suffix}" for stem, suffix in stems.items() for k in (1, 2)}
    assert {p.name for p in (tmp_path / "out").iterdir()} == whole | {
        f"{stem}.sheet.jpg" for stem in stems
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_output_folder_that_cannot_be(
    command: Command, good: Path, tmp_path: Path, as_json: bool
) -> None:
    done = command("colorize", good, good.parent, "-o", good / "out", *["--json"] * as_json)
    assert done.returncode == 1
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == as_json
    for fault in [report["error"] for report in reports] or done.stderr.splitlines():
        assert "choose another output folder" in fault


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--like", "in/text.jpg"), "--like in/text.jpg: not a picture"),
        (("--like", "in/grey.png"), "--like in/grey.png: the picture given as palette is grey"),
        (("--like", "nowhere.png"), "--like nowhere.png: no such file"),
        (("--like", "z" * 300), "cannot be read"),
        (("--hint", "1,1=mauvish"), "hint 1,1=mauvish: not a colour; write it as #rrggbb"),
        (("--method", "oracle"), "--method oracle: not present; choose from flow"),
    ],
)
def test_wrong_arguments_are_said_once(
    command: Command, good: Path, tmp_path: Path, arguments: tuple[str, str], fault: str
) -> None:
    (good.parent / "text.jpg").write_text("no picture")
    Image.new("RGB", (9, 9), (70, 70, 70)).save(good.parent / "grey.png")
    done = command("colorize", good, "in/grey.png", "-o", "out", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert fault in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_limit_in_pixels_is_the_user_s(command: Command, good: Path, tmp_path: Path) -> None:
    width, height = 50, 40
    limit = width * height
    done = command("colorize", good, "-o", "out", "-n", 1, "--max-pixels", limit - 1)
    assert done.returncode == 1
    assert f"{width} x {height} pixels are over the limit" in done.stderr
    assert "raise --max-pixels" in done.stderr
    done = command("colorize", good, "-o", "out", "-n", 1, "--max-pixels", limit)
    assert done.returncode == 0
    assert list((tmp_path / "out").iterdir())


def test_a_hint_outside_one_picture_names_it(command: Command, good: Path) -> None:
    Image.fromarray(colourful(20, 20)).save(good.parent / "small.png")
    done = command("colorize", "in", "-o", "out", "-n", 1, "--hint", "45,3=#b03030")
    assert done.returncode == 1
    assert "in/small.png: hint 45,3=#b03030: outside the picture" in done.stderr


def test_a_palette_of_one_pixel(command: Command, good: Path, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "red.png")
    done = command(
        "colorize", good, "-o", "out", "-n", 1, "--like", "red.png", "--format", "png", "--no-sheet"
    )
    assert done.returncode == 0
    rgb = np.asarray(Image.open(tmp_path / "out" / "good.1.png")).astype(int)
    assert (rgb[..., 0] - rgb[..., 1]).mean() > 30


def test_names_that_are_not_text(command: Command, good: Path) -> None:
    """Names in an old encoding are bytes that no terminal can print."""
    name = os.fsencode(good.parent) + b"/caf\xe9.jpg"
    try:
        Path(os.fsdecode(name)).write_bytes(good.read_bytes())
    except OSError:
        pytest.skip("this file system wants UTF-8")
    done = command("colorize", "in", "-o", "out", "-n", 1, "--json")
    assert done.returncode == 0
    assert [json.loads(line)["error"] for line in done.stdout.splitlines()] == [None, None]


def test_names_of_every_kind(command: Command, good: Path, tmp_path: Path) -> None:
    """Line feeds, escape sequences, other scripts, and names as long as the system takes."""
    folder, data = good.parent, good.read_bytes()
    good.unlink()
    stems = ["line\nfeed", "\x1b[31mred", "-n", "ảnh cũ 写真 🎞", "é" * 122]
    for stem in stems:
        (folder / f"{stem}.jpg").write_bytes(data)
    (folder / "cut\noff.jpg").write_bytes(data[:99])
    done = command("colorize", "in", "-o", "out", "-n", 1, "--format", "png")
    assert done.returncode == 1
    assert "cut?off.jpg: damaged" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert "\x1b" not in done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{s}.{x}" for s in stems for x in ("1.png", "sheet.jpg")}


def test_pipes_and_loops_in_a_folder(command: Command, good: Path, tmp_path: Path) -> None:
    os.mkfifo(good.parent / "pipe.jpg")  # reading it would never end
    (good.parent / "up").symlink_to("..")
    (good.parent / "here").symlink_to(".")
    done = command("colorize", "in", "-o", "out", "-n", 1, "--no-sheet")
    assert done.returncode == 0
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["good.1.jpg"]


def test_a_full_disk(command: Command, good: Path, tmp_path: Path) -> None:
    """The system's own refusal, in the middle of a file."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))"
    done = command("colorize", good, "-o", "out", "-n", 2, before=code)
    assert done.returncode == 1
    assert "out/good.1.jpg: cannot be written (File too large); check" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="wants a folder closed to root too")
def test_a_folder_that_takes_no_files(command: Command, good: Path) -> None:
    done = command("colorize", good, "-o", "/proc", "-n", 2)
    assert done.returncode == 1
    assert "/proc/good.1.jpg: cannot be written" in done.stderr
    assert "check the folder's permissions" in done.stderr


def test_evaluate(command: Command, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert command("evaluate", "--data", "none", "--method", "oracle").returncode == 2
    done = command("evaluate", "--data", "none", "--method", "cvae, flow")
    assert done.returncode == 1
    assert "none: no pictures" in done.stderr.splitlines()[-1]


def test_pages_of_a_file_with_the_longest_name(
    command: Command, good: Path, tmp_path: Path
) -> None:
    good.unlink()
    page = Image.new("L", (20, 30), 90)
    page.save(good.parent / f"{'x' * 244}.tif", save_all=True, append_images=[page])
    done = command("colorize", "in", "-o", "out", "-n", 1, "--no-sheet")
    assert done.returncode == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(written) == 2
    assert all(len(name) <= 255 and name.endswith(".1.tif") for name in written)
