"""Files written whole or not at all, and none replaced unasked."""

import contextlib
import errno
import math
import os
import threading
import time
import zlib
from pathlib import Path
from typing import Literal

from manyhues.errors import OutputError
from manyhues.image import names

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# What results can be written as; here, because `manyhues --help` loads no decoders.
Format = Literal["keep", "png", "jpg", "webp", "tiff", "dicom"]
_STALE = 3600.0  # seconds
_WINDOWS_PATH = 259  # characters


def size_of(count: float) -> str:
    """So many bytes of disk for people: ``1.2 GB`` or ``3 MB``, and never none."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{math.ceil(count / 1e6)} MB"


def make_folder(folder: Path) -> None:
    """Create an output folder. Raises `OutputError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_be(folder, error.strerror) from error


def _cannot_be(folder: Path, why: str | None) -> OutputError:
    return OutputError(f"{folder}: cannot be created ({why}); choose another output folder")


def check_folder(folder: Path) -> None:
    """Raise `OutputError`, before work is spent on it, if a folder is known to take no files."""
    there = folder
    while not exists(there) and there != there.parent:
        there = there.parent
    if exists(there) and not there.is_dir():
        raise _cannot_be(folder, os.strerror(errno.ENOTDIR))
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(
            f"{there}: takes no new files (read-only, or somebody else's); "
            "choose another output folder"
        )


def exists(path: Path) -> bool:
    """Whether a file exists. Raises `OutputError` where that cannot be seen or can never be."""
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); "
            "shorten the name, or choose another output folder"
        ) from error


def check_free(path: Path, overwrite: bool) -> None:
    """Raise `OutputError` if a file exists and may not be replaced."""
    if not overwrite and exists(path):
        raise OutputError(f"{path}: exists already; overwrite it on purpose or choose another name")


def write(data: bytes, path: Path, *, overwrite: bool = False) -> None:
    """Write a file whole or not at all: under a temporary name beside it, then renamed."""
    check_free(path, overwrite)
    part, claim = _part(path), None
    try:
        claim = _claim(part)
        if claim is None:
            part = _part(path, f"{os.getpid()} {threading.get_ident()} ")
        part.write_bytes(data)
        _move(part, path, overwrite)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            fault = f"{path}: cannot be written ({error.strerror}); {_remedy(path, error)}"
            raise OutputError(fault) from error
        raise
    finally:
        if claim is not None:
            os.close(claim)


def _remedy(path: Path, error: OSError) -> str:
    """What helps where a file could not be written."""
    if error.errno == errno.ENAMETOOLONG:
        return "shorten the name"
    if names.WINDOWS and len(str(path.absolute())) > _WINDOWS_PATH:
        return (
            "shorten the name or choose a folder nearer to the drive's root: Windows takes paths "
            f"of {_WINDOWS_PATH} characters unless long ones are switched on"
        )
    if error.errno in (errno.EINVAL, errno.EILSEQ):  # a stick or a share, with rules of its own
        return "this disk takes no such name; rename the input, or choose a folder on another disk"
    return "check the folder's permissions and the free space"


def clear(path: Path) -> None:
    """Remove what a killed run has left of a file that is there now."""
    part = _part(path)
    with contextlib.suppress(OSError):
        if part.exists() and (claim := _claim(part)) is not None:
            part.unlink(missing_ok=True)
            os.close(claim)


def _part(path: Path, writer: str = "") -> Path:
    """A temporary name beside a file: short, so that the longest names fit."""
    return path.with_name(f".{zlib.crc32(os.fsencode(writer + path.name)):08x}.part")


def _claim(part: Path) -> int | None:
    """Take a temporary name that nobody writes to: a descriptor to close at the end, else None.

    Whoever writes holds a lock, which a killed run has lost. Where there are no locks, what it has
    left is free after an hour.
    """
    if fcntl is None:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _STALE:
                part.unlink()
        try:
            return os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return None
    while True:
        descriptor = os.open(part, os.O_CREAT | os.O_WRONLY, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), part.stat()):
                return descriptor
        except FileNotFoundError:  # another has finished with it, just now
            pass
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)


def _move(part: Path, path: Path, overwrite: bool) -> None:
    """Give a finished file its name; a file of that name that has come meanwhile is not lost."""
    if overwrite:
        part.replace(path)
        return
    try:
        os.link(part, path)
    except OSError:  # not all file systems have links
        check_free(path, overwrite)
        part.replace(path)
    else:
        part.unlink(missing_ok=True)
