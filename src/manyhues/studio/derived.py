"""Pictures to look at and to keep: made when first asked for, then served from the folder."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from manyhues.colorization import sheet_of
from manyhues.image import encode as writer
from manyhues.studio.folder import encode_small
from manyhues.studio.store import Session, Store


def full(store: Store, session: Session, rid: str, format: str = "png") -> Path:
    """One result at full size, in the input's own format for ``keep``."""
    session.result(rid)
    format_, _ = _format(session, format)
    path = session.folder / f"{rid}{_SAFE[format_]}"
    if not path.exists():
        one = store.load(session, rid)
        data = writer.encode(one.pixels(0), format_, session.picture.metadata)
        session.files.write(path.name, data)
    return path


def file_name(session: Session, rid: str, format: str) -> str:
    """What a download is called."""
    return f"{Path(session.name).stem}.{label(session, rid)}{_format(session, format)[1]}"


def label(session: Session, rid: str) -> str:
    """A result's number, and which steering of it: ``3``, ``3-1``."""
    result = session.result(rid)
    return f"{result.number}-{result.version}" if result.version else str(result.number)


def view(store: Store, session: Session, rid: str) -> Path:
    """One result as large as a screen."""
    session.result(rid)
    path = session.folder / f"{rid}.view"
    if not path.exists():
        one = store.load(session, rid)
        image = replace(one, scene=one.scene.shrunk(store.limits.view)).image(0)
        session.files.write(path.name, encode_small(image))
    return path


def grey(store: Store, session: Session) -> Path:
    """The picture without colour, as large as a screen."""
    path = session.folder / "grey.view"
    if not path.exists():
        method = store.methods[0]
        scene = store.scene(session, method).shrunk(store.limits.view)
        session.files.write(path.name, encode_small(scene.grey()))
    return path


def sheet(store: Store, session: Session, rids: Sequence[str]) -> bytes:
    """The input and results on one page, as JPEG."""
    samples = [
        (store.load(session, rid), label(session, rid), session.result(rid).made.action.label)
        for rid in rids
    ]
    methods = ", ".join(sorted({one.method for one, _, _ in samples}))
    page = sheet_of(samples[0][0].scene, samples, title=session.name, note=methods)
    return writer.encode_sheet(page)


def archive(store: Store, session: Session, rids: Sequence[str], format: str) -> Path:
    """Results at full size and their sheet in one ZIP."""
    key = hashlib.sha256(" ".join([format, *rids]).encode()).hexdigest()[:24]
    path = session.folder / f"{key}.zip"
    if path.exists():
        return path
    with (
        session.files.making(path.name) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as zipped,  # pictures shrink no further
    ):
        for rid in rids:
            zipped.write(full(store, session, rid, format), file_name(session, rid, format))
        zipped.writestr(f"{Path(session.name).stem}.sheet.jpg", sheet(store, session, rids))
    return path


def stem_and_suffix(session: Session) -> tuple[str, str]:
    """How the command line names results of this picture, or of the first page of several."""
    page = ".p1" if session.picture.page_count > 1 else ""
    return Path(session.name).stem + page, _format(session, "keep")[1]


def disposition(name: str) -> str:
    """A Content-Disposition that saves under a name, in UTF-8."""
    return f"attachment; filename*=utf-8''{quote(name, safe='')}"


def _format(session: Session, wanted: str) -> tuple[str, str]:
    picture = session.picture
    return writer.output_format(picture.format, picture.suffix, wanted)


# A file is named after the format alone, never after what was uploaded.
_SAFE = {name: f".full.{name.lower()}" for name in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF")}
