"""What choosing does: `--pick diverse` and `likely` against plain draws, through the product.

    python benchmarks/choice.py FOLDER_OR_SHARD [--size 64] [--limit 500] [-n 6]
        [--picks random diverse likely] [--film] [--weights FOLDER]

A way of picking may name a diversity: `diverse@0.8`. Distances are compared to the first way's.

Contract: the first `--limit` pictures with real colour, at `--size` x `--size`, n results of each,
picture i with seed i. Printed for each way of picking:

- the mean pairwise distance of a picture's results, in RGB, over that of the first way;
- the Frechet distance of all results of all pictures to the true colours of the pictures after
  them: all results count, because the first of a pick is not like the others, and each way has
  equally many. For scale, the distance of the grey pictures and of the true ones, n times each;
- the best of the n results, pixel by pixel and as a whole picture, and their variance;
- the RMSE x 100 of the first result; the colourfulness of all, and of the first, over the truth's;
- how many results lie under a cast of more than 12 Lab units (`candidates.cast`), and how many
  of their 16 x 16 cells have a chroma above 60; the truth's for scale;
- where the pictures have ImageNet labels, the judge's top-1 on all results and on the first.

With --film, every picture is first brought to the grey that an old film would have made of it, its
a, b kept (`manyhues.training.data.film`): that is then the truth.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from manyhues import Colorizer
from manyhues.color.lab import rgb_to_lab
from manyhues.evaluation import halves, metrics
from manyhues.evaluation.fields import greyed, render, resize_ab, to_uint8
from manyhues.evaluation.judge import Judge
from manyhues.evaluation.truth import features_of
from manyhues.sampling import candidates
from manyhues.training.data.film import filmed

CELLS = 16


def way(text: str) -> tuple[str, str, float]:
    """``diverse@0.8`` to itself, the pick and the diversity."""
    pick, at, diversity = text.partition("@")
    return text, pick, float(diversity) if at else 1.0


def casts_and_neon(ab: NDArray[np.float32]) -> str:
    """Of fields ``(n, 2, h, w)``: how many lie under a cast, how many cells are neon."""
    cells = resize_ab(ab, CELLS, CELLS)
    casts, neon = candidates.cast(cells) > 12, np.hypot(cells[:, 0], cells[:, 1]) > 60
    return f"casts {100 * casts.mean():.1f} %, neon {100 * neon.mean():.2f} %"


def on_film(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures ``(N, h, w, 3)`` with the luminance that an old film gives them."""
    lab = torch.from_numpy(rgb_to_lab(rgb / np.float32(255)).transpose(0, 3, 1, 2))
    luminance, ab = lab.split((1, 2), 1)
    seen = filmed(luminance / 50 - 1, ab, 1.0, torch.Generator().manual_seed(0))
    return np.concatenate(
        [
            to_uint8(render(x, y[None]))
            for x, y in zip(50 * (seen[:, 0].numpy() + 1), ab.numpy(), strict=True)
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("-n", type=int, default=6)
    parser.add_argument(
        "--picks", nargs="+", type=way, default=[way(p) for p in ("random", "diverse", "likely")]
    )
    parser.add_argument("--method", default="flow")
    parser.add_argument("--film", action="store_true")
    parser.add_argument("--weights", type=Path)
    halves.add_option(parser)
    args = parser.parse_args()
    colorizer, judge = Colorizer.load(args.method, args.weights), Judge()
    rgb, labels = halves.load(args.pictures, args.size, half=halves.chosen(args.half))
    rgb = on_film(rgb) if args.film else rgb
    shown, others = rgb[: args.limit], rgb[args.limit :]
    lab = np.stack([rgb_to_lab(p / np.float32(255)).transpose(2, 0, 1) for p in shown])
    luminance = [np.ascontiguousarray(picture[0]) for picture in lab]

    rest = features_of(judge, others)
    grey = np.stack([greyed(picture) for picture in shown])
    known = [features_of(judge, p) for p in (grey, shown)]
    scale = [metrics.frechet(np.repeat(f, args.n, axis=0), rest).distance for f in known]
    truth = metrics.colourfulness(shown / 255.0).mean()
    classes = judge.class_indices(labels[: args.limit])
    plain = None
    print(f"{len(shown)} pictures against {len(others)}: grey {scale[0]:.1f}, true {scale[1]:.1f}")
    print(f"true colours: {casts_and_neon(lab[:, 1:])}")
    if classes is not None:
        grey_top1, true_top1 = (judge.top1(f, classes).mean() for f in known)
        print(f"top-1: grey {grey_top1:.1%}, true {true_top1:.1%}")
    widest = max(len(name) for name, _, _ in args.picks)
    for name, pick, diversity in args.picks:
        results, fields, figures = [], [], []
        for index, lightness in enumerate(luminance):
            scene = colorizer.encode_luminance(lightness)
            ab = colorizer.sample(scene, args.n, pick=pick, seed=index, diversity=diversity).ab
            coloured = render(lightness, resize_ab(ab, args.size, args.size))
            fields.append(ab)
            true = shown[index] / np.float32(255)
            figures.append(
                (
                    metrics.pairwise_distance(coloured),
                    metrics.best_of_k_pixel(coloured, true),
                    metrics.best_of_k_image(coloured, true),
                    metrics.best_of_1(coloured, true),
                    metrics.variance(coloured),
                )
            )
            results.append(to_uint8(coloured))
        pooled = np.concatenate(results)
        colours = 100 * metrics.colourfulness(pooled / 255.0) / truth
        features = features_of(judge, pooled)
        distance = metrics.frechet(features, rest)
        low, high = metrics.frechet_interval(distance)
        apart, pixel, image, first, variance = np.mean(figures, axis=0).tolist()
        plain = plain or apart
        top1 = ""
        if classes is not None:
            right = judge.top1(features, classes.repeat(args.n))
            top1 = f"  top-1 {right.mean():.1%}, first {right[:: args.n].mean():.1%}"
        print(
            f"{name:{widest}} apart {apart:.2f} ({apart / plain:.2f})  "
            f"best of {args.n} {pixel:.2f} / {image:.2f}, variance {variance:.5f}  "
            f"frechet {distance.distance:.1f} ± {(high - low) / 2:.1f}  "
            f"first {first:.2f}  "
            f"colourfulness {colours.mean():.0f} %, first {colours[:: args.n].mean():.0f} %  "
            f"{casts_and_neon(np.concatenate(fields))}{top1}",
            flush=True,
        )


if __name__ == "__main__":
    main()
