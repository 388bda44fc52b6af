"""Address space, where the shell or a cluster limits it (`ulimit -v`): asked for before it is used.

What runs out in the midst of it cannot always be told: OpenBLAS and the C library end the process,
and Python waits for ever for a thread that found no memory when it was started.
"""

import mmap
import os
import sys

from manyhues.errors import NO_MEMORY, lacks_memory

if sys.platform != "win32":
    import resource

# Megabytes of address space.
_NUMPY = 160  # with one thread of OpenBLAS, Pillow, and our own
_SCARCE = 128


def is_limited() -> bool:
    """Whether this process may have only so much address space, or so much data."""
    if sys.platform == "win32":
        return False
    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return any(limit != resource.RLIM_INFINITY for limit in limits)


def has_room(megabytes: int) -> bool:
    """Whether so much more can be had under the limit: true where there is none."""
    if sys.platform == "win32" or not is_limited():
        return True
    try:  # untouched pages take no memory, and a call takes microseconds
        mmap.mmap(-1, megabytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def need(megabytes: int) -> None:
    """Raise `MemoryError` where so much more cannot be had."""
    if not has_room(megabytes):
        raise MemoryError(NO_MEMORY)


def ran_out(error: Exception) -> bool:
    """Whether an error that nobody expected is want of memory.

    Where hardly any is left, it is: x264, FFmpeg and protobuf do not always say so.
    """
    return lacks_memory(error) or not has_room(_SCARCE)


def before_numpy() -> None:
    """Make a command fit under the limit. Raises `MemoryError` where it would not even start.

    OpenBLAS takes 40 MB for each processor, and nothing here is large enough for it to share out.
    """
    if is_limited():
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    need(_NUMPY)
