"""Films: n colourings of one, each of them steady, with its own sound and luma (extra `video`).

    from manyhues import video

    result = video.colorize("film.mp4", "out", n=3, hints=[(120, 80, 2.5, "#b03030")])
    for seconds, pictures in video.frames("film.mp4", n=3):  # sRGB (H, W, 3) uint8 each
        ...

`colorize` writes files; `frames` gives the pictures one by one, and writes none.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from manyhues.colorizer import Colorizer
from manyhues.image.picture import PictureLike
from manyhues.sampling.options import Pick, Sampling
from manyhues.video.container import SUFFIXES
from manyhues.video.film import Film, Progress, Result, Watch
from manyhues.video.hints import TimedHint, TimedHints, parse_timed_hint

__all__ = [
    "SUFFIXES",
    "Film",
    "Progress",
    "Result",
    "TimedHint",
    "colorize",
    "frames",
    "parse_timed_hint",
]


class FilmOptions(TypedDict, total=False):
    """The options of `Sampling` that stand for a whole film."""

    seed: int
    pick: Pick
    diversity: float
    saturation: float
    like: PictureLike | None


def colorize(
    path: str | Path,
    out: str | Path,
    n: int = 3,
    *,
    method: str | None = None,
    weights: str | Path | None = None,
    hints: TimedHints = (),
    sheet: bool = True,
    overwrite: bool = False,
    progress: Watch | None = None,
    **options: Unpack[FilmOptions],
) -> Result:
    """Write n colourings of a film into the folder `out`, and a contact sheet.

    Interrupted, it goes on where it was when called again.

        result = video.colorize("film.mp4", "out", n=3)

    Args:
        path: a film, of any kind that FFmpeg reads.
        out: a folder.
        n: how many versions.
        method: as `Colorizer.load`.
        weights: as `Colorizer.load`.
        hints: (x, y, seconds, "#rrggbb") each, followed through their shot.
        sheet: whether to write ``<stem>.sheet.jpg``: frames down, versions across.
        overwrite: whether results that exist are replaced.
        progress: called every few frames.
        options: as `Sampling`.

    Raises:
        ManyhuesError: the film cannot be read, a result not written, an option is out of range.
    """
    film = Film(path, Colorizer.load(method, weights), Sampling(n, **options), hints)
    return film.write(out, sheet=sheet, overwrite=overwrite, progress=progress)


def frames(
    path: str | Path,
    n: int = 1,
    *,
    method: str | None = None,
    weights: str | Path | None = None,
    hints: TimedHints = (),
    **options: Unpack[FilmOptions],
) -> Iterator[tuple[float, list[NDArray[np.uint8]]]]:
    """The frames of n colourings: seconds, and n pictures in sRGB ``(H, W, 3)`` uint8, upright.

    Their L* is the film's own. Options and errors as `colorize`.

        seconds, (first, second) = next(video.frames("film.mp4", n=2))
    """
    film = Film(path, Colorizer.load(method, weights), Sampling(n, **options), hints)
    start: int | None = None
    for painted in film.painted():
        pts = painted.seen.frame.pts
        start = pts if start is None else start
        yield float((pts - start) * film.source.time_base), film.rgb(painted)
