"""Files written whole or not at all, and none replaced unasked."""

import contextlib
import errno
import os
import threading
import time
import zlib
from pathlib import Path
from typing import Literal

from manyhues.errors import OutputError

# What results can be written as; here, because `manyhues --help` loads no decoders.
Format = Literal["keep", "png", "jpg", "webp", "tiff", "dicom"]
_STALE = 3600.0  # seconds


def make_folder(folder: Path) -> None:
    """Create an output folder. Raises `OutputError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be created ({error.strerror}); choose another output folder"
        ) from error


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
    part = _part(path)
    try:
        if not _claim(part):
            part = _part(path, f"{os.getpid()} {threading.get_ident()} ")
        part.write_bytes(data)
        _move(part, path, overwrite)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            remedy = "check the folder's permissions and the free space"
            if error.errno == errno.ENAMETOOLONG:
                remedy = "shorten the name"
            raise OutputError(f"{path}: cannot be written ({error.strerror}); {remedy}") from error
        raise


def _part(path: Path, writer: str = "") -> Path:
    """A temporary name beside a file: short, so that the longest names fit."""
    return path.with_name(f".{zlib.crc32(os.fsencode(writer + path.name)):08x}.part")


def _claim(part: Path) -> bool:
    """Take a temporary name that nobody writes to; a killed run's is free after an hour."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - part.stat().st_mtime > _STALE:
            part.unlink()
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        return False
    return True


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
