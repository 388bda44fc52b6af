"""A film among the inputs of a batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from manyhues.batch.options import Options
from manyhues.batch.plan import Inputs, Job, replaces
from manyhues.batch.report import Report
from manyhues.colorization import output_paths, sheet_name
from manyhues.colorizer import Colorizer
from manyhues.errors import OutputError, UsageError
from manyhues.image import files
from manyhues.sampling.options import Sampling
from manyhues.video import Film, Progress, TimedHint
from manyhues.video.encode import made_otherwise, suffix_of

Hear = Callable[[Progress], None]


def planned(job: Job, out: Path, options: Options, report: Report) -> None:
    """Tell in a report what `colour` would write."""
    paths, sheet = _results(job, out, options)
    report.outputs = [str(path) for path in paths]
    report.sheet = str(sheet) if options.sheet else None
    report.skipped = not options.overwrite and all(files.exists(path) for path in paths)


def _results(job: Job, out: Path, options: Options) -> tuple[list[Path], Path]:
    """The files of a film: its versions, and their contact sheet."""
    if options.map:
        raise UsageError("--map is for pictures with values; leave it out for films")
    if options.k:
        raise UsageError("--sample is for pictures; leave it out for films, and take -n")
    folder, stem = out / job.stem.parent, job.stem.name
    paths = output_paths(folder, stem, options.n, suffix_of(job.source), options.name)
    return paths, folder / sheet_name(stem)


def colour(
    colorizer: Colorizer,
    job: Job,
    out: Path,
    options: Options,
    report: Report,
    inputs: Inputs,
    hear: Sequence[Hear],
) -> None:
    """Colour one film, unless its results are there; tells how far it is to `hear`."""
    folder, stem = out / job.stem.parent, job.stem.name
    paths, sheet = _results(job, out, options)
    for result in [*paths, *([sheet] if options.sheet else ())]:
        if result in inputs:
            raise OutputError(replaces(job.source, result))
    there = [path for path in paths if files.exists(path)]
    if len(there) == len(paths) and not options.overwrite:
        report.outputs = [str(path) for path in there]
        report.sheet = str(sheet) if options.sheet and files.exists(sheet) else None
        report.skipped = True
        report.notes += made_otherwise(dict.fromkeys(there, (options.seed, None)))
        return
    sampling = Sampling(
        options.n,
        seed=options.seed,
        pick=options.pick,
        diversity=options.diversity,
        saturation=options.saturation,
        like=options.like,
    )
    timed = [*options.timed_hints, *(TimedHint(x, y, 0.0, c) for x, y, c in options.hints)]
    film = Film(job.source, colorizer, sampling, timed)

    def tell(progress: Progress) -> None:
        for one in hear:
            one(replace(progress, name=job.source.name))

    result = film.write(
        folder,
        stem=stem,
        name=options.name,
        sheet=options.sheet,
        overwrite=options.overwrite,
        notice=options.notice,
        progress=tell,
    )
    report.outputs = [str(path) for path in result.paths]
    report.sheet = str(result.sheet) if result.sheet else None
    report.seeds = [list(pair) for pair in result.seeds]
    report.notes += result.notes
    if options.format != "keep":
        report.notes.append("--format is for pictures: a film keeps its container")
