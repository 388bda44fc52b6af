"""Trains for a fixed number of steps, alone or under torchrun, and prints what came out as JSON.

    python benchmarks/training.py --data FOLDER --out RUN [--kind flow] [--steps 500] [--seed 0]
    torchrun --standalone --nproc-per-node 2 benchmarks/training.py (the same)

Contract: `losses` are the means over the whole batch, step by step; `validation` is the averaged
model's after the last step, on the held-out pictures of the first data set; `seconds` leave out
reading the data set. The run in RUN can be resumed and exported as any other. To compare numbers
of processes, compare the validation of several seeds.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from manyhues.training import registry
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.loop import Loop
from manyhues.training.processes import join


def train_steps(
    kind: str, settings: dict[str, str], folder: Path, out: Path, steps: int, seed: int, pieces: int
) -> dict[str, Any]:
    with join() as processes:
        torch.manual_seed(seed)
        task = registry.build(kind, registry.make_config(kind, settings))
        with processes.first_on_each_machine():
            cache = Cache([build_cache(folder, out.parent / "cache")])
        out.mkdir(parents=True, exist_ok=True)
        task.prepare(cache)
        losses: list[float] = []
        validation: dict[str, float] = {}
        loop = Loop(
            task, [cache], out, minutes=1.0, seed=seed, processes=processes, accumulate=pieces
        )
        loop.task.train()
        torch.manual_seed(seed + 1_000_003 * processes.rank)
        batches = loop._batches()
        start = time.perf_counter()
        for step in range(steps):
            logs = loop._step(next(batches), step / steps)
            losses.append(processes.mean({"loss": logs["loss"]})["loss"])
        seconds = time.perf_counter() - start
        if processes.first:
            figures = loop._validate(lambda part, state, values: None, _Board())
            validation = {name: float(value) for name, value in figures.items()}
        loop.save()
        return {
            "processes": processes.count,
            "first": processes.first,
            "seconds": seconds,
            "validation": validation,
            "losses": losses,
        }


class _Board:
    def add_scalar(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", default="flow")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--accumulate", type=int, default=1)
    given = parser.parse_args()
    settings = dict(option.split("=", 1) for option in given.set)
    result = train_steps(
        given.kind, settings, given.data, given.out, given.steps, given.seed, given.accumulate
    )
    if result.pop("first"):
        print(json.dumps(result))


if __name__ == "__main__":
    main()
