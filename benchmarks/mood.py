"""Whether sample k leans to the same tint in every picture of a batch.

Each photograph is brought to 96 x 64 and sampled 24 times. Printed: how far the mean a and the
mean b of sample k, less the picture's own average, correlate between two pictures; mean and
standard deviation over all pairs. `plain` is the noise of (seed, k) alone, `turned` is what
`Scene.turn` makes of it; 0 is wanted.

    python benchmarks/mood.py FOLDER [METHOD ...]      # a folder of photographs
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from manyhues import Colorizer
from manyhues.color.arrays import Array
from manyhues.model.scene import Scene

SAMPLES = 24
PICTURES = 10
STILL = np.stack([np.ones(256), np.zeros(256)]).astype(np.float32)


def correlation(moods: Array) -> str:
    """Of mean a or b ``(pictures, samples)``: mean and deviation over pairs of pictures."""
    left = moods - moods.mean(1, keepdims=True)
    left /= left.std(1, keepdims=True)
    pairs = (left @ left.T / SAMPLES)[np.triu_indices(len(left), 1)]
    return f"{pairs.mean():5.2f} ± {pairs.std():.2f}"


def scenes(colorizer: Colorizer, folder: Path) -> list[Scene]:
    out = []
    for path in sorted(folder.iterdir())[:PICTURES]:
        with Image.open(path) as image:
            out.append(colorizer.encode(image.convert("RGB").resize((96, 64))))
    return out


def main(folder: Path, methods: list[str]) -> None:
    for method in methods:
        colorizer = Colorizer.load(method)
        for name in ("plain", "turned"):
            moods = []
            for scene in scenes(colorizer, folder):
                if name == "plain":
                    vars(scene)["turn"] = STILL
                moods.append(colorizer.sample_ab(scene, SAMPLES).mean((2, 3)))
            a, b = np.stack(moods).transpose(2, 0, 1)
            print(f"{method:8} {name:6}  a {correlation(a)}   b {correlation(b)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["flow", "vae-mdn"])
