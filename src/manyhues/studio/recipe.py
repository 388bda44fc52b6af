"""How a result came about, and the lines that make it again outside the studio."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

HintValue = tuple[int, int, str]


@dataclass(frozen=True)
class Made:
    """One result's origin: result number `index` of a call with these options.

    kind  ``sample``, ``vary``, ``blend`` or ``steer``, as the methods of `Colorizer`
    of    ids of the results that it was made from
    """

    kind: str
    index: int = 0
    of: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class Origin(Protocol):
    """What a recipe needs to know of a result."""

    method: str
    made: Made


_DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "pick": "diverse",
    "diversity": 1.0,
    "saturation": 1.0,
    "hints": (),
    "like": None,
}


def _changed(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from the defaults, and the seed, which one wants to see."""
    return {k: v for k, v in options.items() if k == "seed" or _DEFAULTS.get(k, ...) != v}


def command(results: Mapping[str, Origin], rid: str, name: str) -> str | None:
    """The command line whose result number `index` + 1 it is; None where there is no such verb.

    A steered sample is drawn again with its hints, which then sway the rest of the picture too.
    """
    made, method = results[rid].made, results[rid].method
    steering: dict[str, Any] = {}
    if made.kind == "steer":
        steering = dict(made.options)
        made = results[made.of[0]].made
    if made.kind != "sample":
        return None
    options = _changed({**made.options, **steering})
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


def python(results: Mapping[str, Origin], rid: str, name: str) -> str:
    """Python lines that make this one result, whatever it was made from."""
    lines = [
        "import manyhues",
        "",
        f"colorizer = manyhues.Colorizer.load({results[rid].method!r})",
        f"scene = colorizer.encode({name!r})",
    ]
    names: dict[str, str] = {}

    def build(one: str) -> str:
        if one in names:
            return names[one]
        made = results[one].made
        bases = "".join(f", {build(parent)}" for parent in made.of)
        values = _changed(made.options) if made.kind == "sample" else made.options
        options = "".join(f", {key}={_plain(value)}" for key, value in values.items())
        names[one] = "result" if one == rid else f"step{len(names) + 1}"
        pick = "" if made.kind == "steer" else f"[{made.index}]"
        lines.append(f"{names[one]} = colorizer.{made.kind}(scene{bases}{options}){pick}")
        return names[one]

    build(rid)
    return "\n".join([*lines, 'result.save("out")', ""])


def _plain(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
