"""Measured values and the grey that shows them: one line, there and back.

A picture of science or medicine holds values that mean something (counts, Hounsfield units). They
are shown as the share ``x = (value - low) / (high - low)`` of a window, black to white, and ``x``
is read as an sRGB grey value, as any viewer shows it. So the L* of a result is a monotone function
of the value, inside the window invertible:

    x  = clip((value - low) / (high - low), 0, 1), for inverted pictures 1 - x
    Y  = sRGB's transfer curve of x (IEC 61966-2-1)
    L* = 116 Y^(1/3) - 16, or 24389/27 Y in the dark (CIE 15:2004)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import PictureError, UsageError

WHITE = 65535  # shares are kept as uint16
Shares = NDArray[np.uint16]
Ends = tuple[float, float]  # the values that are black and white
Window = tuple[float, float] | Literal["full"]  # (centre, width) in the file's units, or all


@dataclass(frozen=True)
class Scale:
    """Which values a picture shows, and as what.

    low, high   the values that are black and white, in the file's own units
    slope, intercept  value = slope x stored + intercept; `recover` rounds to stored values
    inverted    low is white (DICOM's MONOCHROME1)
    unit        of the values, for the legend; empty where the file says none
    """

    low: float
    high: float
    slope: float = 1.0
    intercept: float = 0.0
    inverted: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        numbers = (self.low, self.high, self.slope, self.intercept)
        if not all(math.isfinite(number) for number in numbers) or not self.slope:
            raise PictureError(
                f"values from {self.low} to {self.high}, slope {self.slope}: not finite numbers; "
                "the file's rescale or window is damaged"
            )
        if self.low >= self.high:
            raise PictureError(f"a window from {self.low} to {self.high} is empty; widen it")

    @property
    def steps(self) -> int:
        """How many stored values lie in the window."""
        return int((self.high - self.low) / abs(self.slope)) + 1

    def shares(self, stored: NDArray[Any]) -> tuple[Shares, float]:
        """Stored values of any shape as shares, 0 black to 65535 white, and the part that is cut.

        The second is the share of pixels, 0 to 1, that lie outside the window.
        """
        out = np.empty(stored.shape, np.uint16)
        cut = 0
        for top in range(0, len(stored), 256):  # in strips, so that the copies stay small
            x = stored[top : top + 256] * float(self.slope) + (self.intercept - self.low)
            x /= self.high - self.low
            cut += int(np.count_nonzero((x < 0) | (x > 1)))
            np.clip(x, 0, 1, out=x)
            out[top : top + 256] = np.rint((1 - x if self.inverted else x) * WHITE)
        return out, cut / max(out.size, 1)

    def values(self, shares: NDArray[Any]) -> NDArray[np.float64]:
        """The values that shares, 0 to 65535, stand for: those that can be stored, the nearest."""
        x = np.asarray(shares, np.float64) / WHITE
        value = self.low + (1 - x if self.inverted else x) * (self.high - self.low)
        stored = np.rint((value - self.intercept) / self.slope)
        return np.asarray(stored * self.slope + self.intercept)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, all that `of` needs."""
        return dict(vars(self))

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Scale":
        """The scale that `as_dict` told of. Raises `UsageError` for what it never tells."""
        try:
            numbers = {k: float(facts[k]) for k in ("low", "high", "slope", "intercept")}
            return cls(**numbers, inverted=bool(facts["inverted"]), unit=str(facts["unit"]))
        except (KeyError, TypeError, ValueError, PictureError) as error:
            raise UsageError(f"the recipe's scale of values is damaged ({error})") from None


def ends_of(recipe: Mapping[str, Any]) -> Ends | None:
    """The values that a recipe says its result shows as black and white; None where it has none."""
    try:
        scale = Scale.of(recipe["values"])
    except (LookupError, TypeError, UsageError):
        return None
    return scale.low, scale.high


def is_all_levels(recipe: Mapping[str, Any]) -> bool:
    """Whether a recipe tells of a map over all levels of 8 or 16 bits, as without a window."""
    return "map" in recipe and ends_of(recipe) in ((0, 255), (0, WHITE))


def parse_window(text: str) -> Window:
    """``C,W`` as (centre, width) or ``full``, as the command line takes it.

    Raises `UsageError`.
    """
    if text.strip().lower() == "full":
        return "full"
    try:
        centre, width = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"window {text!r}: expected CENTRE,WIDTH in the file's units, such as 40,400, or full"
        ) from None
    if not (np.isfinite(centre) and np.isfinite(width) and width > 0):
        raise UsageError(f"window {text!r}: the width has to be above 0")
    return centre, width


def ends(window: Window, stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0) -> Ends:
    """The values that a window shows as black and white, of stored values of any shape."""
    if window == "full":
        return full(stored, slope, intercept)
    centre, width = window
    return centre - width / 2, centre + width / 2


def full(stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0) -> Ends:
    """The smallest and the largest value."""
    low, high = sorted(float(end) * slope + intercept for end in (stored.min(), stored.max()))
    return (low, high) if low < high else (low, low + abs(slope))


def noted(scale: Scale, cut: float) -> tuple[str, ...]:
    """What is to be said of a scale, and of the share of pixels that it cuts."""
    notes = []
    if cut:
        shown = f"{scale.low:g} to {scale.high:g}"
        notes.append(f"{cut:.1%} of its pixels lie outside the window {shown}")
    if scale.steps > WHITE + 1:
        notes.append("it may hold more than 65,536 values: read back to the nearest of so many")
    return tuple(notes)
