"""Fields that the bodies of several actions share; those of `Sampling` have its range and words."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from manyhues.sampling.hints import check_place, hint_colour
from manyhues.sampling.options import Sampling, about
from manyhues.studio.actions.base import HintValue
from manyhues.studio.limits import COLOURINGS, HINTS


class Strict(BaseModel):
    """A body whose fields are all known."""

    model_config = ConfigDict(extra="forbid")


class HintIn(Strict):
    """A colour at a pixel of the upright full-size picture."""

    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", examples=["#b03030"])]


def _as_told(name: str, **bounds: Any) -> Any:
    """An option of `Sampling` as pydantic describes it; the studio's own bounds go first."""
    said = about(name)
    limits = {"ge": said.get("min"), "le": said.get("max"), **bounds}
    return Field(description=said["help"], **limits)


Id = Annotated[str, Field(description="Unguessable id.", pattern=r"^[A-Za-z0-9_-]{16,32}$")]
Count = Annotated[int, _as_told("n", le=COLOURINGS)]
Seed = Annotated[int, _as_told("seed", ge=0, le=2**53 - 1)]  # what JavaScript's numbers hold
Diversity = Annotated[float, _as_told("diversity", allow_inf_nan=False)]
Saturation = Annotated[float, _as_told("saturation", allow_inf_nan=False)]
Hints = Annotated[list[HintIn], _as_told("hints", max_length=HINTS)]
_OURS: dict[str, Any] = {
    "n": Count,
    "seed": Seed,
    "diversity": Diversity,
    "saturation": Saturation,
    "hints": Hints,
}


def sampling_fields() -> dict[str, Any]:
    """Type and default of each option of `Sampling` but `like`, as pydantic's `create_model` takes.

    `like` is a picture, and comes as a file.
    """
    return {
        option.name: (
            _OURS.get(option.name) or Annotated[option.type, _as_told(option.name)],
            [] if option.name == "hints" else option.default,
        )
        for option in fields(Sampling)
        if option.name != "like"
    }


def values(hints: Iterable[HintIn]) -> list[HintValue]:
    """Hints as the colorizer takes them."""
    return [(hint.x, hint.y, hint.colour) for hint in hints]


def placed(hints: Iterable[HintValue], size: tuple[int, int]) -> tuple[HintValue, ...]:
    """Hints that lie in a picture of `size` (W, H), their colours as ``#rrggbb``.

    Raises `UsageError` for a place outside and for what is no colour.
    """
    found = []
    for x, y, colour in hints:
        check_place(f"hint {x},{y}", (x, y), size)
        rgb = np.rint(hint_colour(x, y, colour) * 255).clip(0, 255).astype(np.uint8)
        found.append((x, y, f"#{rgb.tobytes().hex()}"))
    return tuple(found)
