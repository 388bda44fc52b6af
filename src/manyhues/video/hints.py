"""Hints with a time: followed through their shot along motion, before anything is coloured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import UsageError
from manyhues.sampling.hints import check_place, hint_colour
from manyhues.video.shots import Seen, Stretch, stretches
from manyhues.video.source import Source

_SURE = 0.5  # below, the place is no longer in the picture
_NEAR = 2.0  # cells


@dataclass(frozen=True)
class TimedHint:
    """A colour ``#rrggbb`` at pixel (x, y) of the upright frame shown at `seconds`.

    Functions that take one take a tuple (x, y, seconds, colour) as well.

        red = video.TimedHint(12, 8, 0.1, "#b03030")
        video.colorize("film.mp4", "out/red", hints=[red])
    """

    x: int
    y: int
    seconds: float
    colour: str

    def __str__(self) -> str:
        return f"hint {self.x},{self.y}@{self.seconds:g}={self.colour}"


TimedHints = Sequence[TimedHint | tuple[int, int, float, str]]
AtKeys = dict[int, tuple[tuple[int, int, str], ...]]  # hints (x, y, colour) by number of frame


def parse_timed_hint(text: str) -> TimedHint:
    """``X,Y@SECONDS=#RRGGBB``; without ``@SECONDS``, at the start. Raises `UsageError`."""
    try:
        where, colour = text.split("=", 1)
        place, _, seconds = where.partition("@")
        x, y = (int(part) for part in place.split(","))
        return TimedHint(x, y, float(seconds or 0), colour)
    except ValueError:
        raise UsageError(
            f"hint {text!r}: expected X,Y@SECONDS=#RRGGBB, such as 120,80@2.5=#b03030"
        ) from None


def checked(hints: TimedHints, source: Source) -> list[TimedHint]:
    """Hints that are in the film, as far as its header tells. Raises `UsageError`."""
    out = []
    for given in hints:
        try:
            hint = given if isinstance(given, TimedHint) else TimedHint(*given)
            hint = TimedHint(int(hint.x), int(hint.y), float(hint.seconds), hint.colour)
        except (TypeError, ValueError):
            raise UsageError(f"hint {given}: expected (x, y, seconds, '#rrggbb')") from None
        hint_colour(hint.x, hint.y, hint.colour)
        check_place(str(hint), (hint.x, hint.y), source.size)
        if hint.seconds < 0 or 0 < source.seconds < hint.seconds:
            raise UsageError(f"{hint}: outside the film, which lasts {source.seconds:.1f} s")
        out.append(hint)
    return out


@dataclass
class _Step:
    """A key frame, and where it lies in the one before: half-size numbers, for many are kept."""

    number: int
    shift: NDArray[np.float16] | None
    sure: NDArray[np.bool_] | None


def due(hints: Sequence[TimedHint], seen: Iterable[Seen], source: Source) -> dict[int, list[int]]:
    """By number of frame, which hints are given there: the first frame at or after their time."""
    out: dict[int, list[int]] = {}
    waiting = sorted(range(len(hints)), key=lambda i: hints[i].seconds)
    start: int | None = None
    for one in seen:
        start = one.frame.pts if start is None else start
        seconds = float((one.frame.pts - start) * source.time_base)
        while waiting and hints[waiting[0]].seconds <= seconds + 1e-6:
            out.setdefault(one.number, []).append(waiting.pop(0))
        if not waiting:
            break
    if waiting:
        raise UsageError(f"{hints[waiting[0]]}: the film has no frame that late")
    return out


def follow(
    hints: Sequence[TimedHint], given: dict[int, list[int]], seen: Iterable[Seen], source: Source
) -> AtKeys:
    """Where hints lie at the key frames of their shots, as `stretches` finds those."""
    found: AtKeys = {}
    shot: list[_Step] = []
    last = max(given, default=-1)

    def close() -> None:
        _through(shot, hints, given, source.size, found)
        shot.clear()

    for stretch in stretches(seen, keys=lambda one: one.number in given):
        if stretch.start is None:
            close()
            if stretch.key.number > last:
                break
        shot.append(_step(stretch))
    close()
    return found


def _step(stretch: Stretch) -> _Step:
    if stretch.start is None:
        return _Step(stretch.key.number, None, None)
    moved = stretch.motions[-1]
    return _Step(stretch.key.number, moved.shift.astype(np.float16), moved.sure >= _SURE)


def _through(
    shot: Sequence[_Step],
    hints: Sequence[TimedHint],
    given: dict[int, list[int]],
    size: tuple[int, int],
    found: AtKeys,
) -> None:
    for at, step in enumerate(shot):
        for hint in (hints[i] for i in given.get(step.number, ())):
            _put(found, step.number, (hint.x, hint.y, hint.colour))
            grid = next((s.sure.shape for s in shot if s.sure is not None), None)
            if grid is None:
                continue  # a shot of one frame
            cells = np.array([grid[0] / size[1], grid[1] / size[0]])
            begin = (np.array([hint.y, hint.x]) + 0.5) * cells - 0.5
            for path in (_forward(shot, at, begin), _backward(shot, at, begin)):
                for number, place in path:
                    y, x = (place + 0.5) / cells
                    x, y = min(max(int(x), 0), size[0] - 1), min(max(int(y), 0), size[1] - 1)
                    _put(found, number, (x, y, hint.colour))


def _put(found: AtKeys, number: int, hint: tuple[int, int, str]) -> None:
    found[number] = (*found.get(number, ()), hint)


Path = list[tuple[int, NDArray[np.float64]]]


def _backward(shot: Sequence[_Step], at: int, place: NDArray[np.float64]) -> Path:
    path: Path = []
    for i in range(at, 0, -1):
        shift, sure = shot[i].shift, shot[i].sure
        if shift is None or sure is None:
            break
        row, column = _cell(place, sure.shape)
        if not sure[row, column]:
            break
        place = place + shift[:, row, column]
        path.append((shot[i - 1].number, place))
    return path


def _forward(shot: Sequence[_Step], at: int, place: NDArray[np.float64]) -> Path:
    path: Path = []
    for step in shot[at + 1 :]:
        if step.shift is None or step.sure is None:
            break
        rows, columns = np.indices(step.sure.shape)
        # The cell there that was here: what lies nearest to the place in the frame before.
        far = (rows + step.shift[0] - place[0]) ** 2 + (columns + step.shift[1] - place[1]) ** 2
        far = np.where(step.sure, far, np.inf)
        row, column = np.unravel_index(int(far.argmin()), far.shape)
        if far[row, column] > _NEAR**2:
            break
        place = place - step.shift[:, row, column].astype(np.float64)
        path.append((step.number, place))
    return path


def _cell(place: NDArray[np.float64], grid: tuple[int, ...]) -> tuple[int, int]:
    row, column = (
        min(max(round(float(part)), 0), side - 1) for part, side in zip(place, grid, strict=True)
    )
    return row, column
