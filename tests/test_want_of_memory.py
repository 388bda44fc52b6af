"""Want of memory: known by what is raised, told as what it is, and asked for before it is used."""

import errno
from pathlib import Path

import pytest

from manyhues import memory
from manyhues.batch.report import unexpected
from manyhues.errors import PictureError, lacks_memory
from manyhues.image.decoding import decoding


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("_imaging.so: failed to map segment from shared object"),
        RuntimeError("Exception caught: std::bad_alloc"),
        RuntimeError("can't start new thread"),
        RuntimeError("pthread_create of thread 3: Resource temporarily unavailable"),
        OSError("out of memory error when reading image file"),
        caused(ImportError("numpy's C extensions cannot be imported"), MemoryError()),
    ],
    ids=str,
)
def test_want_of_memory_is_told_as_such(error: Exception) -> None:
    assert lacks_memory(error)
    said = unexpected(Path("a.jpg"), error)
    assert said.startswith("a.jpg: not enough memory for it; make it smaller")
    assert "\n" not in said
    with pytest.raises(PictureError, match=r"a\.jpg: not enough memory"), decoding("a.jpg"):
        raise error


def test_our_own_message_about_it_is_known_again() -> None:
    with pytest.raises(PictureError) as told, decoding("a.jpg"):
        raise MemoryError
    told.value.__cause__ = told.value.__context__ = None  # as one that came from another process
    assert lacks_memory(told.value)


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'rawpy'"),
        BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
        ValueError("memory layout is not contiguous"),
        OSError(errno.ENOSPC, "No space left on device"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/scans/out of memory.png"),
        PictureError("out of memory.png: truncated or damaged (EOF); copy it again"),
    ],
    ids=str,
)
def test_other_faults_are_not(error: Exception) -> None:
    assert not lacks_memory(error)
    assert "please report it" in unexpected("a.jpg", error)


def test_without_room_any_fault_is_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "has_room", lambda megabytes: False)
    said = unexpected("a.mp4", RuntimeError("Generic error in an external library"))
    assert said.startswith("a.mp4: not enough memory")


def test_without_a_limit_there_is_always_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "is_limited", lambda: False)
    memory.need(1 << 30)


@pytest.mark.skipif(not hasattr(memory, "resource"), reason="NO LIMITS on this system")
def test_room_is_asked_for_under_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "is_limited", lambda: True)
    memory.need(1)
    assert not memory.has_room(1 << 40)  # more than any address has
    with pytest.raises(MemoryError, match="not enough memory; close other programs"):
        memory.need(1 << 40)
