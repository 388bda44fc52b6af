"""What a film's file says of itself, in its comment: as results that are pictures do."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhues import __version__
from manyhues.errors import ManyhuesError
from manyhues.image import provenance
from manyhues.sampling.hints import as_rrggbb
from manyhues.sampling.options import Sampling
from manyhues.sampling.palette import digest
from manyhues.video.container import opened
from manyhues.video.hints import TimedHint

_BEGINS = "Colour is synthetic: manyhues"


def recipe(
    told: str, method: str, sampling: Sampling, timed: list[TimedHint], seed: tuple[int, int]
) -> dict[str, Any]:
    """What makes a version again, with its film, as plain values: no path and no name of a file.

    `told` is the film's digest (`image.provenance`).
    """
    said: dict[str, Any] = {"version": __version__, "film": True, "method": method}
    said |= {"seed": seed[0], "k": seed[1], "diversity": sampling.diversity}
    if sampling.saturation != 1:
        said["saturation"] = sampling.saturation
    if timed:
        said["hints"] = hints_of(timed)
    if sampling.palette is not None:
        said["like"] = digest(sampling.palette)
    return said | provenance.of_input(told)


def hints_of(timed: list[TimedHint]) -> list[list[Any]]:
    """Hints as a recipe has them: place, colour, and seconds."""
    return [[one.x, one.y, as_rrggbb(one.colour), one.seconds] for one in timed]


def comment(said: Mapping[str, Any]) -> str:
    """What the container says of its colour: a line for people, and the recipe."""
    which = f"seed {said['seed']}, k {said['k']}; {provenance.NOTICE}"
    return (
        f"Colour is synthetic: manyhues {said['version']} ({which}); "
        f"digital source type compositeWithTrainedAlgorithmicMedia\n{provenance.element(said)}"
    )


def read_file(path: Path) -> dict[str, Any] | None:
    """The recipe of a film; None where there is none, and where the film cannot be read.

    It is empty where the film says no more than that its colour is synthetic.
    """
    said = _comment_of(path)
    found = provenance.read(said.encode())
    return {} if found is None and _BEGINS in said else found


def _comment_of(path: Path) -> str:
    with contextlib.suppress(ManyhuesError), opened(path) as film:
        return str(film.metadata.get("comment", film.metadata.get("COMMENT", "")))
    return ""


def made_otherwise(films: Mapping[Path, str]) -> list[str]:
    """Notes on results that are there: of those whose comment says otherwise than is given."""
    return [
        f"{path.name} is there already, of other options or another version; "
        "--overwrite replaces it"
        for path, wanted in films.items()
        if path.is_file() and wanted not in _comment_of(path)
    ]
