"""The command line. Heavy imports stay inside the verbs, so that ``--help`` answers at once.

Results for programs go to standard output (``--json``), everything for people to standard error.
Exit status: 0 all done, 1 some inputs failed, 2 wrong usage.
"""

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from manyhues import memory
from manyhues.cli import defaults, language, tools, training
from manyhues.cli.arguments import expanded, refuse_dashes, refuse_empty, repeat_options, spelt
from manyhues.cli.colorize import colorize
from manyhues.cli.exit import status
from manyhues.cli.shared import Weights
from manyhues.errors import NO_MEMORY, ManyhuesError, UsageError
from manyhues.language import say, spoken


class _Verbs(TyperGroup):
    """Says that a verb was stopped, where the verb does not; Typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(130) from None


app = typer.Typer(
    name="manyhues",
    cls=_Verbs,
    help="\n\n".join(
        (
            "Many plausible colourings of one grey picture.",
            "Begin with: manyhues colorize PICTURE -o OUT",
        )
    ),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from manyhues import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML with defaults of options, a table for each verb; "
            f"{defaults.own_file()} if it is there."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    memory.before_numpy()
    path = config or defaults.own_file()
    if config is not None or path.is_file():
        group: Any = context.command
        known = {verb: defaults.options_of(command) for verb, command in group.commands.items()}
        context.default_map = defaults.read(path, known)
        say(f"defaults are from {path}")


app.command()(colorize)


@app.command()
def studio(
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than this machine's is a risk.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8400,
    token: Annotated[
        str | None,
        typer.Option(
            help="Ask clients for this secret; the variable is safer, for `ps` shows an option.",
            envvar="MANYHUES_TOKEN",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Keep pictures and results here; else they go when the studio ends."),
    ] = None,
    outer_host: Annotated[
        str | None, typer.Option(help="The name by which a proxy in front of it is reached.")
    ] = None,
    max_upload: Annotated[int, typer.Option(min=1, help="Megabytes of one picture.")] = 256,
    max_pixels: Annotated[int, typer.Option(min=1, help="Megapixels of one picture.")] = 60,
    max_folder: Annotated[
        float | None, typer.Option(min=0.1, help="Gigabytes of the folder; 2, or 50 if kept.")
    ] = None,
) -> None:
    """See, choose and steer colourings in a browser."""
    try:
        from manyhues.studio.limits import Limits
        from manyhues.studio.server import serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"this verb needs {error.name}; install it with: pip install 'manyhues[studio]'"
        ) from None
    room = max_folder or (2.0 if folder is None else 50.0)
    limits = Limits(
        upload_bytes=max_upload << 20, pixels=max_pixels * 10**6, folder_bytes=int(room * 2**30)
    )
    serve(host, port, token, folder=folder, outer=outer_host, limits=limits)


@app.command()
def info(
    picture: Annotated[
        Path | None,
        typer.Argument(help="A result: say what made it, and how to make it again."),
    ] = None,
    weights: Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Say the version and the methods; of a result, what made it."""
    if picture is not None:
        from manyhues.cli.recipe import show

        show(picture, as_json)
        return
    from manyhues.cli.info import info as show_info

    if show_info(as_json, weights):
        raise typer.Exit(1)


for _verb in (
    *(training.train, training.export, training.evaluate),
    *(tools.average, tools.judged, tools.recover),
):
    app.command()(_verb)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _is_open(stream: TextIO) -> bool:
    """Whether what is printed comes out."""
    try:
        stream.write("\n")
        stream.flush()
    except OSError:
        return False
    return True


def _let_go(stream: TextIO) -> None:
    """Drop what cannot be written: at its end Python would try again, mutter, and exit with 120."""
    with contextlib.suppress(OSError):  # no file at all, where a program has put its own there
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: every expected failure becomes one line and an exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        refuse_empty(given)
        refuse_dashes(given)
        try:
            language.run(app, repeat_options(spelt(expanded(given))))
        finally:
            print(end="", flush=True)  # here, where it can still be told that this fails
    except ManyhuesError as error:
        raise SystemExit(status(error)) from None
    except BrokenPipeError:
        _let_go(sys.stdout)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        say("stopped")
        raise SystemExit(130) from None
    except Exception as error:
        if memory.ran_out(error):
            say(NO_MEMORY)
            raise SystemExit(1) from None
        if not isinstance(error, OSError) or error.errno not in _FULL:  # a fault of ours
            raise
        what = spoken("a file")
        if not _is_open(sys.stdout):
            what = spoken("standard output")
            _let_go(sys.stdout)
        say(f"{what} cannot be written ({error.strerror}); free some space and run this again")
        raise SystemExit(1) from None
