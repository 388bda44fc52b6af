"""ONNX Runtime as all of the package opens it: nowhere else is it imported.

Its Linux wheels from 1.30 on report what they do to an events host, and write a number that tells
this machine apart below the user's cache folder. `runtime` turns that off before it starts.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from manyhues.errors import NO_MEMORY, WeightsError, lacks_memory


def runtime(part: str = "") -> Any:
    """The module ``onnxruntime``, or a part of it such as ``.quantization``.

    Raises `WeightsError` where it cannot be loaded, `MemoryError` where memory is too short for it.
    Calling its own `disable_telemetry_events` would come too late: by then the number is written.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        with undisturbed():
            return import_module("onnxruntime" + part)
    except Exception as error:  # of its own start, too, which is C++
        if lacks_memory(error):
            raise MemoryError(NO_MEMORY) from error
        if not isinstance(error, ImportError):
            raise
        said = " ".join(str(error).split())
        raise WeightsError(
            f"ONNX Runtime: it cannot be loaded ({said}); install manyhues again"
        ) from error


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Imports inside end before Ctrl-C counts: a library that is half imported stays broken."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
