"""``manyhues colorize``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from manyhues.cli.exit import say
from manyhues.cli.shared import Weights, need_method
from manyhues.errors import UsageError
from manyhues.image.files import Format
from manyhues.image.limits import MAX_PIXELS
from manyhues.sampling.options import Pick, Sampling, about

EngineName = Literal["local", "ray"]


def colorize(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Pictures, films, or folders of them.")
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder for the results.")],
    n: Annotated[int, typer.Option("-n", **about("n"))] = Sampling.n,
    seed: Annotated[int, typer.Option(**about("seed"))] = Sampling.seed,
    method: Annotated[str | None, typer.Option(help="See `manyhues info`.")] = None,
    pick: Annotated[Pick, typer.Option(**about("pick"))] = Sampling.pick,
    diversity: Annotated[float, typer.Option(**about("diversity"))] = Sampling.diversity,
    saturation: Annotated[float, typer.Option(**about("saturation"))] = Sampling.saturation,
    hint: Annotated[
        list[str] | None, typer.Option(metavar="X,Y[@SECONDS]=#RRGGBB", **about("hints"))
    ] = None,
    like: Annotated[Path | None, typer.Option(metavar="PICTURE", **about("like"))] = None,
    format: Annotated[
        Format, typer.Option(case_sensitive=False, help="File format of the results.")
    ] = "keep",
    map_name: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="NAME",
            help="A colour map instead of samples: viridis, cividis, batlow, HOT_IRON, ..",
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="C,W|full", help="Values to show: centre and width, or all."),
    ] = None,
    keep_patient: Annotated[
        bool, typer.Option("--keep-patient", help="Let DICOM results name the patient.")
    ] = False,
    sheet: Annotated[bool, typer.Option(help="Write a contact sheet too.")] = True,
    notice: Annotated[
        bool, typer.Option(help="Say on the sheet that the colour is artificial.")
    ] = True,
    show: Annotated[bool, typer.Option("--show", help="Print the sheets in the terminal.")] = False,
    engine: Annotated[EngineName, typer.Option(help="What runs the batch.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to use; one is started here by default.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace results that exist.")] = False,
    max_pixels: Annotated[
        int, typer.Option(min=1, help="Refuse larger pictures, and blank ones that unpack hugely.")
    ] = MAX_PIXELS,
    weights: Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per input.")] = False,
) -> None:
    """Write n colourings of each picture or film, and a contact sheet."""
    from manyhues.batch import local
    from manyhues.batch.options import Options
    from manyhues.cli.progress import watch
    from manyhues.colorizer import Colorizer
    from manyhues.image.values import parse_window
    from manyhues.sampling.hints import parse_hint
    from manyhues.video import parse_timed_hint

    timed = tuple(parse_timed_hint(text) for text in hint or [] if "@" in text)
    hints = tuple(parse_hint(text) for text in hint or [] if "@" not in text)
    if map_name and (method or hint or like):
        raise UsageError("--map: shows values, it samples nothing; leave out --method and hints")
    if method is not None:
        need_method(method, Colorizer.methods(weights))
    options = Options(
        n=n,
        seed=seed,
        pick=pick,
        diversity=diversity,
        saturation=saturation,
        hints=hints,
        like=like,
        format=format,
        sheet=sheet,
        overwrite=overwrite,
        map=map_name,
        window=None if window is None else parse_window(window),
        keep_patient=keep_patient,
        notice=notice,
        max_pixels=max_pixels,
        timed_hints=timed,
    )
    if show and engine == "ray":
        raise UsageError("--show prints what this machine colours; use --engine local")
    if show and not sheet:
        raise UsageError("--show shows the contact sheet; leave out --no-sheet")
    try:
        if engine == "ray":
            from manyhues.batch.ray import run as ray

            batch = ray.colorize(inputs, out, method, options, address=address, weights=weights)
        else:
            _need_local([*inputs, out], address)
            paths = [Path(given) for given in inputs]
            batch = local.colorize(paths, Path(out), method, options, weights=weights)
        failed = watch(batch, out, as_json, show_sheets=show)
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
