"""The file of a film: whether it can be opened, its pictures among what it holds, its length."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyhues.errors import PictureError, UsageError, lacks_memory
from manyhues.image.decoding import no_memory

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts"}
    | {".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".vob", ".ts", ".asf", ".3g2", ".f4v", ".dv"}
)
_HEADER = 1 << 26  # bytes of an MP4's header that are looked at
ATTACHED = 0x400  # FFmpeg's disposition of a cover picture


def library() -> Any:
    """PyAV. Raises `UsageError`, with how to install it, where it is absent."""
    try:
        import av
    except ModuleNotFoundError:
        raise UsageError(
            "films need the library PyAV; install it with: pip install 'manyhues[video]'"
        ) from None
    return av


def is_transport_stream(path: Path) -> bool:
    """Whether a file named .ts holds MPEG's packets, each of which has one sign in front."""
    try:
        with path.open("rb") as file:
            return file.read(189)[::188] == b"GG"
    except OSError:
        return False


def opened(path: Path) -> Any:
    """PyAV's container of a file. Raises `PictureError`."""
    av = library()
    try:
        # As it stands a name with a colon would be an address, and a list of such be followed.
        return av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except FileNotFoundError:
        raise PictureError(f"{path}: does not exist; check the path") from None
    except (av.FFmpegError, OSError) as error:
        if lacks_memory(error):
            raise no_memory(str(path)) from error
        said = getattr(error, "strerror", None) or "damaged"
        raise PictureError(f"{path}: not a film that can be read ({said}); copy it again") from None


def video_of(film: Any, path: Path) -> Any:
    """The stream of moving pictures that is coloured. Raises `PictureError`."""
    streams = [s for s in film.streams.video if not s.disposition & ATTACHED]
    if not streams:
        raise PictureError(f"{path}: no moving pictures inside; give a film")
    stream = streams[0]
    if stream.codec_context is None:
        raise PictureError(f"{path}: no decoder for its pictures; convert it first, to H.264 say")
    if _protected(path):
        raise PictureError(f"{path}: is protected (DRM) and cannot be read; use a free copy")
    return stream


@dataclass
class Measured:
    """How many frames there are, how long they and the last one are shown, in counts of `pts`.

    end  seconds until all streams have ended
    """

    frames: int = 0
    ticks: int = 0
    last: int = 0
    end: float = 0.0


def measured(path: Path) -> Measured:
    """A film, counted.

    Headers tell what was meant to be: of a copy that ends early, or a recording that was cut off,
    something else, or nothing.
    """
    found, begin, shown = Measured(), 0.0, list[tuple[int, int]]()
    with opened(path) as film:
        pictures = video_of(film, path)
        for packet in until_damaged(film.demux()):
            if not packet.size or packet.is_discard:
                continue
            of_pictures, one = packet.stream is pictures, (packet.pts, packet.duration or 0)
            found.frames += of_pictures
            if packet.pts is None:
                continue
            begin = min(begin, float(packet.pts * packet.time_base))
            found.end = max(found.end, float(sum(one) * packet.time_base) - begin)
            if of_pictures:
                shown = [min(*shown, one), max(*shown, one)] if shown else [one, one]
        if shown:
            (first, _), (last, found.last) = shown
            if pictures.duration and pictures.start_time is not None:
                # MP4 has durations in the order of decoding; of the whole stream it is right.
                header = pictures.start_time + pictures.duration - last
                found.last = min(found.last, header) if header > 0 else found.last
            found.ticks = last + found.last - first
    return found


def _let_be() -> None:
    """What is damaged is not told."""


def until_damaged(packets: Iterator[Any], tell: Callable[[], object] = _let_be) -> Iterator[Any]:
    """Packets to the end, or to where the file is damaged, which is told."""
    try:
        yield from packets
    except MemoryError:  # FFmpeg's own is an `FFmpegError`, too
        raise
    except library().FFmpegError:
        tell()


def _protected(path: Path) -> bool:
    """Whether the header of an MP4 says that its pictures are encrypted: FFmpeg does not tell."""
    with path.open("rb") as file:
        while len(head := file.read(16)) >= 8:
            size, kind = int.from_bytes(head[:4]), head[4:8]
            if not kind.isalnum():
                return False
            size = int.from_bytes(head[8:]) if size == 1 else size
            if kind == b"moov":
                header = head + file.read(min(size, _HEADER))
                return any(sign in header for sign in (b"encv", b"drmi"))
            if size < 8:  # up to the end of the file
                return False
            file.seek(size - len(head), os.SEEK_CUR)
    return False
