"""Where things of one frame are in another: block matching of L*, coarse to fine, in numpy.

Made for colour, which is smooth and coarse: whole cells at the working size and a parabola between
them. What stays where it was is preferred, so that colour rests where the picture does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyhues.color.arrays import Array, resize

Shift = NDArray[np.int32]  # (2, h, w): whole cells to add to row and column
Whole = NDArray[np.int16]
_SHRINKS = (8, 4, 2, 1)
_STEP = 0.06  # L* that a match must be better by for each cell farther from the last guess
_REST = 0.4  # L* that a match must be better by than no motion at all
_BLIND = 1.5  # L* of difference that is film grain, not another thing
_SURE = 4.0  # L* beyond it at which a match is as good as none
_BOX = 2  # cells on each side that are compared
_FLAT = 0.05  # L* of bend below which there is no minimum between cells
_SCALE = 8  # whole numbers in one L*
_UNIT = _SCALE * (2 * _BOX + 1) ** 2  # one L* of mean difference in such sums
_MARGIN = 8  # cells around the other plane
_TRIED = 128  # more than are tried at once


def _around(reach: int, most: int) -> list[tuple[int, int]]:
    """Steps of up to `reach` rows and columns, `most` of both together, the nearest first."""
    steps = range(-reach, reach + 1)
    found = [(y, x) for y in steps for x in steps if abs(y) + abs(x) <= most]
    return sorted(found, key=lambda step: abs(step[0]) + abs(step[1]))


# What is searched at each size: 24 of the finest cells at the coarsest, then the nearest.
_SEARCHED = (_around(3, 6), _around(1, 2), _around(1, 2), _around(1, 1))


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
    shift = np.zeros((2, *here[0].shape), np.int32)
    starts = [shift]
    if guess is not None:
        starts = [_at(guess * np.float32(1 / _SHRINKS[0]), here[0].shape), shift]
    for level, (own, other) in enumerate(zip(here, there, strict=True)):
        pair = _Pair(own, other + lighter)
        if level:
            ratio = np.float32(_SHRINKS[level - 1] / _SHRINKS[level])
            starts = [_at(shift * ratio, own.shape)]
        shift = pair.searched(starts, _SEARCHED[level])
        shift = _medians(shift)
    return pair.finished(shift)


def _at(shift: Array, shape: tuple[int, ...]) -> Shift:
    return np.stack([np.rint(resize(part.astype(np.float32), *shape)) for part in shift]).astype(
        np.int32
    )


def _medians(shift: Shift) -> Shift:
    """The median of five cells down of the medians of five across: without what stands alone."""
    part = shift.astype(np.int16)  # twice as quick
    h, w = part.shape[1:]
    wide = np.pad(part, ((0, 0), (0, 0), (_BOX, _BOX)), mode="edge")
    part = _middle(*(wide[..., i : i + w] for i in range(5)))
    tall = np.pad(part, ((0, 0), (_BOX, _BOX), (0, 0)), mode="edge")
    return _middle(*(tall[:, i : i + h] for i in range(5))).astype(np.int32)


def _middle(a: Whole, b: Whole, c: Whole, d: Whole, e: Whole) -> Whole:
    """The median of five, cell by cell."""
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))


class _Pair:
    """Two planes of L* of one size, compared in whole numbers, which is quicker."""

    def __init__(self, own: Array, other: Array) -> None:
        self.shape = h, w = own.shape
        self._own = _whole(own)
        other = np.clip(other, -20, 120)  # sums over a box stay within 16 bits
        self._flat = np.pad(_whole(other), _MARGIN, mode="edge").ravel()
        self._stride = w + 2 * _MARGIN
        self._rows = np.arange(h, dtype=np.int32)[:, None]
        self._columns = np.arange(w, dtype=np.int32)

    def _places(self, shift: Shift) -> NDArray[np.int32]:
        """Where cells lie in the flat other plane, with room around for a step."""
        h, w = self.shape
        y = np.clip(self._rows + shift[0], -1, h) + _MARGIN
        x = np.clip(self._columns + shift[1], -1, w) + _MARGIN
        return np.asarray(y * np.int32(self._stride) + x, np.int32)

    def _cost(self, places: NDArray[np.int32]) -> Whole:
        """The difference around each cell to those at `places` ``(..., h, w)``, in `_UNIT`."""
        there = self._flat.take(places)
        np.subtract(self._own, there, out=there)
        return _box(np.abs(there, out=there))

    def searched(self, starts: list[Shift], offsets: Sequence[tuple[int, int]]) -> Shift:
        """The best of all `offsets` from all `starts`, cell by cell; of equal ones the first."""
        steps = np.array(offsets, np.int32)  # (tried, 2)
        away = steps @ np.array([self._stride, 1], np.int32)
        places = np.stack([self._places(start) for start in starts])[:, None]
        tried = (places + away[:, None, None]).reshape(-1, *self.shape)
        dearer = np.tile((_STEP * _UNIT * np.abs(steps).sum(1)).astype(np.int32), len(starts))
        cost = (self._cost(tried) + dearer[:, None, None]) * np.int32(_TRIED)
        cost += np.arange(len(tried), dtype=np.int32)[:, None, None]
        chosen = cost.min(0) % _TRIED  # many times quicker than `argmin`
        step = chosen if len(starts) == 1 else chosen % len(offsets)
        out = np.stack([part.take(step) for part in steps.T])  # quicker than an index of both
        if len(starts) == 1:
            out += starts[0]
        else:
            out += np.where(chosen < len(offsets), *starts)
        return out

    def finished(self, shift: Shift) -> Motion:
        """The shift with rest where it is as good, between cells, and how sure it is."""
        still = self._cost(self._places(np.zeros_like(shift)))
        rests = still <= self._cost(self._places(shift)) + np.int16(_REST * _UNIT)
        shift = np.where(rests, np.int32(0), shift)
        places = self._places(shift)
        cost = self._cost(places).astype(np.float32)
        fine = shift.astype(np.float32)
        for axis, (y, x) in enumerate(((1, 0), (0, 1))):
            step = np.int32(y * self._stride + x)
            before = self._cost(places - step).astype(np.float32)
            after = self._cost(places + step).astype(np.float32)
            bend = np.maximum(before + after - 2 * cost, np.float32(_FLAT * _UNIT))
            part = np.clip((before - after) / (2 * bend), -0.5, 0.5)
            fine[axis] += np.where(rests, np.float32(0), part)
        beyond = np.maximum(cost / np.float32(_UNIT) - _BLIND, 0)
        return Motion(fine, np.asarray(np.exp(-((beyond / _SURE) ** 2)), np.float32))


def _whole(plane: Array) -> Whole:
    return np.asarray(np.rint(plane * np.float32(_SCALE)), np.int16)


def _box(planes: Whole) -> Whole:
    """The sum over the 5 x 5 cells around each of ``(..., h, w)``; borders repeat."""
    h, w = planes.shape[-2:]
    inside = slice(_BOX, -_BOX)
    padded = np.empty((*planes.shape[:-2], h + 2 * _BOX, w + 2 * _BOX), np.int16)
    padded[..., inside, inside] = planes  # `np.pad` takes as long as all else
    padded[..., :_BOX, inside] = planes[..., :1, :]
    padded[..., -_BOX:, inside] = planes[..., -1:, :]
    padded[..., :_BOX] = padded[..., _BOX : _BOX + 1]
    padded[..., -_BOX:] = padded[..., -_BOX - 1 : -_BOX]
    pairs = padded[..., :-1, :] + padded[..., 1:, :]
    rows = pairs[..., :h, :] + pairs[..., 2 : h + 2, :]
    rows += padded[..., 4:, :]
    pairs = rows[..., :-1] + rows[..., 1:]
    out = pairs[..., :w] + pairs[..., 2 : w + 2]
    out += rows[..., 4:]
    return np.asarray(out, np.int16)
