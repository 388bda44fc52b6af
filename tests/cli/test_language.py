"""The command line in Vietnamese: the catalogue is whole and true, and English stays as it is."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
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


def plain(text: str) -> str:
    """A message with its values alike: entries name them, and the source computes them."""
    return re.sub(r"\{[^{}]*\}", "{}", " ".join(text.split()))


def is_wordy(text: str) -> bool:
    """Whether people could read it: two words and a space, and no type."""
    return " " in text.strip() and " | " not in text and len(re.findall("[A-Za-z]{2,}", text)) > 1


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def strings(path: Path) -> Iterator[str]:
    """All strings of a module but docstrings and what `__repr__` gives."""
    passed: set[int] = set()
    for node in nodes(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            passed |= set(map(id, node.values))
        elif getattr(node, "name", "") == "__repr__":
            passed |= set(map(id, ast.walk(node)))
    texts = (template(node) for node in nodes(path) if id(node) not in passed)
    yield from map(plain, filter(None, texts))


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


# Messages of several strings, each of which stands in the source for itself.
PUT_TOGETHER = (
    "{rate} colourings/s",
    "{seconds} s/colouring",
    "{rate} frames/s",
    "{seconds} s/frame",
    "not enough memory; close other programs, or raise the limit (`ulimit -v`)",
    "an argument: is empty; leave it out, or give a value (. is this folder)",
    "{folder}: only results of an earlier run; name files to colour them",
    "{folder}: no pictures inside; give a folder that holds some",
    "{note}; named a little otherwise, because not every name can be written here",
    "{first} to {last} beside them: of a run that wanted more",
    "{name}: of {count} pages {pages}: {fault}",
    "{name}: truncated or damaged ({error}); copy it again from its source",
    "{name}: this TIFF cannot be read ({error}); save it as RGB or grey, uncompressed or with "
    "deflate",
    "its colour profile ({profile}): converted to sRGB",
    "its colour profile ({profile}): read as sRGB, at 16 bits this kind of profile is not known",
    "diversity {value} leaves one answer: all {n} results are the same",
    "{cut} of its pixels lie outside the window {low} to {high}",
    "map {name}: a rainbow shows edges where the values have none, and cannot be read in grey; "
    "viridis or batlow are safer",
    ", {count} of them made otherwise ({said})",
    "method {had}, not {wanted}",
    "seed {had}, not {wanted}",
    "diversity {had}, not {wanted}",
    "saturation {had}, not {wanted}",
    "a number from {least} to {most}",
    "a whole number from {least} to {most}",
)


def test_no_message_has_gone_from_the_source() -> None:
    """Who changes a message in English is told that its translation is lost."""
    there = {text for path in SOURCE.rglob("*.py") for text in strings(path)}
    there |= set(map(plain, helps()))
    lost = {entry for entry in TABLE if plain(entry) not in there}
    assert {entry for entry in lost if not entry.startswith(COMPLETION)} <= set(PUT_TOGETHER)
    assert set(PUT_TOGETHER) <= set(TABLE)


# What stays English, by how it begins, and why.
STAYS = {
    "errors of arguments that only programs in Python can give": (
        "module {} has no attribute",
        "array of ",
        "L* of shape",
        "L* from",
        "{}: not a picture; give a path, bytes,",
        "{}: opened as text",
        "palette picture",
        "PIL images hold 8 bits",
        "{}: Pillow misreads this TIFF layout",
        "codes of shape",
        "{} {}: expected {}, one for each code",
        "a Colorization of {}: expected",
        "a colorizer of `{}`",
        "{}: a Picture holds no colours",
        "hints {}: expected a list",
        "hint {}: expected (x, y,",
        "k {}: expected a list",
        # Values are read back in Python alone.
        "the input has no values",
        "{}: holds no scale of values",
        "{}: {} of 8 bits does not keep values",
        "the recipe's scale of values",
        "these pixels have colours that the map",
        "map {}: has {} colours for 256 steps",
        "unknown curve",
        "the general family takes any file",
    ),
    "words in results and on contact sheets, which travel": (
        "artificial colour",
        "Colour is synthetic",
        "manyhues {} (",
        "near, seed",
        "most likely {}",
        "{} of the way",
        "kept, not a picture",
        "made earlier",
        "EfficientNet-Lite2 at {} pixels, float32",  # as --json says it
    ),
    "names, and what others say": (
        "--window full",
        "BT.2100",
        "ISO_IR 192",
        "PALETTE COLOR",
        "SGI LogLuv",
        "JPEG XL",
        "lossy JPEG",
        "Arial Unicode.ttf",
        "Raw profile type",
        "xmlns:",
        "<rdf:",
        "<?xpacket",
        "(con|prn|",
        "(os error",
        "(, (?!not )",
        "default: %(default)s",
        "grid of the truth",
        "random code",
        "of kind .parquet",
        "standard input",
        "{} is none of {}.",  # in Typer's part of the catalogue
        "manyhues: stopped",  # while the command line is still being imported
        "not enough memory; close other programs, {}",  # of which the catalogue has the whole
        "out of memory",
        "enough memory",
        "insufficient memory",
        "allocate memory",
        "memory allocation",
        "failed to",
        "cannot allocate",
        "can't start new thread",
        "resource temporarily unavailable",
    ),
}


def test_every_message_has_its_entry() -> None:
    """Who adds a message is told to translate it, or to say above why it stays English."""
    entries, joined = set(map(plain, TABLE)), " ".join(map(plain, PUT_TOGETHER))
    stays = tuple(start for starts in STAYS.values() for start in starts)
    untold, used = set(), set()
    for path in SOURCE.rglob("*.py"):
        if not is_heard(path):
            continue
        for text in filter(is_wordy, strings(path)):
            start = next(filter(text.startswith, stays), None)
            if start is not None:
                used.add(start)
            elif text not in entries and text not in joined:
                untold.add(text)
    assert not untold
    assert used == set(stays)


def is_heard(path: Path) -> bool:
    """Whether what a module says can come to a terminal.

    Most of the studio answers programs, and its page translates for its readers itself. `augment`
    is for Python alone.
    """
    room, *inside = path.relative_to(SOURCE).parts
    return room != "augment.py" and (room != "studio" or inside[0] in ("server.py", "place.py"))


def test_all_help_is_translated(vietnamese: None) -> None:
    untold = [text for text in helps() if text and language.spoken(text) == text]
    assert not untold


def test_short_messages_have_their_entries_too() -> None:
    """What is said or raised, were it of one word."""
    entries, untold = {*map(plain, TABLE), "--map: {}", "--like {}"}, []
    raised = {name for name, of in vars(errors).items() if isinstance(of, type)}
    for path in filter(is_heard, SOURCE.rglob("*.py")):
        for node in nodes(path):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            text = template(node.args[0])
            if text is None or ast.unparse(node.func) not in {"say", "spoken", *raised}:
                continue
            text = plain(text)
            wordless = not re.search("[a-z]{3}", text)
            if not (wordless or is_wordy(text) or text in entries):
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


def test_the_catalogue_is_not_read_for_english(monkeypatch: pytest.MonkeyPatch) -> None:
    set_locale(monkeypatch, "LANG=en_US.UTF-8")
    monkeypatch.setattr(language, "catalogue", lambda: pytest.fail("it was read"))
    assert language.spoken("stopped") == "stopped"


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


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("a.tif: of 3 pages 2, 3: truncated or damaged (4 of 9 strips or tiles are there); "
         "copy it again from its source",
         "a.tif: trong 3 trang, trang 2, 3: bị cụt hoặc bị hỏng (chỉ còn 4 trong 9 dải hoặc ô); "
         "hãy chép lại từ nguồn"),
        ("out/a.jpg: cannot be written (No space left on device); check the folder's permissions "
         "and the free space",
         "out/a.jpg: không ghi được (đĩa đã đầy); hãy kiểm tra quyền truy cập của thư mục và "
         "chỗ trống"),
        ("out/a.jpg: cannot be written (File name too long); shorten the name",
         "out/a.jpg: không ghi được (tên quá dài); hãy rút ngắn tên"),
        ("3 existing results were kept", "3 kết quả có sẵn được giữ lại"),
        ("3 existing results were kept, 2 of them made otherwise (seed 0, not 1, no palette)",
         "3 kết quả có sẵn được giữ lại, trong đó 2 bản được tạo theo cách khác "
         "(seed 0 chứ không phải 1, không lấy bảng màu nào)"),
        ("named with its folder and suffix, because another input has the same name; named a "
         "little otherwise, because not every name can be written here",
         "tên kết quả có thêm tên thư mục và đuôi tệp, vì một đầu vào khác trùng tên; và được "
         "đổi đi một chút, vì ở đây không phải tên nào cũng ghi được"),
        ("flow.json: not a readable manifest (look: expected a whole number from 1 to 16, not 99); "
         "install manyhues again",
         "flow.json: không đọc được bản kê (look: cần một số nguyên từ 1 đến 16, không phải 99); "
         "hãy cài lại manyhues"),
        # What a library says is not half in one language and half in another.
        ("a.jpg: unexpected ValueError (decoder failed, not x and y to z); please report it",
         "a.jpg: lỗi ngoài dự kiến ValueError (decoder failed, not x and y to z); xin hãy báo lại"),
    ],
)  # fmt: skip
def test_a_value_that_is_a_message_is_told_too(message: str, said: str, vietnamese: None) -> None:
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
