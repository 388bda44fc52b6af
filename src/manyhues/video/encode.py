"""Frames to H.264, and encoded parts with the film's sound, subtitles and chapters to a file."""

import heapq
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from manyhues.errors import OutputError, lacks_memory
from manyhues.video.container import library, opened
from manyhues.video.planes import Plane, Planes
from manyhues.video.source import Source
from manyhues.video.streams import Others, describe

# x264's constant rate factor, tuned for what differs least: L* of a grainy film is off by less
# than half a unit (benchmarks/films.py --luma).
QUALITY = 12
_PRESET, _TUNE = "veryfast", "psnr"
_PACKET = struct.Struct("<qqi?")  # time stamps, bytes, whether decoding can begin there
_TAGS = {"bt601": 6, "bt709": 1, "bt2020": 9}
_HEADERS_APART = 1 << 22  # FFmpeg's flag, as MP4 and Matroska want it
CONTAINERS = {".mp4", ".m4v", ".mov", ".mkv"}


def suffix_of(path: Path) -> str:
    """The container of a film's results: its own where it holds H.264, else Matroska."""
    suffix = path.suffix.lower()
    return suffix if suffix in CONTAINERS else ".mkv"


def _set_up(context: Any, source: Source) -> None:
    """An encoder for the film's size, time and colours. Packets are in the frames' order (no B)."""
    width, height = source.size
    context.width, context.height = width, height
    context.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    context.options = {"crf": str(QUALITY), "preset": _PRESET, "tune": _TUNE, "bf": "0"}
    context.thread_count = 1  # or the bytes would depend on the processors
    context.time_base, context.framerate = source.time_base, source.rate
    context.sample_aspect_ratio = source.shape
    context.color_range = 2 if source.full else 1
    tag = _TAGS[source.matrix]
    context.colorspace = context.color_primaries = tag
    context.color_trc = 1 if tag == 9 else tag
    context.flags |= _HEADERS_APART


class Part:
    """Encoded packets of a few seconds of one version, written to a file as they come."""

    def __init__(self, path: Path, source: Source) -> None:
        self.path, self.source = path, source
        self._encoder = library().CodecContext.create("libx264", "w")
        _set_up(self._encoder, source)
        self._file: BinaryIO = path.open("wb")

    def add(self, pts: int, planes: Planes) -> None:
        """A frame: luma ``(H, W)``, and chroma planes half as large, rounded up."""
        av = library()
        width, height = self.source.size
        frame = av.VideoFrame(width, height, self._encoder.pix_fmt)
        if self._encoder.pix_fmt == "yuv444p":
            luma, cb, cr = planes
            planes = luma, _grown(cb, width, height), _grown(cr, width, height)
        for plane, values in zip(frame.planes, planes, strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            rows[: values.shape[0], : values.shape[1]] = values
        frame.pts, frame.time_base = pts, self.source.time_base
        self._write(self._encoder.encode(frame))

    def close(self) -> None:
        """Finish the part."""
        self._write(self._encoder.encode(None))
        self._file.close()

    def drop(self) -> None:
        """Leave it unfinished."""
        self._file.close()

    def _write(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            data = bytes(packet)
            base = self.source.time_base
            scale = packet.time_base / base
            pts, dts = (round(stamp * scale) for stamp in (packet.pts, packet.dts))
            self._file.write(_PACKET.pack(pts, dts, len(data), packet.is_keyframe))
            self._file.write(data)


def _grown(plane: Plane, width: int, height: int) -> Plane:
    how = Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(plane).resize((width, height), how))


def packets(parts: Sequence[Path], source: Source) -> Iterator[Any]:
    """The packets of finished parts, in their order; the last one says how long it is shown."""
    av, last = library(), None
    for part in parts:
        with part.open("rb") as file:
            while head := file.read(_PACKET.size):
                pts, dts, size, begins = _PACKET.unpack(head)
                packet = av.Packet(file.read(size))
                packet.pts, packet.dts, packet.time_base = pts, dts, source.time_base
                packet.is_keyframe = begins
                if last is not None:
                    yield last
                last = packet
    if last is not None:
        last.duration = source.last
        yield last


def join(source: Source, parts: Sequence[Path], out: Path, comment: str) -> list[str]:
    """Write a version to the file `out`: its parts, with all else that the film has.

    Returns notes on what could not be kept. Raises `OutputError`.
    """
    av = library()
    notes: list[str] = []
    options = {"fflags": "+bitexact"}  # or Matroska would have numbers drawn by chance
    if out.suffix != ".mkv":
        options["movflags"] = "+faststart"
    try:
        with opened(source.path) as film, av.open(f"file:{out}", "w", options=options) as result:
            result.metadata.update(
                {k: v for k, v in film.metadata.items() if k not in _CONTAINERS_OWN}
            )
            kept = film.metadata.get("comment")
            result.metadata["comment"] = f"{kept}\n{comment}" if kept else comment
            picture = result.add_stream("libx264", rate=source.rate)
            _set_up(picture.codec_context, source)
            describe(film, source.path, picture)
            others = Others(film, source.path, result, out.suffix, notes)
            if chapters := film.chapters():
                result.set_chapters(chapters)
            own = ((packet, picture) for packet in packets(parts, source))
            every = heapq.merge(own, others.packets(), key=lambda pair: _seconds(pair[0]))
            for packet, stream in every:
                packet.stream = stream
                result.mux(packet)
    except (av.FFmpegError, OSError, ValueError) as error:
        if lacks_memory(error):
            raise
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise OutputError(
            f"{out.name}: cannot be written ({said}); check the free space and the folder's "
            "permissions"
        ) from error
    return notes


_CONTAINERS_OWN = {"major_brand", "minor_version", "compatible_brands", "encoder"}


def _seconds(packet: Any) -> float:
    return float(packet.dts * packet.time_base)
