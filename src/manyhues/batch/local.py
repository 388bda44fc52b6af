"""The engine that works in this process: one picture after the other, one report for each."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from manyhues import science
from manyhues.batch import films, kept
from manyhues.batch.options import Options, check_steering
from manyhues.batch.plan import Inputs, Job, holds, is_film, plan, replaces
from manyhues.batch.report import Batch, Report, Tally, unexpected
from manyhues.colorization import Colorization, output_paths, sheet_name
from manyhues.colorizer import Colorizer
from manyhues.errors import ManyhuesError, OutputError, UsageError
from manyhues.image import encode as writer
from manyhues.image import files, provenance
from manyhues.image.names import of_results
from manyhues.image.picture import Picture, probe


def colorize(
    inputs: Sequence[Path],
    out: Path,
    method: str | None,
    options: Options,
    *,
    weights: str | Path | None = None,
    threads: int = 0,
    recursive: bool = True,
) -> Batch:
    """A batch of files and folders in this process. Raises `ManyhuesError`.

    `threads` are as `Colorizer.load` takes them; `recursive` is for folders in folders.
    """
    left_out: Counter[str] = Counter()
    jobs = plan(inputs, out, left_out, recursive=recursive)
    colorizer = Colorizer.load(method, weights, threads=threads)
    _check(jobs, options)
    jobs, fault = _with_folder(jobs, out, files.make_folder)
    hear: list[films.Hear] = []
    tally = Tally(len(jobs) * options.count)
    reports = run(colorizer, jobs, out, options, tally, hear)
    return Batch(len(jobs), reports, left_out, fault, hear, tally)


def _check(jobs: Sequence[Job], options: Options) -> None:
    """Of what is wrong for every input one hears once. Raises `UsageError`."""
    check_steering(options)
    if options.timed_hints and not any(is_film(job.source) for job in jobs):
        raise UsageError(f"{options.timed_hints[0]}: has a time, and no input is a film")


def _with_folder(
    jobs: list[Job], out: Path, check: Callable[[Path], None]
) -> tuple[list[Job], OutputError | None]:
    """Where an output folder cannot be had, every job says so; and why that is."""
    try:
        check(out)
    except OutputError as error:
        return [replace(job, error=job.error or str(error)) for job in jobs], error
    return jobs, None


def planned(
    inputs: Sequence[Path], out: Path, options: Options, *, recursive: bool = True
) -> Batch:
    """What `colorize` would write, told without writing or drawing anything."""
    left_out: Counter[str] = Counter()
    jobs = plan(inputs, out, left_out, recursive=recursive)
    _check(jobs, options)
    jobs, fault = _with_folder(jobs, out, files.check_folder)

    def reports() -> Generator[Report]:
        taken = Inputs(job.source for job in jobs)
        for job in jobs:
            report = Report(str(job.source), error=job.error or None, skipped=True)
            if job.note:
                report.notes.append(job.note)
            try:
                if not job.error and is_film(job.source):
                    films.planned(job, out, options, report)
                elif not job.error:
                    for results in _pages_of(job, out, options, taken):
                        report.outputs += map(str, results().paths)
                        report.skipped &= not results().missing(options.overwrite)
                        if options.sheet and report.sheet is None:
                            report.sheet = str(results().sheet)
            except ManyhuesError as error:
                report.error = _named(job, error)
            report.skipped &= not report.error
            report.seeds = [[] for _ in report.outputs]
            yield report

    tally = Tally(len(jobs) * options.count)
    return Batch(len(jobs), reports(), left_out, fault, tally=tally)


def run(
    colorizer: Colorizer,
    jobs: Sequence[Job],
    out: Path,
    options: Options,
    tally: Tally | None = None,
    hear: Sequence[films.Hear] = (),
) -> Generator[Report]:
    """Colour one input after the other; a failed one is reported, and the rest goes on.

    One picture at a time, its samples on all cores: memory stays that of the largest picture.
    """
    inputs = Inputs(job.source for job in jobs)
    tally = tally or Tally()
    for index, job in enumerate(jobs, 1):
        start = time.perf_counter()
        report = Report(str(job.source), error=job.error or None)
        if job.note:
            report.notes.append(job.note)
        if not job.error:
            try:
                if is_film(job.source):
                    films.colour(colorizer, job, out, options, report, inputs, hear)
                    tally.add(options.count)
                else:
                    _one(colorizer, job, out, options, report, inputs, tally)
            except ManyhuesError as error:
                report.error = _named(job, error)
            except Exception as error:  # memory runs out, or a fault of ours: the batch goes on
                report.error = unexpected(job.source, error)
        if report.error:  # of several pages, those before the fault may be done
            report.skipped = False
            report.seeds += [[]] * (len(report.outputs) - len(report.seeds))
            there = [i for i, path in enumerate(report.outputs) if holds(Path(path).exists)]
            report.outputs = [report.outputs[i] for i in there]
            report.seeds = [report.seeds[i] for i in there]
            if report.sheet and not holds(Path(report.sheet).exists):
                report.sheet = None
        rest = tally.total - (len(jobs) - index) * options.count - tally.done
        tally.add(rest)  # what has failed is not to come any more
        report.seconds = time.perf_counter() - start
        yield report


def _named(job: Job, error: ManyhuesError) -> str:
    message = str(error)  # a hint outside the picture does not say which picture
    return message if str(job.source) in message else f"{job.source}: {message}"


@dataclass(frozen=True)
class _Results:
    """The files of one picture or page."""

    format: str
    stem: str
    paths: list[Path]
    sheet: Path

    def missing(self, overwrite: bool) -> list[tuple[int, Path]]:
        """Those to make, by index."""
        return [
            (i, path) for i, path in enumerate(self.paths) if overwrite or not files.exists(path)
        ]


def _pages_of(
    job: Job, out: Path, options: Options, inputs: Inputs
) -> list[Callable[[], _Results]]:
    """The files of each page, as a call; one that may not be written spoils no other."""
    format_, count = probe(job.source, options.max_pixels)

    def results(stem: Path) -> _Results:
        folder = out / stem.parent
        output_format, suffix = writer.output_format(format_, job.source.suffix, options.format)
        paths = output_paths(folder, stem.name, options.count, suffix, options.name)
        sheet = folder / sheet_name(stem.name)
        for result in [*paths, *([sheet] if options.sheet else ())]:
            if result in inputs:
                raise OutputError(replaces(job.source, result))
        return _Results(output_format, stem.name, paths, sheet)

    stems = [job.stem]
    if count > 1:
        pages = (job.stem.with_name(f"{job.stem.name}.p{page + 1}") for page in range(count))
        stems = list(map(of_results, pages))
    return [partial(results, stem) for stem in stems]


def _one(
    colorizer: Colorizer,
    job: Job,
    out: Path,
    options: Options,
    report: Report,
    inputs: Inputs,
    tally: Tally,
) -> None:
    pages = _pages_of(job, out, options, inputs)
    report.skipped = True
    tally.add(0, more=(len(pages) - 1) * options.count)

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

    told = cache(partial(provenance.digest_file, job.source))
    faults: dict[int, ManyhuesError] = {}
    for page, results in enumerate(pages):
        try:
            _page(colorizer, told, partial(read, page), results(), options, report, tally)
        except ManyhuesError as error:  # the other pages are done
            faults[page + 1] = error
        report.seeds += [[]] * (len(report.outputs) - len(report.seeds))
    if faults:
        first = next(iter(faults.values()))
        which = f"{job.source}: of {len(pages)} pages {_ranges(list(faults))}: "
        fault = str(first).removeprefix(f"{job.source}: ")
        raise type(first)(str(first) if len(pages) == 1 else which + fault)


def _ranges(numbers: list[int]) -> str:
    """Rising numbers in words: ``1, 3-60``, so that a line stays one line."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _page(
    colorizer: Colorizer,
    told: Callable[[], str],
    read: Callable[[], Picture],
    results: _Results,
    options: Options,
    report: Report,
    tally: Tally,
) -> None:
    paths, sheet, missing = results.paths, results.sheet, results.missing(options.overwrite)
    there = len(paths) - len(missing)
    tally.add(there)
    # With a result more, the old sheet shows too few; one without results is somebody else's.
    drawn_anew = options.overwrite or (there and missing)
    with_sheet = options.sheet and (drawn_anew or not files.exists(sheet))
    report.outputs += [str(path) for path in paths]
    if options.sheet and report.sheet is None:
        report.sheet = str(sheet)
    if older := kept.left_over(paths, options.name, results.stem):
        report.notes.append(f"{older} beside them: of a run that wanted more")
    for path in paths if there else ():
        files.clear(path)
    if not missing and not with_sheet:
        report.notes += kept.of_files(paths, told, results.format, colorizer, options, read)
        return
    report.skipped = False
    files.check_folder(paths[0].parent)
    picture = read()
    result: Colorization
    if options.map:
        result = science.color_map(picture, options.map)
    else:
        result = colorizer.draw(colorizer.encode(picture), options)
    earlier = _earlier(result, paths, {i for i, _ in missing}, results.format, options.quality)
    if there:
        other = f", {len(earlier)} of them made otherwise" if earlier else ""
        if said := ", ".join(kept.of_earlier(result, earlier, results.format, options.quality)):
            other += f" ({said})"
        one = f"1 existing result was kept{other}"
        report.notes.append(one if there == 1 else f"{there} existing results were kept{other}")
    if options.sheet and not with_sheet:
        report.notes.append(f"{sheet} exists and was kept; --overwrite replaces it")
    for _ in result.write(
        missing,
        results.format,
        overwrite=options.overwrite,
        quality=options.quality,
        threads=colorizer.workers,
    ):
        tally.add()
    if with_sheet:
        result.write_sheet(sheet, overwrite=True, earlier=earlier, notice=options.notice)
    seeds = result.seeds or ((),) * len(result)
    report.seeds += [[] if i in earlier else list(s) for i, s in enumerate(seeds)]
    report.notes += [*result.notes, *writer.losses(picture, results.format)]
    if options.quality and not writer.graded(results.format, options.quality):
        report.notes.append(f"{results.format} has no quality to choose: --quality was not heeded")


def _earlier(
    result: Colorization,
    paths: Sequence[Path],
    missing: set[int],
    format_: str,
    quality: int | None,
) -> dict[int, Path]:
    """Kept files that `result` would not write: of other options, another version or hand."""

    def same(index: int) -> bool:
        data = result.encoded(index, format_, quality)
        return holds(lambda: paths[index].read_bytes() == data)

    return {i: path for i, path in enumerate(paths) if i not in missing and not same(i)}
