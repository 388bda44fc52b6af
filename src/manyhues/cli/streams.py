"""A picture from standard input, and one to standard output: ``-`` in the place of a path."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from manyhues.batch.report import Batch, Report
from manyhues.errors import OutputError, PictureError, UsageError

STREAM = "-"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for what comes from standard input or goes to standard output."""
    with tempfile.TemporaryDirectory(prefix="manyhues-") as scratch:
        yield Path(scratch)


def check(inputs: Sequence[str], out: str, n: int, as_json: bool, dry_run: bool) -> None:
    """Raise `UsageError` for streams that cannot hold what is asked of them."""
    if STREAM in inputs and sys.stdin is None:
        raise UsageError("-: standard input is closed; name a file")
    if inputs.count(STREAM) > 1:
        raise UsageError("-: standard input is read once; name it once")
    if out != STREAM:
        return
    if n != 1 or len(inputs) != 1 or Path(inputs[0]).is_dir():
        raise UsageError("-o -: standard output holds one picture; give one input, and -n 1")
    if dry_run:
        raise UsageError("-o -: --dry-run tells names of files; name a folder with -o")
    if as_json:
        raise UsageError("-o -: standard output holds the picture; leave out --json")
    if sys.stdout is None:
        raise UsageError("-o -: standard output is closed; name a folder with -o")
    if sys.stdout.isatty():
        raise UsageError("-o -: this terminal shows no pictures; send them on: -o - > picture.jpg")


def read(scratch: Path) -> Path:
    """Standard input as a file, named after its format."""
    from manyhues.image import encode, formats
    from manyhues.image.formats.base import File

    data = sys.stdin.buffer.read()
    suffix = ""
    with contextlib.suppress(PictureError):  # whoever colours it says what is wrong with it
        format_ = formats.pages(File(data, "standard input"))[0].format
        suffix = encode.output_format(format_, "", "keep")[1]
    path = scratch / f"stdin{suffix}"
    path.write_bytes(data)
    return path


def renamed(batch: Batch, path: Path) -> Batch:
    """The same batch, whose reports call this file standard input."""

    def reports() -> Generator[Report]:
        with contextlib.closing(batch.reports) as told:
            for report in told:
                if report.input == str(path):
                    error = report.error and report.error.replace(str(path), "standard input")
                    report = replace(report, input=STREAM, error=error)
                yield report

    return replace(batch, reports=reports())


def write(made: Path) -> None:
    """Send the one result on. Raises `OutputError`."""
    results = [path for path in made.rglob("*") if path.is_file()]
    if len(results) > 1:
        raise OutputError(
            f"standard output: holds one picture, not the {len(results)} pages of this one; "
            "name a folder with -o"
        )
    for path in results:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
