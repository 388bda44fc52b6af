"""What antithetic noise of eight samples does (`manyhues.model.noise`), step by step.

    python benchmarks/antithetic.py FOLDER_OR_SHARD [--size 64] [--limit 300]

Contract: the first `--limit` pictures with real colour at `--size` x `--size`, 8 plain draws of
flow each, through the product; the same normal noise goes into every way. *apart* is the mean
distance of two samples.
"""

import argparse
from pathlib import Path

import numpy as np

from manyhues import Colorizer
from manyhues.color.arrays import Array
from manyhues.evaluation import halves
from manyhues.evaluation.protocol import measure
from manyhues.evaluation.truth import Truth
from manyhues.model.noise import antithetic, sum_to_zero
from manyhues.model.priors import flow


def independent(noises: Array) -> Array:
    return noises


def in_pairs(noises: Array) -> Array:
    """Each second sample takes the noise of the first with the other sign."""
    return np.stack([sign * n for n in noises[::2] for sign in (1, -1)]).astype(np.float32)


WAYS = {
    "independent": independent,
    "antithetic pairs": in_pairs,
    "sum to zero": lambda noises: sum_to_zero(noises).astype(np.float32),
    "shipped": antithetic,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--limit", type=int, default=300)
    halves.add_option(parser)
    args = parser.parse_args()
    rgb, _ = halves.load(args.pictures, args.size, args.limit, half=halves.chosen(args.half))
    truth = Truth.prepare(rgb)
    colorizer = Colorizer.load("flow")
    print("way               pixel  image  of 1  variance  apart  colourfulness")
    for name, way in WAYS.items():
        vars(flow)["antithetic"] = way
        r = measure(colorizer, truth)
        colours = 100 * r["colourfulness"] / r["colourfulness_truth"]
        print(
            f"{name:16}  {r['best_of_8_pixel']:.2f}   {r['best_of_8_image']:.2f}   "
            f"{r['best_of_1']:.2f}  {r['variance']:.5f}   {r['pairwise']:.2f}   {colours:.0f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
