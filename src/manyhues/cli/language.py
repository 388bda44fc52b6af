"""A Typer application in the reader's language: its help, and what it says of wrong usage."""

import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from manyhues.language import catalogue, is_vietnamese, vietnamese


def _framed(text: str) -> str:
    """A page of help or a usage error: the words that Typer puts around ours."""
    for pattern, words in catalogue()["typer"].items():
        text = re.sub(pattern, words, text, flags=re.M)
    return text


def _translate(command: Any) -> None:
    """All help below a command, in Vietnamese."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(vietnamese(" ".join(text.split())) for text in paragraphs)
    for option in command.params:
        if getattr(option, "help", None):
            option.help = vietnamese(option.help)
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
