"""A tree of files, local or behind a URL of fsspec (``s3://``, ``gs://``, ..), by relative name."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manyhues.errors import ManyhuesError, OutputError, UsageError

HIDDEN = ".manyhues"  # a run's own folder below the output: journal and staging
# Stores that show a file only when it is complete; elsewhere one is written aside, then renamed.
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})


def is_url(place: str) -> bool:
    """Whether a place is a URL that is not a local file."""
    return "://" in place and not place.startswith("file://")


def reason(error: BaseException) -> str:
    """The first line of what went wrong, for a message of one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def open_url(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path there. Raises `UsageError`."""
    import fsspec

    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:  # a plug-in to install, or no such protocol
        raise UsageError(f"{url}: cannot be opened ({reason(error)}); check the URL") from error


class Store:
    """The files below one place. Names are relative, with ``/`` between their parts."""

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/") or "/"
        self.folder: Path | None = None
        if is_url(place):
            self._fs, self._root = open_url(self.place)
        else:
            self.folder = Path(place.removeprefix("file://"))

    def full(self, name: str) -> str:
        """A name as users see it: a path, or a URL."""
        return f"{self.place}/{name}" if self.folder is None else str(self.folder / name)

    def names(self, below: str = "") -> set[str]:
        """Names of all files below a folder; of results alone by default."""
        if self.folder is not None:
            return self._local_names(self.folder, below)
        top = f"{self._root}/{below}".rstrip("/")
        with self._faults(below, "listed"):
            self._fs.invalidate_cache()
            found = self._fs.find(top)
        names = {path[len(self._root) :].lstrip("/") for path in found}
        return {name for name in names if below or not name.startswith(f"{HIDDEN}/")}

    @staticmethod
    def _local_names(root: Path, below: str) -> set[str]:
        names = set()
        for folder, folders, files in os.walk(root / below):
            if not below and HIDDEN in folders:
                folders.remove(HIDDEN)
            prefix = Path(folder).relative_to(root).as_posix()
            names |= {name if prefix == "." else f"{prefix}/{name}" for name in files}
        return names

    def read(self, name: str) -> bytes:
        """A whole file. Raises `ManyhuesError`."""
        with self._faults(name, "read"):
            if self.folder is not None:
                return (self.folder / name).read_bytes()
            return bytes(self._fs.cat_file(f"{self._root}/{name}"))

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all. Raises `OutputError`."""
        with tempfile.TemporaryDirectory(dir=self.staging()) as scratch:
            aside = Path(scratch) / "data"
            aside.write_bytes(data)
            self.publish(aside, name)

    def publish(self, staged: Path, name: str) -> None:
        """Move a finished local file into the store, whole or not at all. Raises `OutputError`."""
        with self._faults(name, "written"):
            if self.folder is not None:
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(target)  # one file system: `staging` lies below the folder
                return
            target_path = f"{self._root}/{name}"
            if self.place.split("://")[0] in _WHOLE:
                self._fs.put_file(str(staged), target_path)
            else:
                self._fs.makedirs(target_path.rpartition("/")[0], exist_ok=True)
                self._fs.put_file(str(staged), f"{target_path}.part")
                self._fs.mv(f"{target_path}.part", target_path)
            staged.unlink()

    def staging(self) -> Path:
        """A local folder for unfinished files. Raises `OutputError`."""
        if self.folder is None:
            return Path(tempfile.gettempdir())
        with self._faults(HIDDEN, "written"):
            staging = self.folder / HIDDEN / "staging"
            staging.mkdir(parents=True, exist_ok=True)
        return staging

    def clear(self, below: str) -> None:
        """Remove a folder with all that it holds; one that has gone meanwhile is no fault."""
        with self._faults(below, "removed"), contextlib.suppress(FileNotFoundError):
            if self.folder is not None:
                shutil.rmtree(self.folder / below, ignore_errors=True)
            elif self._fs.exists(f"{self._root}/{below}"):
                self._fs.rm(f"{self._root}/{below}", recursive=True)

    @contextlib.contextmanager
    def _faults(self, name: str, what: str) -> Iterator[None]:
        """Errors of any store (they share no base class) as one kind, with place and remedy."""
        try:
            yield
        except ManyhuesError:
            raise
        except Exception as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else None
            raise OutputError(
                f"{self.full(name)}: cannot be {what} ({text or reason(error)}); "
                "check the place, its permissions and the free space"
            ) from error
