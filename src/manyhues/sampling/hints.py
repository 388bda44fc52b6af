"""Steering a sample in a, b at the working size: saturation, palette, and colour hints."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import index
from threading import Lock
from typing import Any

import numpy as np
from PIL import ImageColor

from manyhues.color.arrays import Array
from manyhues.color.lab import clamp_to_gamut, rgb_to_lab
from manyhues.errors import UsageError
from manyhues.render.upsample import Upsampler

_REACH = 0.25  # a hint's spread over an even surface, in long sides of the picture
_EDGE = 15.0  # L* climbed on the way that weighs as much as one reach
_TEXTURE = 4.0  # L* from cell to cell that counts as texture, not as an edge
_FAINT = 1 / 3  # of the chroma that was asked for
_SPREADING = Lock()

Hints = Sequence[tuple[int, int, str]]  # (x, y, "#rrggbb") each


@dataclass(frozen=True, eq=False)
class Hint:
    """A colour at a place: pixel (x, y) of the upright picture of size `size` (W, H).

    `ab` is float32 (2,), the colour's a, b as near as the gamut allows at the pixel's own L*;
    `faint` says so where that is next to nothing. `colour` is what was asked for, ``#rrggbb``.
    """

    x: int
    y: int
    ab: Array
    size: tuple[int, int]
    faint: str = ""
    colour: str = ""

    def cell(self, grid: tuple[int, ...]) -> tuple[int, int]:
        """Row and column of the cell of a grid ``(h, w)`` that holds the pixel."""
        h, w = grid
        return self.y * h // self.size[1], self.x * w // self.size[0]

    def spread(self, luminance: Array) -> Array:
        """How much of it each cell of its picture's L* ``(h, w)`` takes, in (0, 1]: `_spread`."""
        grid = luminance.shape
        with _SPREADING:  # samples are steered in threads, and it is the same for all of them
            return _spread(self.cell(grid), self.size, grid, luminance.tobytes())


def hint_colour(x: int, y: int, colour: Any) -> Array:
    """The sRGB colour ``(3,)`` in [0, 1] of a hint. Raises `UsageError`."""
    try:
        return np.array(ImageColor.getrgb(colour)[:3], np.float32) / np.float32(255)
    except (ValueError, AttributeError, TypeError):
        raise UsageError(f"hint {x},{y}={colour}: not a colour; write it as #rrggbb") from None


def as_rrggbb(colour: Any) -> str:
    """A colour however it is written, as ``#rrggbb``. Raises `UsageError`."""
    rgb = np.rint(hint_colour(0, 0, colour) * 255).astype(int)
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def as_text(hint: Sequence[Any]) -> str:
    """A recipe's hint, (x, y, colour) and of films seconds, as the command line takes it."""
    x, y, colour, *seconds = hint
    return "".join((f"{x},{y}", *(f"@{one:g}" for one in seconds), f"={colour}"))


def check_place(hint: str, place: tuple[int, int], size: tuple[int, int]) -> None:
    """Raise `UsageError` for a pixel (x, y) that is not in a picture of `size` (W, H)."""
    if not (0 <= place[0] < size[0] and 0 <= place[1] < size[1]):
        raise UsageError(
            f"{hint}: outside the picture; x is 0..{size[0] - 1}, y is 0..{size[1] - 1}"
        )


def checked_hints(hints: Any) -> tuple[tuple[int, int, str], ...]:
    """Hints ``(x, y, colour)`` as ints and a colour, before any picture. Raises `UsageError`."""
    try:
        given = list(hints)
    except TypeError:
        raise UsageError(f"hints {hints!r}: expected a list of (x, y, '#rrggbb')") from None
    checked = []
    for hint in given:
        try:
            x, y, colour = hint
            x, y = index(x), index(y)
        except (TypeError, ValueError):
            raise UsageError(f"hint {hint}: expected (x, y, '#rrggbb'), whole pixels") from None
        hint_colour(x, y, colour)
        checked.append((x, y, colour))
    return tuple(checked)


def parse_hints(hints: Hints, luminance: Array) -> list[Hint]:
    """Check ``(x, y, colour)`` against a picture's L* ``(H, W)``; colour is ``#rrggbb``."""
    height, width = luminance.shape
    parsed = []
    for x, y, colour in checked_hints(hints):
        check_place(f"hint {x},{y}={colour}", (x, y), (width, height))
        wanted_rgb = hint_colour(x, y, colour)
        lab = rgb_to_lab(wanted_rgb)
        wanted = np.hypot(*lab[1:])
        lab[0] = luminance[y, x]
        ab = clamp_to_gamut(lab[None])[0, 1:]
        faint = ""
        if np.hypot(*ab) < _FAINT * wanted:
            how = "light" if lab[0] > 50 else "dark"
            faint = f"hint {x},{y}={colour}: its place is too {how} to show much of that colour"
        parsed.append(Hint(x, y, ab, (width, height), faint, as_rrggbb(colour)))
    return parsed


@lru_cache(maxsize=64)  # a tenth of a second each
def _spread(
    cell: tuple[int, int], size: tuple[int, int], grid: tuple[int, ...], lightness: bytes
) -> Array:
    """How much of a hint each cell of the grid ``(h, w)`` takes, in (0, 1], 1 at its own cell.

    `size` is the picture's (W, H), `lightness` its L* at the cells, float32. Falls with the
    shortest way to the cell, where way means distance and L* climbed together (Dijkstra), so that
    colour fills a surface and stops at its edge.
    """
    h, w = grid
    long = max(size)
    step_y, step_x = size[1] / h / long / _REACH, size[0] / w / long / _REACH
    level = np.frombuffer(lightness, np.float32).reshape(h, w).tolist()
    way = [[float("inf")] * w for _ in range(h)]
    way[cell[0]][cell[1]] = 0.0
    queue = [(0.0, *cell)]
    while queue:
        so_far, row, column = heapq.heappop(queue)
        if so_far > way[row][column] or so_far > 3:  # exp(-9) is nothing
            continue
        for r, c, step in (
            (row - 1, column, step_y),
            (row + 1, column, step_y),
            (row, column - 1, step_x),
            (row, column + 1, step_x),
        ):
            if 0 <= r < h and 0 <= c < w:
                climb = max(0.0, abs(level[r][c] - level[row][column]) - _TEXTURE)
                total = so_far + step + climb / _EDGE
                if total < way[r][c]:
                    way[r][c] = total
                    heapq.heappush(queue, (total, r, c))
    return np.exp(-(np.array(way, np.float32) ** 2))


def apply_hints(ab: Array, hints: Sequence[Hint], luminance: Array, upsampler: Upsampler) -> Array:
    """Correct samples ``(n, 2, h, w)`` so that every hinted pixel gets its colour at full size.

    Upsampling is linear, so the corrections' weights are the solution of a linear system with one
    equation for each hint; `luminance` is L* at the working size ``(h, w)``.
    """
    if not hints:
        return ab
    fields = np.stack([hint.spread(luminance) for hint in hints])  # (N, h, w)
    full = upsampler.middle(fields)
    reached = np.stack([upsampler.at(full, hint.x, hint.y) for hint in hints])  # (point, field)
    out = ab.copy()
    for i, sample in enumerate(ab):
        middle = upsampler.middle(sample)
        missing = np.stack([h.ab - upsampler.at(middle, h.x, h.y) for h in hints])  # (N, 2)
        # Least squares: two hints on one spot cannot both be met and share it then.
        amounts = np.linalg.lstsq(reached, missing, rcond=1e-3)[0].astype(np.float32)
        out[i] += np.einsum("nhw,nc->chw", fields, amounts)
    return out


def parse_hint(text: str) -> tuple[int, int, str]:
    """``X,Y=#RRGGBB`` to (x, y, colour). Raises `UsageError`."""
    try:
        place, colour = text.split("=", 1)
        x, y = (int(part) for part in place.split(","))
    except ValueError:
        raise UsageError(f"hint {text!r}: expected X,Y=#RRGGBB, such as 120,80=#b03030") from None
    return x, y, colour
