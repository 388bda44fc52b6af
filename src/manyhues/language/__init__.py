"""What is said to people, in Vietnamese where the locale asks for it.

Messages are English everywhere, also deep in the library. They are translated here, where they are
printed: whole, or by the pattern of the words around their values. What has no entry in ``vi.json``
stays English, and so does all that programs read.
"""

import os
import re
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import TextIO

_CATALOGUE = Path(__file__).with_name("vi.json")
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first one that is set decides
_HOLE = re.compile(r"\{(\w+)\}")
_DECIMAL = re.compile(r"(\d+)\.(\d+)")
_MEASURED = frozenset({"gigabytes", "minutes", "need", "rate", "seconds"})  # with a decimal comma


def is_vietnamese() -> bool:
    """Whether the locale asks for Vietnamese, and the terminal can show it."""
    wanted = next((value for name in _LOCALES if (value := os.environ.get(name))), "")
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
    table: dict[str, str] = catalogue()["manyhues"]
    if text in table:
        return table[text]
    for pattern, names, translation in _patterns():
        if match := pattern.fullmatch(text):
            return _filled(translation, dict(zip(names, match.groups(), strict=True)))
    # Whoever passes a message on may have put a name before it.
    name, colon, message = text.partition(": ")
    return f"{name}: {vietnamese(message)}" if colon else text


def _filled(translation: str, values: dict[str, str]) -> str:
    """A translation with its values in their places; measured ones with a decimal comma."""

    def value(hole: re.Match[str]) -> str:
        found = values[hole[1]]
        return _DECIMAL.sub(r"\1,\2", found) if hole[1] in _MEASURED else found

    return _HOLE.sub(value, translation)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Both parts of it: our own messages, and the words of the library that reads arguments."""
    import json

    found: dict[str, dict[str, str]] = json.loads(_CATALOGUE.read_text("utf-8"))
    return found


@cache
def _patterns() -> list[tuple[re.Pattern[str], list[str], str]]:
    """Messages with values in them, those with the most words of their own first."""
    found = []
    for message, translation in catalogue()["manyhues"].items():
        words = _HOLE.split(message)
        if len(words) > 1:
            source = "(.+?)".join(map(re.escape, words[::2]))
            entry = re.compile(source, re.S), words[1::2], translation
            found.append((sum(map(len, words[::2])), entry))
    return [entry for _, entry in sorted(found, key=lambda item: -item[0])]
