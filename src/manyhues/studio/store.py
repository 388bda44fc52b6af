"""Sessions and results: small facts in memory, everything heavy in a bounded folder.

Ids are 128 random bits. A session is one picture, with a folder of its own.
What was not used for longest goes first, by age, by number and by size.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from manyhues.colorization import Colorization, Steering
from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.image.picture import SUFFIXES, Picture
from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest, methods
from manyhues.model.scene import Scene
from manyhues.studio.actions.base import Action, Made
from manyhues.studio.folder import LostError, SessionFolder, clean_name, encode_small
from manyhues.studio.limits import Limits


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
    picture: Picture  # its pixels left out; see `Store.scene`
    size: tuple[int, int]
    format: str = "keep"
    results: dict[str, Result] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    count: int = 0  # the highest number given to a result
    used: float = field(default_factory=time.time)
    holders: int = 0  # who must not lose it: jobs and renderings that run

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.files.path

    def result(self, rid: str) -> Result:
        """A result by its id. Raises `LostError`."""
        try:
            return self.results[rid]
        except KeyError:
            raise LostError(
                "no such result in this session; it may have been removed to make room"
            ) from None


class Store:
    """All sessions, the scenes of those in use, and one model for each method in use."""

    def __init__(self, folder: Path, limits: Limits, weights: Path | None = None) -> None:
        self.folder, self.limits = folder, limits
        self._engine = Engine(weights)
        self.methods = methods(weights)
        self._colorizers: dict[str, Colorizer] = {}
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._scenes: OrderedDict[tuple[str, str], tuple[Scene, Scene]] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def size(self) -> int:
        """Size of the folder of results."""
        with self._lock:
            return sum(session.files.bytes for session in self._sessions.values())

    @property
    def count(self) -> int:
        """Number of sessions."""
        return len(self._sessions)

    def colorizer(self, method: str | None) -> Colorizer:
        """The one model of a method (default: the best present), loaded when first asked for."""
        name = method or self.methods[0]
        if name not in self.methods:
            raise UsageError(f"method {name!r}: not present; choose from {', '.join(self.methods)}")
        with self._lock:
            if name not in self._colorizers:
                manifest = Manifest.load(name, self._engine.folder)
                self._colorizers[name] = Colorizer(self._engine, manifest)
            return self._colorizers[name]

    def create(self, data: bytes, name: str, method: str | None, format: str) -> Session:
        """A session of an uploaded picture. Raises `PictureError`; the limits come first."""
        colorizer = self.colorizer(method)
        shown = clean_name(name)
        suffix = Path(shown).suffix
        picture = Picture.open(data, max_pixels=self.limits.pixels)
        picture = replace(picture, name=shown, suffix=suffix if suffix.lower() in SUFFIXES else "")
        sid = secrets.token_urlsafe(16)
        bare = replace(picture, luminance=np.zeros((1, 1), np.float32), alpha=None)
        session = Session(sid, SessionFolder(self.folder / sid), shown, bare, picture.size, format)
        try:
            session.files.write("source", data)
            scene = colorizer.encode(picture)
        except BaseException:
            self.remove(session)  # nothing counts it yet, so nothing would clean it away
            raise
        with self._lock:
            self._sessions[sid] = session
            self._keep(sid, colorizer.method, scene)
        return session

    def session(self, sid: str) -> Session:
        """A session by its id, which counts as use. Raises `LostError`."""
        with self._lock:
            try:
                session = self._sessions[sid]
            except KeyError:
                raise LostError(
                    "no such session; it may have been removed after a day, or to make room"
                ) from None
            session.used = time.time()
            self._sessions.move_to_end(sid)
            return session

    @contextmanager
    def holding(self, session: Session) -> Iterator[Session]:
        """Keep a session from being cleaned away meanwhile."""
        with self._lock:
            session.holders += 1
        try:
            yield session
        finally:
            with self._lock:
                session.holders -= 1
                session.used = time.time()

    def scene(self, session: Session, method: str) -> Scene:
        """The encoded picture; from memory, or read again."""
        return self._scene_pair(session, method)[0]

    def _scene_pair(self, session: Session, method: str) -> tuple[Scene, Scene]:
        key = session.id, method
        with self._lock:
            if key in self._scenes:
                self._scenes.move_to_end(key)
                return self._scenes[key]
        data = (session.folder / "source").read_bytes()
        read = Picture.open(data, max_pixels=self.limits.pixels)
        picture = replace(session.picture, luminance=read.luminance, alpha=read.alpha)
        scene = self.colorizer(method).encode(picture)
        with self._lock:
            return self._keep(session.id, method, scene)

    def _keep(self, sid: str, method: str, scene: Scene) -> tuple[Scene, Scene]:
        pair = scene, scene.shrunk(self.limits.preview)
        if sid not in self._sessions:  # deleted while a job ran: its picture must not come back
            return pair
        self._scenes[sid, method] = pair
        while len(self._scenes) > 1:
            pixels = sum(kept.luminance.size for kept, _ in self._scenes.values())
            if len(self._scenes) <= self.limits.scenes and pixels <= self.limits.scene_pixels:
                break
            self._scenes.popitem(last=False)
        return pair

    def begin(self, session: Session, group: Group) -> None:
        """A group for the results that are to come."""
        with self._lock:
            session.groups[group.id] = group

    def add(self, session: Session, group: str, made: Made, one: Colorization) -> Result:
        """Keep a colouring: its code and colours in the folder, with a preview."""
        rid = secrets.token_urlsafe(16)
        packed = BytesIO()
        np.savez(packed, codes=one.codes, ab=one.ab)
        small = self._scene_pair(session, one.method)[1]
        image = replace(one, scene=small).image(0)
        session.files.write(f"{rid}.npz", packed.getvalue())
        session.files.write(f"{rid}.preview", encode_small(image))
        with self._lock:
            number, version = session.count + 1, 0
            if made.action.revises:
                same = [r for r in session.results.values() if r.made.of == made.of]
                others = [r for r in same if r.made.action.revises]
                number, version = session.result(made.of[0]).number, len(others) + 1
            session.count = max(session.count, number)
            result = Result(
                id=rid,
                number=number,
                version=version,
                group=group,
                method=one.method,
                made=made,
                seed=one.seeds[0],
                steering=one.steering,
                notes=one.notes,
            )
            session.results[rid] = result
        return result

    def load(self, session: Session, rid: str) -> Colorization:
        """A result again, as a Colorization of the full-size picture."""
        result = session.result(rid)
        with np.load(session.folder / f"{rid}.npz") as packed:
            codes, ab = packed["codes"], packed["ab"]
        return Colorization(
            self.scene(session, result.method),
            result.method,
            codes,
            ab,
            (result.seed,),
            result.steering,
            result.notes,
        )

    def remove(self, session: Session) -> None:
        """Forget a session and delete its files."""
        with self._lock:
            self._sessions.pop(session.id, None)
            for key in [key for key in self._scenes if key[0] == session.id]:
                del self._scenes[key]
        session.files.remove()

    def clean(self) -> int:
        """Remove what is too old or too much, the longest unused first; returns how many."""
        now, removed = time.time(), 0
        with self._lock:
            total, left = self.size, len(self._sessions)
            for session in list(self._sessions.values()):
                too_much = total > self.limits.folder_bytes or left > self.limits.sessions
                if now - session.used <= self.limits.age and not too_much:
                    break  # those that follow were used later
                if session.holders:
                    continue
                total, left, removed = total - session.files.bytes, left - 1, removed + 1
                self.remove(session)
        return removed
