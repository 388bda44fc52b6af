"""The command line. Heavy imports stay inside the verbs, so that ``--help`` answers at once.

Results for programs go to standard output (``--json``), everything for people to standard error.
Exit status: 0 all done, 1 some inputs failed, 2 wrong usage.
"""

import errno
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from manyhues.cli.arguments import _refuse_empty, _repeat_options
from manyhues.cli.exit import say, status
from manyhues.errors import ManyhuesError, UsageError
from manyhues.sampling.hints import parse_hint

app = typer.Typer(
    name="manyhues",
    help="Many plausible colourings of one grey picture.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Pick(StrEnum):
    """How results are chosen among candidates."""

    diverse = "diverse"
    likely = "likely"
    random = "random"


class Format(StrEnum):
    """File formats of results."""

    keep = "keep"
    png = "png"
    jpg = "jpg"
    webp = "webp"
    tiff = "tiff"


class EngineName(StrEnum):
    """What runs a batch."""

    local = "local"
    ray = "ray"


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


Weights = Annotated[
    Path | None,
    typer.Option(help="Folder of graphs, as `export` writes them; the package's by default."),
]


def _version(wanted: bool) -> None:
    if wanted:
        from manyhues import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def colorize(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Pictures, or folders of pictures.")
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder for the results.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Colourings of each picture.")] = 6,
    seed: Annotated[int, typer.Option(help="Same seed, same colourings.")] = 0,
    method: Annotated[str | None, typer.Option(help="See `manyhues info`.")] = None,
    pick: Annotated[Pick, typer.Option(help="How to choose among candidates.")] = Pick.diverse,
    diversity: Annotated[
        float,
        typer.Option(
            min=0, max=10, help="Below 1 tamer, above 1 wilder; 0.8 suits old photographs."
        ),
    ] = 1.0,
    saturation: Annotated[float, typer.Option(min=0, max=10, help="Strength of colour.")] = 1.0,
    hint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y=#RRGGBB",
            help="This hue and strength at this pixel, whose lightness stays; may be repeated.",
        ),
    ] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Take the palette of this picture.")
    ] = None,
    format: Annotated[
        Format, typer.Option(case_sensitive=False, help="File format of the results.")
    ] = Format.keep,
    sheet: Annotated[bool, typer.Option(help="Write a contact sheet too.")] = True,
    show: Annotated[bool, typer.Option("--show", help="Print the sheets in the terminal.")] = False,
    engine: Annotated[EngineName, typer.Option(help="What runs the batch.")] = EngineName.local,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to use; one is started here by default.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace results that exist.")] = False,
    weights: Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per input.")] = False,
) -> None:
    """Write n colourings of each picture, and a contact sheet."""
    hints = tuple(parse_hint(text) for text in hint or [])
    from manyhues.batch.options import Options
    from manyhues.cli import progress
    from manyhues.colorizer import Colorizer

    if method is not None:
        _need_method(method, Colorizer.methods(weights))
    options = Options(
        n=n,
        seed=seed,
        pick=pick.value,
        diversity=diversity,
        saturation=saturation,
        hints=hints,
        like=like,
        format=format.value,
        sheet=sheet,
        overwrite=overwrite,
    )
    try:
        if engine is EngineName.ray:
            from manyhues.batch.ray.run import colorize as run

            if show:
                raise UsageError("--show prints what this machine colours; use --engine local")
            failed = run(inputs, out, method, options, as_json, address=address, weights=weights)
        else:
            _need_local([*inputs, out], address)
            paths = [Path(given) for given in inputs]
            failed = progress.colorize(paths, Path(out), method, options, as_json, show, weights)
    except KeyboardInterrupt:
        say("stopped; what was written is whole, the same command goes on from there")
        raise typer.Exit(130) from None
    if failed:
        raise typer.Exit(1)


@app.command()
def studio(
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than this machine's is a risk.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8400,
    token: Annotated[
        str | None, typer.Option(help="Ask clients for this secret.", envvar="MANYHUES_TOKEN")
    ] = None,
) -> None:
    """See, choose and steer colourings in a browser."""
    try:
        from manyhues.studio.server import serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"this verb needs {error.name}; install it with: pip install 'manyhues[studio]'"
        ) from None
    serve(host, port, token)


@app.command()
def info(
    weights: Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Say the version, and which methods are present."""
    from manyhues.cli.info import info as show_info

    if show_info(as_json, weights):
        raise typer.Exit(1)


@app.command()
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
    _need_torch("train")
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


@app.command()
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
    _need_torch("train")
    from manyhues.training.export.export import export as run_export

    for path in run_export(run, weights, int8):
        say(f"wrote {path}")


@app.command()
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
        _need_method(name, present)
    run(data, methods, limit, samples, size, json_file, eob_samples, eob_limit, weights)


def _need_local(places: list[str], address: str | None) -> None:
    for place in places:
        if "://" in place:
            raise UsageError(f"{place}: URLs are read and written by another engine: --engine ray")
    if address is not None:
        raise UsageError("--address: the local engine has none; add --engine ray")


def _need_method(name: str, present: list[str]) -> None:
    if name not in present:
        raise UsageError(f"--method {name}: not present; choose from {', '.join(present)}")


def _need_torch(extra: str) -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise UsageError(
            f"this verb needs PyTorch; install it with: pip install 'manyhues[{extra}]'"
        )


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _is_open(stream: TextIO) -> bool:
    """Whether what is printed comes out."""
    try:
        stream.write("\n")
        stream.flush()
    except OSError:
        return False
    return True


def main(arguments: list[str] | None = None) -> None:
    """Entry point: every expected failure becomes one line and an exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        _refuse_empty(given)
        app(_repeat_options(given))
    except ManyhuesError as error:
        raise SystemExit(status(error)) from None
    except BrokenPipeError:
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in _FULL:  # a fault of ours
            raise
        what = "a file" if _is_open(sys.stdout) else "standard output"
        say(f"{what} cannot be written ({error.strerror}); free some space and run this again")
        raise SystemExit(1) from None
