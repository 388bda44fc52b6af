"""The files of one session: counted, whole or absent, never named after what was uploaded."""

import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from manyhues.errors import ManyhuesError


class LostError(ManyhuesError):
    """A session or result that is not there, or no longer."""


@contextmanager
def vanishing() -> Iterator[None]:
    """A file that is gone was deleted with its session, meanwhile."""
    try:
        yield
    except FileNotFoundError:
        raise LostError("this session has just been deleted") from None


class SessionFolder:
    """The folder of one session; `bytes` is the size of its files together."""

    def __init__(self, path: Path) -> None:
        self.path, self.bytes = path, 0
        self._lock = threading.Lock()
        path.mkdir(mode=0o700)

    def write(self, name: str, data: bytes) -> Path:
        """A file of these bytes."""
        with self.making(name) as part:
            part.write_bytes(data)
        return self.path / name

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A file to fill, which then gets its name and is counted; if that fails, it is deleted."""
        path = self.path / name
        part = self.path / f"{name}.{secrets.token_hex(4)}.part"
        try:
            yield part
            with self._lock:
                had = path.stat().st_size if path.exists() else 0
                grown = part.stat().st_size - had
                part.replace(path)
                self.bytes += grown
        finally:
            part.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete it with all its files; one that has gone already is no fault."""
        shutil.rmtree(self.path, ignore_errors=True)


def encode_small(image: Image.Image) -> bytes:
    """A picture for looking: JPEG, or PNG where it has transparency."""
    out = BytesIO()
    if image.mode == "RGBA":
        image.save(out, "PNG", compress_level=4)
    else:
        image.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


def clean_name(name: str) -> str:
    """The last part of a client's file name, for display and downloads alone, never for a path."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(" .")
    stem, suffix = Path(kept).stem[:80], Path(kept).suffix[:10]
    return f"{stem}{suffix}" if stem else "picture"
