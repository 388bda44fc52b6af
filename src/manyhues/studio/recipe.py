"""The lines that make a result again outside the studio; each action knows its own."""

import shlex
from collections.abc import Mapping

from manyhues.studio.actions.base import Origin, changed


def command(results: Mapping[str, Origin], rid: str, name: str) -> str | None:
    """The command line of whose results it is one; None where there is no such verb."""
    made, method = results[rid].made, results[rid].method
    drawn = made.action.command(made, results)
    if drawn is None:
        return None
    options = changed(drawn.options)
    words = ["manyhues", "colorize", _path(name), "-o", "out", "-n", str(options.pop("n"))]
    words += ["--method", method]
    hints = options.pop("hints", ())
    for key, value in options.items():
        words += [f"--{key}", _path(value) if key == "like" else str(value)]
    for x, y, colour in hints:
        words += ["--hint", f"{x},{y}={colour}"]
    return shlex.join(words)


def _path(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name


def python(results: Mapping[str, Origin], rid: str, name: str, page: int = 1) -> str:
    """Python lines that make this one result of a page, whatever it was made from."""
    picture = repr(name) if page == 1 else f"Picture.pages({name!r})[{page - 1}]()"
    lines = [
        "import manyhues",
        *(["from manyhues.image.picture import Picture"] if page > 1 else []),
        "",
        f"colorizer = manyhues.Colorizer.load({results[rid].method!r})",
        f"scene = colorizer.encode({picture})",
    ]
    names: dict[str, str] = {}

    def build(one: str) -> str:
        if one in names:
            return names[one]
        made = results[one].made
        bases = [build(parent) for parent in made.of]
        names[one] = "result" if one == rid else f"step{len(names) + 1}"
        lines.append(f"{names[one]} = {made.action.python(made, bases)}")
        return names[one]

    build(rid)
    return "\n".join([*lines, 'result.save("out")', ""])
