"""A ZIP that is sent as it is made: one picture in memory at a time, and nothing kept.

Each picture waits for its own turn in the lane, so that others' downloads come in between.
"""

import io
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from manyhues.errors import ManyhuesError

Entry = tuple[str, Callable[[], Awaitable[bytes]]]  # a file's name in the archive, and its bytes
_REMEMBERED = 256


@dataclass
class Giving:
    """How far a download has come."""

    total: int
    done: int = 0
    state: Literal["preparing", "sending", "done", "failed", "stopped"] = "preparing"
    detail: str = ""


class Givings:
    """Downloads under the names that their clients gave them, the latest few."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, Giving] = OrderedDict()

    def begin(self, ticket: str, total: int) -> Giving:
        """A new one."""
        giving = self._all[ticket] = Giving(total)
        while len(self._all) > _REMEMBERED:
            self._all.popitem(last=False)
        return giving

    def get(self, ticket: str) -> Giving | None:
        """The one of that name."""
        return self._all.get(ticket)


class _Sink(io.RawIOBase):
    """What was written since it was last taken; a ZIP for it needs no seeking."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


async def zipped(
    entries: Sequence[Entry], giving: Giving, is_gone: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """The archive's bytes, entry by entry. Raises what an entry raises, which `giving` keeps."""
    sink = _Sink()
    try:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # pictures shrink no more
            for name, make in entries:
                if await is_gone():
                    giving.state = "stopped"
                    return
                archive.writestr(name, await make())
                giving.done += 1
                giving.state = "sending"
                yield sink.take()
        yield sink.take()
        giving.state = "done"
    except ManyhuesError as error:
        giving.state, giving.detail = "failed", str(error)
        raise
    finally:
        if giving.state in ("preparing", "sending"):
            giving.state = "stopped"
