"""Names that every file system takes: Windows' rules, macOS' accents, and how long they may be."""

import ntpath
import os
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhues.batch.options import check_name
from manyhues.errors import UsageError
from manyhues.image import names

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
ACCENT = "Việt Nam é ü ß"


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("photo", "photo"),
        ("con", "con_"),
        ("NUL.txt", "NUL_.txt"),
        ("aux .jpg", "aux_.jpg"),
        ("COM1.jpg", "COM1_.jpg"),
        ("lpt³", "lpt³_"),
        ("CONIN$", "CONIN$_"),
        ("COM10.jpg", "COM10.jpg"),
        ("console", "console"),
        ("economy con", "economy con"),
        ('<who>: "me|you"? *', "_who__ _me_you__ _"),
        ("a\\b\x1f", "a_b_"),
        ("end.", "end_"),
        ("end. .", "end_"),
        ("...", "_"),
        (ACCENT, ACCENT),
    ],
)
def test_windows_rules(given_name: str, expected: str) -> None:
    assert names.portable(given_name) == expected


@given(NAMES)
def test_what_windows_takes_is_kept_and_the_rest_is_mended_for_good(name: str) -> None:
    mended = names.portable(name)
    assert names.portable(mended) == mended
    assert not set(mended) & set('<>:"/\\|?*')
    assert mended == mended.rstrip(" .")
    assert not is_reserved(mended)


def is_reserved(name: str) -> bool:
    """Python's own judge of names on Windows."""
    newer = getattr(ntpath, "isreserved", None)  # from 3.13 on, where the older one warns
    return bool(newer(name)) if newer else PureWindowsPath(name).is_reserved()


@pytest.mark.parametrize("letter", ["x", "é", "写", "🎞"])
def test_long_stems_are_cut_between_letters_and_stay_apart(letter: str) -> None:
    stem = letter * 250
    cut = names.fitting(stem)
    assert len(os.fsencode(cut)) <= names.STEM
    kept, tilde, mark = cut.rpartition("~")
    assert (set(kept), tilde, len(mark)) == ({letter}, "~", 8)
    assert len(os.fsencode(cut)) > names.STEM - 4  # no more is cut than must be
    assert names.fitting(f"{stem}1") != names.fitting(f"{stem}2")
    short = "x" * names.STEM
    assert names.fitting(short) == short
    for end in (".1000.dicom", ".sheet.jpg", ".1000.jpeg"):
        assert len(os.fsencode(cut + end)) <= 255


def test_names_that_are_no_text_are_cut_too() -> None:
    stem = os.fsdecode(b"\xff" * 250)
    assert len(os.fsencode(names.fitting(stem))) <= names.STEM
    assert names.fitting(stem) != names.fitting(stem + "1")


@given(NAMES)
def test_case_and_the_coding_of_accents_make_no_difference(name: str) -> None:
    one = names.folded(name)
    for form in ("NFC", "NFD"):
        assert names.folded(unicodedata.normalize(form, name)) == one
    assert names.folded(one) == one


def test_case() -> None:
    assert names.folded("IMG_É.JPG") == names.folded("img_e\N{COMBINING ACUTE ACCENT}.jpg")
    assert names.folded("img1") != names.folded("img2")


def test_stems_stay_as_they_are_here_and_are_mended_on_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_stem = PurePosixPath("trip. /C:/who?/con.2 .")
    monkeypatch.setattr(names, "WINDOWS", False)
    assert names.of_results(given_stem) == given_stem
    assert names.of_results(PurePosixPath("a\0b")) == PurePosixPath("a_b")
    monkeypatch.setattr(names, "WINDOWS", True)
    assert names.of_results(given_stem).as_posix() == "trip_/C_/who_/con_.2 ."
    assert names.stem_of("scan .jpg") == "scan "  # whose results end in their suffix
    assert names.stem_of("nul.jpg") == "nul_"


@pytest.mark.parametrize("pattern", ["{stem}:{k}", "{stem}?{k}", "con.{stem}.{k}"])
def test_patterns_that_windows_does_not_take(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colon would hide the pictures in a stream of a file that is empty."""
    monkeypatch.setattr(names, "WINDOWS", False)
    check_name(pattern)
    monkeypatch.setattr(names, "WINDOWS", True)
    check_name("{stem}.{k}")
    with pytest.raises(UsageError, match="Windows takes"):
        check_name(pattern)
