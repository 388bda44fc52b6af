"""Which files to read, and where their results go; nothing is decoded."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any, TypeVar

from manyhues.batch.names import Named, told_apart
from manyhues.colorization import SHEET, sheet_name
from manyhues.errors import ManyhuesError, UsageError
from manyhues.image import names, provenance
from manyhues.image.picture import PAGED_SUFFIXES, SUFFIXES, probe
from manyhues.video import container
from manyhues.video import provenance as said_of_film
from manyhues.video.encode import CONTAINERS

AnyPath = TypeVar("AnyPath", bound=PurePath)


EARLIER = "results of an earlier run"


_PAGE = re.compile(r"(.+)\.p([1-9]\d*)")


_RESULT = re.compile(r"(.+)\.[1-9][0-9]*")


@dataclass(frozen=True)
class Job:
    """One input and the stem of its outputs below the output folder; or why it cannot be done.

    note  what its outputs' names have more than usual, in words for people
    """

    source: Path
    stem: Path = Path()
    error: str = ""
    note: str = ""


def holds(check: Callable[[], bool]) -> bool:
    """What a path says of itself; False where the system will not look (a name too long, ..)."""
    try:
        return check()
    except OSError:
        return False


def real(path: Path) -> Path:
    """A path to compare with others: without symbolic links, and folded where case says nothing.

    Unlike with `Path.resolve`, a loop of links raises nothing.
    """
    return Path(names.here(os.path.realpath(path)))


class Inputs:
    """Files that results must not replace, however their names are spelt."""

    def __init__(self, paths: Iterable[Path]) -> None:
        every = list(paths)
        self._paths = {real(path) for path in every}
        self._files = {_file(path) for path in every} - {None}

    def __contains__(self, path: Path) -> bool:
        return real(path) in self._paths or _file(path) in self._files


def _file(path: Path) -> tuple[int, int] | None:
    """What a file is to its file system, which knows best whether two names are one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None  # some have no numbers


def plan(
    inputs: Sequence[Path],
    out: Path,
    left_out: Counter[str] | None = None,
    *,
    recursive: bool = True,
) -> list[Job]:
    """All pictures of files and folders, in a stable order; nothing is decoded.

    Results of an earlier run are not taken, which know themselves, or are known by the contact
    sheet beside them; a shell's ``*.jpg`` names them as well. Where nothing else is named, they
    are meant. Of folders, files that are no pictures by their names are not taken either.
    `left_out` counts all these, by kind. Inputs whose outputs would have one name get longer ones
    (`names.told_apart`). Raises `UsageError` when results would land among the inputs.
    """
    jobs: list[Job] = []
    told: Counter[str] = Counter() if left_out is None else left_out
    target = real(out)
    earlier = _with_sheets(inputs, is_result, lambda path: holds(path.is_file)) & set(inputs)
    if len(earlier) == len(set(inputs)):
        earlier = set()
    told[EARLIER] += len(earlier)
    for given in inputs:
        if given in earlier:
            continue
        if not holds(given.is_dir):
            jobs.append(Job(given, Path(given.stem)))
            continue
        if real(given) == target:
            raise UsageError(same_folder(out))
        inside: Counter[str] = Counter()
        film = is_film if find_spec("av") else _none
        found = pictures_among(_files(given, target, recursive), inside, is_result, film)
        told.update(inside)
        jobs += [Job(path, path.relative_to(given).with_suffix("")) for path in found]
        if not found:
            fault = "only results of an earlier run" if inside[EARLIER] else "no pictures inside"
            remedy = (
                "name files to colour them" if inside[EARLIER] else "give a folder that holds some"
            )
            jobs.append(Job(given, error=f"{given}: {fault}; {remedy}"))
    # One file may be given twice, or beside its folder: it is one job.
    unique = {(real(job.source), job.stem): job for job in reversed(jobs)}
    return _told_apart(list(reversed(unique.values())))


def is_film(path: PurePath) -> bool:
    """Whether a file is a film, by its name; programs are named .ts too, so those are looked at."""
    suffix = path.suffix.lower()
    if suffix == ".ts" and isinstance(path, Path):
        return container.is_transport_stream(path)
    return suffix in container.SUFFIXES


def _none(_: PurePath) -> bool:
    return False


def _files(folder: Path, target: Path, recursive: bool) -> list[Path]:
    """What may be pictures of a folder; results may lie below it, and are not taken from there."""
    inside = real(folder) in target.parents  # they, and no inputs beside or above them
    return [
        path
        for path in sorted(folder.rglob("*") if recursive else folder.glob("*"))
        if not path.name.startswith(".")
        and (holds(path.is_file) or not holds(path.exists))  # no pipes, which never end
        and not (inside and target in real(path).parents)
    ]


def recipe_of(path: Path) -> dict[str, Any] | None:
    """What a file, a picture or a film, says that made it; None where we did not."""
    if path.suffix.lower() in CONTAINERS:
        return said_of_film.read_file(path)
    return provenance.read_file(path) if path.suffix.lower() in SUFFIXES else None


def is_result(path: Path) -> bool:
    """Whether a file says that it is a result, or the contact sheet of some."""
    return recipe_of(path) is not None


def _with_sheets(
    paths: Iterable[AnyPath], known: Callable[[AnyPath], bool], there: Callable[[AnyPath], bool]
) -> set[AnyPath]:
    """Results among paths: those that are `known`, and those whose contact sheet is `there`.

    Not all can say what they are: BMP holds no metadata, and other programs leave them out.
    """
    found = set()
    for path in paths:
        match = _RESULT.fullmatch(path.stem)
        sheet = path.with_name(sheet_name(match[1])) if match else path
        if match and there(sheet):
            found |= {path, sheet}
        elif known(path):
            found.add(path)
    return found


def pictures_among(
    files: Sequence[AnyPath],
    left_out: Counter[str],
    known: Callable[[AnyPath], bool],
    film: Callable[[AnyPath], bool] = _none,
) -> list[AnyPath]:
    """The pictures among files of a folder or store, by their names; counts what else there is.

    What is a `film` is taken too. Left out are results that are `known`, and
    those with their contact sheet beside them.
    """
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES or film(path)]
    there = set(pictures)
    earlier = _with_sheets(pictures, known, there.__contains__)
    left_out[EARLIER] += len(earlier)
    for path in files:
        if path not in there:
            left_out[f"of kind {path.suffix.lower() or 'unknown'}"] += 1
    return [path for path in pictures if path not in earlier]


def may_be_result(path: PurePath) -> bool:
    """Whether a file is named as results and contact sheets are, by default."""
    return _RESULT.fullmatch(path.stem) is not None or path.name.endswith(SHEET)


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


def _told_apart(jobs: list[Job]) -> list[Job]:
    """Jobs whose results have different names; where that cannot be, they are refused."""
    whole = [job for job in jobs if not job.error]
    given = [Named(Path.cwd() / job.source.parent, job.source.suffix, job.stem) for job in whole]

    def pages_meet(named: Sequence[Named]) -> list[list[int]]:
        """Page 2 of scan.tif is written as scan.p2, and so is a picture of that name."""
        by_key = {one.key: index for index, one in enumerate(named)}
        found = []
        for key, index in by_key.items():
            page = _PAGE.fullmatch(key)
            scan = by_key.get(page[1]) if page else None
            if page is None or scan is None or _pages(whole[index].source) > 1:
                continue
            if _pages(whole[scan].source) >= max(2, int(page[2])):
                found.append([scan, index])
        return found

    named, rivals = told_apart(given, pages_meet)
    checked = iter(
        replace(job, error=collision(job.source, whole[rivals[i]].source))
        if i in rivals
        else replace(job, stem=Path(named[i].written), note=named[i].note)
        for i, job in enumerate(whole)
    )
    return [job if job.error else next(checked) for job in jobs]


def _pages(path: Path) -> int:
    """Pages of a file whose results are named by pages; 1 for all others, damaged ones too."""
    try:
        return probe(path)[1] if path.suffix.lower() in PAGED_SUFFIXES else 1
    except ManyhuesError:
        return 1
