"""Around calls of decoders: their warnings silenced, their exceptions as errors of pictures."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from manyhues.errors import PictureError
from manyhues.image.quiet import without_warnings

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
)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Whatever a decoder raises on a damaged file, as one kind of error with file and remedy.

    It stands around calls of decoders alone, so that no fault of ours is told as the file's.
    """
    try:
        with without_warnings():
            yield
    except PictureError:
        raise
    except MemoryError as error:
        raise no_memory(name) from error
    except DAMAGE as error:
        raise PictureError(
            f"{name}: truncated or damaged ({error}); copy it again from its source"
        ) from error


def no_memory(name: str) -> PictureError:
    """The error of a picture that memory cannot hold."""
    return PictureError(f"{name}: not enough memory for it; make it smaller first")
