"""Where an interrupted run goes on: finished parts of each version, and the last key frame."""

import contextlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from manyhues.color.arrays import Array
from manyhues.errors import OutputError
from manyhues.image import files
from manyhues.video.motion import pyramid
from manyhues.video.painter import Look
from manyhues.video.planes import Plane
from manyhues.video.shots import Seen, see
from manyhues.video.source import Frame

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_STATE, _WHAT, _LOCK = "state.npz", "run.json", "lock"


@dataclass(frozen=True, eq=False)
class Begun:
    """The last key frame of the finished parts, its colours, and what came before."""

    number: int
    pts: int
    luma: Plane
    look: Look
    earlier: list[Look]
    seeds: tuple[tuple[int, int], ...]
    parts: int

    def seen(self, grid: tuple[int, int], full: bool) -> Seen:
        """The frame again."""
        return see(self.number, Frame(self.pts, self.luma), grid, full)


class Work:
    """A hidden folder beside the results, there while a film is being coloured.

    `what` says of what run it is: source, options, method; of another run it is begun anew.
    """

    def __init__(self, folder: Path, what: dict[str, Any]) -> None:
        self.folder, self._what = folder, json.dumps(what, sort_keys=True)
        self._done = 0
        self._lock: BinaryIO | None = None

    def open(self) -> None:
        """Take it over as an earlier run of the same kind has left it, or begin it.

        Raises `OutputError` where another run is at it.
        """
        files.make_folder(self.folder)
        self._claim()
        described = self.folder / _WHAT
        same = False
        with contextlib.suppress(OSError):
            same = described.read_text("utf-8") == self._what
        if not same:
            for path in self.folder.iterdir():
                if path.name != _LOCK:
                    path.unlink()
            described.write_text(self._what, "utf-8")

    def size(self) -> int:
        """Bytes of disk that an earlier run has taken."""
        with contextlib.suppress(OSError):
            return sum(path.stat().st_size for path in self.folder.iterdir())
        return 0

    def begun(self, versions: Sequence[int]) -> Begun | None:
        """What finished parts there are, of all these versions; unfinished ones are removed."""
        found = None
        with (
            contextlib.suppress(OSError, ValueError, KeyError, EOFError),
            np.load(self.folder / _STATE, allow_pickle=False) as kept,
        ):
            found = _read(kept)
        if found and any(len(self.parts(k)) < found.parts for k in versions):
            found = None
        self._done = found.parts if found else 0
        for path in self.folder.glob("*.part"):
            if int(path.name.split(".")[0]) >= self._done:
                path.unlink()
        return found

    def next(self, versions: Sequence[int]) -> list[Path]:
        """Where the next part of each of these versions goes."""
        return [self.folder / f"{self._done:05d}.{k}.part" for k in versions]

    def parts(self, k: int) -> list[Path]:
        """The finished parts of version k, in their order."""
        return sorted(self.folder.glob(f"*.{k}.part"))

    def drop(self, k: int) -> None:
        """Remove the parts of a version that is whole."""
        for path in self.parts(k):
            path.unlink()

    def save(
        self, look: Look, seen: Seen, earlier: Sequence[Look], seeds: Sequence[tuple[int, int]]
    ) -> None:
        """Say that the parts of `next` are finished, the last frame being `seen`."""
        arrays: dict[str, Any] = {
            "number": seen.number,
            "pts": seen.frame.pts,
            "luma": seen.frame.luma,
            "seeds": np.array(seeds, np.int64),
            "parts": self._done + 1,
            "looks": len(earlier) + 1,
        }
        for i, one in enumerate((look, *earlier)):
            for name in ("ab", "shown", "codes", "turn"):
                arrays[f"{name}{i}"] = getattr(one, name)
            arrays[f"seeds{i}"] = np.array(one.seeds, np.int64)
            arrays[f"light{i}"] = one.levels[-1]
        new = self.folder / f"new.{_STATE}"
        np.savez(new, **arrays)
        new.replace(self.folder / _STATE)
        self._done += 1

    def remove(self) -> None:
        """Remove it all: the results are whole."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let another run take it over."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _claim(self) -> None:
        """Two runs at once would write into each other's parts. A killed one has lost its lock."""
        if fcntl is None:
            return
        self._lock = (self.folder / _LOCK).open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise OutputError(
                f"{self.folder}: another run is colouring this film here; wait for its end, or "
                "choose another output folder"
            ) from None
        except OSError:  # a disk without locks
            self.close()


def _read(kept: Any) -> Begun:
    looks = [_look(kept, i) for i in range(int(kept["looks"]))]
    seeds = tuple((int(seed), int(k)) for seed, k in kept["seeds"])
    number, pts, parts = (int(kept[name]) for name in ("number", "pts", "parts"))
    return Begun(number, pts, kept["luma"], looks[0], looks[1:], seeds, parts)


def _look(kept: Any, i: int) -> Look:
    light: Array = kept[f"light{i}"]
    seeds = tuple((int(seed), int(k)) for seed, k in kept[f"seeds{i}"])
    ab, shown, codes, turn = (kept[f"{name}{i}"] for name in ("ab", "shown", "codes", "turn"))
    return Look(ab, shown, codes, seeds, turn, pyramid(light))
