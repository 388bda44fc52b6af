"""All sessions: small facts in memory, everything heavy in a bounded folder.

Ids are 128 random bits. A session is one picture, with a folder of its own. Where room is needed,
what can be made again goes first. Then whole sessions go, the longest unused first, by age, by
number and by size; but never the one used last, one that a page shows, or any of a kept folder.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer
from manyhues.errors import PictureError, UsageError
from manyhues.image.metadata import Metadata
from manyhues.image.picture import SUFFIXES, Picture
from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest, methods
from manyhues.model.scene import Scene
from manyhues.studio import cleaning
from manyhues.studio.actions.base import Made
from manyhues.studio.folder import (
    SOURCE,
    FullError,
    LostError,
    SessionFolder,
    clean_name,
    encode_small,
)
from manyhues.studio.limits import Limits
from manyhues.studio.session import Group, Result, Session, no_pixels, read_sessions

__all__ = ["Group", "Result", "Session", "Store"]


GRACE = 60.0  # seconds for which a file that was just asked for stays
_SMALL = 8  # pictures whose screen-sized copies are kept in memory


def reach(one: Colorization) -> tuple[float, ...]:
    """The share of the picture, 0 to 1, that each hint of a colouring reaches at half strength."""
    lightness = one.scene.levels[-1].lightness
    return tuple(float((h.spread(lightness) > 0.5).mean()) for h in one.steering.hints)


class Store:
    """All sessions, the scenes of those in use, and one model for each method in use.

    kept  whether the folder outlives the studio: what it holds is there again, and none is cleaned
    """

    def __init__(
        self, folder: Path, limits: Limits, weights: Path | None = None, *, kept: bool = False
    ) -> None:
        self.folder, self.limits, self.kept = folder, limits, kept
        self._engine = Engine(weights)
        self.methods = methods(weights)
        self._colorizers: dict[str, Colorizer] = {}
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._scenes: OrderedDict[tuple[str, str], Scene] = OrderedDict()
        self._small: OrderedDict[tuple[str, str], tuple[Scene, Scene]] = OrderedDict()
        self._lock = threading.RLock()
        self._paging = threading.Lock()
        if kept:
            self._find()

    def _find(self) -> None:
        """The sessions that are in the folder."""
        for session in read_sessions(self.folder):
            if session.deleted is None:
                self._sessions[session.id] = session
            else:
                session.files.remove()

    @property
    def size(self) -> int:
        """Size of the folder of results."""
        with self._lock:
            return sum(session.files.size for session in self._sessions.values())

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

    def create(
        self, data: bytes, name: str, method: str | None, format: str, page: int = 1
    ) -> Session:
        """A session of a page of an uploaded picture. The limits come first.

        Raises `PictureError`, and `FullError` where nothing more can be cleaned away for it.
        """
        return self._create(data, clean_name(name), method, format, page)

    def page(self, session: Session, page: int) -> Session:
        """The session of another page of the same file: the one that is there, or a new one."""
        with self._paging:  # or two who ask at once would make two
            for one in self.pages(session):
                if one.page == page:
                    return one
            data = (session.folder / SOURCE).read_bytes()
            method = self.at_hand(session)
            return self._create(data, session.name, method, session.format, page, session)

    def _create(
        self,
        data: bytes,
        shown: str,
        method: str | None,
        format: str,
        page: int,
        other: Session | None = None,
    ) -> Session:
        """A session of encoded data, which that of another page of it may have already."""
        colorizer = self.colorizer(method)
        more = len(data) if other is None else 0
        if self._fixed_bytes() + more > self.limits.folder_bytes:
            raise FullError(
                f"the studio's folder is full ({self.limits.folder_bytes / 1e9:.1f} GB); "
                "delete pictures that are no longer needed, or start it with a larger --max-folder"
            )
        suffix = Path(shown).suffix
        picture = self._read(data, shown, page)
        width, height = picture.size
        if max(width, height) > self.limits.side:
            raise PictureError(
                f"{shown}: {width} x {height} pixels are over the limit of "
                f"{self.limits.side:,} a side; make it smaller first"
            )
        picture = replace(picture, name=shown, suffix=suffix if suffix.lower() in SUFFIXES else "")
        sid = secrets.token_urlsafe(16)
        bare = replace(picture, luminance=no_pixels(), alpha=None, metadata=Metadata())
        file = sid if other is None else other.file
        files = SessionFolder(self.folder / sid)
        session = Session(sid, files, shown, bare, picture.size, format, page, file)
        try:
            if other is None:
                files.write(SOURCE, data)
            else:
                files.share(other.folder / SOURCE)
            scene = colorizer.encode(picture)
            session.save()
        except BaseException:
            self.remove(session)  # nothing counts it yet, so nothing would clean it away
            raise
        with self._lock:
            self._sessions[sid] = session
            self._keep(session, colorizer.method, scene)
        return session

    def _read(self, data: bytes, name: str, page: int) -> Picture:
        pages = Picture.pages(data, max_pixels=self.limits.pixels)
        if page > len(pages):
            there = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
            raise UsageError(f"page {page}: {name} has {there}")
        return pages[page - 1]()

    def session(self, sid: str, *, opened: bool = False) -> Session:
        """A session by its id, which counts as use. Raises `LostError`.

        opened  a page shows it
        """
        with self._lock:
            session = self._sessions.get(sid)
            if session is None or session.deleted is not None:
                why = "deleted" if self.kept else "removed after a day, or to make room"
                raise LostError(f"no such session; it may have been {why}")
            session.used = time.time()
            if opened:
                session.opened = session.used
            self._sessions.move_to_end(sid)
            return session

    def sessions(self) -> list[Session]:
        """Those that are there, the one used last first."""
        with self._lock:
            found = [one for one in self._sessions.values() if one.deleted is None]
        return found[::-1]

    def pages(self, session: Session) -> list[Session]:
        """Those of the same file, itself among them."""
        return [one for one in self.sessions() if one.file == session.file]

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
        key = session.id, method
        with self._lock:
            if key in self._scenes:
                self._scenes.move_to_end(key)
                return self._scenes[key]
        data = (session.folder / SOURCE).read_bytes()
        read = self._read(data, session.name, session.page)
        picture = replace(read, name=session.name, suffix=session.picture.suffix)
        scene = self.colorizer(method).encode(picture)
        with self._lock:
            self._keep(session, method, scene)
        return scene

    def at_hand(self, session: Session) -> str:
        """A method that has read the picture, where any one will do: encoding again takes long."""
        with self._lock:
            for sid, method in [*self._small, *self._scenes]:
                if sid == session.id:
                    return method
        made = next(iter(list(session.results.values())), None)
        return self.methods[0] if made is None else made.method

    def small(self, session: Session, method: str) -> tuple[Scene, Scene]:
        """The encoded picture as large as a screen, and as large as a preview.

        They stay in memory longer than the whole picture does.
        """
        key = session.id, method
        with self._lock:
            if key in self._small:
                self._small.move_to_end(key)
                return self._small[key]
        view = self.scene(session, method).shrunk(self.limits.view)
        pair = view, view.shrunk(self.limits.preview)
        with self._lock:
            if session.id in self._sessions:
                self._small[key] = pair
                while len(self._small) > _SMALL:
                    self._small.popitem(last=False)
        return pair

    def _keep(self, session: Session, method: str, scene: Scene) -> None:
        if session.id not in self._sessions:  # deleted while a job ran: it must not come back
            return
        self._scenes[session.id, method] = scene
        while len(self._scenes) > 1:
            pixels = sum(kept.luminance.size for kept in self._scenes.values())
            if len(self._scenes) <= self.limits.scenes and pixels <= self.limits.scene_pixels:
                break
            self._scenes.popitem(last=False)

    def begin(self, session: Session, group: Group) -> None:
        """A group for the results that are to come."""
        with self._lock:
            session.groups[group.id] = group
            session.save()

    def add(self, session: Session, group: str, made: Made, one: Colorization) -> Result:
        """Keep a colouring: its code and colours in the folder, with a preview."""
        rid = secrets.token_urlsafe(16)
        packed = BytesIO()
        np.savez(packed, codes=one.codes, ab=one.ab)
        image = replace(one, scene=self.small(session, one.method)[1]).image(0)
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
                reach=reach(one),
                origin=one.origin,
            )
            session.results[rid] = result
            session.save()
        return result

    def mark(
        self, session: Session, rid: str, favourite: bool | None, hidden: bool | None
    ) -> Result:
        """Make a result a favourite or hide it, or not; None leaves it as it is."""
        with self._lock:
            result = session.result(rid)
            result.favourite = result.favourite if favourite is None else favourite
            result.hidden = result.hidden if hidden is None else hidden
            session.save()
        return result

    def load(self, session: Session, rid: str, *, small: bool = False) -> Colorization:
        """A result again, as a Colorization of the full-size picture, or of one for a screen."""
        result = session.result(rid)
        with np.load(session.folder / f"{rid}.npz") as packed:
            codes, ab = packed["codes"], packed["ab"]
        return Colorization(
            self.small(session, result.method)[0] if small else self.scene(session, result.method),
            result.method,
            codes,
            ab,
            (result.seed,),
            result.steering,
            result.notes,
            origin=result.origin,
        )

    def delete(self, session: Session) -> None:
        """Forget a session for now: its files go a while later, unless it is restored."""
        with self._lock:
            session.deleted = time.time()
            self._drop_scenes(session)
            session.save()

    def restore(self, sid: str) -> Session:
        """Take a deletion back. Raises `LostError` where it is too late."""
        with self._lock:
            session = self._sessions.get(sid)
            if session is None:
                raise LostError("no such session; its deletion can no longer be undone")
            session.deleted = None
            session.save()
        return self.session(sid)

    def remove(self, session: Session) -> None:
        """Forget a session and delete its files."""
        with self._lock:
            self._sessions.pop(session.id, None)
            self._drop_scenes(session)
        session.files.remove()

    def _drop_scenes(self, session: Session) -> None:
        for scenes in (self._scenes, self._small):
            for key in [key for key in scenes if key[0] == session.id]:
                del scenes[key]

    def _fixed_bytes(self) -> int:
        """Size of what nothing may clean away, and of no picture that it may."""
        with self._lock:
            sessions = list(self._sessions.values())
            fixed = [one for one in sessions if self.kept or one.holders or one.is_open]
            return sum(map(cleaning.lasting_bytes, fixed))

    def clean(self) -> int:
        """Remove what is too old or too much; returns how many sessions."""
        now, removed = time.time(), 0
        with self._lock:
            for session in list(self._sessions.values()):
                if session.deleted is not None and now - session.deleted > self.limits.undo:
                    self.remove(session)
            sessions = list(self._sessions.values())
            for session in sessions:
                if self.size <= self.limits.folder_bytes:
                    break
                session.files.drop_derived(now - GRACE)
            if self.kept:
                return 0
            for session in self.leaving(now):
                removed += 1
                self.remove(session)
        return removed

    def leaving(self, now: float, share: float = 1.0) -> list[Session]:
        """The sessions that go once `share` of an age, a number and a size is reached."""
        if self.kept:
            return []
        with self._lock:
            sessions = [one for one in self._sessions.values() if one.deleted is None]
            return cleaning.leaving(sessions, self.limits, now, share)
