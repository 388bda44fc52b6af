"""``manyhues colorize``."""

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from manyhues.cli import defaults
from manyhues.cli.shared import Weights, need_method, present_methods
from manyhues.errors import UsageError
from manyhues.image.files import Format
from manyhues.image.limits import MAX_PIXELS
from manyhues.language import say
from manyhues.sampling.options import Pick, Sampling, about

EngineName = Literal["local", "ray"]


def colorize(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Pictures, films, or folders of them; - is standard input."
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Folder for the results; - is standard output.")
    ],
    n: Annotated[int, typer.Option("-n", **about("n"))] = Sampling.n,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=defaults.preset,
            autocompletion=lambda: list(defaults.PRESETS),
            is_eager=True,
            help="album: calm, for old photographs (--diversity 0.7, as without it). "
            "varied: as trained (--diversity 1).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(**about("seed"))] = Sampling.seed,
    sample: Annotated[list[int] | None, typer.Option(metavar="K", **about("k"))] = None,
    method: Annotated[
        str | None, typer.Option(help="See `manyhues info`.", autocompletion=present_methods)
    ] = None,
    pick: Annotated[Pick, typer.Option(case_sensitive=False, **about("pick"))] = Sampling.pick,
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
    quality: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Of JPEG, WebP and AVIF; by default what keeps the lightness."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Names of the results, without suffix.")] = "{stem}.{k}",
    sheet: Annotated[bool, typer.Option(help="Write a contact sheet too.")] = True,
    notice: Annotated[
        bool, typer.Option(help="Say on the sheet that the colour is artificial.")
    ] = True,
    show: Annotated[bool, typer.Option("--show", help="Print the sheets in the terminal.")] = False,
    recursive: Annotated[bool, typer.Option(help="Go into folders of folders.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    engine: Annotated[
        EngineName, typer.Option(case_sensitive=False, help="What runs the batch.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to use; one is started here by default.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Processors to use; by default all that it may.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace results that exist.")] = False,
    max_pixels: Annotated[
        int, typer.Option(min=1, help="Refuse larger pictures, and blank ones that unpack hugely.")
    ] = MAX_PIXELS,
    weights: Weights = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say errors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per input.")] = False,
) -> None:
    """Write n colourings of each picture or film, and a contact sheet."""
    from manyhues.model.onnx import undisturbed

    with undisturbed():
        from manyhues.batch import local
        from manyhues.batch.options import Options
        from manyhues.cli import dry, streams
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
        method = method.lower()
        need_method(method, Colorizer.methods(weights))
    to_stream = out == streams.STREAM
    options = Options(
        n=n,
        seed=seed,
        pick=pick,
        diversity=diversity,
        saturation=saturation,
        hints=hints,
        like=like,
        k=sample or (),
        format=format,
        sheet=sheet and not to_stream,
        overwrite=overwrite,
        map=map_name,
        window=None if window is None else parse_window(window),
        keep_patient=keep_patient,
        notice=notice,
        max_pixels=max_pixels,
        timed_hints=timed,
        quality=quality,
        name=name,
    )
    if sample and _is_given(context, "n") and n != options.n:
        raise UsageError(f"-n {n}: --sample names {options.n}; leave out one of them")
    streams.check(inputs, out, options.n, as_json, dry_run)
    _check_show(show, engine, sheet=options.sheet)
    if engine == "ray":
        _check_ray(inputs, out, name, dry_run)
    else:
        _check_local([*inputs, out], address)
    try:
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(streams.folder()) if "-" in (*inputs, out) else Path()
            target = str(scratch / "out") if to_stream else out
            source = streams.read(scratch) if "-" in inputs else None
            given = [str(source) if text == "-" else text for text in inputs]
            if engine == "ray":
                from manyhues.batch.ray import run as ray

                batch = ray.colorize(
                    given,
                    target,
                    method,
                    options,
                    address=address,
                    weights=weights,
                    workers=threads,
                    recursive=recursive,
                )
            else:
                paths = [Path(text) for text in given]
                if dry_run:
                    batch = local.planned(paths, Path(target), options, recursive=recursive)
                    batch = batch if source is None else streams.renamed(batch, source)
                    failed = dry.show(batch, as_json)
                    raise typer.Exit(1 if failed else 0)
                batch = local.colorize(
                    paths,
                    Path(target),
                    method,
                    options,
                    weights=weights,
                    threads=threads or 0,
                    recursive=recursive,
                )
            if source is not None:
                batch = streams.renamed(batch, source)
            shown = "standard output" if to_stream else out
            failed = watch(batch, shown, as_json, show_sheets=show, quiet=quiet)
            if to_stream and not failed:
                streams.write(Path(target))
    except KeyboardInterrupt:
        say("stopped; what was written is whole, the same command goes on from there")
        raise typer.Exit(130) from None
    if failed:
        raise typer.Exit(1)


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _check_show(show: bool, engine: EngineName, *, sheet: bool) -> None:
    if show and engine == "ray":
        raise UsageError("--show prints what this machine colours; use --engine local")
    if show and not sheet:
        raise UsageError("--show shows the contact sheet; leave out --no-sheet")


def _check_ray(inputs: list[str], out: str, name: str, dry_run: bool) -> None:
    if "-" in (*inputs, out):
        raise UsageError("-: streams are read and written by --engine local")
    if dry_run:
        raise UsageError("--dry-run tells what this machine would write; use --engine local")
    if name != "{stem}.{k}":
        raise UsageError("--name: results of --engine ray are named {stem}.{k}; leave it out")


def _check_local(places: list[str], address: str | None) -> None:
    for place in places:
        if "://" in place:
            raise UsageError(f"{place}: URLs are read and written by another engine: --engine ray")
        if place.lower().endswith(".parquet"):
            raise UsageError(f"{place}: tables are read by another engine: --engine ray")
    if address is not None:
        raise UsageError("--address: the local engine has none; add --engine ray")
