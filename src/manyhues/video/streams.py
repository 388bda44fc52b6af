"""What a film has beside its pictures, for its results: copied as it is, wherever that can be."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from manyhues.errors import lacks_memory
from manyhues.video.container import ATTACHED, library, opened, until_damaged, video_of

Muxed = Iterator[tuple[Any, Any]]  # packets, each with the result's stream that it goes to

_OF_PICTURES = ("language", "title", "timecode", "creation_time", "handler_name")
_APART = 0.1  # seconds between where sound should be and is: above, some of it is missing
_SECOND_SOUND = "flac"  # without loss, and in all containers that results have


def describe(film: Any, path: Path, picture: Any) -> None:
    """Give the result's pictures the names of the film's, and what they are for."""
    own = video_of(film, path)
    told = {key.lower(): value for key, value in own.metadata.items()}
    for key in _OF_PICTURES:
        if key in told:
            picture.metadata[key] = told[key]
    picture.disposition = own.disposition


class Others:
    """The other streams of a film in its result; to be made before anything is written there."""

    def __init__(self, film: Any, path: Path, result: Any, suffix: str, notes: list[str]) -> None:
        self._film, self._notes = film, notes
        self._of: dict[int, Callable[[Any], Muxed]] = {}
        self._covers = list(_covers(path, film, result, suffix, notes))
        for stream in film.streams:
            if stream.type not in ("video", "data"):
                self._take(stream, result, suffix)
        # MP4's chapters and time codes are streams of data, too, and are made anew.
        data = [stream for stream in film.streams if stream.type == "data"]
        unknown = sum("timecode" not in stream.metadata for stream in data)
        if unknown > (suffix != ".mkv" and bool(film.chapters())):
            _note(notes, "a stream of data, not to be seen or heard, was left out")

    def _take(self, stream: Any, result: Any, suffix: str) -> None:
        try:
            copy = result.add_stream_from_template(stream)
            self._of[stream.index] = _copied(copy)
        except (ValueError, TypeError, AttributeError, OSError) as error:
            if lacks_memory(error):
                raise
            if stream.type != "audio" or stream.codec_context is None:
                _note(self._notes, f"a stream of kind {stream.type} could not be kept")
                return
            copy, self._of[stream.index] = _anew(stream, result)
            name = stream.codec_context.name
            said = f"its sound was written anew as FLAC: {suffix} does not take {name}"
            _note(self._notes, said)
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition

    def packets(self) -> Muxed:
        """All their packets, in the film's order."""
        yield from self._covers
        streams = [stream for stream in self._film.streams if stream.index in self._of]
        demuxed = self._film.demux(streams) if streams else iter(())
        said = "its sound ends where the file is damaged"
        for packet in until_damaged(demuxed, lambda: _note(self._notes, said)):
            yield from self._of[packet.stream.index](packet)


def _note(notes: list[str], said: str) -> None:
    if said not in notes:
        notes.append(said)


def _copied(stream: Any) -> Callable[[Any], Muxed]:
    return lambda packet: iter([(packet, stream)] if packet.dts is not None else ())


def _anew(stream: Any, result: Any) -> tuple[Any, Callable[[Any], Muxed]]:
    """A stream of sound, encoded without loss."""
    av, given = library(), stream.codec_context
    format_ = "s32" if given.format.name.startswith("s32") else "s16"
    new = result.add_stream(_SECOND_SOUND, rate=given.sample_rate)
    new.format, new.layout = format_, given.layout
    resampler = av.AudioResampler(format_, given.layout, given.sample_rate)
    expected: float | None = None  # seconds

    def encoded(packet: Any) -> Muxed:
        nonlocal expected
        try:
            frames = stream.decode(packet)
        except MemoryError:
            raise
        except av.FFmpegError:  # a packet that is damaged
            return
        for frame in frames:
            own = float(frame.pts * frame.time_base) if frame.pts is not None else expected or 0.0
            if expected is None or abs(own - expected) > _APART:
                expected = own
            frame.pts = round(expected / frame.time_base)
            expected += frame.samples / frame.sample_rate
            for part in resampler.resample(frame):
                yield from ((made, new) for made in new.encode(part))
        if packet.dts is None:  # the last; FLAC's own last one is empty
            yield from ((made, new) for made in new.encode(None) if made.size)

    return new, encoded


def _covers(path: Path, film: Any, result: Any, suffix: str, notes: list[str]) -> Muxed:
    """Pictures of a cover, which Matroska has as attachments."""
    numbers = [stream.index for stream in film.streams.video if stream.disposition & ATTACHED]
    if not numbers:
        return
    with opened(path) as again:
        waiting = set(numbers)
        for packet in again.demux([again.streams[number] for number in numbers]):
            stream = packet.stream
            if stream.index not in waiting or not packet.size:
                continue
            waiting.remove(stream.index)
            kind = stream.codec_context.name if stream.codec_context else ""
            kind = "jpeg" if kind == "mjpeg" else kind
            told = {key.lower(): value for key, value in stream.metadata.items()}
            if suffix == ".mkv":
                name = told.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}")
                result.add_attachment(name, told.get("mimetype", f"image/{kind}"), bytes(packet))
            else:
                context = stream.codec_context
                size = {"width": context.width, "height": context.height}
                copy = result.add_mux_stream(context.name, **size)
                copy.disposition = ATTACHED
                data = library().Packet(bytes(packet))
                data.pts = data.dts = 0
                data.time_base = stream.time_base
                data.is_keyframe = True
                yield data, copy
            if not waiting:
                return
    _note(notes, "its cover could not be kept")
