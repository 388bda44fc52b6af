"""Error of colour upsampling against bilinear, and its cost.

Each photograph is brought to a long side of 512, its true a, b are averaged over a grid of
64 (long side), and brought back to 512 with the photograph's own L*. Printed: the mean over
photographs of the RMSE in Lab units (root of the mean of da^2 + db^2), and milliseconds of
processor time per megapixel, median of five after a warm-up.

    python benchmarks/upsample.py FOLDER      # a folder of coloured photographs
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from manyhues.color.arrays import Array, resize
from manyhues.color.lab import rgb_to_lab
from manyhues.render.upsample import Upsampler

GRID = 64
LONG = 512


def load(path: Path) -> Array:
    """Lab ``(3, H, W)``, both sides multiples of the cell, long side 512."""
    cell = LONG // GRID
    with Image.open(path) as image:
        scale = LONG / max(image.size)
        width, height = (round(n * scale / cell) * cell for n in image.size)
        rgb = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
    return np.ascontiguousarray(rgb_to_lab(rgb / np.float32(255)).transpose(2, 0, 1))


def milliseconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * sorted(times)[2]


def rmse(field: Array, truth: Array) -> float:
    return float(np.sqrt(((field - truth) ** 2).sum(0).mean()))


def main(folder: Path) -> None:
    ours, bilinear = [], []
    for path in sorted(folder.iterdir()):
        lab = load(path)
        luminance, truth = lab[0], lab[1:]
        height, width = luminance.shape
        cell = LONG // GRID
        coarse = truth.reshape(2, height // cell, cell, width // cell, cell).mean((2, 4))
        upsampler = Upsampler(luminance, coarse.shape[1:])
        ours.append(rmse(upsampler.rows(upsampler.middle(coarse), 0, height), truth))
        plain = np.stack([resize(plane, height, width) for plane in coarse])
        bilinear.append(rmse(plain, truth))
    ratio = np.mean(ours) / np.mean(bilinear)
    print(f"{len(ours)} photographs, {GRID} to {LONG}: bilinear {np.mean(bilinear):.2f}, "
          f"ours {np.mean(ours):.2f} ({ratio:.3f} of it)")  # fmt: skip

    side = 1000
    grey = resize(np.random.default_rng(0).uniform(0, 100, (80, 80)).astype("f4"), side, side)
    coarse = np.random.default_rng(1).normal(0, 20, (2, GRID, GRID)).astype("f4")
    upsampler = Upsampler(grey, (GRID, GRID))
    once = milliseconds(lambda: Upsampler(grey, (GRID, GRID)))
    each = milliseconds(lambda: upsampler.rows(upsampler.middle(coarse), 0, side))
    print(f"cost at 1 megapixel: {once:.0f} ms a picture, {each:.0f} ms a sample")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
