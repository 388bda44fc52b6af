"""Pictures to look at and to keep: made when first asked for, then served from the folder."""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
from PIL import Image

from manyhues.color.lab import rgb_to_lab
from manyhues.colorization import Colorization, sheet_of
from manyhues.image import encode as writer
from manyhues.image import provenance
from manyhues.image.picture import read_small_rgb
from manyhues.sampling.palette import palette
from manyhues.studio.folder import GREY, encode_small
from manyhues.studio.session import Session
from manyhues.studio.store import Store

Wanted = writer.Format | Literal["colour"]
_FULL_CHROMA = 12.0  # from which on a colour is opaque in a layer of colour alone


def full(
    store: Store, session: Session, rid: str, format: str = "png", quality: int | None = None
) -> Path:
    """One result at full size, in the input's own format for ``keep``.

    `quality` is that of JPEG, WebP and AVIF, 1 to 100; None keeps L*.
    """
    name = _full_name(session, rid, format, quality)
    return session.files.use(name) or session.files.write(
        name, full_bytes(store, session, rid, format, quality)
    )


def _full_name(session: Session, rid: str, format: str, quality: int | None) -> str:
    session.result(rid)
    format_, _ = _format(session, format)
    layer = ".colour" if format == "colour" else ""
    grade = f".q{quality}" if quality and format_ in writer.GRADED else ""
    return f"{rid}{layer}{grade}{_SAFE[format_]}"


def full_bytes(
    store: Store, session: Session, rid: str, format: str = "png", quality: int | None = None
) -> bytes:
    """The bytes of such a file, which is not kept where it is not there already."""
    there = session.files.use(_full_name(session, rid, format, quality))
    if there is not None:
        return there.read_bytes()
    format_, _ = _format(session, format)
    one = store.load(session, rid)
    if format == "colour":
        return colour_layer(one)
    return one.encoded(0, format_, quality)


def colour_layer(one: Colorization) -> bytes:
    """A colouring's colour alone as PNG: what is grey is transparent, and the rest opaque."""
    pixels = np.array(one.image(0).convert("RGBA"))
    for rows in np.array_split(pixels, max(1, len(pixels) // 256)):  # views; few at a time
        chroma = np.hypot(*np.moveaxis(rgb_to_lab(rows[..., :3] / np.float32(255)), -1, 0)[1:])
        rows[..., 3] = rows[..., 3] * np.clip(chroma / _FULL_CHROMA, 0, 1)
    given = one.scene.picture.metadata
    said = provenance.stamp(given, one.software(0), one.recipe(0), sampled=one.sampled)
    return writer.encode(pixels, "PNG", said)


def palette_of(data: bytes, max_pixels: int) -> bytes:
    """A picture as a palette is read from it: small, as PNG. Raises `ManyhuesError`."""
    out = BytesIO()
    Image.fromarray(read_small_rgb(data, max_pixels=max_pixels)).save(out, "PNG")
    palette(out.getvalue())  # refuses one without colour
    return out.getvalue()


def file_name(session: Session, rid: str, format: str) -> str:
    """What a download is called."""
    layer = ".colour" if format == "colour" else ""
    return f"{stem(session)}.{label(session, rid)}{layer}{_format(session, format)[1]}"


def label(session: Session, rid: str) -> str:
    """A result's number, and which steering of it: ``3``, ``3-1``."""
    result = session.result(rid)
    return f"{result.number}-{result.version}" if result.version else str(result.number)


def view(store: Store, session: Session, rid: str) -> Path:
    """One result as large as a screen."""
    session.result(rid)
    name = f"{rid}.view"
    found = session.files.use(name)
    if found is None:
        image = store.load(session, rid, small=True).image(0)
        found = session.files.write(name, encode_small(image))
    return found


def grey(store: Store, session: Session) -> Path:
    """The picture without colour, as large as a screen; made at the upload."""
    path = session.folder / GREY
    if not path.exists():
        scene, _ = store.small(session, store.at_hand(session))
        session.files.write(GREY, encode_small(scene.grey()))
    return path


def grey_full(store: Store, session: Session) -> Path:
    """The picture without colour at its own size, to compare with a result at its own size."""
    name = f"grey.full.{'png' if session.picture.format != 'JPEG' else 'jpeg'}"
    found = session.files.use(name)
    if found is None:
        scene = store.scene(session, store.at_hand(session))
        data = encode_small(scene.grey(), png=name.endswith("png"))
        found = session.files.write(name, data)
    return found


def sheet(store: Store, session: Session, rids: Sequence[str]) -> Path:
    """The input and results on one page, as JPEG."""
    key = hashlib.sha256(" ".join(rids).encode()).hexdigest()[:24]
    name = f"{key}.sheet.jpg"
    return session.files.use(name) or session.files.write(name, _sheet(store, session, rids))


def _sheet(store: Store, session: Session, rids: Sequence[str]) -> bytes:
    samples = [
        (
            store.load(session, rid, small=True),
            label(session, rid),
            session.result(rid).made.action.label,
        )
        for rid in rids
    ]
    methods = ", ".join(sorted({one.method for one, _, _ in samples}))
    scene = samples[0][0].scene
    page = sheet_of(scene, samples, title=scene.picture.title, note=methods, size=session.size)
    return writer.encode_sheet(page)


def stem(session: Session) -> str:
    """What results of this picture, or of this page of several, are called; as everywhere."""
    page = f".p{session.page}" if session.picture.page_count > 1 else ""
    return Path(session.name).stem + page


def suffix(session: Session) -> str:
    """The suffix of results in the picture's own format."""
    return _format(session, "keep")[1]


def disposition(name: str) -> str:
    """A Content-Disposition that saves under a name, in UTF-8."""
    return f"attachment; filename*=utf-8''{quote(name, safe='')}"


def _format(session: Session, wanted: str) -> tuple[str, str]:
    picture = session.picture
    if wanted == "colour":
        return "PNG", ".png"
    return writer.output_format(picture.format, picture.suffix, wanted)


# A file is named after the format alone, never after what was uploaded.
_SAFE = {
    name: f".full.{name.lower()}"
    for name in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "DICOM")
}
