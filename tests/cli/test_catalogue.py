"""The catalogue is whole: every message has its Vietnamese entry, and every entry its message."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from manyhues import errors, language
from manyhues.cli import main as cli

SOURCE = Path(__file__).parents[2] / "src" / "manyhues"
TABLE = language.catalogue()["manyhues"]
HOLE = re.compile(r"\{\w+\}")
COMPLETION = ("Install completion", "Show completion")  # of Typer, whose source is not read


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
        ", page {} of {}",
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
        "tint of the truth",
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


# Nouns in the plural after a value that is never one, or after "of so many".
NEVER_ONE = {
    "{rate} colourings/s": "a unit",
    "{rate} frames/s": "a unit",
    "{rate} pictures/s": "a unit",
    "{name}: frame {done} of {total}, {rate} frames/s, {left}": "a unit",
    "{note} ({count} pages)": "said of two or more",
    "{count} more pictures": "said of two or more",
    "{count} existing results were kept{otherwise}": "said of two or more",
    "{method} has one answer: all {n} results are the same": "said of two or more",
    "diversity {value} leaves one answer: all {n} results are the same": "said of two or more",
    "only the first of its {count} pictures was read": "said of two or more",
    "standard output: holds one picture, not the {count} pages of this one; name a folder "
    "with -o": "said of two or more",
    "{name}: of {count} pages {pages}: {fault}": "said of two or more",
    "a batch of {size} cannot be cut into {pieces} pieces ({count} for processes x {accumulate} "
    "to accumulate); take fewer, or a larger batch_size": "said of two or more",
    "{name}: {count} workers died on it; colour it alone to see why, or leave it out": "a limit",
    "no {judge} share: grey ({grey}) is no further than the real-to-real floor ({floor}); {count} "
    "pictures a half are too few": "a least",
    "{count} of {all} bytes are there": "a file of one has another fault",
    "{name}: has {count} frames, over the limit of {limit}; split it first": "above a limit",
}
COUNTS = "all|count|done|draws|examples|n|pieces|pictures|samples|step|total"
COUNTED = re.compile(rf"\{{({COUNTS})\}}(?: (?!(?:is|was) )[a-z]+)? (?!is |was )[a-z]{{2,}}s\b")


def test_nothing_is_one_pictures() -> None:
    """Who counts in a message says it for one as well, or so that it fits any number."""
    assert {entry for entry in TABLE if COUNTED.search(entry)} <= set(NEVER_ONE)
    assert set(NEVER_ONE) <= set(TABLE)


def is_heard(path: Path) -> bool:
    """Whether what a module says can come to a terminal.

    Most of the studio answers programs, and its page translates for its readers itself. `augment`
    is for Python alone.
    """
    room, *inside = path.relative_to(SOURCE).parts
    return room != "augment.py" and (room != "studio" or inside[0] in ("server.py", "place.py"))


def test_all_help_is_translated() -> None:
    untold = [text for text in helps() if text and language.vietnamese(text) == text]
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
