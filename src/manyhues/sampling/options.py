"""What is asked of a sample: each option, its default, range and words stand here alone.

`Sampling` is checked when it is made. `manyhues.colorize`, `Colorizer.sample` and the batch's
options derive from it; the command line takes its help, ranges and defaults from `about`.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from manyhues.errors import UsageError

if TYPE_CHECKING:  # `manyhues --help` reads this module, and does without numpy and Pillow
    from manyhues.color.arrays import Array
    from manyhues.image.picture import PictureLike
    from manyhues.sampling.hints import Hints

Pick = Literal["diverse", "likely", "random"]
PICKS: tuple[Pick, ...] = get_args(Pick)


class SamplingOptions(TypedDict, total=False):
    """The keywords that every door passes on to `Sampling`, for type checkers."""

    seed: int
    pick: Pick
    diversity: float
    saturation: float
    hints: "Hints"
    like: "PictureLike | None"


def _about(help: str, **limits: float) -> dict[str, Any]:
    return {"help": help, **limits}


@dataclass(frozen=True)
class Sampling:
    """How many colourings of a picture, which ones, and how they are steered.

    n           how many, 1 or more
    seed        the same seed gives the same colourings
    pick        ``diverse``: typical first, then far apart; ``likely``: the most plausible. Of a
                colour grid what all candidates agree on comes first, numbered -1; where the prior
                lists its most probable answers these do, numbered -1, -2, .. (plain samples follow
                where n is larger than the list); ``random``: samples 0 .. n - 1 as drawn
    diversity   scales the prior's noise, 0 to 10; 1 is as trained
    saturation  scales a, b, 0 to 10; 0 is grey
    hints       (x, y, "#rrggbb") each: that colour at that pixel, and over its surface
    like        a picture whose palette is taken: path, bytes, file, PIL image or array

    Numbers of any whole or real kind are taken, numpy's too, and kept as Python's own. Raises
    `UsageError` for what is out of range or of another type.

        options = Sampling(n=2, seed=7, pick="likely")
    """

    n: int = field(default=6, metadata=_about("Colourings of each picture.", min=1))
    seed: int = field(default=0, metadata=_about("Same seed, same colourings."))
    pick: Pick = field(default="diverse", metadata=_about("How to choose among candidates."))
    diversity: float = field(
        default=1.0,
        metadata=_about("Below 1 tamer, above 1 wilder; 0.8 suits old photographs.", min=0, max=10),
    )
    saturation: float = field(default=1.0, metadata=_about("Strength of colour.", min=0, max=10))
    hints: "Hints" = field(
        default=(),
        metadata=_about(
            "This hue and strength at this pixel, whose lightness stays; may be repeated."
        ),
    )
    like: "PictureLike | None" = field(
        default=None, metadata=_about("Take the palette of this picture.")
    )

    def __post_init__(self) -> None:
        from manyhues.sampling.hints import checked_hints

        checked = {
            "n": whole("n", self.n, least=1),
            "seed": whole("seed", self.seed),
            "diversity": number("diversity", self.diversity, 0, 10),
            "saturation": number("saturation", self.saturation, 0, 10),
            "hints": checked_hints(self.hints),
        }
        if self.pick not in PICKS:
            raise UsageError(f"pick {self.pick!r}: expected {', '.join(PICKS)}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @cached_property
    def palette(self) -> "tuple[Array, Array] | None":
        """Mean (2,) and covariance (2, 2) of a, b of `like`, read once. Raises `ManyhuesError`."""
        from manyhues.sampling.palette import palette

        return None if self.like is None else palette(self.like)


def about(name: str) -> dict[str, Any]:
    """What people are told of an option of `Sampling`: ``help``, and ``min`` and ``max`` if any."""
    (option,) = (option for option in fields(Sampling) if option.name == name)
    return dict(option.metadata)


def whole(name: str, value: Any, *, least: int | None = None) -> int:
    """A whole number of any kind, numpy's as well, as an int. Raises `UsageError`."""
    checked: int | None
    try:
        checked = index(value)
    except TypeError:
        checked = None
    if checked is None or isinstance(value, bool):
        raise UsageError(f"{name} {value!r}: expected a whole number")
    if least is not None and checked < least:
        raise UsageError(f"{name} {checked}: expected {least} or more")
    return checked


def number(name: str, value: Any, least: float, most: float) -> float:
    """A number in a range, as a float. Raises `UsageError`; NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{name} {value!r}: expected a number, {least:g} to {most:g}")
    checked = float(value)
    if not least <= checked <= most:
        raise UsageError(f"{name} {value}: expected {least:g} to {most:g}")
    return checked
