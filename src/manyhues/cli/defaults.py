"""Defaults of options: a user's own file of them, and presets for what people have at hand."""

import tomllib
from pathlib import Path
from typing import Any

import typer

from manyhues.cli.arguments import SYNONYMS
from manyhues.errors import UsageError

PRESETS: dict[str, dict[str, Any]] = {
    "album": {"diversity": 0.7},  # old photographs: what was counted on them
    "varied": {"diversity": 1.0},  # as trained: more variety, and more faults
}


def own_file() -> Path:
    """Where a user's defaults lie, if there are any."""
    return Path(typer.get_app_dir("manyhues")) / "config.toml"


def read(path: Path, options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Defaults by verb and parameter, from a TOML with a table for each verb.

    `options` are each verb's options by the names that they have there (`options_of`).
    Raises `UsageError`.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file ({error}); mend it, or move it away") from None
    found: dict[str, dict[str, Any]] = {}
    for verb, table in tables.items():
        if verb not in options or not isinstance(table, dict):
            every = ", ".join(f"[{known}]" for known in options)
            raise UsageError(f"{path}: {verb}: expected tables of options: {every}")
        for name, value in table.items():
            if name not in options[verb]:
                known = ", ".join(sorted(options[verb]))
                raise UsageError(f"{path}: [{verb}] has no option {name!r}; choose from {known}")
            option = options[verb][name]
            if isinstance(value, bool) and not option.is_flag:
                value = str(value)  # which is refused, where True would count as 1
            spelt = SYNONYMS.get(str(value).lower(), value) if name == "format" else value
            found.setdefault(verb, {})[option.name] = spelt
    return found


def options_of(command: Any) -> dict[str, Any]:
    """The options of a verb by what a file of defaults calls them: without dashes in front."""
    return {
        flag.lstrip("-"): option
        for option in command.params
        if option.param_type_name == "option" and option.name != "help"
        for flag in option.opts
    }


def preset(context: typer.Context, name: str | None) -> str | None:
    """Set a preset's options; what is given on the command line goes first."""
    if name is not None:
        wanted = name.lower()
        if wanted not in PRESETS:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(PRESETS)}.")
        context.default_map = {**(context.default_map or {}), **PRESETS[wanted]}
    return name
