"""Around calls of decoders: their exceptions as errors of pictures."""

import struct
import zlib
from typing import Any

from PIL import Image

from manyhues.errors import ManyhuesError, PictureError

# What decoders raise on damaged files, as a fuzz test found. It is for calls of decoders alone:
# of our own code these would be faults of ours.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class decoding:  # noqa: N801  a context manager: a class, since each picture enters some
    """Whatever a decoder raises on a damaged file, as one kind of error with file and remedy.

    It stands around calls of decoders alone, so that no fault of ours is told as the file's.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: Any) -> None:
        if error is None:
            return
        if isinstance(error, MemoryError):
            raise no_memory(self._name) from error
        if isinstance(error, DAMAGE) and not isinstance(error, ManyhuesError):
            raise PictureError(
                f"{self._name}: truncated or damaged ({one_line(error)}); "
                "copy it again from its source"
            ) from error


def one_line(error: BaseException) -> str:
    """What a library says, which may be long and of several lines, as part of a message."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def no_memory(name: str) -> PictureError:
    """The error of a picture that memory cannot hold."""
    return PictureError(f"{name}: not enough memory for it; make it smaller first")
