"""Several checkpoints of one training as one: the mean of their weights (Izmailov et al. 2018).

    manyhues average --out runs/mean runs/early=0.4 runs/late=0.6

Runs are folders of the same kind and shapes (`joint` and `adversarial` ones are `flow` runs with
their features); a weight left out is 1, and weights are shares of their sum. Of several kinds the
mean is of the richest, and has what that kind has: what only some runs have, such as features or
the head of a lesson, is the mean of theirs. A mean generalises better than its last checkpoint
where training knows its pictures too well; docs/model/features.md has what it brought.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyhues.errors import TrainingError, UsageError
from manyhues.image.files import make_folder
from manyhues.training import checkpoint

_RICHER = ("joint", "adversarial")  # kinds of flow that bring their features, in their usual order

_TOLD = ("kind", "step", "seconds", "mean_of")  # what a mean says of its parts


def _rank(facts: dict[str, Any]) -> tuple[int, int]:
    """Which of several runs says what their mean is: the richest, and of those the longest."""
    kind = facts["kind"]
    return (_RICHER.index(kind) + 1 if kind in _RICHER else 0), facts["step"]


def average(out: Path, runs: dict[Path, float]) -> Path:
    """Write the mean of `runs`, by their weights, as a run into the folder `out`; return it.

    Raises `TrainingError` where `out` holds a run or where runs are of different kinds or shapes,
    `WeightsError` for a checkpoint that cannot be read, `UsageError` for weights that are no
    numbers or sum to none.
    """
    if (out / checkpoint.MODEL).exists():
        raise TrainingError(f"{out}: holds a run already; use another --out")
    for run, weight in runs.items():
        if not math.isfinite(weight):
            raise UsageError(f"{run}={weight}: no number to weigh by; give one such as {run}=0.5")
    if not runs or sum(runs.values()) <= 0:
        raise UsageError("weights of runs must have a sum above zero; raise one, or leave them out")
    mean: dict[str, Tensor] = {}
    total: dict[str, float] = {}
    names: dict[str, set[str]] = {}  # of each kind
    latest: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    for run, weight in runs.items():
        tensors, facts = checkpoint.read_tensors(run / checkpoint.MODEL)
        latest = latest or facts
        shapes, known = checkpoint.shapes(tensors), checkpoint.shapes(mean)
        fits = all(known.get(name, shape) == shape for name, shape in shapes.items())
        kinds = {facts["kind"], latest["kind"]}
        if not (len(kinds) == 1 or kinds <= {"flow", "preference", *_RICHER}) or not fits:
            raise TrainingError(
                f"{run}: another kind of run than the first; average like with like"
            )
        for name, value in tensors.items():
            if value.is_floating_point():
                total[name] = total.get(name, 0.0) + weight
                mean[name] = weight * value + mean.get(name, torch.zeros(()))
            else:
                mean[name] = value
        share = round(weight / sum(runs.values()), 4)
        parts.append({"share": share} | {k: facts[k] for k in _TOLD if k in facts})
        names[facts["kind"]] = names.get(facts["kind"], set()) | tensors.keys()
        latest = facts if _rank(facts) > _rank(latest) else latest
    mean |= {name: mean[name] / weight for name, weight in total.items() if weight}
    mean = {name: value for name, value in mean.items() if name in names[latest["kind"]]}
    make_folder(out)
    checkpoint.write_tensors(out / checkpoint.MODEL, mean, latest | {"mean_of": parts})
    return out
