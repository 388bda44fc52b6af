"""Results that are there already: which options made them, and which are left over."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from manyhues.batch.options import Options
from manyhues.batch.plan import recipe_of
from manyhues.color.maps import color_map
from manyhues.colorization import Colorization, output_paths
from manyhues.colorizer import Colorizer
from manyhues.image import files, provenance
from manyhues.image.encode import graded
from manyhues.image.picture import Picture
from manyhues.image.values import Ends, ends_of, is_all_levels
from manyhues.model.priors import Prior
from manyhues.sampling.hints import as_rrggbb, as_text
from manyhues.sampling.palette import digest
from manyhues.video.provenance import hints_of

Recipe = Mapping[str, Any]
# What a recipe leaves out is as these; a key that is in neither is not compared.
_UNSAID: dict[str, Any] = {
    **{"diversity": 1, "saturation": 1, "hints": []},
    **{"like": None, "map": None, "values": None, "quality": None},
}
_KEYS = ("input", "method", "seed", "k", *_UNSAID)
_ANOTHER = "another picture"


def asked(colorizer: Colorizer, options: Options) -> dict[str, Any]:
    """The recipe that all of a picture's results will share, before it is looked at."""
    if options.map:
        return {"map": color_map(options.map).name}
    return {
        "method": colorizer.method,
        "seed": options.seed,
        "diversity": options.diversity,
        "saturation": options.saturation,
        "hints": [[x, y, as_rrggbb(colour)] for x, y, colour in options.hints],
        "like": None if options.palette is None else digest(options.palette),
    }


def differences(made: Recipe, wanted: Recipe) -> list[str]:
    """What one recipe has otherwise than another that is wanted, in words."""
    found = []
    for key in _KEYS:
        ours, theirs = _of(wanted, key), _of(made, key)
        if ours == theirs or (key not in wanted and key not in _UNSAID):
            continue
        if key == "input":  # nothing else of the two compares
            if key in made:  # results of earlier versions do not say it
                return [_ANOTHER]
            continue
        if key not in ("map", "quality") and bool(made.get("map")) != bool(wanted.get("map")):
            continue  # a map draws nothing, so nothing else of the two compares
        if key == "values":
            words = f"window {_window(theirs)}, not {_window(ours)}"
        elif key == "map":
            words = f"map {theirs or 'none'}, not {ours or 'none'}"
        elif key == "quality":
            words = f"quality {theirs or 'as usual'}, not {ours or 'as usual'}"
        elif key == "like":
            words = "another palette" if theirs else "no palette"
        elif key == "hints":
            shown = [" ".join(map(as_text, hints)) or "none" for hints in (theirs, ours)]
            words = f"hints {shown[0]}, not {shown[1]}"
        else:
            old, new = (f"{v:g}" if isinstance(v, float) else v for v in (theirs, ours))
            words = f"{'sample' if key == 'k' else key} {old}, not {new}"
        found.append(words)
    return found


def _of(recipe: Recipe, key: str) -> Any:
    """What a recipe says; of the scale of its values the ends alone, which a window gives."""
    if key == "values":
        return None if is_all_levels(recipe) else ends_of(recipe)
    return recipe.get(key, _UNSAID.get(key))


def _window(ends: Ends | None) -> str:
    return "none" if ends is None else f"{ends[0]:g} to {ends[1]:g}"


def of_films(
    paths: Sequence[Path], source: Path, colorizer: Colorizer, options: Options
) -> list[str]:
    """Notes on a film's versions, all of which are there: as `of_files` of pictures."""
    wanted = asked(colorizer, options) | {"hints": hints_of(options.of_film)}
    wanted |= provenance.of_input(provenance.digest_file(source))
    return _noted([recipe_of(path) for path in paths], wanted, colorizer, options)


def of_files(
    paths: Sequence[Path],
    told: Callable[[], str],
    format_: str,
    colorizer: Colorizer,
    options: Options,
    read: Callable[[], Picture],
) -> list[str]:
    """Notes on results, all that are wanted, that were made otherwise than now.

    `told` gives the digest of the file that they are to be of. The picture itself is read only
    where values are shown: its window is what they are of.
    """
    recipes = [recipe_of(path) for path in paths]
    wanted = asked(colorizer, options) | graded(format_, options.quality)
    wanted |= provenance.of_input(told())
    if options.window is not None or any("values" in recipe for recipe in recipes if recipe):
        scale = read().scale
        wanted |= {} if scale is None else {"values": scale.as_dict()}
    return _noted(recipes, wanted, colorizer, options)


def _noted(
    recipes: Sequence[Recipe | None], wanted: Recipe, colorizer: Colorizer, options: Options
) -> list[str]:
    found: dict[str, None] = {}
    for recipe in recipes:
        found |= dict.fromkeys(differences(recipe, wanted) if recipe else ())
    numbers = [None if recipe is None else recipe.get("k") for recipe in recipes]
    if not found and None not in numbers:
        found |= dict.fromkeys(_choice(numbers, colorizer, options))
    if not found:
        return []
    if _ANOTHER in found:
        return [
            "made of another picture of that name, or of this one before it was changed, and kept; "
            "choose another folder (-o), or replace them (--overwrite)"
        ]
    return [
        f"made with other options ({', '.join(found)}), and kept; "
        "choose another folder (-o), or replace them (--overwrite)"
    ]


def of_earlier(
    result: Colorization, earlier: Mapping[int, Path], format_: str, quality: int | None
) -> list[str]:
    """What files, by index, were made with otherwise than this result."""
    found: dict[str, None] = {}
    for index, path in earlier.items():
        recipe, wanted = recipe_of(path), result.recipe(index) | graded(format_, quality)
        said = [] if recipe is None else differences(recipe, wanted)
        found |= dict.fromkeys(one for one in said if not one.startswith("sample"))
        if said and not found:
            found["another choice"] = None
    return list(found)


def _choice(numbers: Sequence[Any], colorizer: Colorizer, options: Options) -> list[str]:
    """Whether these numbers of samples were chosen otherwise; a recipe does not name the choice."""
    if options.k:
        wanted = list(options.k)
        return [f"sample {a}, not {b}" for a, b in zip(numbers, wanted, strict=True) if a != b]
    prior = colorizer.prior
    if prior.single_answer or len(numbers) < 2:
        return []
    plain, likely = list(numbers) == list(range(len(numbers))), min(numbers) < 0
    pick = "likely" if likely else "random" if plain else "diverse"
    numbered = prior.is_grid or type(prior).likely is not Prior.likely
    if pick == options.pick or (options.pick == "likely" and not numbered):
        return []  # not every method has most probable answers to know `likely` by
    return [f"pick {pick}, not {options.pick}"]


def left_over(paths: Sequence[Path], name: str, stem: str) -> str:
    """Names of further results of the same input, of a run that wanted more; empty for none."""
    folder, suffix, n = paths[0].parent, paths[0].suffix, len(paths)
    names: list[str] = []
    while True:
        path = output_paths(folder, stem, n + len(names) + 1, suffix, name)[-1]
        if not files.exists(path):
            return " to ".join(dict.fromkeys([*names[:1], *names[-1:]]))
        names.append(path.name)
