"""``manyhues info PICTURE``: what made a result, and the options that make it again."""

import json
import shlex
from pathlib import Path
from typing import Any

from manyhues.batch.plan import is_film
from manyhues.errors import PictureError
from manyhues.image import provenance
from manyhues.image.source import read
from manyhues.image.values import ends_of, is_all_levels
from manyhues.language import say, spoken
from manyhues.video import encode

_OPTIONS = {"method": "--method", "seed": "--seed", "k": "--sample"}
_CHANGED = {"diversity": "--diversity", "saturation": "--saturation"}


def show(path: Path, as_json: bool) -> None:
    """Print a result's recipe and its options to standard output. Raises `PictureError`."""
    film = is_film(path)
    recipe = encode.recipe(path) if film else provenance.read(read(path).data)
    if recipe is None:
        raise PictureError(
            f"{path}: does not say that manyhues made it; "
            "BMP results never do, nor results that another program has saved again"
        )
    options, lacking = command_of(recipe)
    if film:
        options = ["--seed", str(recipe["seed"])]
        lacking = ["a film names no other options; give those that it was made with as well"]
    if as_json:
        print(json.dumps({"picture": str(path), **recipe, "options": options, "lacks": lacking}))
        return
    said = f"{path}: artificial colour by manyhues {recipe.get('version', '(unknown)')}"
    print(spoken(said))
    for name, value in recipe.items():
        if name != "version":
            print(f"  {name}: {value if isinstance(value, str) else json.dumps(value)}")
    if options:
        print(spoken(f"again: manyhues colorize INPUT -o OUT {shlex.join(options)}"))
    for what in lacking:
        say(what)


def command_of(recipe: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The options of `manyhues colorize` that make a sample again, and what they cannot say."""
    if recipe.get("sheet"):
        return [], ["a contact sheet shows several results; ask one of those"]
    if "near" in recipe or "between" in recipe:
        return [], ["made from other results; Colorizer.vary and blend make it, in Python"]
    window: list[str] = []
    lacking: list[str] = []
    if (ends := ends_of(recipe)) is not None:
        low, high = ends
        both = (repr(end).removesuffix(".0") for end in ((low + high) / 2, high - low))
        window = ["--window", ",".join(both)]
        if is_all_levels(recipe):
            lacking, window = [f"of a DICOM file, give {' '.join(window)} as well"], []
    if "map" in recipe:
        return ["--map", str(recipe["map"]), *window], lacking
    if not {"method", "seed", "k"} <= recipe.keys():
        return [], ["no options of `manyhues colorize` make it"]
    options = window
    for key, flag in _OPTIONS.items():
        options += [flag, str(recipe[key])]
    for key, flag in _CHANGED.items():
        if key in recipe:
            options += [flag, f"{recipe[key]:g}"]
    for x, y, colour in recipe.get("hints", []):
        options += ["--hint", f"{x},{y}={colour}"]
    if "like" in recipe:
        lacking.append(f"give the same --like as well; its picture has the {recipe['like']}")
    return options, lacking
