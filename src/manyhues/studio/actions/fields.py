"""Fields that the bodies of several actions share."""

from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from manyhues.sampling.hints import check_place, hint_colour
from manyhues.studio.actions.base import HintValue
from manyhues.studio.limits import COLOURINGS, HINTS

Id = Annotated[str, Field(description="Unguessable id.", pattern=r"^[A-Za-z0-9_-]{16,32}$")]
Seed = Annotated[int, Field(ge=0, le=2**53 - 1, description="Same seed, same colourings.")]
Count = Annotated[int, Field(ge=1, le=COLOURINGS, description="How many colourings.")]
Scale = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Pick = Literal["diverse", "likely", "random"]


class Strict(BaseModel):
    """A body whose fields are all known."""

    model_config = ConfigDict(extra="forbid")


class HintIn(Strict):
    """A colour at a pixel of the upright full-size picture."""

    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", examples=["#b03030"])]


Hints = Annotated[list[HintIn], Field(max_length=HINTS)]


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
