"""Clips for benchmarks/films.py, and what is measured of their frames."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from manyhues import Colorizer
from manyhues.color.arrays import Array, resize
from manyhues.image.luminance import of_pixels
from manyhues.render import pixels as render
from manyhues.render.upsample import Upsampler
from manyhues.video import shots
from manyhues.video.motion import motion, pyramid
from manyhues.video.shots import Seen
from manyhues.video.source import Frame

Rgb = NDArray[np.uint8]
_LONGEST = 640
_STILL = 0.5  # L*


def read(path: Path, count: int) -> list[Rgb]:
    out: list[Rgb] = []
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            if len(out) == count:
                break
            width = min(frame.width, _LONGEST)
            height = round(frame.height * width / frame.width)
            out.append(frame.to_ndarray(format="rgb24", width=width, height=height))
    return out


class Clip:
    """Frames with what all measures share: L*, motion, and where the cuts are."""

    def __init__(self, path: Path, count: int, colorizer: Colorizer) -> None:
        self.true = read(path, count)
        self.light = [of_pixels(rgb) for rgb in self.true]
        self.grid = colorizer.encode_luminance(self.light[0]).grid
        self.levels = [pyramid(resize(light, *self.grid)) for light in self.light]
        self.cuts = {
            t
            for t in range(1, count)
            if motion(self.levels[t], self.levels[t - 1]).sure.mean() < 1 - shots._CUT
        }
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        grey = [np.clip(light * 2.55, 0, 255).astype(np.uint8) for light in self.light]
        self.flows = [
            (flow.calc(grey[t], grey[t - 1], None), flow.calc(grey[t - 1], grey[t], None))
            for t in range(1, count)
        ]

    def pairs(self) -> Iterator[int]:
        return (t for t in range(1, len(self.light)) if t not in self.cuts)

    def warped(self, t: int, plane: Array) -> Array:
        """A plane of frame t - 1 as motion brings it to frame t."""
        rows, columns = np.indices(plane.shape, dtype=np.float32)
        there = self.flows[t - 1][0]
        x, y = columns + there[..., 0], rows + there[..., 1]
        return np.asarray(cv2.remap(np.ascontiguousarray(plane), x, y, cv2.INTER_LINEAR))

    def followed(self, t: int) -> NDArray[np.bool_]:
        there, back = self.flows[t - 1]
        round_trip = there + np.stack([self.warped(t, back[..., i]) for i in (0, 1)], -1)
        alike = np.abs(self.warped(t, self.light[t - 1]) - self.light[t]) < 5
        return np.asarray((np.hypot(round_trip[..., 0], round_trip[..., 1]) < 1) & alike)

    def seen(self) -> list[Seen]:
        blank = np.zeros((1, 1), np.uint8)
        return [Seen(t, Frame(t, blank), blank, levels) for t, levels in enumerate(self.levels)]


def colourfulness(rgb: Rgb) -> float:
    red, green, blue = (rgb[..., i].astype(np.float32) for i in range(3))
    one, two = red - green, (red + green) / 2 - blue
    return float(np.hypot(one.std(), two.std()) + 0.3 * np.hypot(one.mean(), two.mean()))


def divergence(p: NDArray[Any], q: NDArray[Any]) -> float:
    middle = (p + q) / 2

    def to_middle(a: NDArray[Any]) -> float:
        some = a > 0
        return float((a[some] * np.log(a[some] / middle[some])).sum())

    return (to_middle(p) + to_middle(q)) / 2


def cdc(frames: list[Rgb]) -> float:
    counts = [
        [np.bincount(rgb[..., c].ravel(), minlength=256) / rgb[..., c].size for c in (2, 1, 0)]
        for rgb in frames
    ]
    apart = []
    for d in (1, 2, 4):
        pairs = zip(counts, counts[d:], strict=False)
        apart.append([divergence(one[c], two[c]) for one, two in pairs for c in range(3)])
    return float(np.mean([np.mean(some) for some in apart]))


def measure(clip: Clip, fields: list[Array], frames: list[Rgb]) -> str:
    """Of a, b at full size and the pictures: one line."""
    flicker, warp = [], []
    for t in clip.pairs():
        still = np.abs(clip.light[t] - clip.light[t - 1]) < _STILL
        change = np.abs(fields[t] - fields[t - 1]).mean(0)
        flicker.append(change[still].mean() if still.any() else 0)
        moved = np.stack([clip.warped(t, plane) for plane in fields[t - 1]])
        warp.append(np.abs(moved - fields[t]).mean(0)[clip.followed(t)].mean())
    colour = np.mean([colourfulness(rgb) for rgb in frames])
    return f"{np.mean(flicker):8.3f} {np.mean(warp):7.3f} {cdc(frames):8.4f} {colour:7.1f}"


def upsampled(clip: Clip, grids: list[Array]) -> tuple[list[Array], list[Rgb]]:
    fields, frames = [], []
    for light, grid in zip(clip.light, grids, strict=True):
        upsampler = Upsampler(light, grid.shape[1:])
        middle = upsampler.middle(grid)
        fields.append(upsampler.rows(middle, 0, light.shape[0]))
        frames.append(np.asarray(render.pixels(light, middle, upsampler, 8), np.uint8))
    return fields, frames


def enlarged(path: Path, height: int, count: int, out: Path) -> Path:
    """A clip scaled to a height, 16:9 by squashing if need be."""
    with av.open(str(path)) as film, av.open(str(out), "w") as result:
        stream: Any = result.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height = round(height * 16 / 9 / 2) * 2, height
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(film.decode(video=0)):
            if number == count:
                break
            large = frame.reformat(stream.width, height, "yuv420p")
            large.pts, large.time_base = number, Fraction(1, 25)
            result.mux(stream.encode(large))
        result.mux(stream.encode())
    return out


def moved_still(path: Path, count: int, out: Path) -> Path:
    """A picture under a camera that pans, zooms in and turns: 480 x 320, without loss."""
    rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    height, width = rgb.shape[:2]
    with av.open(str(out), "w") as result:
        stream: Any = result.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 480, 320, "bgr0"
        for number in range(count):
            t = number / count
            scale = (1.4 + 0.3 * t) * max(480 / width, 320 / height)
            matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 4 * t - 2, scale)
            matrix[:, 2] += 240 - width / 2 - 40 * (t - 0.5), 160 - height / 2 + 16 * (t - 0.5)
            seen = cv2.warpAffine(rgb, matrix, (480, 320), flags=cv2.INTER_AREA)
            result.mux(stream.encode(av.VideoFrame.from_ndarray(seen, format="rgb24")))
        result.mux(stream.encode())
    return out


def shown(frame: Any, matrix: str) -> Rgb:
    """8-bit sRGB of a frame of 8-bit 4:2:0 or 4:4:4 as a player that rounds shows it.

    FFmpeg's own quick conversion, which PyAV and OpenCV take, rounds down: half an L* too dark
    where there is colour, a fifth where there is none.
    """
    planes = [
        np.frombuffer(p, np.uint8)
        .reshape(-1, p.line_size)[: p.height, : p.width]
        .astype(np.float32)
        for p in frame.planes
    ]
    luma, cb, cr = (resize(plane, *planes[0].shape) for plane in planes)
    full = frame.color_range == 2
    red, blue = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[matrix]
    value = luma if full else (luma - 16) * np.float32(255 / 219)
    chroma = 1.0 if full else 255 / 224
    r = value + (cr - 128) * np.float32(chroma * 2 * (1 - red))
    b = value + (cb - 128) * np.float32(chroma * 2 * (1 - blue))
    g = (value - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.rint(np.stack([r, g, b], -1)), 0, 255).astype(np.uint8)


def first(path: Path, count: int, out: Path) -> Path:
    """The first frames of a film as they are, by copying its packets."""
    with av.open(str(path)) as film, av.open(str(out), "w") as result:
        stream = result.add_stream_from_template(film.streams.video[0])
        for packet in islice(film.demux(video=0), count):
            if packet.dts is not None:
                packet.stream = stream
                result.mux(packet)
    return out
