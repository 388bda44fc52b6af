"""``--show``: a sheet in the terminal, or the reason why not."""

import io
import os
import select
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image
from rich.console import Console
from test_cli import run

from manyhues.cli import terminal as show


def terminal(encoding: str = "utf-8", **options: Any) -> Console:
    settings: dict[str, Any] = {
        "force_terminal": True,
        "color_system": "truecolor",
        "width": 40,
    } | options
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding), **settings)


def printed(console: Console) -> str:
    file: Any = console.file
    file.flush()
    return str(file.buffer.getvalue(), "utf-8")


def test_half_blocks_hold_two_pixels_each() -> None:
    console = terminal(width=2)
    image = Image.new("RGB", (2, 2), (255, 0, 0))
    image.paste((0, 0, 255), (0, 1, 2, 2))
    console.print(show.half_blocks(image, 2))
    text = printed(console)
    assert text.count("▀") == 2
    assert "38;2;255;0;0;48;2;0;0;255" in text


def test_a_sheet_is_as_wide_as_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "sheet.jpg"
    Image.fromarray(colourful(60, 90)).save(path)
    console = terminal(width=40)
    show.show(path, console)
    lines = printed(console).splitlines()
    assert len(lines) == round(60 * 40 / 90 / 2)
    assert {line.count("▀") for line in lines} == {40}


@pytest.mark.parametrize(
    ("console", "reason"),
    [
        (terminal(), ""),
        (terminal(force_terminal=False), "is no terminal"),
        (terminal(color_system=None), "shows no colours"),
        (terminal(no_color=True), "shows no colours"),
        (terminal("latin-1"), "has no block characters"),
    ],
)
def test_what_stands_against_it(console: Console, reason: str) -> None:
    assert reason in show.hindrance(console)
    assert bool(reason) == bool(show.hindrance(console))


def test_it_says_that_the_output_is_no_terminal(
    tiny: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("colorize", photo, "-o", out, "-n", 1, "--show") == 0
    error = capsys.readouterr().err
    assert "--show: standard error is no terminal; the sheets are files in" in error
    assert "▀" not in error
    assert run("colorize", photo, "-o", out, "-n", 1, "--show", "--no-sheet") == 2
    assert "leave out --no-sheet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, "▀"),
        ({b"\x1b[c": b"\x1b[?62;4c"}, "\x1bP"),  # "I do sixel"
        ({b"a=q": b"\x1b_Gi=4211;OK\x1b\\"}, "\U0010eeee"),  # kitty's placeholder
    ],
    ids=["half blocks", "sixel", "kitty"],
)
def test_in_a_real_terminal(
    weights: Path, photo: Path, tmp_path: Path, answers: dict[bytes, bytes], expected: str
) -> None:
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    if answers:
        pytest.importorskip("textual_image")
    code = (
        "import sys; from pathlib import Path; import manyhues.model.manifest as m;"
        f"m.WEIGHTS = Path({str(weights)!r});"
        "from manyhues.cli.main import main; main(sys.argv[1:])"
    )
    command = ["colorize", str(photo), "-o", str(tmp_path / "out"), "-n", "1", "--show"]
    child, master = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(sys.executable, [sys.executable, "-c", code, *command])
    if answers:
        termios.tcsetwinsize(master, (50, 100))
    output = b""
    while select.select([master], [], [], 30)[0]:
        try:
            data = os.read(master, 1 << 16)
        except OSError:  # how Linux says that the other end has closed
            break
        if not data:
            break
        output += data
        for question, answer in answers.items():
            if question in data:
                os.write(master, answer)
    assert os.waitpid(child, 0)[1] == 0
    text = output.decode(errors="replace")
    assert expected in text
    assert "1 coloured into" in text
    assert "Traceback" not in text
