"""A session: one picture and all that was made of it; and how it is written into its folder.

The facts are JSON beside the files, so that a session is still there after a restart.
"""

import json
import logging
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from manyhues.color.arrays import Array
from manyhues.colorization import Steering
from manyhues.image.picture import Picture
from manyhues.language import spoken
from manyhues.sampling.hints import Hint
from manyhues.studio.actions import named
from manyhues.studio.actions.base import Action, Made
from manyhues.studio.folder import LostError, SessionFolder, is_half, vanishing

FACTS = "session.json"
logger = logging.getLogger("manyhues.studio")
_OPEN = 150.0  # seconds; a page that has it open calls at least once a minute


@dataclass
class Result:
    """One colouring: what it is called, and how it came about."""

    id: str
    number: int  # in its session, from 1, in order of appearance; a steered one keeps its base's
    version: int  # 0, or which steering of that base
    group: str
    method: str
    made: Made
    seed: tuple[int, int]
    steering: Steering
    notes: tuple[str, ...]
    favourite: bool = False
    hidden: bool = False
    origin: Mapping[str, Any] = field(default_factory=dict)  # as of its Colorization
    reach: tuple[float, ...] = ()  # the share of the picture that each of its hints colours


@dataclass
class Group:
    """Results of one request, in order; its id is its job's."""

    id: str
    action: Action[Any]
    of: tuple[str, ...]
    total: int
    seed: int | None  # None where nothing is drawn


@dataclass
class Session:
    """One picture and all that was made of it."""

    id: str
    files: SessionFolder
    name: str
    picture: Picture  # its pixels and metadata left out; see `Store.scene`
    size: tuple[int, int]
    format: str = "keep"
    page: int = 1  # of its file, which several sessions may show
    file: str = ""  # what they have in common: the id of the first of them
    results: dict[str, Result] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    palettes: dict[str, str] = field(default_factory=dict)  # names of pictures, by their ids
    count: int = 0  # the highest number given to a result
    used: float = field(default_factory=time.time)
    holders: int = 0  # who must not lose it: jobs and renderings that run
    opened: float = 0.0  # when a page that shows it was last heard of
    deleted: float | None = None  # since when it waits to be deleted, which can be undone

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.files.path

    @property
    def is_open(self) -> bool:
        """Whether a page shows it."""
        return time.time() - self.opened < _OPEN

    def result(self, rid: str) -> Result:
        """A result by its id. Raises `LostError`."""
        try:
            return self.results[rid]
        except KeyError:
            raise LostError(
                "no such result in this session; it may have been removed to make room"
            ) from None

    def palette(self, pid: str) -> tuple[str, bytes]:
        """Name and bytes of a picture given as palette. Raises `LostError`."""
        if pid not in self.palettes:
            raise LostError("no such palette in this session; give it again")
        with vanishing():
            return self.palettes[pid], (self.folder / f"{pid}.palette").read_bytes()

    def add_palette(self, name: str, data: bytes) -> str:
        """Keep a picture as palette; its id."""
        pid = secrets.token_urlsafe(16)
        self.files.write(f"{pid}.palette", data)
        self.palettes[pid] = name
        self.save()
        return pid

    def save(self) -> None:
        """Write its facts into its folder."""
        picture = self.picture
        facts = {
            "name": self.name,
            "size": self.size,
            "format": self.format,
            "page": self.page,
            "file": self.file,
            "count": self.count,
            "used": self.used,
            "deleted": self.deleted,
            "palettes": self.palettes,
            "picture": {
                "format": picture.format,
                "suffix": picture.suffix,
                "bits": picture.bits,
                "notes": picture.notes,
                "page_count": picture.page_count,
            },
            "groups": [{**vars(g), "action": g.action.name} for g in list(self.groups.values())],
            "results": [_result_facts(result) for result in list(self.results.values())],
        }
        self.files.write(FACTS, json.dumps(facts).encode())


def _result_facts(result: Result) -> dict[str, Any]:
    made, steering = result.made, result.steering
    palette = steering.palette
    return {
        **vars(result),
        "origin": dict(result.origin),
        "made": {**vars(made), "action": made.action.name, "options": dict(made.options)},
        "steering": {
            "saturation": steering.saturation,
            "hints": [{**asdict(hint), "ab": hint.ab.tolist()} for hint in steering.hints],
            "palette": None if palette is None else [part.tolist() for part in palette],
        },
    }


def read_sessions(folder: Path) -> list[Session]:
    """The sessions of a studio's folder, the one used last at the end.

    One that cannot be read stays there untouched; what a killed upload has left is deleted.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if is_half(path):
            logger.info("%s: an upload that was killed halfway is deleted", path.name)
            shutil.rmtree(path, ignore_errors=True)
        elif (path / FACTS).exists():
            try:
                found.append(read_session(path))
            except LostError as error:
                logger.warning(spoken(str(error)))
    return sorted(found, key=lambda one: one.used)


def read_session(folder: Path) -> Session:
    """A session from its folder. Raises `LostError` where its facts cannot be read."""
    try:
        facts = json.loads((folder / FACTS).read_bytes())
        return _session(folder, facts)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise LostError(f"{folder.name}: its {FACTS} cannot be read ({error})") from error


def _session(folder: Path, facts: Mapping[str, Any]) -> Session:
    given = {**facts["picture"], "notes": tuple(facts["picture"]["notes"])}
    picture = Picture(no_pixels(), name=facts["name"], **given)
    groups = [
        Group(**{**group, "action": named(group["action"]), "of": tuple(group["of"])})
        for group in facts["groups"]
    ]
    results = [_result(one) for one in facts["results"]]
    width, height = facts["size"]
    return Session(
        folder.name,
        SessionFolder.found(folder),
        facts["name"],
        picture,
        (width, height),
        facts["format"],
        facts.get("page", 1),  # of before there were pages
        facts.get("file", folder.name),
        {result.id: result for result in results},
        {group.id: group for group in groups},
        count=facts["count"],
        used=facts["used"],
        deleted=facts["deleted"],
        palettes=dict(facts["palettes"]),
    )


def _result(facts: Mapping[str, Any]) -> Result:
    made, steered = facts["made"], facts["steering"]
    options = dict(made["options"])
    if "hints" in options:
        options["hints"] = tuple((x, y, colour) for x, y, colour in options["hints"])
    action = named(made["action"])
    palette = steered["palette"]
    mean_and_spread = None if palette is None else (_array(palette[0]), _array(palette[1]))
    hints = tuple(
        Hint(**{**hint, "ab": _array(hint["ab"]), "size": tuple(hint["size"])})
        for hint in steered["hints"]
    )
    return Result(
        **{
            **facts,
            "made": Made(action, made["index"], tuple(made["of"]), options),
            "steering": Steering(steered["saturation"], hints, mean_and_spread),
            "seed": tuple(facts["seed"]),
            "notes": tuple(facts["notes"]),
            "reach": tuple(facts["reach"]),
        }
    )


def _array(values: Any) -> Array:
    return np.array(values, np.float32)


def no_pixels() -> Array:
    """What stands in the place of L* where only a picture's facts are kept."""
    return np.zeros((1, 1), np.float32)
