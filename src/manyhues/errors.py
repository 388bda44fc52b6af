"""What can go wrong, as one tree of exceptions.

    ManyhuesError
    ├── PictureError     a picture cannot be read: missing, truncated, too large, not a picture
    ├── OutputError      a result cannot be written: folder read-only, name taken
    ├── WeightsError     shipped weights or a checkpoint are missing, corrupt or of another version
    ├── DataError        a data set has nothing usable
    ├── TrainingError    a run cannot go on: NaN loss, configuration that does not match
    └── UsageError       an argument is out of its range

Every message is one line that names the thing, the fault and the remedy, so that a program can
log it and a person can act on it.
"""

import errno

_RAISE = "or raise the limit (`ulimit -v`)"  # how every message of ours about memory ends
NO_MEMORY = f"not enough memory; close other programs, {_RAISE}"
_WORDS = (  # of systems' loaders, C++, ONNX Runtime, FFmpeg and image libraries
    "out of memory",
    "enough memory",
    "insufficient memory",
    "allocate memory",
    "memory allocation",
    "bad_alloc",
    "failed to map",
    "failed to allocate",
    "cannot allocate",
    "can't start new thread",
)


def lacks_memory(error: BaseException | None) -> bool:
    """Whether it is a want of memory that an exception, or what caused it, tells of."""
    while error is not None:
        said = _said(error)
        if (
            isinstance(error, MemoryError)
            or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
            or any(words in said for words in _WORDS)
            or ("thread" in said and "resource temporarily unavailable" in said)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _said(error: BaseException) -> str:
    """What it says in lower case, without the names of files that it speaks of."""
    if isinstance(error, ManyhuesError):  # begins with a name; what it is of, its cause says
        return NO_MEMORY if str(error).endswith(_RAISE) else ""
    return str(getattr(error, "strerror", None) or error).lower()


class ManyhuesError(Exception):
    """Base of all errors that manyhues raises on purpose."""


class PictureError(ManyhuesError):
    """A picture cannot be read."""


class OutputError(ManyhuesError):
    """A result cannot be written."""


class WeightsError(ManyhuesError):
    """Weights are missing, corrupt, or made for another version."""


class DataError(ManyhuesError):
    """A data set has no usable picture."""


class TrainingError(ManyhuesError):
    """Training cannot go on."""


class UsageError(ManyhuesError, ValueError):
    """An argument is outside what is allowed."""
