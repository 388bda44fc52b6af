"""Make ``docs/results.md``: measure all methods on three data sets, draw the figures, write it up.

    python -m tools.report.results --data-root data --out docs

All numbers go into ``docs/results.json`` first, and the page is written from that file alone;
``--from-json`` remakes the page without measuring anything again.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from manyhues.cli import exit as command
from manyhues.errors import DataError, ManyhuesError, UsageError
from manyhues.evaluation.evaluate import (
    available_methods,
    load,
    open_judge,
    open_methods,
    run,
    say_what,
    write_json,
)
from manyhues.evaluation.halves import HALVES, Half, chosen
from manyhues.evaluation.protocol import Plan
from manyhues.evaluation.table import print_table
from manyhues.image import files
from tools.report import calibration, figures, page


@dataclass(frozen=True)
class DataSet:
    """One data set of the report: where it lies under the root, and what its figure shows."""

    title: str
    path: str
    figure: str
    rows: int


DATA_SETS = {
    "lfw": DataSet("Faces (LFW test)", "lfw96/test", "faces", 10),
    "church": DataSet("Churches (ImageNet, test)", "church96/test", "churches", 8),
    "imagenet64": DataSet("ImageNet 64 (val)", "imagenet64/val", "imagenet64", 12),
}
SIZE = 64
PARTS = ("ablation", "reconstruction", "calibration", "paper")  # beside the data sets
SAMPLES = 8


def make_results(
    data_root: Path,
    out: Path,
    methods: Sequence[str] | None = None,
    *,
    limit: int | None = None,
    eob_samples: int = 100,
    eob_limit: int = 1000,
    ablation: Path | None = None,
    reconstruction: Path | None = None,
    command: str = "",
    add: bool = False,
    data_sets: Sequence[str] = tuple(DATA_SETS),
    half: Half | None = "test",
    draws_limit: int = 200,
) -> dict[str, Any]:
    """Measure, draw and write ``results.json``, ``results.md`` and ``images/*.jpg`` into `out`.

    `methods` are all that have weights unless named. `half` of each data set is measured (all of it
    for None), and `limit` bounds it; eob is drawn over `eob_samples` samples of the first
    `eob_limit` pictures, calibration over `draws_limit` (0: none). `ablation` and
    `reconstruction` are JSON files made in training, taken over as they are:
    ``{variant: {data set: {"rms", "weighted", "gradient"}}}``, and
    ``{data set: {"vae", "pca20"}}``. With `add`, what ``results.json`` holds of methods that are
    not measured now is kept.
    """
    console = Console(stderr=True)
    content: dict[str, Any] = {
        "made": {
            "command": command,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        },
        "data_sets": {},
        "ablation": read_json(ablation),
        "reconstruction": read_json(reconstruction),
        "calibration": None,
        "paper": None,
    }
    before = read_json(out / "results.json") if add else None
    if before is not None:
        content["made"]["command"] = with_command(before["made"]["command"], command)
        content["data_sets"] = dict(before["data_sets"])
        for key in PARTS:
            content[key] = content[key] or before.get(key)
    opened = open_methods(available_methods() if methods is None else methods)
    judge = open_judge(console)
    draws = SAMPLES if draws_limit else 0
    plan = Plan(SAMPLES, 0, eob_samples, eob_limit, draws, draws_limit)
    files.make_folder(out)
    for key, data_set in ((key, DATA_SETS[key]) for key in data_sets):
        console.rule(data_set.title)
        pictures, labels = load([data_root / data_set.path], SIZE, limit, console, half)
        results = run(pictures, labels, opened, judge, plan, console=console)
        say_what(results, [data_set.path], half)
        shown = opened
        eob = (eob_samples, min(eob_limit, len(pictures)) if eob_samples else 0)
        if key in content["data_sets"]:
            kept = content["data_sets"][key]
            results = _merged(kept["results"], results)
            eob = eob if eob_samples else (kept["eob_samples"], kept["eob_pictures"])
            shown = open_methods(list(results))
        print_table(results, console)
        if key == "imagenet64":
            content["calibration"] = calibration.part(results) or content["calibration"]
        name = f"images/{data_set.figure}.jpg"
        content["data_sets"][key] = {
            "title": data_set.title,
            "figure": name,
            "size": SIZE,
            "half": half or "all",
            "eob_samples": eob[0],
            "eob_pictures": eob[1],
            "results": results,
        }
        chosen = figures.spread_rows(len(pictures), data_set.rows)
        groups = figures.colour_groups(shown, pictures, chosen, SAMPLES)
        figures.save(figures.draw(groups), out / name)
        # After every data set: an interruption costs the one that is under way.
        write_json(content, out / "results.json")
        page.write(content, out / "results.md")
    return content


def _known(names: Sequence[str]) -> Sequence[str]:
    unknown = sorted(set(names) - set(DATA_SETS))
    if unknown:
        raise UsageError(
            f"no data set named {', '.join(unknown)}; choose from {', '.join(DATA_SETS)}"
        )
    return names


def _merged(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Results of both, those of `now` where both have a method."""
    every = (*before.values(), *now.values())
    counts = {result["n"] for result in every}
    if len(counts) > 1:
        raise DataError(
            f"results.json: measured on {min(counts)} and {max(counts)} pictures; "
            "use the same --limit, or measure all methods again"
        )
    halves = {result.get("half") or "all" for result in every}
    if len(halves) > 1:
        raise DataError(
            f"results.json: measured on {' and '.join(sorted(halves))}; "
            "use the same --half, or measure all methods again"
        )
    return {**before, **now}


def read_json(path: Path | None) -> Any:
    """A JSON file's content; None for no file."""
    if path is None:
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}); make it again") from error


def command_line(arguments: Sequence[str]) -> str:
    """The command as a reader can repeat it: paths from elsewhere shrink to their last part."""
    outside = [Path(a).is_absolute() or ".." in Path(a).parts for a in arguments]
    shown = [Path(a).name if out else a for a, out in zip(arguments, outside, strict=True)]
    return shlex.join(["python", "-m", "tools.report.results", *shown])


def with_command(before: str, command: str) -> str:
    """The lines of commands and one more; the same one, its words in any order, stands once."""
    words = sorted(shlex.split(command))
    kept = [line.strip() for line in before.split("\n")]
    kept = [line for line in kept if sorted(shlex.split(line)) != words]
    return "\n    ".join([*kept, command])


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.report.results",
        description="Measure all methods and write results.json, results.md and its figures.",
    )
    parser.add_argument("--data-root", type=Path, help="folder that holds lfw96, church96, ...")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into: docs")
    parser.add_argument(
        "--methods", help="names with commas between; default: all that have weights"
    )
    parser.add_argument(
        "--data-sets",
        default=",".join(DATA_SETS),
        help="names with commas between; default: %(default)s",
    )
    parser.add_argument(
        "--half", choices=(*HALVES, "all"), default="test", help="default: %(default)s"
    )
    parser.add_argument(
        "--draws-limit", type=int, default=200, help="for calibration; default: %(default)s"
    )
    parser.add_argument("--limit", type=int, help="at most this many pictures of each data set")
    parser.add_argument("--eob-samples", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--eob-limit", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--ablation", type=Path, help="JSON of the loss ablation")
    parser.add_argument("--reconstruction", type=Path, help="JSON of the reconstruction errors")
    parser.add_argument(
        "--add", action="store_true", help="keep OUT/results.json of methods not measured now"
    )
    parser.add_argument(
        "--from-json", action="store_true", help="write the page anew from OUT/results.json"
    )
    options = parser.parse_args(arguments)
    if options.data_root is None and not options.from_json:
        parser.error("--data-root is required unless --from-json is given")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; exit status as of `manyhues`: 0 done, 1 failed, 2 wrong usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parse(arguments)
    try:
        if options.from_json:
            content = read_json(options.out / "results.json")
            # A table made since then may join the numbers that are there.
            for key in ("ablation", "reconstruction"):
                if getattr(options, key) is not None:
                    content[key] = read_json(getattr(options, key))
            write_json(content, options.out / "results.json")
            page.write(content, options.out / "results.md")
        else:
            make_results(
                options.data_root,
                options.out,
                options.methods.split(",") if options.methods else None,
                limit=options.limit,
                eob_samples=options.eob_samples,
                eob_limit=options.eob_limit,
                ablation=options.ablation,
                reconstruction=options.reconstruction,
                command=command_line(arguments),
                add=options.add,
                data_sets=_known(options.data_sets.split(",")),
                half=chosen(options.half),
                draws_limit=options.draws_limit,
            )
    except ManyhuesError as error:
        return command.status(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
