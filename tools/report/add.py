"""Add a part to docs/results.md without measuring the rest again.

    python -m tools.report.add calibration --data-root data --out docs

8 independent draws of each of 200 pictures of ImageNet 64's test half.

    manyhues train vae --data lfw96 --out runs/vae
    manyhues train mdn --data lfw96 --out runs/mdn --set vae=runs/vae --set sigma=0.1 \
        --set winner_takes_all=true
    manyhues train cvae --data lfw96 --out runs/cvae
    manyhues export runs/mdn --weights runs/paper && manyhues export runs/cvae --weights runs/paper
    python -m tools.report.add paper --data-root data --weights runs/paper --out docs

The paper's own row, of networks for LFW alone; of several `--weights`, each is a seed of training.
With ``--more`` they are further seeds, beside those that the page has.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from manyhues.cli import exit as command
from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.evaluation.evaluate import (
    available_methods,
    load,
    open_methods,
    run,
    say_what,
    write_json,
)
from manyhues.evaluation.protocol import Method, Plan, Result
from tools.report import calibration, page, paper
from tools.report.results import DATA_SETS, SIZE, read_json

DRAWS = 8


def measure_calibration(
    data_root: Path, methods: Sequence[str], limit: int | None, console: Console
) -> dict[str, Any]:
    """Calibration of methods, by name."""
    data_set = DATA_SETS["imagenet64"]
    pictures, labels = load([data_root / data_set.path], SIZE, limit, console, "test")
    plan = Plan(samples=1, draws=DRAWS)
    results = run(pictures, labels, open_methods(methods), None, plan, console=console)
    say_what(results, [data_set.path], "test")
    return calibration.part(results)


def measure_paper(
    data_root: Path, weights: Path, limit: int | None, console: Console
) -> dict[str, Result]:
    """The paper's methods as they answer there, by name."""
    methods: dict[str, Method] = {}
    for name in Colorizer.methods(weights):
        colorizer = Colorizer.load(name, weights)
        methods[name] = colorizer
        if name == "vae-mdn":
            methods[name] = paper.Means(colorizer)
        elif name == "cvae":
            methods[name] = paper.Centres(colorizer)
    data_set = DATA_SETS["lfw"]
    pictures, labels = load([data_root / data_set.path], SIZE, limit, console)
    plan = Plan(paper.ANSWERS, eob_samples=paper.ANSWERS, eob_limit=len(pictures))
    results = run(pictures, labels, methods, None, plan, console=console)
    say_what(results, [data_set.path], None)
    return results


def main() -> None:
    """Measure, and write ``results.json`` and its page."""
    parser = argparse.ArgumentParser(prog="python -m tools.report.add")
    parser.add_argument("part", choices=("calibration", "paper"))
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of results.json: docs")
    parser.add_argument("--limit", type=int, help="pictures; default: 200 for calibration, or all")
    parser.add_argument("--methods", help="of calibration, with commas between; default: all")
    parser.add_argument(
        "--weights", type=Path, nargs="+", help="of the paper's row: networks for LFW alone"
    )
    parser.add_argument("--more", action="store_true", help="keep the seeds that are there")
    args = parser.parse_args()
    content, console = read_json(args.out / "results.json"), Console(stderr=True)
    if args.part == "calibration":
        names = args.methods.split(",") if args.methods else available_methods()
        found = measure_calibration(args.data_root, names, args.limit or 200, console)
        content["calibration"] = (content.get("calibration") or {}) | found
    elif args.weights is None:
        raise UsageError("no weights for the paper's row; name their folder with --weights")
    else:
        for weights in args.weights:  # before any of them is measured, which takes minutes
            if "vae-mdn" not in Colorizer.methods(weights):
                raise UsageError(f"{weights}: no vae-mdn here; export the run of `mdn` first")
        runs = [measure_paper(args.data_root, one, args.limit, console) for one in args.weights]
        content["paper"] = paper.part(runs, content.get("paper") if args.more else None)
    write_json(content, args.out / "results.json")
    page.write(content, args.out / "results.md")


if __name__ == "__main__":
    command.run(main)
