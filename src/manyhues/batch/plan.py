"""Which files to read, and where their results go; nothing is decoded."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TypeVar

from manyhues.colorization import sheet_name
from manyhues.errors import ManyhuesError, UsageError
from manyhues.image.picture import PAGED_SUFFIXES, SUFFIXES, probe
from manyhues.video import source as video

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


def holds(check: Callable[[], bool]) -> bool:
    """What a path says of itself; False where the system will not look (a name too long, ..)."""
    try:
        return check()
    except OSError:
        return False


def real(path: Path) -> Path:
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
    target = real(out)
    for given in inputs:
        if not holds(given.is_dir):
            jobs.append(Job(given, Path(given.stem)))
            continue
        if real(given) == target:
            raise UsageError(same_folder(out))
        # Results may lie below the inputs; they, and no inputs beside or above them.
        inside = real(given) in target.parents
        files = [
            path
            for path in sorted(given.rglob("*"))
            if not path.name.startswith(".")
            and (holds(path.is_file) or not holds(path.exists))  # no pipes, which never end
            and not (inside and target in real(path).parents)
        ]
        told: Counter[str] = Counter()
        found = pictures_among(files, told, video.SUFFIXES if find_spec("av") else ())
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
    unique = {(real(job.source), job.stem): job for job in reversed(jobs)}
    return _refuse_collisions(list(reversed(unique.values())))


def is_film(path: PurePath) -> bool:
    """Whether a file is a film, by its name."""
    return path.suffix.lower() in video.SUFFIXES


def pictures_among(
    files: Sequence[AnyPath], left_out: Counter[str], films: Collection[str] = ()
) -> list[AnyPath]:
    """The pictures among files of a folder or store, by their names; counts what else there is.

    Files with a suffix among `films` are taken too. Results with their contact sheet beside them,
    and such sheets, are an earlier run's.
    """
    taken = SUFFIXES.union(films)
    pictures = [path for path in files if path.suffix.lower() in taken]
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
        return probe(path)[1] if path.suffix.lower() in PAGED_SUFFIXES else 1
    except ManyhuesError:
        return 1
