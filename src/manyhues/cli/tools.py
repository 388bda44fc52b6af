"""``manyhues average``, ``judged`` and ``recover``: what else is done with runs."""

from pathlib import Path
from typing import Annotated

import typer

from manyhues.cli.shared import Weights, need_torch
from manyhues.errors import UsageError
from manyhues.language import say


def average(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN[=WEIGHT]", help="Folders of runs; a weight is 1 if unsaid."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the mean; it is a run, too.")],
) -> None:
    """Write the mean of several runs' weights."""
    parts: dict[Path, float] = {}
    for text in runs:
        run, _, weight = text.partition("=")
        if Path(run) in parts:
            raise UsageError(f"{run}: named twice; give it one weight")
        try:
            parts[Path(run)] = float(weight or 1)
        except ValueError:
            raise UsageError(f"{text}: expected RUN=WEIGHT, such as {run}=0.5") from None
    need_torch("train")
    from manyhues.training.average import average as mean_of

    say(f"wrote {mean_of(out, parts)}")


def judged(
    pictures: Annotated[Path, typer.Argument(help="Folder or parquet shard.")],
    out: Annotated[Path, typer.Option(help="Folder for samples, sheets and verdicts.")],
    count: Annotated[int, typer.Option(min=1, help="Photographs to draw samples of.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same samples.")] = 0,
    weights: Weights = None,
) -> None:
    """Draw colourings to be judged. `train preference` learns from whoever judges them.

    Write the faulty ones into OUT/verdicts.txt, a line a sheet: 000 A: 2 5(TR); B: ; C: 1; D: 3
    """
    need_torch("train")
    from manyhues.training.data.judged import draw
    from manyhues.training.run import told

    with told("samples") as tell:
        draw(pictures, out, count, seed, weights, tell=tell)
    say(f"wrote {out}; write into {out / 'verdicts.txt'} which are faulty")


def recover(
    out: Annotated[Path, typer.Option(help="Folder for the runs features, detail, flow and tint.")],
    weights: Weights = None,
) -> None:
    """Write the shipped flow back into runs, to train on from."""
    need_torch("train")
    from manyhues.training.export.recover import recover as runs_of

    for folder in runs_of(out, weights):
        say(f"wrote {folder}")
