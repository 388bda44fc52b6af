"""``manyhues train``, ``export`` and ``evaluate``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from manyhues.cli.exit import say
from manyhues.cli.shared import Weights, need_method, need_torch


class Kind(StrEnum):
    """What can be trained."""

    vae = "vae"
    mdn = "mdn"
    cvae = "cvae"
    cgan = "cgan"
    mean = "mean"
    flow = "flow"
    detail = "detail"
    features = "features"
    joint = "joint"
    adversarial = "adversarial"
    preference = "preference"


def train(
    kind: Annotated[Kind, typer.Argument(help="The network to train.")],
    data: Annotated[list[Path], typer.Option(help="Folder or parquet shard; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so long.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run stopped.")] = False,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    accumulate: Annotated[
        int,
        typer.Option(min=1, help="Take a batch in so many pieces: the same steps, less memory."),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of first weights, batches and noise.")] = 0,
) -> None:
    """Train a network."""
    need_torch("train")
    from manyhues.training.run import train as run

    try:
        run(kind.value, data, out, minutes, resume, options or [], accumulate, seed)
    except KeyboardInterrupt:
        from manyhues.training.checkpoint import RESUME

        if (out / RESUME).exists():
            say(f"stopped; {out} is saved, the same command with --resume goes on from there")
        else:
            say(f"stopped before {out} was first saved; the same command starts again")
        raise typer.Exit(130) from None


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    weights: Annotated[
        Path | None, typer.Option(help="Folder for the graphs; the package's own by default.")
    ] = None,
    int8: Annotated[
        Path | None,
        typer.Option(help="Pictures to measure activations on: `flow` is written in 8 bits."),
    ] = None,
) -> None:
    """Turn a trained run into ONNX graphs."""
    need_torch("train")
    from manyhues.training.export.export import export as run_export

    for path in run_export(run, weights, int8):
        say(f"wrote {path}")


def evaluate(
    data: Annotated[list[Path], typer.Option(help="Folder or parquet shard; may be repeated.")],
    method: Annotated[str | None, typer.Option(help="Names with commas between.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first N pictures.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Samples of each picture.")] = 8,
    size: Annotated[int, typer.Option(min=16, help="Side to which pictures are cut.")] = 64,
    eob_samples: Annotated[
        int, typer.Option(min=0, help="Samples for the paper's error-of-best; 0 leaves it out.")
    ] = 100,
    eob_limit: Annotated[int, typer.Option(min=1, help="Pictures for that metric.")] = 50,
    weights: Weights = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write results here.")] = None,
) -> None:
    """Measure methods against true colours."""
    from manyhues.colorizer import Colorizer
    from manyhues.evaluation.report import evaluate as run

    present = Colorizer.methods(weights)
    named = [name.strip() for name in (method or "").split(",")]
    methods = [name for name in named if name] or present[:1]
    for name in methods:
        need_method(name, present)
    run(data, methods, limit, samples, size, json_file, eob_samples, eob_limit, weights)
