"""Where things of one frame are in another: block matching of L*, coarse to fine, in numpy.

Made for colour, which is smooth and coarse: whole cells at the working size and a parabola between
them. What stays where it was is preferred, so that colour rests where the picture does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from manyhues.color.arrays import Array, resize

Shift = NDArray[np.int32]  # (2, h, w): whole cells to add to row and column
_SHRINKS = (8, 4, 2, 1)
_COARSE = 3  # cells searched around at the coarsest size: 24 of the finest
_STEP = 0.06  # L* that a match must be better by for each cell farther from the last guess
_REST = 0.4  # L* that a match must be better by than no motion at all
_BLIND = 1.5  # L* of difference that is film grain, not another thing
_SURE = 4.0  # L* beyond it at which a match is as good as none
_BOX = 2  # cells on each side that are compared


@dataclass(frozen=True, eq=False)
class Motion:
    """For each cell of a frame where it lies in another one, and how sure that is.

    shift  (2, h, w) float32: rows and columns to add
    sure   (h, w) float32 in [0, 1]: 0 where nothing there looks like it
    """

    shift: Array
    sure: Array

    def bring(self, field: Array) -> Array:
        """A field ``(..., h, w)`` of the other frame, moved to where its cells are in this one."""
        h, w = self.sure.shape
        y = np.clip(np.arange(h, dtype=np.float32)[:, None] + self.shift[0], 0, h - 1)
        x = np.clip(np.arange(w, dtype=np.float32) + self.shift[1], 0, w - 1)
        top, left = y.astype(np.int32), x.astype(np.int32)
        down, right = y - top, x - left
        here = top * w + left
        below, beside = np.where(top < h - 1, w, 0), np.where(left < w - 1, 1, 0)
        flat = field.reshape(*field.shape[:-2], h * w)
        upper = flat.take(here, -1) * (1 - right) + flat.take(here + beside, -1) * right
        lower = (
            flat.take(here + below, -1) * (1 - right) + flat.take(here + below + beside, -1) * right
        )
        return np.asarray(upper * (1 - down) + lower * down, np.float32)


def pyramid(luminance: Array) -> list[Array]:
    """L* ``(h, w)`` and what it is at a half, a quarter and an eighth of the size."""
    h, w = luminance.shape
    return [resize(luminance, max(1, h // s), max(1, w // s)) for s in _SHRINKS]


def motion(here: list[Array], there: list[Array], guess: Array | None = None) -> Motion:
    """How a frame `here` lies in another, `there`: pyramids of their L*.

    `guess` is a shift ``(2, h, w)`` to begin from, such as that of the frame before.
    """
    # A film's light flickers as a whole; that is no motion.
    lighter = np.float32(np.median(here[0] - there[0]))
    there = [other + lighter for other in there]
    shift = np.zeros((2, *here[0].shape), np.int32)
    if guess is not None:
        shift = _at(guess * np.float32(1 / _SHRINKS[0]), here[0].shape)
    for level, (own, other) in enumerate(zip(here, there, strict=True)):
        if own.shape != shift.shape[1:]:
            ratio = _SHRINKS[level - 1] / _SHRINKS[level]
            shift = _at(shift * np.float32(ratio), own.shape)
        reach = _COARSE if level == 0 else 1
        starts = [shift]
        if level == 0 and guess is not None:
            starts.append(np.zeros_like(shift))
        shift = _searched(own, other, starts, reach)
        shift = np.stack([_median(part) for part in shift])
    return _finished(here[-1], there[-1], shift)


def _at(shift: Array, shape: tuple[int, ...]) -> Shift:
    return np.stack([np.rint(resize(part.astype(np.float32), *shape)) for part in shift]).astype(
        np.int32
    )


def _difference(own: Array, other: Array, shift: Shift) -> Array:
    """Mean |dL*| around each cell ``(h, w)`` under a shift in whole cells."""
    h, w = own.shape
    y = np.clip(np.arange(h)[:, None] + shift[0], 0, h - 1)
    x = np.clip(np.arange(w) + shift[1], 0, w - 1)
    return _box(np.abs(own - other.ravel().take(y * w + x)))


def _box(plane: Array) -> Array:
    """The mean over the cells around each."""
    size = 2 * _BOX + 1
    padded = np.pad(plane, _BOX, mode="edge")
    h, w = plane.shape
    rows = padded[:h].copy()
    for i in range(1, size):
        rows += padded[i : i + h]
    out = rows[:, :w].copy()
    for i in range(1, size):
        out += rows[:, i : i + w]
    return out * np.float32(1 / size**2)


def _searched(own: Array, other: Array, starts: list[Shift], reach: int) -> Shift:
    best, least = starts[0].copy(), np.full(own.shape, np.inf, np.float32)
    offsets = sorted(
        ((y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)),
        key=lambda o: abs(o[0]) + abs(o[1]),
    )
    for start in starts:
        for y, x in offsets:
            tried = start + np.array([y, x], np.int32)[:, None, None]
            cost = _difference(own, other, tried) + np.float32(_STEP * (abs(y) + abs(x)))
            better = cost < least
            least = np.where(better, cost, least)
            best = np.where(better, tried, best)
    return best


def _median(part: Shift) -> Shift:
    image = Image.fromarray(np.clip(part + 128, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.MedianFilter(5)), np.int32) - 128


def _finished(own: Array, other: Array, shift: Shift) -> Motion:
    """The shift with rest where it is as good, between cells, and how sure it is."""
    cost = _difference(own, other, shift)
    still = _difference(own, other, np.zeros_like(shift))
    rests = still <= cost + _REST
    shift, cost = np.where(rests, 0, shift), np.where(rests, still, cost)
    fine = shift.astype(np.float32)
    for axis in (0, 1):
        step = np.zeros((2, 1, 1), np.int32)
        step[axis] = 1
        before = _difference(own, other, shift - step)
        after = _difference(own, other, shift + step)
        bend = before + after - 2 * cost
        part = np.where(bend > 0.05, (before - after) / (2 * np.maximum(bend, 0.05)), 0)
        fine[axis] += np.where(rests, 0, np.clip(part, -0.5, 0.5))
    sure = np.exp(-((np.maximum(cost - _BLIND, 0) / _SURE) ** 2))
    return Motion(fine, np.asarray(sure, np.float32))
