"""EXIF, XMP, captions, resolution, JPEG quality: what an output inherits from its input."""

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffTags

_ORIENTATION = 0x0112
_TIFF_LAYOUT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 292, 293, 296}
    | {301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 338, 339, 347, 512, 513, 514, 529}
    | {530, 531, 532, 700, 34675}
)  # tags that describe how pixels are stored, not the photograph
CARRIED = 65011  # a private tag: EXIF of the TIFF page from which tiff.py made a plain one
LOST = b"Exif\0\0"  # what it holds where that page's EXIF could not be copied


@dataclass(frozen=True)
class Metadata:
    """What an output inherits. `exif` has its orientation reset; `dpi` is (0, 0) if unknown.

    `iptc` (the segments APP13, whole) and `comment` are a JPEG's, `texts` a PNG's.
    """

    exif: bytes = b""
    xmp: bytes = b""
    has_profile: bool = False
    dpi: tuple[float, float] = (0.0, 0.0)
    jpeg_quality: int = 0
    iptc: bytes = b""
    comment: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()


def without_layout(exif: Image.Exif) -> Image.Exif:
    """The same EXIF less what only its own TIFF file needs."""
    for tag in [tag for tag in exif if tag in _TIFF_LAYOUT]:
        del exif[tag]
    return exif


def with_letters(exif: Image.Exif) -> Image.Exif:
    """The same EXIF, its texts as the bytes they were: of text, Pillow writes ASCII alone."""
    for tag, value in list(exif.items()):
        if isinstance(value, str) and TiffTags.lookup(tag).type == TiffTags.ASCII:
            exif[tag] = value.encode("latin-1", "replace")  # as which it had read them
    return exif


def exif_bytes(exif: Image.Exif) -> bytes | None:
    """EXIF as a block for a file; empty without tags, None if Pillow cannot write what it read."""
    exif.bigtiff = False  # a block begins as a classic TIFF does, whatever it was read from
    try:
        return with_letters(exif).tobytes() if len(exif) else b""
    except (ValueError, TypeError, KeyError, OverflowError, struct.error):
        return None


def read_metadata(
    image: Any, format_: str, size: tuple[int, int], notes: list[str]
) -> tuple[Metadata, int]:
    """What to keep, and the orientation that is still to be applied."""
    info = image.info
    exif, carried = image.getexif(), None
    orientation = exif.get(_ORIENTATION, 1)
    orientation = orientation if orientation in range(1, 9) else 1
    if format_ == "TIFF":
        orientation = 1  # Pillow turns these itself while decoding
        carried = exif.get(CARRIED)
        if isinstance(carried, bytes) and carried.startswith(LOST):
            exif = Image.Exif()
            exif.load(carried)
        without_layout(exif)
    elif len(exif):
        exif[_ORIENTATION] = 1
    details = exif.get_ifd(0x8769)
    if details:
        width, height = size[::-1] if orientation >= 5 else size
        details.update({tag: value for tag, value in ((40962, width), (40963, height))
                        if tag in details})  # fmt: skip
        details[40961] = 1  # sRGB
    kept = exif_bytes(exif)
    if kept is None or carried == LOST:
        notes.append("its EXIF cannot be written again and is left out")
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    xmp = re.sub(rb'(tiff:Orientation(?:="|>))[2-8]', rb"\g<1>1", xmp)
    # The output has no gain map; readers that are told of one would look for it.
    xmp = xmp.replace(b"hdrgm:Version", b"hdrgm:WasVersion")
    dpi = info.get("dpi") or (0, 0)
    if dpi == (1, 1) or (format_ == "TIFF" and image.tag_v2.get(296, 2) == 1):
        dpi = (0, 0)  # Pillow's 1 where a TIFF says nothing; or no unit, only the pixels' shape
    if format_ == "JPEG" and info.get("jfif_unit") not in (1, 2) and 282 not in exif:
        dpi = (0, 0)  # Pillow's 72 where a JPEG says nothing
    if not all(0 < value <= 65535 for value in dpi):  # no number, or more than files can hold
        dpi = (0, 0)
    if orientation >= 5:
        dpi = dpi[::-1]
    quality, iptc, comment = 0, b"", b""
    texts: tuple[tuple[str, str], ...] = ()
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        quality = _jpeg_quality(image.quantization)
        parts = [part for name, part in image.applist if name == "APP13"]
        iptc = b"".join(b"\xff\xed" + struct.pack(">H", len(part) + 2) + part for part in parts)
        comment = info.get("comment", b"")
    elif isinstance(image, PngImagePlugin.PngImageFile):
        texts = tuple((key, str(text)) for key, text in image.text.items() if not _is_block(key))
    return (
        Metadata(
            exif=kept or b"",
            xmp=xmp,
            has_profile=bool(info.get("icc_profile")),
            dpi=(float(dpi[0]), float(dpi[1])),
            jpeg_quality=quality,
            iptc=iptc,
            comment=comment,
            texts=texts,
        ),
        orientation,
    )


def _is_block(key: str) -> bool:
    """Whether a PNG's text is a block of data in disguise, kept as such or out of date."""
    return key == "XML:com.adobe.xmp" or key.startswith("Raw profile type")


def _jpeg_quality(tables: dict[int, list[int]]) -> int:
    """The libjpeg quality 1..100 whose luma table comes nearest to a JPEG's first table."""
    mean = float(np.mean(tables[min(tables)])) if tables else 100.0
    # The standard luma table's mean is 57.6 at quality 50 and scales by (200 - 2 q) %.
    percent = 100 * mean / 57.6
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return int(np.clip(round(quality), 1, 100))
