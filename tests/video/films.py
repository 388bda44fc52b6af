"""Films that no data set has, made by PyAV: what the tests of films read."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.video.planes import Planes

EXAMPLES = Path(__file__).parents[2] / "examples"
Luma = NDArray[np.uint8]
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


def moved(name: str, count: int, size: tuple[int, int] = (96, 64), step: int = 1) -> list[Luma]:
    """An example picture's luma, under a window that moves `step` pixels a frame to the right."""
    width, height = size
    with Image.open(EXAMPLES / f"{name}.jpg") as image:
        wide = width + step * count
        still = np.asarray(image.convert("L").resize((wide, wide * image.height // image.width)))
    top = (still.shape[0] - height) // 2
    return [still[top : top + height, t * step : t * step + width].copy() for t in range(count)]


def moved_in_colour(name: str, count: int, size: tuple[int, int] = (96, 64)) -> list[Luma]:
    """As `moved`, RGB ``(H, W, 3)``, its colours strong: all hues from left to right."""
    width, height = size
    hue = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    strength = np.full_like(hue, 200)
    found = []
    for value in moved(name, count, size):
        parts = [Image.fromarray(part) for part in (hue, strength, value)]
        found.append(np.asarray(Image.merge("HSV", parts).convert("RGB")))
    return found


def write(
    path: Path,
    lumas: Sequence[Luma],
    *,
    codec: str = "libx264",
    format: str = "yuv420p",
    rate: int = 25,
    stamps: Sequence[int] | None = None,
    shape: Fraction = Fraction(1),
    sound: bool = False,
    chapters: bool = False,
    subtitles: Path | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    turn: int = 0,
    container: dict[str, str] | None = None,
) -> Path:
    """A film of frames, grey or RGB; `stamps` are their times in milliseconds."""
    with av.open(str(path), "w", options=container or {}) as film:
        film.metadata.update(metadata or {})
        height, width = lumas[0].shape[:2]
        stream: Any = film.add_stream(codec, rate=rate, options=options or {"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, format
        stream.codec_context.sample_aspect_ratio = shape
        base = Fraction(1, 1000) if stamps else Fraction(1, rate)
        stream.codec_context.time_base = base
        if turn:
            stream.set_display_rotation(turn)
        tone: Any = film.add_stream("aac", rate=16000) if sound else None
        text: Any = av.open(str(subtitles)) if subtitles else None
        copied: Any = film.add_stream_from_template(text.streams[0]) if text else None
        if chapters:
            parts = [(1, 0, 400, "One"), (2, 400, 900, "Two")]
            film.set_chapters(
                [
                    {"id": i, "start": a, "end": b, "time_base": Fraction(1, 1000),
                     "metadata": {"title": title}}
                    for i, a, b, title in parts
                ]
            )  # fmt: skip
        for number, luma in enumerate(lumas):
            rgb = luma if luma.ndim == 3 else np.stack([luma] * 3, -1)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = stamps[number] if stamps else number, base
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
        if tone is not None:
            samples = (np.sin(np.arange(16000) / 8) * 8000).astype(np.int16)[None]
            wave = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            wave.sample_rate, wave.pts = 16000, 0
            for part in tone.encode(wave) + tone.encode():
                film.mux(part)
        if text is not None:
            for packet in text.demux():
                if packet.dts is not None:
                    packet.stream = copied
                    film.mux(packet)
            text.close()
    return path


def frames(path: Path) -> list[Any]:
    """The decoded frames of a film."""
    with av.open(str(path)) as film:
        return list(film.decode(video=0))


def luma(frame: Any) -> Luma:
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def planes(frame: Any) -> Planes:
    """Luma and chroma of a decoded frame of 8 bits."""
    found = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        found.append(rows[: plane.height, : plane.width])
    luma, cb, cr = found
    return luma, cb, cr


def shown(planes: Planes, full: bool, matrix: str) -> NDArray[np.float64]:
    """What a player shows: sRGB ``(H, W, 3)`` in [0, 1], chroma enlarged linearly."""
    luma, *chroma = (plane.astype(np.float64) for plane in planes)
    size = luma.shape[::-1]
    cb, cr = (
        np.asarray(Image.fromarray(part.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
        for part in chroma
    )
    red, blue = WEIGHTS[matrix]
    scale = 255 if full else 224
    light = luma / 255 if full else (luma - 16) / 219
    r = light + (cr - 128.0) / scale * 2 * (1 - red)
    b = light + (cb - 128.0) / scale * 2 * (1 - blue)
    g = (light - red * r - blue * b) / (1 - red - blue)
    return np.stack([r, g, b], -1)
