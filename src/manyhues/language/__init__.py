"""What is said to people, in Vietnamese where the locale asks for it.

Messages are English everywhere, also deep in the library. They are translated here, where they are
printed: whole, or by the pattern of the words around their values. What has no entry in ``vi.json``
stays English, and so does all that programs read.
"""

import itertools
import os
import re
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple, TextIO

_CATALOGUE = Path(__file__).with_name("vi.json")
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first one that is set decides
_HOLE = re.compile(r"\{(\w+)\}")
_DECIMAL = re.compile(r"(\d+)\.(\d+)")
_MEASURED = frozenset({"cut", "free", "gigabytes", "minutes", "need", "rate", "room", "seconds"})
# Values that are messages themselves, or words of the system's.
_WORDS = frozenset(
    {
        "digest",
        "done",
        "error",
        "expected",
        "fault",
        "had",
        "how",
        "note",
        "otherwise",
        "parts",
        "place",
        "profile",
        "reason",
        "remedy",
        "said",
        "wanted",
        "what",
    }
)
_JOINT = re.compile(r"(, (?!not )| and )")  # between several of them


def is_vietnamese() -> bool:
    """Whether the locale asks for Vietnamese, and the terminal can show it."""
    wanted = next((value for name in _LOCALES if (value := os.environ.get(name))), "")
    if wanted and not re.match(r"(C|POSIX)\b", wanted):  # as gettext has it
        wanted = os.environ.get("LANGUAGE") or wanted
    return re.match(r"vi\b|vi_", wanted, re.I) is not None and all(map(_shows, _streams()))


def _streams() -> tuple[TextIO, ...]:
    return sys.stdout, sys.stderr


def _shows(stream: TextIO) -> bool:
    try:
        "ữ".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def say(message: str) -> None:
    """One line for people, on standard error."""
    print(f"manyhues: {spoken(' '.join(message.split()))}", file=sys.stderr, flush=True)


def spoken(text: str) -> str:
    """A message in the reader's language."""
    return vietnamese(text) if is_vietnamese() else text


@lru_cache(maxsize=1024)
def vietnamese(text: str) -> str:
    """A message in Vietnamese; as it is where the catalogue has no line for it."""
    for part in ("manyhues", "system"):
        if text in catalogue()[part]:
            return catalogue()[part][text]
    found = [(match, one) for one in _patterns() if (match := one.pattern.fullmatch(text))]
    if found:  # of several, the one that takes least for a name: more than it may be a message
        match, one = min(found, key=lambda pair: len(pair[0][1]) if pair[1].opens else 0)
        return _filled(one.translation, dict(zip(one.names, match.groups(), strict=True)))
    # Whoever passes a message on may have put a name before it.
    name, colon, message = text.partition(": ")
    return f"{name}: {vietnamese(message)}" if colon else text


def _filled(translation: str, values: dict[str, str]) -> str:
    """A translation with its values in their places; measured ones with a decimal comma."""

    def value(hole: re.Match[str]) -> str:
        found = values[hole[1]]
        if hole[1] in _WORDS:
            return _told(found)
        return _DECIMAL.sub(r"\1,\2", found) if hole[1] in _MEASURED else found

    return _HOLE.sub(value, translation)


def _told(value: str) -> str:
    """A value in Vietnamese if it is a message, also one that lacks its name, or several words."""
    parts = _JOINT.split(value)
    said = [vietnamese(part) for part in parts]
    if len(parts) > 1 and all(map(str.__ne__, parts[::2], said[::2])):
        return "".join(said)
    whole = vietnamese(value)
    return whole if whole != value else vietnamese(f"-: {value}").removeprefix("-: ")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Its parts: our own messages, and the words of the argument library and of the system."""
    import json

    found: dict[str, dict[str, str]] = json.loads(_CATALOGUE.read_text("utf-8"))
    return found


class _Entry(NamedTuple):
    """A message with values in it; `opens` says whether it begins with one."""

    pattern: re.Pattern[str]
    names: list[str]
    translation: str
    opens: bool


@cache
def _patterns() -> list[_Entry]:
    """Messages with values in them, those with the most words of their own first."""
    found = []
    for message, translation in catalogue()["manyhues"].items():
        words = _HOLE.split(message)
        if len(words) > 1:
            words[::2] = map(re.escape, words[::2])
            holes = [r"(\d+)" if name == "count" else "(.*?)" for name in words[1::2]]
            parts = itertools.chain(*zip(words[::2], (*holes, ""), strict=True))
            pattern = re.compile("".join(parts), re.S)
            entry = _Entry(pattern, words[1::2], translation, not words[0])
            found.append((sum(map(len, words[::2])), entry))
    return [entry for _, entry in sorted(found, key=lambda item: -item[0])]
