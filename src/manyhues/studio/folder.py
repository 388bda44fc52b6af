"""The files of one session: counted, whole or absent, never named after what was uploaded."""

import os
import re
import secrets
import shutil
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

from PIL import Image

from manyhues.errors import ManyhuesError
from manyhues.image import names

# What can be made again from the source and the results: pictures at full and at screen size.
DERIVED = ("*.full.*", "*.view", "*.sheet.jpg")
SOURCE = "source"  # the picture as it was given; pages of one file share it
GREY = "grey.screen"  # made at the upload; it would cost another decoding
_OURS = re.compile(r"[A-Za-z0-9_-]{22}")  # ids, as `secrets.token_urlsafe` makes them


class LostError(ManyhuesError):
    """A session or result that is not there, or no longer."""


class FullError(ManyhuesError):
    """The folder has no room for more."""


@contextmanager
def vanishing() -> Iterator[None]:
    """A file that is gone was deleted with its session, meanwhile."""
    try:
        yield
    except FileNotFoundError:
        raise LostError("this session has just been deleted") from None


def is_half(path: Path) -> bool:
    """Whether it is what an upload left whose studio was killed: nobody has heard of it.

    Its name is one of ours, and it holds no more than the upload; an empty one, too.
    """
    if path.is_symlink() or not path.is_dir() or not _OURS.fullmatch(path.name):
        return False
    return all(file.name == SOURCE or file.suffix == ".part" for file in path.iterdir())


class SessionFolder:
    """The folder of one session."""

    def __init__(self, path: Path) -> None:
        self.path, self._own = path, 0  # of all but the source
        self._lock = threading.Lock()
        path.mkdir(mode=0o700, exist_ok=True)

    @classmethod
    def found(cls, path: Path) -> "SessionFolder":
        """One that is there already; what a killed studio has left half-written is deleted."""
        folder = cls(path)
        for file in path.iterdir():
            if file.suffix == ".part":
                file.unlink(missing_ok=True)
            elif file.name != SOURCE:
                folder._own += file.stat().st_size
        return folder

    @property
    def size(self) -> int:
        """Size of its files together; of a source that several share, its part."""
        try:
            source = (self.path / SOURCE).stat()
        except OSError:
            return self._own
        return self._own + source.st_size // max(1, source.st_nlink)

    def share(self, source: Path) -> None:
        """Have another session's source too, without room of its own where the disk can do that."""
        try:
            (self.path / SOURCE).hardlink_to(source)
        except OSError:  # FAT, for one
            self.write(SOURCE, source.read_bytes())

    @property
    def derived_size(self) -> int:
        """Size of what can be made again, and is deleted first."""
        return sum(size for size, _, _ in self._derived())

    def use(self, name: str) -> Path | None:
        """The path of a derived file, which counts as used now; None where there is none."""
        path = self.path / name
        with suppress(OSError):
            os.utime(path)
            return path
        return None

    def drop_derived(self, before: float) -> None:
        """Delete what can be made again and was not used since a time in seconds."""
        for size, used, path in self._derived():
            if used > before:
                continue
            with self._lock, suppress(FileNotFoundError):
                path.unlink()
                self._own -= size

    def _derived(self) -> list[tuple[int, float, Path]]:
        found = []
        for pattern in DERIVED:
            for path in self.path.glob(pattern):
                with suppress(FileNotFoundError):
                    facts = path.stat()
                    found.append((facts.st_size, facts.st_mtime, path))
        return found

    def write(self, name: str, data: bytes) -> Path:
        """A file of these bytes."""
        with self.making(name) as part:
            part.write_bytes(data)
        return self.path / name

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A file to fill, which then gets its name and is counted; if that fails, it is deleted."""
        path = self.path / name
        part = self.path / f"{name}.{secrets.token_hex(4)}.part"
        try:
            yield part
            with self._lock:
                had = path.stat().st_size if path.exists() else 0
                grown = part.stat().st_size - had
                part.replace(path)
                if name != SOURCE:
                    self._own += grown
        finally:
            part.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete it with all its files; one that has gone already is no fault."""
        shutil.rmtree(self.path, ignore_errors=True)


def encode_small(image: Image.Image, *, png: bool = False) -> bytes:
    """A picture for looking: JPEG, or PNG where it has transparency or that is asked for."""
    out = BytesIO()
    if png or image.mode == "RGBA":
        image.save(out, "PNG", compress_level=4)
    else:
        image.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


def clean_name(name: str) -> str:
    """The last part of a client's file name, for display and downloads alone, never for a path."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    kept = Path("".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(" ."))
    stem = names.portable(names.fitting(kept.stem[:80].strip(" ."), 200))
    return f"{stem}{kept.suffix[:10].rstrip()}" if kept.stem.strip(" .") else "picture"
