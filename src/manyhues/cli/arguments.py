"""Arguments before Typer reads them."""

import glob
import re
from pathlib import Path

from manyhues.errors import UsageError
from manyhues.image import names

SYNONYMS = {"jpeg": "jpg", "tif": "tiff"}  # of formats
_HINT = re.compile(r"-?\d+,-?\d+(@[\d.]+)?=")


def repeat_options(arguments: list[str]) -> list[str]:
    """``--data A B`` and ``--hint A B`` as ``--data A --data B``, which Typer understands."""
    out: list[str] = []
    option = ""
    for argument in arguments:
        is_hint = _HINT.match(argument) is not None
        if is_hint if option == "--hint" else option and not argument.startswith("-"):
            out += [argument] if out[-1] == option else [option, argument]
            continue
        option = argument if argument in ("--data", "--hint") else ""
        out.append(argument)
    return out


def spelt(arguments: list[str]) -> list[str]:
    """Formats under their other names as the ones that are known."""
    out: list[str] = []
    for argument in arguments:
        name, joined, value = argument.rpartition("=")
        if out and out[-1] == "--format":
            argument = SYNONYMS.get(argument.lower(), argument)
        elif name == "--format":
            argument = name + joined + SYNONYMS.get(value.lower(), value)
        out.append(argument)
    return out


def expanded(arguments: list[str]) -> list[str]:
    """Patterns as the files that they match: shells do that, but not those of Windows."""
    if not names.WINDOWS:
        return arguments
    out: list[str] = []
    for argument in arguments:
        is_pattern = re.search(r"[*?]", argument) and not argument.startswith("-")
        found = sorted(glob.glob(argument.replace("[", "[[]"))) if is_pattern else []  # noqa: PTH207
        out += found or [argument]
    return out


def refuse_dashes(arguments: list[str]) -> None:
    """A file whose name begins with a dash looks like an option; say how to name it."""
    for argument in arguments:
        if argument == "--":
            return
        if re.match("-.", argument) and "=" not in argument and Path(argument).is_file():
            raise UsageError(f"{argument}: looks like an option; the file is named by ./{argument}")


def refuse_empty(arguments: list[str]) -> None:
    """An empty path would be the current folder, which ``-o "$FORGOTTEN"`` does not mean."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name, is_joined, value = argument.partition("=")
        if argument.strip() and (not name.startswith("--") or not is_joined or value.strip()):
            continue
        option = name.strip() or (before if before.startswith("-") else "an argument")
        raise UsageError(f"{option}: is empty; leave it out, or give a value (. is this folder)")
