"""What is asked of a sample: each option, its default, range and words stand here alone.

`Sampling` is checked when it is made. `manyhues.colorize`, `Colorizer.sample` and the batch's
options derive from it; the command line takes its help, ranges and defaults from `about`.
"""

from collections.abc import Iterable, Mapping, Sequence
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
MOST = 1000  # colourings at once: their choice takes the square of it

# The largest diversity of .65, .7, .75 and .8 at which at most one in five shown results of the
# historical pictures is faulted, counted blind (docs/model/faults.md). What is measured is at 1.
CALM = 0.7


class SamplingOptions(TypedDict, total=False):
    """The keywords that every door passes on to `Sampling`, for type checkers."""

    seed: int
    pick: Pick
    diversity: float
    saturation: float
    hints: "Hints"
    like: "PictureLike | None"
    k: Sequence[int]


def _about(help: str, **limits: float) -> dict[str, Any]:
    return {"help": help, **limits}


@dataclass(frozen=True)
class Sampling:
    """How many colourings of a picture, which ones, and how they are steered.

    n           how many, 1 to 1000
    seed        the same seed gives the same colourings
    pick        ``diverse``: typical first, then far apart; ``likely``: the most plausible. Of a
                colour grid what all candidates agree on comes first, numbered -1; where the prior
                lists its most probable answers these do, numbered -1, -2, .. (plain samples follow
                where n is larger than the list); ``random``: samples 0 .. n - 1 as drawn
    diversity   scales the prior's noise, 0 to 10: 1 is as trained, a fair draw, as metrics want it;
                more is wilder; the default is calmer, for fewer faults
    saturation  scales a, b, 0 to 10; 0 is grey
    hints       (x, y, "#rrggbb") each: that colour at that pixel, and over its surface
    like        a picture whose palette is taken: path, bytes, file, PIL image or array
    k           numbers of the samples to draw, as captions tell them, in this order and past any
                `pick`; `n` is then how many they are. -1, -2, .. are the most probable answers

    Numbers of any whole or real kind are taken, numpy's too, and kept as Python's own. Raises
    `UsageError` for what is out of range or of another type.

        from manyhues.sampling.options import Sampling

        options = Sampling(n=2, seed=7, pick="likely", like="painting.jpg")
        mean, covariance = options.palette
    """

    n: int = field(default=6, metadata=_about("Colourings of each picture.", min=1, max=MOST))
    seed: int = field(default=0, metadata=_about("Same seed, same colourings."))
    pick: Pick = field(default="diverse", metadata=_about("How to choose among candidates."))
    diversity: float = field(
        default=CALM,
        metadata=_about(
            "Scale of the noise: less is calmer, 1 as trained (a fair draw), more wilder.",
            min=0,
            max=10,
        ),
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
    k: Sequence[int] = field(
        default=(),
        metadata=_about("Number of a sample to draw, as captions tell it; may be repeated."),
    )

    def __post_init__(self) -> None:
        from manyhues.sampling.hints import checked_hints

        checked = {
            "n": whole("n", self.n, least=1, most=MOST),
            "seed": whole("seed", self.seed),
            "diversity": number("diversity", self.diversity, 0, 10),
            "saturation": number("saturation", self.saturation, 0, 10),
            "hints": checked_hints(self.hints),
        }
        if numbers := _numbers(self.k):
            checked |= {"k": numbers, "n": len(numbers)}
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


def diversity_of(origin: Mapping[str, Any]) -> float:
    """What a colouring was drawn with, or what it was made from: of several, the most.

    `origin` is its own, or a recipe. Codes that were given tell none: then the default.
    """
    if "diversity" in origin:
        return float(origin["diversity"])
    bases = [origin["near"]] if "near" in origin else origin.get("between", ())
    return max(map(diversity_of, bases), default=Sampling.diversity)


def _numbers(given: Any) -> tuple[int, ...]:
    """Numbers of samples, none twice. Raises `UsageError`."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UsageError(f"k {given!r}: expected a list of whole numbers, such as [26]")
    numbers = tuple(dict.fromkeys(whole("k", number) for number in given))
    if len(numbers) > MOST or any(abs(number) >= 2**32 for number in numbers):
        raise UsageError(f"k: expected at most {MOST} numbers, each below 2 ** 32")
    return numbers


def whole(name: str, value: Any, *, least: int | None = None, most: int | None = None) -> int:
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
    if most is not None and checked > most:
        raise UsageError(f"{name} {checked}: expected {most} at most")
    return checked


def number(name: str, value: Any, least: float, most: float) -> float:
    """A number in a range, as a float. Raises `UsageError`; NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{name} {value!r}: expected a number, {least:g} to {most:g}")
    checked = float(value)
    if not least <= checked <= most:
        raise UsageError(f"{name} {value}: expected {least:g} to {most:g}")
    return checked
