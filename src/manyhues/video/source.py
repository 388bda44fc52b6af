"""A film file as frames of luma: what colouring reads of it, and what the result must keep."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from manyhues.errors import PictureError
from manyhues.video.container import (
    ATTACHED,
    library,
    measured,
    opened,
    until_damaged,
    video_of,
)
from manyhues.video.planes import Plane, Planes, grey

_MISSING = 1.0  # seconds of a film that a header may tell wrongly
_FULL_RANGE = 2  # FFmpeg's numbers
_HDR = {16: "PQ", 18: "HLG"}
_MATRICES = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
_SPACES = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020"}
_MAX_SIDE = 16384  # what H.264 can hold


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame, upright. `pts` counts the stream's time base; `luma` is ``(H, W)`` uint8.

    Of a frame in colour it is that of greys of the same L*.
    """

    pts: int
    luma: Plane


@dataclass(frozen=True)
class Upright:
    """How stored frames are shown: rows and columns exchanged first, then turned back to front."""

    sideways: bool = False
    rows: bool = False
    columns: bool = False

    @classmethod
    def of(cls, frame: Any) -> "Upright":
        """As the display matrix of a frame says, to the nearest right angle; mirrors too."""
        if (found := frame.side_data.get("DISPLAYMATRIX")) is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(found, np.int32).tolist()
        if sideways := abs(a) + abs(d) < abs(b) + abs(c):
            return cls(sideways, b < 0, c < 0)
        return cls(sideways, d < 0, a < 0)

    def shown(self, plane: Plane) -> Plane:
        """A plane as it is shown."""
        plane = plane.T if self.sideways else plane
        plane = plane[::-1] if self.rows else plane
        return np.ascontiguousarray(plane[:, ::-1] if self.columns else plane)


@dataclass(eq=False)
class Source:
    """An opened film, its best video stream.

    size       width and height of the upright frames
    time_base  seconds of one count of `pts`
    shape      width of a pixel to its height, upright
    full       luma is 0 to 255, not 16 to 235
    matrix     what makes luma of colours: bt601, bt709 or bt2020
    length     frames, as many as the file holds: broken ones are among them
    seconds    from the first frame to the end of the last one
    last       how long the last frame is shown, in counts of `pts`; 0 if the file does not say
    broken     frames that could not be decoded so far
    notes      what was lost or changed while reading, for the user to see
    """

    path: Path
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    shape: Fraction
    full: bool
    matrix: str
    length: int
    seconds: float
    upright: Upright = field(default_factory=Upright)
    last: int = 0
    notes: list[str] = field(default_factory=list)
    broken: int = 0

    @classmethod
    def open(cls, path: str | Path) -> "Source":
        """Read a film's header and first frame. Raises `PictureError`, `UsageError`."""
        path = Path(path)
        av = library()
        with opened(path) as film:
            stream = video_of(film, path)
            context = stream.codec_context
            probe = cls(
                path, (0, 0), stream.time_base, Fraction(25), Fraction(1), False, "bt601", 0, 0.0
            )
            first = next(probe._decoded(av, film, stream), None)
            if first is None:
                raise PictureError(
                    f"{path}: no frame of it can be decoded; it is empty or damaged, copy it again"
                )
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            found = measured(path)
            seconds = float(found.ticks * stream.time_base) or float(found.frames / rate)
            upright = Upright.of(first)
            width, height = first.width, first.height
            if max(width, height) > _MAX_SIDE:
                raise PictureError(
                    f"{path}: {width} x {height} is more than H.264 holds; shrink it"
                )
            shape = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
            if upright.sideways:
                width, height, shape = height, width, 1 / shape
            full = _direct(first) and (
                first.color_range == _FULL_RANGE or first.format.name.startswith("yuvj")
            )
            matrix = _MATRICES.get(int(first.colorspace), "bt709" if height >= 720 else "bt601")
            source = cls(
                path, (width, height), stream.time_base, rate, shape, full, matrix, found.frames,
                seconds, upright, found.last,
            )  # fmt: skip
            source._say(film, first)
            if 0 < found.end < (promised := float(film.duration or 0) / 1e6) - _MISSING:
                source.notes.append(
                    f"it ends after {found.end:.1f} s, and its header says {promised:.1f} s: "
                    "the copy is not whole"
                )
        return source

    def _say(self, film: Any, first: Any) -> None:
        depth = max((part.bits for part in first.format.components), default=8)
        if depth > 8:
            self.notes.append(f"its {depth} bits are written as 8")
        if first.interlaced_frame:
            self.notes.append(
                "it is interlaced and was coloured with its lines as they are; "
                "deinterlace it first for sharp motion"
            )
        if int(first.color_trc) in _HDR:
            self.notes.append(f"its HDR ({_HDR[int(first.color_trc)]}) was read as standard range")
        if any(part.is_alpha for part in first.format.components):
            self.notes.append("its transparency was left out")
        if sum(not stream.disposition & ATTACHED for stream in film.streams.video) > 1:
            self.notes.append("it has several picture streams: the main one was coloured")
        if self.upright != Upright():
            self.notes.append("its rotation was carried out: frames are written upright")

    def frames(self, after: Frame | None = None) -> Iterator[Frame]:
        """Frames in the order shown, those that come after one of them. Broken ones are counted.

        Raises `PictureError`.
        """
        if after is None:
            yield from (self._frame(pts, decoded) for pts, decoded in self._shown())
            return
        # Where a seek leads is known when that frame itself is met. In a stream without an index
        # it may lead past it, and decoders show what they cannot know yet; then from the start.
        for start in (after.pts, None):
            shown = self._shown(start)
            for pts, decoded in shown:
                if pts > after.pts:
                    break
                if pts == after.pts and np.array_equal(self._frame(pts, decoded).luma, after.luma):
                    yield from (self._frame(*one) for one in shown)
                    return
        raise PictureError(
            f"{self.path}: its frame at {float(after.pts * self.time_base):.1f} s is not what an "
            "interrupted run has found; remove its hidden folder beside the results"
        )

    def _shown(self, start: int | None = None) -> Iterator[tuple[int, Any]]:
        """Decoded frames with their time stamps, each later than the last; from about `start`."""
        av = library()
        self.broken = 0
        with opened(self.path) as film:
            stream = video_of(film, self.path)
            stream.thread_type = "AUTO"
            if start is not None:
                try:
                    film.seek(start, stream=stream)
                except MemoryError:  # FFmpeg's own is an `FFmpegError`, too
                    raise
                except av.FFmpegError:
                    return
            step = max(1, round(1 / (self.rate * self.time_base)))
            last: int | None = None
            for decoded in self._decoded(av, film, stream):
                pts = decoded.pts
                if pts is None and start is not None:
                    return  # nobody knows when that is
                if pts is None or (last is not None and pts <= last):
                    pts = 0 if last is None else last + step
                last = pts
                yield pts, decoded

    def _frame(self, pts: int, decoded: Any) -> Frame:
        planes = _planes(library(), decoded, self.matrix)
        luma = planes[0] if planes[1] is None else grey(planes, self.full, self.matrix)
        luma = self.upright.shown(luma)
        if luma.shape != (self.size[1], self.size[0]):
            raise PictureError(
                f"{self.path}: its frames change their size at "
                f"{float(pts * self.time_base):.1f} s; cut it there, and colour the parts"
            )
        return Frame(pts, luma)

    def _decoded(self, av: Any, film: Any, stream: Any) -> Iterator[Any]:
        def ends_early() -> None:
            self.broken += 1

        for packet in chain(until_damaged(film.demux(stream), ends_early), [None]):
            try:
                frames = stream.decode(packet)
            except MemoryError:  # FFmpeg's own is an `FFmpegError`, too
                raise
            except av.FFmpegError:
                self.broken += packet is not None
                frames = []
            for frame in frames:
                if frame.is_corrupt:
                    self.broken += 1
                else:
                    yield frame


def _direct(frame: Any) -> bool:
    """Whether the first plane is luma of 8 bits as it stands."""
    name = frame.format.name
    return name.startswith(("yuv4", "yuvj", "nv12", "nv21", "yuva4")) and not name.endswith(
        ("le", "be")
    )


def _planes(av: Any, frame: Any, matrix: str) -> Planes | tuple[Plane, None, None]:
    """Luma ``(H, W)`` and, of what is not grey, chroma as `grey` takes it: 8 bits each."""
    name, planar = frame.format.name, frame
    if not _direct(frame):
        space = _SPACES[matrix]
        planar = frame = frame.reformat(
            format="yuv420p", dst_color_range="MPEG", src_colorspace=space, dst_colorspace=space
        )
    elif name.startswith("nv"):
        planar = frame.reformat(format="yuv420p")
    luma = _plane(frame, 0)
    if name.startswith(("gray", "mono", "ya")):
        return luma, None, None
    cb, cr = (_shrunk(_plane(planar, number), luma.shape) for number in (1, 2))
    return luma, cb, cr


def _plane(frame: Any, number: int) -> Plane:
    plane = frame.planes[number]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width].copy()


def _shrunk(chroma: Plane, luma: tuple[int, ...]) -> Plane:
    """A chroma plane of 4:2:2 or the like at half the size of luma, rounded up."""
    size = (luma[1] + 1) // 2, (luma[0] + 1) // 2
    if chroma.shape in (size[::-1], luma):
        return chroma
    return np.asarray(Image.fromarray(chroma).resize(size, Image.Resampling.BOX))
