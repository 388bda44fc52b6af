"""The tables of benchmarks/augmentation.py, from what it wrote: Markdown, without torch.

    python benchmarks/augmentation_table.py FOLDER

Top-1 in per cent, mean over seeds. A difference is paired, by seed and by picture, with a 95 %
interval by 4,000 bootstrap draws over seeds and over pictures at once. Where an arm has seeds that
the other lacks, these are left out of the difference.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARMS = ("crop", "jitter", "grey", "jitter+grey", "vae-mdn", "grey+vae", "jitter+vae", "flow")
LABELLED = (20, 50, 150)
RIVALS = ("crop", "jitter+grey", "grey")  # grey was added when it had turned out the strongest


def bits(hits: str) -> NDArray[np.float64]:
    return np.array([*hits], np.float64)


def interval(values: NDArray[np.float64]) -> str:
    """Mean of (seeds, pictures) in per cent, and its 95 % interval by bootstrap over both."""
    random = np.random.default_rng(0)
    seeds, pictures = values.shape
    of_seeds = random.multinomial(seeds, np.full(seeds, 1 / seeds), 4000)
    of_pictures = random.multinomial(pictures, np.full(pictures, 1 / pictures), 4000)
    means = ((of_seeds @ values) * of_pictures).sum(1) / (seeds * pictures)
    low, high = 100 * np.quantile(means, [0.025, 0.975])
    return f"{100 * values.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def table(out: Path) -> None:
    lines = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    found = {(d["arm"], d["labelled"], d["seed"]): d for d in lines}
    names = ("plain", "hue", "grey", "tint", "film", "balance")
    counts = {arm: sorted({s for a, _, s in found if a == arm}) for arm in ARMS}
    print("runs:", {arm: sum(a == arm for a, *_ in found) for arm in ARMS})

    def paired(arm: str, other: str | None, labelled: Sequence[int], name: str) -> Any:
        """(seeds, pictures): the mean over numbers of labelled pictures, less the other arm's."""
        rows = []
        for seed in counts[arm]:
            keys = [(a, n, seed) for a in (arm, other) if a for n in labelled]
            if not all(key in found for key in keys):
                continue
            mean = [
                np.mean([bits(found[a, n, seed][name]) for n in labelled], 0)
                for a in (arm, other)
                if a
            ]
            rows.append(mean[0] - mean[1] if other else mean[0])
        return np.stack(rows) if rows else None

    for labelled in ((20,), (50,), (150,), (20, 50), LABELLED):
        for other in (None, *RIVALS):
            title = " and ".join(map(str, labelled)) + " a class"
            print(f"\n{title}: " + (f"difference to {other}" if other else "top-1"))
            print(f"\n| arm | seeds | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}")
            for arm in ARMS:
                cells = [paired(arm, other, labelled, name) for name in names]
                if arm == other or cells[0] is None:
                    continue
                shown = [interval(c) if other else f"{100 * c.mean():.1f}" for c in cells]
                print(f"| {arm} | {len(cells[0])} | {' | '.join(shown)} |")
    if not (out / "grey.jsonl").exists():
        return
    print(
        "\n| labelled a class | seeds | grey pictures shown | top-1 | less grey |\n"
        + 5 * "|---"
        + "|"
    )
    lines = [json.loads(line) for line in (out / "grey.jsonl").read_text().splitlines()]
    for count in LABELLED:
        some = [line for line in lines if line["labelled"] == count]
        for name in [key for key in some[0] if key not in ("labelled", "seed")] if some else []:
            values = np.stack([bits(line[name]) for line in some])
            less = interval(values - np.stack([bits(line["grey"]) for line in some]))
            print(f"| {count} | {len(some)} | {name} | {100 * values.mean():.1f} | {less} |")


if __name__ == "__main__":
    table(Path(sys.argv[1]))
