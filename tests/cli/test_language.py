"""The command line in Vietnamese where the locale asks; English stays as it is."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import colourful
from PIL import Image

from manyhues import language
from manyhues.cli import main as cli

NAMES = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")
VIETNAMESE = re.compile("[ăâđêôơưạảấầậắặẻếềểệỉịọỏốồổộớờởợụủứừửữựỳỹ]", re.I)


@pytest.fixture
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    set_locale(monkeypatch, "LANG=vi_VN.UTF-8")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in NAMES}
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
    "LANG=en_US.UTF-8 LANGUAGE=vi:en": True,  # as gettext has it
    "LANG=vi_VN.UTF-8 LANGUAGE=en": False,
    "LANG=C.UTF-8 LANGUAGE=vi": False,
    "LANGUAGE=vi": False,
}


def set_locale(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    for name in NAMES:
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


@pytest.mark.parametrize("locale", ["C.UTF-8", "vi_VN.UTF-8"])
def test_what_a_verb_does_fits_into_its_line(locale: str) -> None:
    """Of 80 columns, as a pipe has; what does not fit is cut."""
    said = run("--help", LANG=locale, COLUMNS="80").stdout
    assert "recover" in said
    assert not re.search(r"\w\.\.\.$", said, re.M)


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
        ("runs/a: still at step 7: not a model; give it more --minutes, --resume goes on from here",
         "runs/a: mới ở bước 7: chưa thành mô hình; hãy cho thêm --minutes, "
         "--resume chạy tiếp từ đây"),
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
        ("a.tif: of 3 pages 2, 3: truncated or damaged (strips or tiles there: 4 of 9); "
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
        ("1 existing result was kept", "1 kết quả có sẵn được giữ lại"),
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
         "không có tệp hay thư mục này; hãy kiểm tra lại tên"),
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


@pytest.mark.parametrize(("spoken", "said"), [("C.UTF-8", "stopped"), ("vi_VN.UTF-8", "đã dừng")])
def test_a_verb_that_is_stopped_says_so(
    spoken: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Typer alone would end without a word."""

    def stop(what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("manyhues.cli.tools.need_torch", stop)
    monkeypatch.setenv("LC_ALL", spoken)
    with pytest.raises(SystemExit) as ended:
        cli.main(["recover", "--out", "nowhere"])
    assert ended.value.code == 130
    assert capsys.readouterr().err == f"manyhues: {said}\n"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("pictures: 1,000, samples of each: 8", "số ảnh: 1,000, số mẫu mỗi ảnh: 8"),
        ("examples to train on: 1,240", "huấn luyện trên 1,240 ví dụ"),
        ("film.mp4: takes up to about 1.2 GB of disk while it is made",
         "film.mp4: trong lúc tô cần đến khoảng 1,2 GB chỗ trống trên đĩa"),
    ],
)  # fmt: skip
def test_large_numbers_are_told_too(message: str, said: str, vietnamese: None) -> None:
    assert language.spoken(message) == said
