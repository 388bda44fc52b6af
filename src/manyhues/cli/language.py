"""What the command line says to people, in Vietnamese where the locale asks for it.

Messages are English everywhere, also deep in the library. They are translated here, where they are
printed: whole, or by the pattern of the words around their values. What has no entry in ``vi.json``
stays English, and so does all that programs read.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TextIO

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


def spoken(text: str) -> str:
    """A message in the reader's language."""
    return _vietnamese(text) if is_vietnamese() else text


@lru_cache(maxsize=1024)
def _vietnamese(text: str) -> str:
    table: dict[str, str] = catalogue()["manyhues"]
    if text in table:
        return table[text]
    for pattern, names, translation in _patterns():
        if match := pattern.fullmatch(text):
            return _filled(translation, dict(zip(names, match.groups(), strict=True)))
    return text


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


def _framed(text: str) -> str:
    """A page of help or a usage error: the words that Typer puts around ours."""
    for pattern, words in catalogue()["typer"].items():
        text = re.sub(pattern, words, text, flags=re.M)
    return text


def _translate(command: Any) -> None:
    """All help below a command, in Vietnamese."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(_vietnamese(" ".join(text.split())) for text in paragraphs)
    for option in command.params:
        if getattr(option, "help", None):
            option.help = _vietnamese(option.help)
    for name in ("get_help", "get_usage"):
        setattr(command, name, _after(getattr(command, name)))
    for child in getattr(command, "commands", {}).values():
        _translate(child)


def _after(method: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda context: _framed(method(context))


def run(app: Any, arguments: Sequence[str]) -> None:
    """Run a Typer application in the reader's language."""
    if not is_vietnamese():
        app(list(arguments))
        return
    import typer

    command = typer.main.get_command(app)
    _translate(command)
    try:
        status = command.main(list(arguments), standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "show"):  # not of Typer's, which has no public name for its errors
            raise
        page = io.StringIO()
        error.show(page)
        print(_framed(page.getvalue()), end="", file=sys.stderr)
        status = getattr(error, "exit_code", 2)
    raise SystemExit(status or 0)
