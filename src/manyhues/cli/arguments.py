"""Arguments before Typer reads them."""

import re

from manyhues.errors import UsageError

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


def refuse_empty(arguments: list[str]) -> None:
    """An empty path would be the current folder, which ``-o "$FORGOTTEN"`` does not mean."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name, is_joined, value = argument.partition("=")
        if argument.strip() and (not name.startswith("--") or not is_joined or value.strip()):
            continue
        option = name.strip() or (before if before.startswith("-") else "an argument")
        raise UsageError(f"{option}: is empty; leave it out, or give a value (. is this folder)")
