"""``manyhues train``, ``export`` and ``evaluate``."""

import os
import shlex
from pathlib import Path
from typing import Annotated, cast

import typer

from manyhues.cli.shared import Weights, need_method, need_torch
from manyhues.errors import UsageError
from manyhues.language import say
from manyhues.training.methods import kinds


def train(
    kind: Annotated[
        str,
        typer.Argument(help=f"What to train: {', '.join(kinds())}.", autocompletion=kinds),
    ],
    data: Annotated[list[Path], typer.Option(help="Folder or parquet shard; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Train so long, earlier parts included; reading the pictures does not count.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run stopped.")] = False,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting; may be repeated. A KEY that is none lists them.",
        ),
    ] = None,
    accumulate: Annotated[
        int,
        typer.Option(min=1, help="Take a batch in so many pieces: the same steps, less memory."),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of first weights, batches and noise.")] = 0,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0, help="Save so often: what a killed run loses at the most.")
    ] = 1.0,
) -> None:
    """Train a network."""
    kind = kind.lower()
    if kind not in kinds():
        raise UsageError(f"{kind}: nothing to train; choose from {', '.join(kinds())}")
    need_torch("train")
    from manyhues.training.run import train as run

    try:
        run(kind, data, out, minutes, resume, options or [], accumulate, seed, checkpoint_minutes)
    except KeyboardInterrupt:
        from manyhues.training.checkpoint import RESUME

        if os.environ.get("RANK", "0") != "0":  # of `torchrun`: the first one says it for all
            pass
        elif (out / RESUME).exists():
            say(f"stopped; {out} is saved, the same command with --resume goes on from there")
        else:
            say(f"stopped before {out} was first saved; the same command starts again")
        raise typer.Exit(130) from None


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    weights: Annotated[
        Path | None, typer.Option(help="Folder for the graphs; RUN/weights by default.")
    ] = None,
    into_package: Annotated[
        bool, typer.Option("--into-package", help="Write into the installed package's own folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace graphs that exist.")
    ] = False,
    int8: Annotated[
        Path | None,
        typer.Option(help="Pictures to measure activations on: `flow` is written in 8 bits."),
    ] = None,
) -> None:
    """Turn a trained run into ONNX graphs."""
    need_torch("train")
    from manyhues.model import manifest
    from manyhues.training.checkpoint import MODEL, read_facts
    from manyhues.training.export.weights import export as run_export
    from manyhues.training.loop import lack

    own = manifest.WEIGHTS
    if into_package and weights is not None:
        raise UsageError("--into-package: --weights names another folder; leave one of them out")
    if weights is not None and weights.resolve() == own.resolve():
        raise UsageError(f"{weights}: is the package's own; give --into-package instead")
    folder = own if into_package else weights
    written = run_export(run, folder, int8, overwrite=overwrite)
    for path in written:
        say(f"wrote {path}")
    if lacking := lack(read_facts(run / MODEL)):
        say(f"{run}: {lacking}")
    if not into_package and any(path.suffix == ".json" for path in written):
        folder_shown = shlex.quote(str(written[0].parent))
        say(f"to use them: manyhues colorize PICTURE -o OUT --weights {folder_shown}")


def evaluate(
    data: Annotated[list[Path], typer.Option(help="Folder or parquet shard; may be repeated.")],
    method: Annotated[str | None, typer.Option(help="Names with commas between.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use the first N pictures of all sets together.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Samples of each picture.")] = 8,
    size: Annotated[int, typer.Option(min=16, help="Side to which pictures are cut.")] = 64,
    eob_samples: Annotated[
        int, typer.Option(min=0, help="Samples for the paper's error-of-best; 0 leaves it out.")
    ] = 100,
    eob_limit: Annotated[int, typer.Option(min=1, help="Pictures for that metric.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Picture i is sampled with seed + i.")] = 0,
    draws: Annotated[
        int, typer.Option(min=0, help="Independent draws for calibration; 0 leaves it out.")
    ] = 8,
    draws_limit: Annotated[int, typer.Option(min=1, help="Pictures for calibration.")] = 200,
    half: Annotated[
        str | None,
        typer.Option(metavar="dev|test", help="One half by id: choose on dev, report test."),
    ] = None,
    weights: Weights = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write results here.")] = None,
) -> None:
    """Measure methods against true colours. Plain draws at a diversity of 1, as trained."""
    from manyhues.colorizer import Colorizer
    from manyhues.evaluation.evaluate import evaluate as run
    from manyhues.evaluation.halves import Half
    from manyhues.evaluation.protocol import Plan

    present = Colorizer.methods(weights)
    named = [name.strip() for name in (method or "").split(",")]
    methods = [name for name in named if name] or present[:1]
    for name in methods:
        need_method(name, present)
    plan = Plan(samples, seed, eob_samples, eob_limit, draws, draws_limit)
    run(data, methods, limit, plan, size, json_file, weights, cast(Half | None, half))
