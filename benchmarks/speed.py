"""How long a colouring takes, stage by stage, and how much memory.

    python benchmarks/speed.py                                    # the default method, all sizes
    python benchmarks/speed.py --method all --megapixels 0.3 1 -n 8 --repeat 3

Contract: a synthetic photograph of 3:2 is made for each size, so that nothing has to be
downloaded; every stage is warmed up once and timed `repeat` times, and the median is printed with
the range of their sum. Each size and n runs in a process of its own, whose peak memory is the
operating system's figure. Stages: `decode` a JPEG file to L*; `encode` it to features; `sample`
draws, chooses and decodes (the networks); `save` renders all n at full size and writes n JPEGs and
the sheet. `render` is one sample's part of it on one thread, for orientation, and in no sum.
`first` is the very first call in the process, loading weights included. Slow results are printed
as they come. The machine and its load are named in the first line; figures of different machines
or loads do not compare.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from manyhues import Colorizer
from manyhues.image.picture import Picture

_HEAD = (
    "method     MP   n   first  decode  encode  sample    save  render "
    "  total s (least..most)  peak MiB"
)


def photograph(megapixels: float) -> Image.Image:
    """Smooth shading, edges and texture: compresses about as a photograph does."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    y, x = np.mgrid[0:1:480j, 0:1:720j]
    waves = np.sin(9 * x + 4 * y) + np.sin(23 * y - 5 * x) * (np.hypot(x - 0.5, y - 0.5) < 0.3)
    texture = np.random.default_rng(0).normal(0, 0.08, waves.shape)
    grey = np.clip(127 + 55 * (waves + texture), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC)


def timed(call: Callable[[], object], repeat: int) -> dict[str, float]:
    call()
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return {
        "median": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
    }


def measure(method: str, megapixels: float, n: int, repeat: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "photograph.jpg"
        photograph(megapixels).save(source, quality=92)
        start = time.perf_counter()
        colorizer = Colorizer.load(method)
        result = colorizer.sample(colorizer.encode(source), n)
        result.save(Path(scratch) / "first")
        first = time.perf_counter() - start
        picture = Picture.open(source)
        scene = colorizer.encode(picture)
        saved = Path(scratch) / "saved"
        render = timed(lambda: result.pixels(0), repeat)
        stages = {
            "decode": timed(lambda: Picture.open(source), repeat),
            "encode": timed(lambda: colorizer.encode(picture), repeat),
            "sample": timed(lambda: colorizer.sample(scene, n), repeat),
            "save": timed(lambda: result.save(saved, overwrite=True), repeat),
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": first, "stages": stages, "render": render["median"], "peak_mib": peak}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", nargs="+", help="names, or `all`; the default method if absent")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.3, 1, 12, 50])
    parser.add_argument("-n", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        result = measure(given.method[0], given.megapixels[0], given.n[0], given.repeat)
        print(json.dumps(result))
        return
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, load {load}")
    print(_HEAD)
    methods = Colorizer.methods()
    chosen = methods if given.method == ["all"] else given.method or methods[:1]
    for method, megapixels, n in product(chosen, given.megapixels, given.n):
        child = [sys.executable, __file__, "--child", "--repeat", str(given.repeat)]
        child += ["--megapixels", str(megapixels), "-n", str(n), "--method", method]
        output = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout
        result = json.loads(output)
        stages = result["stages"]
        total = {k: sum(s[k] for s in stages.values()) for k in ("median", "least", "most")}
        cells = "".join(f"{stage['median']:8.3f}" for stage in stages.values())
        print(
            f"{method:8}{megapixels:5g} {n:3d} {result['first']:7.3f}{cells}{result['render']:8.3f}"
            f"{total['median']:8.3f} ({total['least']:.2f}..{total['most']:.2f})"
            f"{result['peak_mib']:10.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
