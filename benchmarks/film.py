"""What tuned features lose on old film: nats of `features` runs on pictures seen in ten ways.

    OMP_NUM_THREADS=1 python benchmarks/film.py RUN [RUN ...] --data IMAGENET64 [--limit 512]

Contract: the first `--limit` validation pictures at 64 x 64; only their L* is changed, one thing at
a time, and the colours to predict stay. A row is printed for each way, a column for each run.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from manyhues.color.lab import rgb_to_lab
from manyhues.evaluation import halves
from manyhues.training import registry
from manyhues.training.data import film
from manyhues.training.data.cache import Batch
from manyhues.training.processes import mixed_precision


def ways(luminance: Tensor, ab: Tensor) -> dict[str, Tensor]:
    """L* (N, 1, h, w) in 0..100 as it is, and changed in one way each."""

    def seen_by(*shares: float) -> Tensor:
        light = torch.einsum("c,nchw->nhw", torch.tensor(shares), film.linear(luminance, ab))
        return film.luminance_of(light[:, None])

    def gamma(power: float) -> Tensor:
        return 100 * (luminance / 100).clamp(0, 1) ** power

    half = F.interpolate(luminance, scale_factor=0.5, mode="area")
    grain = torch.randn(luminance.shape, generator=torch.Generator().manual_seed(0))
    return {
        "as it is": luminance,
        "orthochromatic": seen_by(*film.FILMS[0]),
        "sensitive to blue": seen_by(*film.FILMS[1]),
        "sensitive to red": seen_by(*film.FILMS[2]),
        "gamma .7": gamma(0.7),
        "gamma 1.4": gamma(1.4),
        "faded to 15..85": 15 + 0.7 * luminance,
        "contrast times 1.4": ((luminance - 50) * 1.4 + 50).clamp(0, 100),
        "grain of 5": (luminance + 5 * grain).clamp(0, 100),
        "half the pixels": F.interpolate(half, scale_factor=2.0, mode="bilinear"),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=512)
    args = parser.parse_args()
    rgb, _ = halves.load(args.data, 64, args.limit, "val", "dev")
    lab = torch.from_numpy(rgb_to_lab(rgb / np.float32(255)).transpose(0, 3, 1, 2).copy())
    tasks = [registry.load(run)[0].to(memory_format=torch.channels_last) for run in args.runs]
    empty = torch.empty(0)
    for name, luminance in ways(lab[:, :1], lab[:, 1:]).items():
        nats = torch.zeros(len(tasks))
        for some, ab in zip((luminance / 50 - 1).split(32), lab[:, 1:].split(32), strict=True):
            batch = Batch(some, ab, empty, empty, empty)
            with torch.inference_mode(), mixed_precision(torch.device("cpu")):
                found = [float(task.validate(batch)["nats"]) for task in tasks]
            nats += torch.tensor(found) * len(some) / len(lab)
        print(f"{name:20}" + "".join(f"{x:8.3f}" for x in nats.tolist()), flush=True)


if __name__ == "__main__":
    main()
