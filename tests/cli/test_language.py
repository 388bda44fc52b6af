"""The command line in Vietnamese: the catalogue is whole and true, and English stays as it is."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import colourful
from PIL import Image

from manyhues import errors, language
from manyhues.cli import main as cli

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "manyhues"
TABLE = language.catalogue()["manyhues"]
HOLE = re.compile(r"\{\w+\}")
COMPLETION = ("Install completion", "Show completion")  # of Typer, whose source is not read
VIETNAMESE = re.compile("[ăâđêôơưạảấầậắặẻếềểệỉịọỏốồổộớờởợụủứừửữựỳỹ]", re.I)


def template(node: ast.AST) -> str | None:
    """A string of the source, with `{}` where a value is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return "".join(map(str, parts))


def strings() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        yield from filter(None, map(template, ast.walk(ast.parse(text))))


def commands(command: Any) -> Iterator[Any]:
    yield command
    for child in getattr(command, "commands", {}).values():
        yield from commands(child)


def helps() -> Iterator[str]:
    for command in commands(typer.main.get_command(cli.app)):
        yield from (" ".join(text.split()) for text in (command.help or "").split("\n\n"))
        yield from (option.help for option in command.params if getattr(option, "help", None))


@pytest.fixture
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    set_locale(monkeypatch, "LANG=vi_VN.UTF-8")


@pytest.mark.parametrize("message", TABLE)
def test_a_translation_has_the_same_values(message: str) -> None:
    assert TABLE[message].strip()
    assert sorted(HOLE.findall(TABLE[message])) == sorted(HOLE.findall(message))


def test_no_message_has_gone_from_the_source() -> None:
    """Who changes a message in English is told that its translation is lost."""
    texts = set(strings()) | set(helps())
    with_values = [text.split("{}") for text in texts if "{}" in text]

    def is_there(message: str) -> bool:
        if message in texts or message.startswith(COMPLETION):
            return True
        own = len(HOLE.sub("", message))
        return any(
            2 * sum(map(len, words)) > own  # most of its letters are the source's
            and all(word in message for word in words)
            and re.fullmatch("(?:.+?)".join(map(re.escape, words)), message, re.S)
            for words in with_values
        )

    lost = [message for message in TABLE if not is_there(message)]
    # Put together of two strings, which stand in the source each for itself.
    assert lost == [
        "{rate} colourings/s",
        "{seconds} s/colouring",
        "{rate} frames/s",
        "{seconds} s/frame",
    ]


def test_all_help_is_translated(vietnamese: None) -> None:
    untold = [text for text in helps() if text and language.spoken(text) == text]
    assert not untold


def rooms_of_the_verbs() -> Iterator[Path]:
    """What is printed and raised there is read by whoever typed a verb.

    The studio's other modules answer programs, and the page translates for its readers itself.
    """
    for room in ("cli", "training", "evaluation"):
        yield from (SOURCE / room).rglob("*.py")
    yield from (SOURCE / "studio" / name for name in ("server.py", "place.py"))


def test_all_that_the_verbs_say_is_translated(vietnamese: None) -> None:
    untold = []
    raised = {name for name, of in vars(errors).items() if isinstance(of, type)}
    for path in rooms_of_the_verbs():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = ast.unparse(node.func)
            text = template(node.args[0])
            if text is None or name not in {"say", "spoken", *raised}:
                continue
            filled = text.replace("{}", "<value>")
            wordless = not re.search("[a-z]{3}", text.replace("{}", ""))
            if not wordless and language.spoken(filled) == filled:
                untold.append(text)
    assert not untold


def test_typers_words_are_patterns() -> None:
    for pattern, words in language.catalogue()["typer"].items():
        groups = re.compile(pattern).groups
        assert all(int(number) <= groups for number in re.findall(r"\\(\d)", words)), pattern


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES", "LANG")}
    clean |= {"PYTHONUTF8": "1", "COLUMNS": "100"} | environment
    command = [sys.executable, "-m", "manyhues", *arguments]
    return subprocess.run(command, env=clean, capture_output=True, encoding="utf-8", check=False)


LOCALES = {
    "LANG=vi_VN.UTF-8": True,
    "LC_ALL=vi": True,
    "LANG=en_US.UTF-8 LC_MESSAGES=vi_VN": True,
    "": False,
    "LANG=C.UTF-8": False,
    "LANG=fr_FR.UTF-8": False,
    "LANG=vi_VN.UTF-8 LC_ALL=C": False,
    "LANG=video": False,
}


def set_locale(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for setting in locale.split():
        monkeypatch.setenv(*setting.split("="))


@pytest.mark.parametrize("locale", LOCALES)
def test_which_locales_ask(locale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_locale(monkeypatch, locale)
    assert language.is_vietnamese() == LOCALES[locale]


def test_what_a_terminal_cannot_show_is_english(
    vietnamese: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert not language.is_vietnamese()


def test_help_where_the_locale_asks() -> None:
    said = run("--help", LANG="vi_VN.UTF-8").stdout
    assert "Cách dùng: " in said
    assert "Nhiều cách tô màu hợp lý cho một tấm ảnh xám." in said
    assert not re.search("Usage|Options|Show this|default:", said)


def test_english_is_untouched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Typer prints by itself, to the letter."""
    set_locale(monkeypatch, "LANG=en_US.UTF-8")
    pages = []
    for show in (cli.main, cli.app):
        with pytest.raises(SystemExit) as stop:
            show(["colorize", "--help"])
        assert stop.value.code == 0
        pages.append(capsys.readouterr().out)
    assert pages[0] == pages[1]
    assert "Usage: " in pages[0]
    assert not VIETNAMESE.search(pages[0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("colorize", "thiếu tham số 'INPUT'."),
        ("colorize x", "thiếu tuỳ chọn '--out' / '-o'."),
        ("colorize x -o", "tuỳ chọn '-o' cần một giá trị."),
        ("colorize x -o y --nope", "không có tuỳ chọn --nope"),
        ("colorize x -o y -n a", "giá trị của '-n' không hợp lệ: cần một số nguyên"),
        ("colorize x -o y -n 0", "giá trị của '-n' không hợp lệ: cần từ 1 trở lên"),
        ("colorize x -o y --diversity z", "cần một số"),
        ("colorize x -o y --pick z", "'z' không nằm trong 'diverse', 'likely', 'random'."),
        ("colorize x -o y --preset q", "'q' không nằm trong album, varied."),
        ("nope", "không có lệnh 'nope'."),
        ("studio a", "thừa tham số (a)"),
        ("colorize x -o y --hint 3", "gợi ý '3': cần X,Y=#RRGGBB, chẳng hạn 120,80=#b03030"),
        ("colorize x -o y --method nope", "--method nope: không có; hãy chọn trong"),
        ("colorize s3://x -o y", "s3://x: URL do bộ máy khác đọc và ghi: --engine ray"),
    ],
)
def test_wrong_usage(
    arguments: str, said: str, vietnamese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments.split())
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert said in printed.err
    assert not printed.out


def test_a_batch(
    tiny: Path, tmp_path: Path, vietnamese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(colourful(40, 50)).save(tmp_path / "gif.gif")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    inputs = [str(tmp_path / "gif.gif"), str(tmp_path / "bad.jpg"), str(tmp_path / "none.png")]
    given = ["colorize", *inputs, "-o", str(tmp_path / "out"), "-n", "1", "--json"]
    with pytest.raises(SystemExit) as stop:
        cli.main(given)
    printed = capsys.readouterr()
    assert stop.value.code == 1
    assert "đã tô màu 1 đầu vào, ghi vào" in printed.err
    assert "; 2 bị lỗi" in printed.err
    assert "ảnh GIF được ghi thành PNG" in printed.err
    assert "none.png: không có tệp này; hãy kiểm tra lại tên" in printed.err
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert not any(VIETNAMESE.search(str(row)) for row in rows)  # for programs
    assert any("no such file; check the spelling" in str(row["error"]) for row in rows)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("runs/a: 7 steps: not a model; give it more --minutes, --resume goes on from here",
         "runs/a: 7 bước: chưa thành mô hình; hãy cho thêm --minutes, --resume chạy tiếp từ đây"),
        ("--like aunt.jpg: the picture given as palette is grey; give one with colour",
         "--like aunt.jpg: ảnh đưa làm bảng màu là ảnh xám; hãy đưa ảnh có màu"),
        ("flow: the method returned NaN or infinite colour for seed 3; export its weights again",
         "flow: phương pháp trả về màu NaN hoặc vô hạn với seed 3; hãy xuất lại trọng số của nó"),
        ("a: b: nobody translated this", "a: b: nobody translated this"),
    ],
)  # fmt: skip
def test_a_message_that_is_passed_on_has_a_name_before_it(
    message: str, said: str, vietnamese: None
) -> None:
    assert language.spoken(message) == said


def test_training_says_in_vietnamese_what_goes_wrong(
    tmp_path: Path, vietnamese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="NO TORCH: pip install 'manyhues[train]'")
    missing = str(tmp_path / "none")
    for arguments, status, part in (
        (("train", "mean", "--data", missing, "--out", str(tmp_path / "run")), 1,
         "không có tệp hay thư mục này; hãy kiểm tra lại --data"),
        (("train", "mean", "--data", missing, "--out", str(tmp_path / "run"), "--minutes", "0"), 2,
         "--minutes 0: không có thời gian thì không học được gì"),
        (("export", missing), 1, "chưa có bản lưu nào; hãy huấn luyện trước"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            cli.main(list(arguments))
        assert stop.value.code == status
        assert part in capsys.readouterr().err


def test_the_studio_greets_in_vietnamese(
    vietnamese: None, capsys: pytest.CaptureFixture[str]
) -> None:
    server = pytest.importorskip("manyhues.studio.server", reason="NO STUDIO: install the extra")
    server._greet("0.0.0.0", 8400, None, Path("kept"))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "manyhues: xưởng màu ở http://0.0.0.0:8400 (Ctrl-C để dừng)"
    assert said[1] == "manyhues: ảnh và kết quả được giữ trong kept"
    assert said[2].startswith("manyhues: cảnh báo: ai đến được 0.0.0.0 cũng dùng được xưởng này")


def test_values_come_through_as_they_are(vietnamese: None) -> None:
    name = "{album} (1.5)\\d+: [x].jpg"
    said = language.spoken(f"{name}: no such file; check the spelling")
    assert said == f"{name}: không có tệp này; hãy kiểm tra lại tên"
    said = language.spoken("3 coloured into out.1.5 in 12.5 s")
    assert said == "đã tô màu 3 đầu vào, ghi vào out.1.5, trong 12,5 giây"
    assert language.spoken("something that nobody translated") == "something that nobody translated"
