"""Two sets of weights, paired: the same held-out pictures, the same noise, picture by picture.

    python -m tools.report.paired --data-root data --out runs/shipped.npz
    python -m tools.report.paired --data-root data --out runs/new.npz --weights runs/new/weights \
        --against runs/shipped.npz

The first measures and keeps what each picture gave; the second does so with other weights, and
prints what differs. ``--half dev`` is for choosing, ``test`` (the default) for reporting. A file
that exists is read and not measured again. Samples are as the product draws them at a diversity of
1; energy and spread are of 8 independent draws; top-1 is the judge's, where it knows the labels.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from manyhues.cli import exit as command
from manyhues.errors import DataError, UsageError
from manyhues.evaluation import metrics
from manyhues.evaluation.calibration import SCALES, spread_ratio
from manyhues.evaluation.evaluate import load, open_judge, open_methods
from manyhues.evaluation.halves import HALVES, Half
from manyhues.evaluation.protocol import Plan, collect
from manyhues.evaluation.truth import JudgeLike, Truth, features_of
from manyhues.image import files

# Path under the data root and size, by half: photographs have sets of their own.
SETS: dict[Half, dict[str, tuple[str, int]]] = {
    "dev": {
        "imagenet64": ("imagenet64/val", 64),
        "lfw": ("lfw96/test", 64),
        "church": ("church96/test", 64),
        "photos128": ("photos128/val", 128),
        "pool160": ("pool160", 128),
    },
    "test": {
        "imagenet64": ("imagenet64/val", 64),
        "lfw": ("lfw96/test", 64),
        "church": ("church96/test", 64),
        "photos": ("photos/colour", 256),
    },
}
# Heading and format; a difference has the same format with a sign.
SHOWN = {
    "best_of_8_pixel": ("best of 8, pixel", ".3f"),
    "best_of_8_image": ("best of 8, image", ".3f"),
    "best_of_1": ("best of 1", ".3f"),
    "variance": ("variance", ".5f"),
    "colourfulness": ("colourfulness", ".2f"),
    "top1": ("top-1", ".1%"),
    "energy": ("energy score", ".1f"),
    **{f"spread_{scale}": (f"spread, {scale}", ".3f") for scale in SCALES},
}
Kept = Mapping[str, NDArray[Any]]  # "SET/KEY" to values (n,), spreads (n, 2)


def measure(
    data_root: Path,
    method: str,
    weights: Path | None,
    names: Sequence[str],
    half: Half,
    limit: int,
    console: Console,
) -> dict[str, NDArray[Any]]:
    """What every picture of the named sets gives, by ``SET/KEY``; and the truth's colourfulness."""
    colorizer = open_methods([method], weights)[method]
    judge = open_judge(console)
    kept: dict[str, NDArray[Any]] = {}
    for name in names:
        path, size = SETS[half][name]
        pictures, labels = load([data_root / path], size, limit, console, half)
        truth = Truth(pictures, np.array([metrics.colourfulness(p / 255.0) for p in pictures]))
        with Progress(console=console) as progress:
            plan = Plan(draws=8)
            samples = sum(plan.drawn(index) for index in range(len(pictures)))
            task = progress.add_task(name, total=samples)
            advance = partial(progress.advance, task)
            values, first = collect(colorizer, truth, plan, advance)
        for key, series in values.items():
            if series:
                kept[f"{name}/{key}"] = np.asarray(series)
        kept[f"{name}/colourfulness_truth"] = truth.colourfulness
        top1 = _top1(judge, first, labels)
        if top1 is not None:
            kept[f"{name}/top1"] = top1
    return kept


def _top1(
    judge: JudgeLike | None, pictures: NDArray[np.uint8], labels: Sequence[str]
) -> NDArray[np.float64] | None:
    classes = None if judge is None else judge.class_indices(labels)
    if judge is None or classes is None:
        return None
    return judge.top1(features_of(judge, pictures), classes)


def statistic(key: str, values: NDArray[Any]) -> float:
    """A data set's figure from its pictures' values."""
    return spread_ratio(values) if key.startswith("spread_") else float(np.mean(values))


def difference(key: str, ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[float, float]:
    """Figure of `ours` less that of `theirs`, and half of its 95 % interval, paired."""
    both = np.stack([ours, theirs], 1).astype(np.float64)

    def less(pairs: NDArray[Any]) -> float:
        return statistic(key, pairs[:, 0]) - statistic(key, pairs[:, 1])

    low, high = metrics.bootstrap_interval(both, less)
    return less(both), (high - low) / 2


def markdown(ours: Kept, theirs: Kept | None = None) -> str:
    """A table of `ours`, a row a figure and a column a set; differences to `theirs` beside."""
    names = list(dict.fromkeys(key.partition("/")[0] for key in ours))
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    counts = [str(len(ours[f"{name}/best_of_1"])) for name in names]
    lines.append(f"| pictures | {' | '.join(counts)} |")
    for key, (heading, form) in SHOWN.items():
        cells = [_cell(key, form, f"{name}/{key}", ours, theirs) for name in names]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {heading} | {' | '.join(cells)} |")
    share = [
        f"{ours[f'{n}/colourfulness'].mean() / ours[f'{n}/colourfulness_truth'].mean():.1%}"
        for n in names
    ]
    lines.append(f"| colourfulness over the truth's | {' | '.join(share)} |")
    return "\n".join(lines) + "\n"


def _cell(key: str, form: str, name: str, ours: Kept, theirs: Kept | None) -> str:
    if name not in ours:
        return "–"
    shown = format(statistic(key, ours[name]), form)
    if theirs is None or name not in theirs:
        return shown
    if len(ours[name]) != len(theirs[name]):
        raise DataError(
            f"{name}: {len(ours[name])} pictures against {len(theirs[name])}; use the same --limit"
        )
    moved, half = difference(key, ours[name], theirs[name])
    return f"{shown} ({format(moved, '+' + form)} ± {format(half, form)})"


def read(path: Path) -> Kept:
    """What `measure` kept."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {key: found[key] for key in found.files}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); measure it again") from error


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.report.paired",
        description="Measure weights on held-out pictures, and compare two picture by picture.",
    )
    parser.add_argument("--data-root", type=Path, help="folder that holds lfw96, photos, ...")
    parser.add_argument("--out", type=Path, required=True, help="FILE.npz: what each picture gave")
    parser.add_argument("--against", type=Path, help="FILE.npz of other weights")
    parser.add_argument("--weights", type=Path, help="default: those of the package")
    parser.add_argument("--method", default="flow", help="default: %(default)s")
    parser.add_argument("--half", choices=HALVES, default="test", help="default: %(default)s")
    parser.add_argument("--sets", help="names with commas between; default: all of the half")
    parser.add_argument("--limit", type=int, default=200, help="pictures a set (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    args = _parse()
    known = SETS[args.half]
    names = args.sets.split(",") if args.sets else list(known)
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UsageError(f"no set named {', '.join(unknown)}; choose from {', '.join(known)}")
    theirs = read(args.against) if args.against else None
    if not args.out.exists():
        if args.data_root is None:
            raise UsageError(f"{args.out}: not measured yet; give --data-root")
        console = Console(stderr=True)
        kept = measure(
            args.data_root, args.method, args.weights, names, args.half, args.limit, console
        )
        files.make_folder(args.out.parent)
        with args.out.open("wb") as file:
            np.savez_compressed(file, **kept)  # type: ignore[arg-type]
    sys.stdout.write(markdown(read(args.out), theirs))


if __name__ == "__main__":
    command.run(main)
