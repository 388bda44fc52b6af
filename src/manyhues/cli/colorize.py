"""``manyhues colorize``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from manyhues.cli.exit import say
from manyhues.cli.shared import Weights, need_method
from manyhues.errors import UsageError
from manyhues.sampling.hints import parse_hint


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
        need_method(method, Colorizer.methods(weights))
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


def _need_local(places: list[str], address: str | None) -> None:
    for place in places:
        if "://" in place:
            raise UsageError(f"{place}: URLs are read and written by another engine: --engine ray")
    if address is not None:
        raise UsageError("--address: the local engine has none; add --engine ray")
