"""Where the studio's sessions lie: a folder that is kept, or a temporary one.

A lock file says that a folder is in use. The system lets go of the lock when its process ends,
however it ends, so that the next start can delete what a killed studio has left.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from manyhues.errors import UsageError

_LOCK = "studio.lock"
_PREFIX = "manyhues-"


@contextmanager
def kept(folder: Path) -> Iterator[Path]:
    """A folder that outlives the studio, made where it is not there; one studio at a time.

    Raises `UsageError` where it cannot be had.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+")
    except OSError as error:
        raise UsageError(
            f"--folder {folder}: cannot be used ({error.strerror}); choose another"
        ) from error
    with lock:
        if not _locked(lock):
            raise UsageError(
                f"--folder {folder}: another studio uses it; stop that one, or choose another"
            )
        yield folder


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder that is deleted at the end, after those that killed studios have left."""
    sweep(Path(tempfile.gettempdir()))
    folder, lock = _new()
    try:
        with lock:
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new() -> tuple[Path, IO[str]]:
    """A temporary folder and its lock.

    Another studio that starts now may take one that is not locked yet for a killed studio's, and
    delete it: then another folder is made.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):
            lock = (folder / _LOCK).open("a+")
            if _locked(lock) and os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat()):
                return folder, lock
            lock.close()


def sweep(parent: Path) -> None:
    """Delete temporary folders of studios that have ended without doing so."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or not _is_mine(folder):
                continue
            with (folder / _LOCK).open("r+") as lock:
                if not _locked(lock):
                    continue
                shutil.rmtree(folder, ignore_errors=True)  # locked: whoever wants it now sees that
            if sys.platform == "win32":  # where what is open cannot be deleted
                shutil.rmtree(folder, ignore_errors=True)


def _is_mine(folder: Path) -> bool:
    return sys.platform == "win32" or folder.stat().st_uid == os.getuid()


def _locked(file: IO[str]) -> bool:
    """Lock a file for as long as it is open; False where another holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
