"""The engine that works in this process: one picture after the other, one report for each."""

import time
from collections import Counter
from collections.abc import Callable, Container, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from manyhues import science
from manyhues.batch import films
from manyhues.batch.options import Options, check_steering
from manyhues.batch.plan import Job, holds, is_film, plan, real, replaces
from manyhues.batch.report import Batch, Report, unexpected
from manyhues.colorization import Colorization, output_paths, sheet_name
from manyhues.colorizer import Colorizer
from manyhues.errors import ManyhuesError, OutputError, UsageError
from manyhues.image import encode as writer
from manyhues.image import files
from manyhues.image.picture import Picture, probe


def colorize(
    inputs: Sequence[Path],
    out: Path,
    method: str | None,
    options: Options,
    *,
    weights: str | Path | None = None,
) -> Batch:
    """A batch of files and folders in this process. Raises `ManyhuesError`."""
    left_out: Counter[str] = Counter()
    jobs = plan(inputs, out, left_out)
    colorizer = Colorizer.load(method, weights)
    check_steering(options)
    fault = None
    try:
        files.make_folder(out)
    except OutputError as error:
        fault = error
        jobs = [replace(job, error=job.error or str(error)) for job in jobs]
    if options.timed_hints and not any(is_film(job.source) for job in jobs):
        raise UsageError(f"{options.timed_hints[0]}: has a time, and no input is a film")
    hear: list[films.Hear] = []
    return Batch(len(jobs), run(colorizer, jobs, out, options, hear), left_out, fault, hear)


def run(
    colorizer: Colorizer,
    jobs: Sequence[Job],
    out: Path,
    options: Options,
    hear: Sequence[films.Hear] = (),
) -> Generator[Report]:
    """Colour one input after the other; a failed one is reported, and the rest goes on.

    One picture at a time, its samples on all cores: memory stays that of the largest picture.
    """
    inputs = {real(job.source) for job in jobs}
    for job in jobs:
        start = time.perf_counter()
        report = Report(str(job.source), error=job.error or None)
        if not job.error:
            try:
                if is_film(job.source):
                    films.colour(colorizer, job, out, options, report, inputs, hear)
                else:
                    _one(colorizer, job, out, options, report, inputs)
            except ManyhuesError as error:
                message = str(error)  # a hint outside the picture does not say which picture
                named = str(job.source) in message
                report.error = message if named else f"{job.source}: {message}"
            except MemoryError:
                report.error = f"{job.source}: not enough memory for it; make it smaller first"
            except Exception as error:  # a fault of ours must not end a batch
                report.error = unexpected(job.source, error)
        if report.error:  # of several pages, those before the fault may be done
            report.skipped = False
            report.seeds += [[]] * (len(report.outputs) - len(report.seeds))
            there = [i for i, path in enumerate(report.outputs) if holds(Path(path).exists)]
            report.outputs = [report.outputs[i] for i in there]
            report.seeds = [report.seeds[i] for i in there]
            if report.sheet and not holds(Path(report.sheet).exists):
                report.sheet = None
        report.seconds = time.perf_counter() - start
        yield report


def _one(
    colorizer: Colorizer,
    job: Job,
    out: Path,
    options: Options,
    report: Report,
    inputs: Container[Path],
) -> None:
    format_, count = probe(job.source, options.max_pixels)
    report.skipped = True

    @cache  # opened when first needed
    def opened() -> list[Callable[[], Picture]]:
        return Picture.pages(
            job.source,
            max_pixels=options.max_pixels,
            window=options.window,
            keep_patient=options.keep_patient,
        )

    def read(page: int) -> Picture:
        return opened()[page]()

    faults: dict[int, ManyhuesError] = {}
    for page in range(count):
        stem = job.stem if count == 1 else job.stem.with_name(f"{job.stem.name}.p{page + 1}")
        try:
            results = _results_of(job, stem, format_, out, options, inputs)
            _page(colorizer, partial(read, page), results, options, report)
        except ManyhuesError as error:  # the other pages are done
            faults[page + 1] = error
        report.seeds += [[]] * (len(report.outputs) - len(report.seeds))
    if faults:
        first = next(iter(faults.values()))
        which = f"{job.source}: of {count} pages {', '.join(map(str, faults))}: "
        fault = str(first).removeprefix(f"{job.source}: ")
        raise type(first)(str(first) if count == 1 else which + fault)


@dataclass(frozen=True)
class _Results:
    """The files of one picture or page."""

    format: str
    paths: list[Path]
    sheet: Path


def _results_of(
    job: Job, stem: Path, format_: str, out: Path, options: Options, inputs: Container[Path]
) -> _Results:
    folder = out / stem.parent
    output_format, suffix = writer.output_format(format_, job.source.suffix, options.format)
    paths = output_paths(folder, stem.name, options.count, suffix)
    sheet = folder / sheet_name(stem.name)
    for result in [*paths, *([sheet] if options.sheet else ())]:
        if real(result) in inputs:
            raise OutputError(replaces(job.source, result))
    return _Results(output_format, paths, sheet)


def _page(
    colorizer: Colorizer,
    read: Callable[[], Picture],
    results: _Results,
    options: Options,
    report: Report,
) -> None:
    paths, sheet = results.paths, results.sheet
    missing = [
        (i, path) for i, path in enumerate(paths) if options.overwrite or not files.exists(path)
    ]
    kept = len(paths) - len(missing)
    # With a result more, the old sheet shows too few; one without results is somebody else's.
    drawn_anew = options.overwrite or (kept and missing)
    with_sheet = options.sheet and (drawn_anew or not files.exists(sheet))
    report.outputs += [str(path) for path in paths]
    if options.sheet and report.sheet is None:
        report.sheet = str(sheet)
    if not missing and not with_sheet:
        return
    report.skipped = False
    picture = read()
    result: Colorization
    if options.map:
        result = science.color_map(picture, options.map)
    else:
        result = colorizer.draw(colorizer.encode(picture), options)
    earlier = _earlier(result, paths, {i for i, _ in missing}, results.format)
    if kept:
        other = f", {len(earlier)} of them made otherwise" if earlier else ""
        report.notes.append(f"{kept} existing results were kept{other}")
    if options.sheet and not with_sheet:
        report.notes.append(f"{sheet} exists and was kept; --overwrite replaces it")
    result.write(missing, results.format, overwrite=options.overwrite)
    if with_sheet:
        result.write_sheet(sheet, overwrite=True, earlier=earlier, notice=options.notice)
    seeds = result.seeds or ((),) * len(result)
    report.seeds += [[] if i in earlier else list(s) for i, s in enumerate(seeds)]
    report.notes += [*result.notes, *writer.losses(picture, results.format)]


def _earlier(
    result: Colorization, paths: Sequence[Path], missing: set[int], format_: str
) -> dict[int, Path]:
    """Kept files that `result` would not write: of other options, another version or hand."""

    def same(index: int) -> bool:
        data = result.encoded(index, format_)
        return holds(lambda: paths[index].read_bytes() == data)

    return {i: path for i, path in enumerate(paths) if i not in missing and not same(i)}
