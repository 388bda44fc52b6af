"""What people give as a picture, as bytes with a name: a path, bytes or an open file."""

import os
from pathlib import Path
from typing import Any

from manyhues.errors import PictureError
from manyhues.image.formats.base import File


def is_path(source: Any) -> bool:
    """Whether a source is a path: text, `Path`, `os.DirEntry` or any other `os.PathLike`."""
    return isinstance(source, (str, os.PathLike))


def read(source: Any, name: str = "picture") -> File:
    """The encoded bytes of a path, or of bytes or an open file called `name`.

    Raises `PictureError`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return File(bytes(source), name)
    if is_path(source):
        path = Path(os.fsdecode(source))
        shown = str(path).replace("\0", "\\0")
        return File(_bytes_of(path, shown), shown, path.suffix)
    if callable(getattr(source, "read", None)):
        return File(_bytes_of_open(source, name), name)
    raise PictureError(
        f"{type(source).__name__}: not a picture; give a path, bytes, a file opened in binary, "
        "PIL image or numpy array"
    )


def _bytes_of(path: Path, name: str) -> bytes:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # reading might never end
            raise PictureError(
                f"{name}: is no file but a pipe or a device; save it to a file first"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"{name}: no such file; check the spelling") from None
    except IsADirectoryError:
        raise PictureError(f"{name}: is a folder, not a picture; name a file inside it") from None
    except OSError as error:
        raise PictureError(
            f"{name}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    except ValueError:  # what Python says of a zero byte in a path
        raise PictureError(f"{name}: no path holds a zero byte; check the spelling") from None


def _bytes_of_open(file: Any, name: str) -> bytes:
    """The rest of an open file; all of it where it stands at its end, as after writing it."""
    try:
        data = file.read()
        if not data and file.seekable():
            file.seek(0)
            data = file.read()
    except (OSError, ValueError, AttributeError) as error:  # closed, or for writing alone
        raise PictureError(f"{name}: cannot be read ({error}); open it in binary") from error
    if not isinstance(data, (bytes, bytearray, memoryview, type(None))):
        raise PictureError(f"{name}: opened as text; open it in binary")
    return bytes(data or b"")
