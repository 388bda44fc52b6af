"""Batches: which files to read, where their results go, and one report for each."""

import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path, PurePath
from typing import Any, TypeVar

from manyhues.colorization import Colorization, output_paths, sheet_name
from manyhues.colorizer import Colorizer
from manyhues.errors import ManyhuesError, OutputError, UsageError
from manyhues.image import encode as writer
from manyhues.image.picture import SUFFIXES, Picture, probe

AnyPath = TypeVar("AnyPath", bound=PurePath)
EARLIER = "results of an earlier run, by their contact sheets"
_PAGE = re.compile(r"(.+)\.p([1-9]\d*)")
_RESULT = re.compile(r"(.+)\.[1-9][0-9]*")


@dataclass(frozen=True)
class Job:
    """One input and the stem of its outputs below the output folder; or why it cannot be done."""

    source: Path
    stem: Path = Path()
    error: str = ""


@dataclass
class Report:
    """What became of one input; `as_dict` is the object that ``--json`` prints.

    `seeds` has a pair for each output; an empty one where a kept file was made otherwise, or where
    nothing was missing and nobody looked.
    """

    input: str
    outputs: list[str] = field(default_factory=list)
    sheet: str | None = None
    seeds: list[list[int]] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    skipped: bool = False
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return vars(self) | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Options:
    """The options of a batch, as `Colorizer.sample` and `Colorization.save` take them."""

    n: int = 6
    seed: int = 0
    pick: str = "diverse"
    diversity: float = 1.0
    saturation: float = 1.0
    hints: tuple[tuple[int, int, str], ...] = ()
    like: Path | None = None
    format: str = "keep"
    sheet: bool = True
    overwrite: bool = False


def _holds(check: Callable[[], bool]) -> bool:
    """What a path says of itself; False where the system will not look (a name too long, ..)."""
    try:
        return check()
    except OSError:
        return False


def _real(path: Path) -> Path:
    """The path without symbolic links; unlike `Path.resolve`, a loop of them raises nothing."""
    return Path(os.path.realpath(path))


def plan(inputs: Sequence[Path], out: Path, left_out: Counter[str] | None = None) -> list[Job]:
    """All pictures of files and folders, in a stable order; nothing is decoded.

    Of folders, results of an earlier run, known by the contact sheet beside them, and files that
    are no pictures by their names are not taken: `left_out` counts them, by kind. Two inputs whose
    outputs would have one name are refused, both: neither may win by chance.
    Raises `UsageError` when results would land among the inputs.
    """
    jobs: list[Job] = []
    target = _real(out)
    for given in inputs:
        if not _holds(given.is_dir):
            jobs.append(Job(given, Path(given.stem)))
            continue
        if _real(given) == target:
            raise UsageError(same_folder(out))
        # Results may lie below the inputs; they, and no inputs beside or above them.
        inside = _real(given) in target.parents
        files = [
            path
            for path in sorted(given.rglob("*"))
            if not path.name.startswith(".")
            and (_holds(path.is_file) or not _holds(path.exists))  # no pipes, which never end
            and not (inside and target in _real(path).parents)
        ]
        told: Counter[str] = Counter()
        found = pictures_among(files, told)
        if left_out is not None:
            left_out.update(told)
        jobs += [Job(path, path.relative_to(given).with_suffix("")) for path in found]
        if not found:
            fault = "only results of an earlier run" if told[EARLIER] else "no pictures inside"
            remedy = (
                "name files to colour them" if told[EARLIER] else "give a folder that holds some"
            )
            jobs.append(Job(given, error=f"{given}: {fault}; {remedy}"))
    # One file may be given twice, or beside its folder: it is one job.
    unique = {(_real(job.source), job.stem): job for job in reversed(jobs)}
    return _refuse_collisions(list(reversed(unique.values())))


def pictures_among(files: Sequence[AnyPath], left_out: Counter[str]) -> list[AnyPath]:
    """The pictures among files of a folder or store, by their names; counts what else there is.

    Results with their contact sheet beside them, and such sheets, are an earlier run's.
    """
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    there, earlier = set(pictures), set()
    for path in pictures:
        if match := _RESULT.fullmatch(path.stem):
            sheet = path.with_name(sheet_name(match[1]))
            if sheet in there:
                earlier |= {path, sheet}
    left_out[EARLIER] += len(earlier)
    for path in files:
        if path not in there:
            left_out[f"of kind {path.suffix.lower() or 'unknown'}"] += 1
    return [path for path in pictures if path not in earlier]


def same_folder(out: Path | str) -> str:
    """The error of an output folder that is an input, in any engine."""
    return (
        f"{out}: is the input folder itself, the results would be inputs of the next run; "
        "choose another folder with -o"
    )


def unexpected(source: Path | str, error: Exception) -> str:
    """The error of an input that a fault of ours has stopped, in any engine: one line."""
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    return f"{source}: unexpected {type(error).__name__} ({said}); please report it"


def collision(source: Path | str, rival: Path | str) -> str:
    """The error of an input whose results would be named as another's, in any engine."""
    return (
        f"{source}: its results would have the same names as those of {rival}; "
        "rename one, or colour them into different folders"
    )


def replaces(source: Path | str, result: Path | str) -> str:
    """The error of an input whose results would stand where an input is, in any engine."""
    return (
        f"{source}: its result {result} is an input of this run itself; "
        "choose another folder with -o"
    )


def _refuse_collisions(jobs: list[Job]) -> list[Job]:
    by_stem: dict[Path, list[Job]] = defaultdict(list)
    for job in jobs:
        if not job.error:
            by_stem[job.stem].append(job)
    rivals = {
        id(job): next(other for other in same if other is not job)
        for same in by_stem.values()
        if len(same) > 1
        for job in same
    }
    for stem, (single, *_) in by_stem.items():
        # Page 2 of scan.tif is written as scan.p2, and so is a picture of that name.
        page = _PAGE.fullmatch(stem.name)
        if not page or _pages(single.source) > 1:
            continue
        for scan in by_stem.get(stem.with_name(page[1]), ()):
            if _pages(scan.source) >= max(2, int(page[2])):
                rivals[id(scan)], rivals[id(single)] = single, scan
    checked = []
    for job in jobs:
        if rival := rivals.get(id(job)):
            job = replace(job, error=collision(job.source, rival.source))
        checked.append(job)
    return checked


def _pages(path: Path) -> int:
    """Pages of a file whose results are named by pages; 1 for all others, damaged ones too."""
    try:
        return probe(path)[1] if path.suffix.lower() in (".tif", ".tiff") else 1
    except ManyhuesError:
        return 1


def run(colorizer: Colorizer, jobs: Sequence[Job], out: Path, options: Options) -> Iterator[Report]:
    """Colour one input after the other; a failed one is reported, and the rest goes on.

    One picture at a time, its samples on all cores: memory stays that of the largest picture.
    """
    inputs = {_real(job.source) for job in jobs}
    for job in jobs:
        start = time.perf_counter()
        report = Report(str(job.source), error=job.error or None)
        if not job.error:
            try:
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
            there = [i for i, path in enumerate(report.outputs) if _holds(Path(path).exists)]
            report.outputs = [report.outputs[i] for i in there]
            report.seeds = [report.seeds[i] for i in there]
            if report.sheet and not _holds(Path(report.sheet).exists):
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
    format_, count = probe(job.source)
    report.skipped = True

    @cache  # opened when first needed
    def opened() -> list[Callable[[], Picture]]:
        return Picture.pages(job.source)

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
        raise type(first)(str(first) if count == 1 else which + str(first))


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
    paths = output_paths(folder, stem.name, options.n, suffix)
    sheet = folder / sheet_name(stem.name)
    for result in [*paths, *([sheet] if options.sheet else ())]:
        if _real(result) in inputs:
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
        (i, path) for i, path in enumerate(paths) if options.overwrite or not writer.exists(path)
    ]
    kept = len(paths) - len(missing)
    # With a result more, the old sheet shows too few; one without results is somebody else's.
    drawn_anew = options.overwrite or (kept and missing)
    with_sheet = options.sheet and (drawn_anew or not writer.exists(sheet))
    report.outputs += [str(path) for path in paths]
    if options.sheet and report.sheet is None:
        report.sheet = str(sheet)
    if not missing and not with_sheet:
        return
    report.skipped = False
    picture = read()
    result = colorizer.sample(
        colorizer.encode(picture),
        options.n,
        seed=options.seed,
        pick=options.pick,
        diversity=options.diversity,
        saturation=options.saturation,
        hints=options.hints,
        like=options.like,
    )
    earlier = _earlier(result, paths, {i for i, _ in missing}, results.format)
    if kept:
        other = f", {len(earlier)} of them made otherwise" if earlier else ""
        report.notes.append(f"{kept} existing results were kept{other}")
    if options.sheet and not with_sheet:
        report.notes.append(f"{sheet} exists and was kept; --overwrite replaces it")
    result.write(missing, results.format, overwrite=options.overwrite)
    if with_sheet:
        result.write([(len(result), sheet)], results.format, overwrite=True, earlier=earlier)
    report.seeds += [[] if i in earlier else list(s) for i, s in enumerate(result.seeds)]
    report.notes += [*result.notes, *writer.losses(picture, results.format)]


def _earlier(
    result: Colorization, paths: Sequence[Path], missing: set[int], format_: str
) -> dict[int, Path]:
    """Kept files that `result` would not write: of other options, another version or hand."""

    def same(index: int) -> bool:
        data = result.encoded(index, format_)
        return _holds(lambda: paths[index].read_bytes() == data)

    return {i: path for i, path in enumerate(paths) if i not in missing and not same(i)}
