"""How steady coloured films are: ways of colouring one beside frame by frame and the true colours.

    python benchmarks/films.py CLIP [CLIP ...] [--frames 60] [--ways ours,frame,..]
    python benchmarks/films.py CLIP --speed [--height 480] [-n 3]
    python benchmarks/films.py CLIP --memory --frames 10000
    python benchmarks/films.py CLIP [CLIP ...] --light
    python benchmarks/films.py PICTURE [PICTURE ...] --stills
    python benchmarks/films.py CLIP [CLIP ...] --kept

Contract: the first `--frames` frames of each clip, at most 640 pixels wide, turned grey; sample 0
of seed 0 (`pick` random) at the default diversity. Printed for each way, means over neighbouring
frames at full size:

flicker  |d a|, |d b|, Lab units, at pixels whose L* changes by less than .5 from frame to frame
warp     the same along motion: OpenCV's DIS flow (`opencv-python-headless`, needed by this script
         alone), where it agrees with the flow back to a cell and L* to 5
CDC      Jensen-Shannon divergence (natural logarithm) of histograms of B, G, R in 256 bins between
         frames t and t + d, d = 1, 2, 4 with a third each
colour   Hasler and Suesstrunk's colourfulness
ms       milliseconds of one core a frame, for reading it and making a, b

Frames at a cut are left out of flicker and warp. `--speed` writes whole films of a clip enlarged to
a height and tells frames a second, and milliseconds of one core, which other work on the machine
does not change as much. `--memory` writes `--frames` frames of 64 x 48 and tells the largest memory
after a tenth of them, a half, and all. `--light` tells how far the L* of the coloured film, encoded
and decoded, is from that of the clip as it is, in colour. `--stills` compares on pictures under a
camera that pans, zooms and turns, which no setting was chosen on. `--kept` tells the colour of
versions beside the mean of draws of every sixth frame, and how far it is from the true one.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from film_clips import (
    Clip,
    colourfulness,
    enlarged,
    first,
    measure,
    moved_still,
    read,
    shown,
    upsampled,
)
from numpy.typing import NDArray

from manyhues import Colorizer
from manyhues.color.arrays import Array
from manyhues.color.lab import rgb_to_lab
from manyhues.image.luminance import of_pixels
from manyhues.image.picture import Picture
from manyhues.model.scene import Scene
from manyhues.render import pixels as render
from manyhues.render.upsample import Upsampler
from manyhues.sampling.options import Sampling
from manyhues.video import Film, Progress, painter, shots, stages
from manyhues.video.painter import Painter
from manyhues.video.shots import stretches

_CALM = Sampling(1).diversity  # what users get
_DRAWS = 8
_RATE, _EDGE = 0.05, 1.5  # of the recursive filter: share of the new, L* that is no longer still


def frame_by_frame(clip: Clip, colorizer: Colorizer) -> list[Array]:
    scenes = (colorizer.encode(Picture(light)) for light in clip.light)
    return [colorizer.sample_ab(scene, 1, diversity=_CALM)[0] for scene in scenes]


def one_noise(clip: Clip, colorizer: Colorizer) -> list[Array]:
    scenes = [colorizer.encode(Picture(light)) for light in clip.light]
    turned = (scene.turned(scenes[0].turn) for scene in scenes)
    return [colorizer.sample_ab(scene, 1, diversity=_CALM)[0] for scene in turned]


def recursive(clip: Clip, colorizer: Colorizer) -> list[Array]:
    """One noise, and where L* stays little of the new: it knows no motion and no cuts."""
    out: list[Array] = []
    for t, grid in enumerate(one_noise(clip, colorizer)):
        if t:
            change = np.abs(clip.levels[t][-1] - clip.levels[t - 1][-1])
            share = 1 - (1 - _RATE) * np.exp(-((change / _EDGE) ** 2))
            grid = np.asarray(out[-1] + share * (grid - out[-1]), np.float32)
        out.append(grid)
    return out


class Fresh(Painter):
    """Key frames drawn anew with the shot's noise, instead of from the last one's code."""

    def _new(self, scene: Any, old: Array, last: Any, hints: Any) -> Array:
        seed, k = last.seeds[0]
        return self.colorizer.sample_ab(scene, 1, seed, start=k, diversity=_CALM)


def ours(
    clip: Clip, colorizer: Colorizer, every: int = shots.EVERY, kind: type[Painter] = Painter
) -> list[Array]:
    """As `manyhues.video` does, or with other numbers of its own."""
    sampling = Sampling(1, pick="random")
    return [ab[0] for ab in versions(clip, colorizer, sampling, every, kind)]


def versions(
    clip: Clip,
    colorizer: Colorizer,
    sampling: Sampling,
    every: int = shots.EVERY,
    kind: type[Painter] = Painter,
) -> list[Array]:
    """a, b ``(n, 2, h, w)`` of each frame."""
    paint = kind(colorizer, sampling)

    def scene(seen: shots.Seen, *, refining: bool) -> Scene:
        light = Picture(clip.light[seen.number])
        return colorizer.encode(light, refining=refining and kind is not Fresh)

    ready = stages.read(paint, stretches(clip.seen(), every), scene, {})
    return [one.ab for done in stages.coloured(paint, ready, {}) for one in done.frames()]


def with_(amount: float, share: float) -> Callable[[Clip, Colorizer], list[Array]]:
    def way(clip: Clip, colorizer: Colorizer) -> list[Array]:
        kept = painter.AMOUNT, painter.FRESH
        painter.AMOUNT, painter.FRESH = amount, share
        try:
            return ours(clip, colorizer)
        finally:
            painter.AMOUNT, painter.FRESH = kept

    return way


WAYS: dict[str, tuple[str, Callable[[Clip, Colorizer], list[Array]]]] = {
    "frame": ("frame by frame", frame_by_frame),
    "noise": ("one noise for the shot", one_noise),
    "recursive": ("one noise, recursive where L* stays", recursive),
    "fresh": ("key frames drawn anew, along motion", lambda a, b: ours(a, b, kind=Fresh)),
    "all": ("code noised by .4, all of it new", with_(0.4, 1.0)),
    "far": ("code noised by .6, .15 new", with_(0.6, 0.15)),
    "seldom": ("as ours, a key frame every 8", lambda a, b: ours(a, b, 8)),
    "ours": ("ours: code noised by .4, .15 new", ours),
}


def compare(paths: list[Path], count: int, ways: list[str]) -> None:
    colorizer = Colorizer.load("flow")
    for path in paths:
        clip = Clip(path, count, colorizer)
        print(f"{path.name}, {len(clip.true)} frames, cuts at {sorted(clip.cuts) or 'none'}")
        print(f"  {'':38} {'flicker':>8} {'warp':>7} {'CDC':>8} {'colour':>7} {'ms':>6}")
        labs = [rgb_to_lab(rgb / np.float32(255)) for rgb in clip.true]
        true = [np.ascontiguousarray(lab[..., 1:].transpose(2, 0, 1)) for lab in labs]
        print(f"  {'true colours':38} {measure(clip, true, clip.true)}", flush=True)
        for way in ways:
            name, make = WAYS[way]
            began = time.process_time()
            grids = make(clip, colorizer)
            cost = (time.process_time() - began) / len(grids) * 1000
            print(f"  {name:38} {measure(clip, *upsampled(clip, grids))} {cost:6.0f}", flush=True)


_ASKED = {
    f"{asked}, {how}": (sampling, even)
    for asked, sampling in (("samples 0 to 5", Sampling(6, pick="random")), ("shown", Sampling(3)))
    for how, even in (("as drawn", 0.0), ("ours", painter.EVEN))
}


def kept(paths: list[Path], count: int) -> None:
    """How colourful versions are, beside draws of the frames by themselves."""
    colorizer = Colorizer.load("flow")
    found: dict[str, list[NDArray[Any]]] = {}
    apart: dict[str, list[float]] = {}
    for path in paths:
        clip = Clip(path, count, colorizer)
        shown_at = range(0, len(clip.light), shots.EVERY)

        def colours(grids: Array, t: int, clip: Clip = clip) -> list[float]:
            upsampler = Upsampler(clip.light[t], grids.shape[2:])
            pixels = (
                render.pixels(clip.light[t], upsampler.middle(grid), upsampler, 8) for grid in grids
            )
            return [colourfulness(np.asarray(rgb, np.uint8)) for rgb in pixels]

        def drawn(t: int, clip: Clip = clip) -> Array:
            scene = colorizer.encode(Picture(clip.light[t]))
            return colorizer.sample_ab(scene, _DRAWS, diversity=_CALM)

        usual = np.mean([colours(drawn(t), t) for t in shown_at])
        true = np.mean([colourfulness(clip.true[t]) for t in shown_at])
        line = f"{path.stem:34} true {true:5.1f}, {_DRAWS} draws a frame {usual:5.1f}"
        for name, (sampling, even) in _ASKED.items():
            painter.EVEN = even
            grids = versions(clip, colorizer, sampling)
            mean = np.mean([colours(grids[t], t) for t in shown_at], 0)
            found.setdefault(name, []).append(np.stack([mean / usual, mean / true]))
            first = grids[0]
            pairs = combinations(range(len(first)), 2)
            apart.setdefault(name, []).append(
                float(
                    np.mean([np.sqrt(((first[i] - first[j]) ** 2).sum(0).mean()) for i, j in pairs])
                )
            )
            line += f"; {name} {' '.join(f'{share:.2f}' for share in mean / usual)}"
        print(line, flush=True)
    for name, shares in found.items():
        of_usual, of_true = np.stack(shares, 1)  # each (clips, n)
        print(
            f"{name}: of the draws' colour {of_usual.mean():.2f} in the mean, first versions "
            f"{of_usual[:, 0].mean():.2f}; tenth to ninetieth percentile "
            f"{np.percentile(of_usual, 10):.2f} to {np.percentile(of_usual, 90):.2f}; "
            f"off the true colour by a factor of {np.exp(np.abs(np.log(of_true)).mean()):.2f}; "
            f"{np.mean(apart[name]):.1f} Lab units from version to version"
        )


def speed(paths: list[Path], height: int, n: int, count: int) -> None:
    colorizer = Colorizer.load("flow")
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            film = enlarged(path, height, count, Path(folder) / "film.mp4")
            began, used = time.perf_counter(), time.process_time()
            result = Film(film, colorizer, Sampling(n)).write(folder, sheet=False)
            wall, cost = time.perf_counter() - began, time.process_time() - used
            print(
                f"{path.name} enlarged to {height}p, {result.frames} frames, n = {n}: "
                f"{result.frames / wall:.1f} frames/s, {cost / result.frames * 1000:.0f} ms of one "
                "core a frame",
                flush=True,
            )


def memory(path: Path, count: int) -> None:
    colorizer = Colorizer.load("vae-mdn")
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        frames = read(path, 200)
        with av.open(str(film), "w") as result:
            stream: Any = result.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(frames[number % len(frames)], format="rgb24")
                result.mux(stream.encode(frame.reformat(64, 48, "yuv420p")))
            result.mux(stream.encode())
        used: list[tuple[int, float]] = []

        def look(progress: Progress) -> None:
            used.append((progress.done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

        done = Film(film, colorizer, Sampling(1)).write(folder, sheet=False, progress=look).frames
        parts = [
            f"{round(done * share)}: {next(size for n, size in used if n >= done * share):.0f} MB"
            for share in (0.1, 0.5, 1)
        ]
        print(f"largest memory after frame {', '.join(parts)}", flush=True)


def light(paths: list[Path], count: int) -> None:
    colorizer = Colorizer.load("flow")
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            source = first(path, count, Path(folder) / "film.mkv")
            film = Film(source, colorizer, Sampling(1))
            (result,) = film.write(folder, sheet=False).paths
            off, quick = [], []
            with av.open(str(source)) as before, av.open(str(result)) as after:
                pairs = zip(before.decode(video=0), after.decode(video=0), strict=True)
                for one, two in islice(pairs, 0, None, 5):
                    rgb = [shown(frame, film.source.matrix) for frame in (one, two)]
                    off.append(of_pixels(rgb[1]) - of_pixels(rgb[0]))
                    rgb = [frame.to_ndarray(format="rgb24") for frame in (one, two)]
                    quick.append(of_pixels(rgb[1]) - of_pixels(rgb[0]))
            sizes = [path.stat().st_size // 1000 for path in (result, source)]
            print(
                f"{path.name}: L* off by {np.abs(off).mean():.2f}, 99th percentile "
                f"{np.percentile(np.abs(off), 99):.1f}, bias {np.mean(off):+.2f}; by FFmpeg's "
                f"quick conversion {np.abs(quick).mean():.2f}; {sizes[0]} kB, the clip {sizes[1]}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--stills", action="store_true")
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--kept", action="store_true")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("-n", type=int, default=1)
    given = parser.parse_args()
    if given.memory:
        memory(given.clips[0], given.frames)
    elif given.light:
        light(given.clips, given.frames)
    elif given.speed:
        speed(given.clips, given.height, given.n, given.frames)
    else:
        look = kept if given.kept else partial(compare, ways=given.ways.split(","))
        with tempfile.TemporaryDirectory() as folder:
            clips = given.clips
            if given.stills:
                clips = [
                    moved_still(p, given.frames, Path(folder) / f"{p.stem}.mkv") for p in clips
                ]
            look(clips, given.frames)
