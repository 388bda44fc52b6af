"""The tables of docs/augmentation.md, from what benchmarks/augmentation.py wrote; without torch.

    python benchmarks/augmentation_table.py [FOLDER] [--keep]

They are printed. `--keep` lays them into the page, and the runs beside it, docs/augmentation.json;
without FOLDER it is these runs whose tables are made.

Top-1 in per cent, mean over seeds. A difference is paired, by seed and by picture, with a 95 %
interval by 4,000 bootstrap draws over seeds and over pictures at once. Seeds that only one of two
arms has are left out of their difference. A row is of all three numbers of labelled pictures, or
says of which.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARMS = ("crop", "jitter", "grey", "jitter+grey", "vae-mdn", "grey+vae", "jitter+vae", "flow")
LABELLED = (20, 50, 150)
SIZES = (LABELLED, (20, 50), (20,))  # what a row may be of; the largest that it has
TESTS = ("plain", "hue", "grey", "tint", "film", "balance")
RIVALS = ("jitter+grey", "grey")  # grey was added when it had turned out the strongest
WAYS = ("true", "grey", "vae-mdn once", "vae-mdn 8 times", "flow once", "flow 8 times")
PAIRS = (
    ("vae-mdn 8 times", "vae-mdn once"),
    ("flow 8 times", "flow once"),
    ("flow once", "vae-mdn once"),
    ("flow 8 times", "vae-mdn 8 times"),
)
PAGE = Path(__file__).parents[1] / "docs" / "augmentation.md"
Line = dict[str, Any]
Bits = NDArray[np.float64]


# --- what is kept: a bit a picture, written as hexadecimals ---------------------------------------


def packed(line: Line) -> Line:
    """A run's line, its strings of 0 and 1 made hexadecimals."""
    return {k: f"{int('1' + v, 2):x}" if k in (*TESTS, *WAYS) else v for k, v in line.items()}


def unpacked(line: Line) -> Line:
    """And back. The 1 before the first picture keeps zeros."""
    return {k: f"{int(v, 16):b}"[1:] if k in (*TESTS, *WAYS) else v for k, v in line.items()}


def gathered(folder: Path) -> dict[str, list[Line]]:
    """The lines of both directions, in the order of seeds."""

    def lines(name: str) -> list[Line]:
        path = folder / name
        found = path.read_text("utf-8").splitlines() if path.exists() else []
        return sorted(
            map(json.loads, found),
            key=lambda d: (d["seed"], ARMS.index(d.get("arm", "crop")), d["labelled"]),
        )

    return {"runs": lines("runs.jsonl"), "grey": lines("grey.jsonl")}


def kept(results: Mapping[str, list[Line]]) -> str:
    """A line a run, so that what changes is seen."""
    parts = (
        f'"{name}": [\n' + ",\n".join(json.dumps(packed(line)) for line in lines) + "\n]"
        for name, lines in results.items()
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def opened(text: str) -> dict[str, list[Line]]:
    return {name: [unpacked(line) for line in lines] for name, lines in json.loads(text).items()}


# --- the tables -----------------------------------------------------------------------------------


def bits(hits: str) -> Bits:
    return np.array([*hits], np.float64)


def interval(values: Bits) -> str:
    """Mean of (seeds, pictures) in per cent, and its 95 % interval by bootstrap over both."""
    random = np.random.default_rng(0)
    seeds, pictures = values.shape
    of_seeds = random.multinomial(seeds, np.full(seeds, 1 / seeds), 4000)
    of_pictures = random.multinomial(pictures, np.full(pictures, 1 / pictures), 4000)
    means = ((of_seeds @ values) * of_pictures).sum(1) / (seeds * pictures)
    low, high = 100 * np.quantile(means, [0.025, 0.975])
    return f"{100 * values.mean():+.1f} [{low:+.1f}, {high:+.1f}]".replace("-", "−")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = "---".join("|" * (len(head) + 1))
    return "\n".join((f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)))


class Runs:
    """Lines by what they are of: an arm, or a way of showing grey pictures."""

    def __init__(self, results: Mapping[str, list[Line]]) -> None:
        self.found = {(d["arm"], d["labelled"], d["seed"]): d for d in results["runs"]}
        self.shown = {(d["labelled"], d["seed"]): d for d in results["grey"]}

    def seeds(self, labelled: Sequence[int], *arms: str) -> list[int]:
        """Those of which every arm has a run of every number of labelled pictures."""
        seeds = sorted({seed for _, _, seed in self.found})
        return [s for s in seeds if all((a, n, s) in self.found for a in arms for n in labelled)]

    def sizes(self, *arms: str) -> Sequence[int]:
        """The numbers of labelled pictures that a row of these arms is of; empty for none."""
        return next((sizes for sizes in SIZES if self.seeds(sizes, *arms)), ())

    def top1(self, arm: str, test: str, labelled: Sequence[int], seeds: Sequence[int]) -> Bits:
        """(seeds, pictures), mean over numbers of labelled pictures."""
        runs = self.found
        return np.array(
            [np.mean([bits(runs[arm, n, s][test]) for n in labelled], 0) for s in seeds]
        )

    def less(self, arm: str, other: str, labelled: Sequence[int]) -> list[str]:
        """A cell a test: the arm less the other, over the seeds that both have."""
        seeds = self.seeds(labelled, arm, other)
        return [
            interval(self.top1(arm, t, labelled, seeds) - self.top1(other, t, labelled, seeds))
            for t in TESTS
        ]


def label(arm: str, labelled: Sequence[int]) -> str:
    return arm if labelled == LABELLED else f"{arm}, {' and '.join(map(str, labelled))} a class"


def tables(results: Mapping[str, list[Line]]) -> list[str]:
    """Those of the page, from its first to its last."""
    runs, made = Runs(results), []
    rows = []
    for arm in ARMS:
        if labelled := runs.sizes(arm, "crop"):
            seeds = runs.seeds(labelled, arm)
            cells = [f"{100 * runs.top1(arm, t, labelled, seeds).mean():.1f}" for t in TESTS]
            if arm != "crop":
                less = runs.less(arm, "crop", labelled)
                cells = [f"{cell}<br>{x}" for cell, x in zip(cells, less, strict=True)]
            rows.append([label(arm, labelled), str(len(seeds)), *cells])
    made.append(table(["arm", "seeds", *TESTS], rows))
    for rival in RIVALS:
        rows = [
            [label(arm, labelled), *runs.less(arm, rival, labelled)]
            for arm in ARMS
            if arm not in ("crop", rival) and (labelled := runs.sizes(arm, rival))
        ]
        made.append(table([f"arm less {rival}", *TESTS], rows))
    rows = []
    for n in LABELLED:
        means = []
        for arm in ARMS:
            seeds = runs.seeds((n,), arm)
            values = runs.top1(arm, "plain", (n,), seeds)
            means.append(f"{100 * values.mean():.1f}" if seeds else "")
        rows.append([str(n), *means])
    made.append(table(["plain, labelled a class", *ARMS], rows))
    return made + of_grey_inputs(runs)


def of_grey_inputs(runs: Runs) -> list[str]:
    seeds = sorted({seed for _, seed in runs.shown})
    seeds = [s for s in seeds if all((n, s) in runs.shown for n in LABELLED)]
    if not seeds:
        return []
    found = {  # of a way: (numbers of labelled pictures, seeds, pictures)
        way: np.array([[bits(runs.shown[n, s][way]) for s in seeds] for n in LABELLED])
        for way in WAYS
    }
    rows = []
    for way, values in found.items():
        means = [f"{100 * mean:.1f}" for mean in (*values.mean((1, 2)), values.mean())]
        less = "" if way == "grey" else interval((values - found["grey"]).mean(0))
        rows.append([way, *means, less])
    count = f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''}"
    head = [f"shown to the `crop` classifiers of {count}", "20 a class", "50", "150"]
    pairs = [[f"{a} less {b}", interval((found[a] - found[b]).mean(0))] for a, b in PAIRS]
    return [
        table([*head, "mean", "mean less grey"], rows),
        table(["one way less another", "mean"], pairs),
    ]


def laid(page: str, made: Sequence[str]) -> str:
    """The page with these tables in place of its own, known by their first cells.

    A table that the page lacks comes after the one before it.
    """
    blocks = page.split("\n\n")
    place = 0
    for new in made:
        there = [i for i, block in enumerate(blocks) if _known_by(block) == _known_by(new)]
        place = there[0] if there else place + 1
        blocks[place : place + bool(there)] = [new]
    return "\n\n".join(blocks)


def _known_by(block: str) -> str:
    """The first cell of its first line, without the number of seeds."""
    return block.partition("\n")[0].lstrip("| ").partition(" |")[0].partition(" classifiers of ")[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--keep", action="store_true", help="runs beside the page, tables in it")
    args = parser.parse_args()
    store = PAGE.with_suffix(".json")
    results = gathered(args.folder) if args.folder else opened(store.read_text("utf-8"))
    made = tables(results)
    if args.keep:
        store.write_text(kept(results), "utf-8")
        PAGE.write_text(laid(PAGE.read_text("utf-8"), made), "utf-8")
    print("\n\n".join(made))


if __name__ == "__main__":
    main()
