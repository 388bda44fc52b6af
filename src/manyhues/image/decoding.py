"""Around calls of decoders: their exceptions as errors of pictures."""

import struct
import threading
import zlib
from typing import Any

from PIL import Image

from manyhues.errors import ManyhuesError, PictureError, lacks_memory

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


_lock = threading.Lock()
_inside = 0
_limit: int | None = None


class without_limit:  # noqa: N801  a context manager: a class, since each picture enters some
    """Without Pillow's own limit of pixels, which is lower than ours, until the last is outside.

    It is one for the process, partly a mere warning, and asked when a TIFF is decoded, too.
    """

    def __enter__(self) -> None:
        global _inside, _limit
        with _lock:
            if not _inside:
                _limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            _inside += 1

    def __exit__(self, kind: object = None, error: Any = None, trace: object = None) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _limit


class decoding(without_limit):  # noqa: N801  a context manager: a class, since each picture enters some
    """Whatever a decoder raises on a damaged file, as one kind of error with file and remedy.

    It stands around calls of decoders alone, so that no fault of ours is told as the file's.
    `kinds` are the errors that its decoder raises; what to do about one is `remedy`.
    """

    def __init__(
        self,
        name: str,
        kinds: type[Exception] | tuple[type[Exception], ...] = DAMAGE,
        *,
        fault: str = "truncated or damaged",
        remedy: str = "copy it again from its source",
    ) -> None:
        self._name, self._kinds = name, kinds
        self._fault, self._remedy = fault, remedy

    def __exit__(self, kind: object = None, error: Any = None, trace: object = None) -> None:
        super().__exit__()
        if error is None or isinstance(error, ManyhuesError):
            return
        if lacks_memory(error):
            raise no_memory(self._name) from error
        if isinstance(error, self._kinds) or _is_panic(error):
            raise PictureError(
                f"{self._name}: {self._fault} ({one_line(error)}); {self._remedy}"
            ) from error


def _is_panic(error: BaseException) -> bool:
    """Whether a decoder that is written in Rust gave up (pylibjpeg-rle): no `Exception` then."""
    return type(error).__module__ == "pyo3_runtime"


def one_line(error: BaseException) -> str:
    """What a library says, which may be long and of several lines, as part of a message."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def no_memory(name: str) -> PictureError:
    """The error of a picture that memory cannot hold, or cannot hold now."""
    return PictureError(
        f"{name}: not enough memory for it; make it smaller, close other programs, or raise the "
        "limit (`ulimit -v`)"
    )
