"""EXIF, XMP, captions, resolution, JPEG quality: what an output inherits from its input."""

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ExifTags, Image, TiffTags
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from manyhues.image.decoding import decoding

_ORIENTATION = 0x0112
# Tags that say how pixels are stored, or point to elsewhere in the file: TIFF 6.0 and its
# supplements, SGI's, ImageJ's, Photoshop's layers, DNG's.
_TIFF_LAYOUT = frozenset(
    {*range(254, 260), *range(262, 267), 273, 274, *range(277, 285), *range(288, 294), 296, 300}
    | {
        301,
        *range(317, 348),
        *range(351, 368),
        *range(400, 406),
        *range(433, 437),
        *range(512, 533),
    }
    | {559, 700, *range(32995, 32999), 33421, 33422, 34412, 34675, 37724, 50838, 50839}
    | {*range(50706, 51200)}
)
_DESCRIPTION, _DETAILS, _GPS, _INTEROPERABILITY = 0x010E, 0x8769, 0x8825, 0xA005
# EXIF's tags of type UNDEFINED whose type Pillow does not know: it would write them as numbers,
# which libtiff complains of.
_UNDEFINED = (37121, 37500, 37510, 41484, 41728, 41729, 41995)
_COMMENT = 37510
for _tag in _UNDEFINED:
    _info = TiffTags.TagInfo(_tag, ExifTags.TAGS.get(_tag, ""), TiffTags.UNDEFINED, 0)
    TiffTags.TAGS_V2_GROUPS[_DETAILS].setdefault(_tag, _info)
# Descriptions by which programs read their own files' layout, and would misread a result's.
_PROGRAMS = {"ImageJ=": "ImageJ", "SCIFIO=": "SCIFIO", '{"shape"': "tifffile", "<OME": "OME"}
EXIF_LOST = "its EXIF cannot be written again and is left out"


@dataclass(frozen=True)
class Metadata:
    """What an output inherits. `exif` has its orientation reset; `dpi` is (0, 0) if unknown.

    `patient` is a DICOM file whose patient a DICOM result names, `software` what made the result.
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
    patient: bytes = b""
    software: str = ""


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
    details = directory(exif, _DETAILS)
    if isinstance(said := details.get(_COMMENT), str):
        details[_COMMENT] = b"UNICODE\0" + said.encode("utf-16-be")
    for pointer in (_DETAILS, _GPS):
        if pointer in exif and not exif.get_ifd(pointer):  # TIFF knows none without tags
            del exif[pointer]
    try:
        return with_letters(exif).tobytes() if len(exif) else b""
    except (ValueError, TypeError, KeyError, OverflowError, struct.error):
        return None


def read_orientation(image: Any) -> int:
    """EXIF's orientation 1 to 8 that is still to be applied to an image of Pillow's."""
    if image.format == "TIFF":
        return 1  # Pillow turns these itself while decoding
    exif = image.getexif()
    if _ORIENTATION not in exif:
        return 1
    orientation = exif[_ORIENTATION]
    return int(orientation) if orientation in range(1, 9) else 1


def directory(exif: Image.Exif, pointer: int) -> dict[int, Any]:
    """A directory that EXIF points to; asked for one that is not there, Pillow would write it."""
    return exif.get_ifd(pointer) if pointer in exif else {}


def kept_exif(exif: Image.Exif, size: tuple[int, int]) -> tuple[bytes, tuple[str, ...]]:
    """EXIF of a result whose `size` is given upright, and notes on what is left out of it."""
    details = directory(exif, _DETAILS)
    if details:
        width, height = size
        details.update({tag: value for tag, value in ((40962, width), (40963, height))
                        if tag in details})  # fmt: skip
        details[40961] = 1  # sRGB
        details.pop(_INTEROPERABILITY, None)  # points into the old file, and may say Adobe RGB
    notes = []
    if program := _describes(exif.get(_DESCRIPTION)):
        del exif[_DESCRIPTION]
        notes.append(f"its {program} description, which no longer fits, is left out")
    block = exif_bytes(exif)
    if block is None:
        if odd := _without_odd_tags(exif):
            names = ", ".join(str(ExifTags.TAGS.get(tag, tag)) for tag in odd)
            notes.append(f"EXIF that cannot be written again is left out: {names}")
        block = exif_bytes(exif)
    return (block, tuple(notes)) if block is not None else (b"", (EXIF_LOST,))


def _describes(description: Any) -> str:
    """The program that an image description is for; empty for people's own words."""
    if isinstance(description, bytes):
        description = description.decode("latin-1")
    start = description[:4000].lstrip() if isinstance(description, str) else ""
    for sign, program in _PROGRAMS.items():
        if start.startswith(sign) or (sign == "<OME" and start[:1] == "<" and sign in start):
            return program
    return ""


def _without_odd_tags(exif: Image.Exif) -> list[int]:
    """Take out each tag that cannot be written, and only it. Gives their numbers."""
    odd = []
    blocks: list[tuple[int, Any]] = [(0, exif)]
    blocks += [(pointer, directory(exif, pointer)) for pointer in (_DETAILS, _GPS)]
    for pointer, tags in blocks:
        for tag in [tag for tag in tags if tag not in (_DETAILS, _GPS)]:
            alone = Image.Exif()
            (alone.get_ifd(pointer) if pointer else alone)[tag] = tags[tag]
            if exif_bytes(alone) is None:
                del tags[tag]
                odd.append(tag)
    return odd


def clean_xmp(xmp: bytes) -> bytes:
    """XMP that says what is true of the result: upright, and without a gain map."""
    xmp = re.sub(rb'(tiff:Orientation(?:="|>))[2-8]', rb"\g<1>1", xmp)
    # Readers that are told of a gain map would look for one.
    return xmp.replace(b"hdrgm:Version", b"hdrgm:WasVersion")


def read_metadata(image: Any, name: str) -> tuple[Metadata, tuple[str, ...]]:
    """What a result inherits from a decoded image of Pillow's, and notes on what it does not."""
    with decoding(name):
        orientation = read_orientation(image)
        exif, info = image.getexif(), image.info
        directory(exif, _DETAILS)
        texts = tuple(image.text.items()) if isinstance(image, PngImageFile) else ()
    is_tiff, is_jpeg = image.format == "TIFF", isinstance(image, JpegImageFile)
    notes: list[str] = []
    if is_tiff:
        without_layout(exif)
    elif len(exif):
        exif[_ORIENTATION] = 1
    kept, lost = kept_exif(exif, image.size[::-1] if orientation >= 5 else image.size)
    notes += lost
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    xmp = xmp if isinstance(xmp, bytes) else b""  # of a TIFF, whose tag has another type
    if b"hdrgm:" in xmp:
        notes.append("its HDR gain map is left out: the standard picture was read")
    dpi = info.get("dpi") or (0, 0)
    if dpi == (1, 1) or (is_tiff and image.tag_v2.get(296, 2) == 1):
        dpi = (0, 0)  # Pillow's 1 where a TIFF says nothing; or no unit, only the pixels' shape
    if is_jpeg and info.get("jfif_unit") not in (1, 2) and 282 not in exif:
        dpi = (0, 0)  # Pillow's 72 where a JPEG says nothing
    if not all(0 < value <= 65535 for value in dpi):  # no number, or more than files can hold
        dpi = (0, 0)
    if orientation >= 5:
        dpi = dpi[::-1]
    quality, iptc, comment = 0, b"", b""
    if is_jpeg:
        quality = _jpeg_quality(image.quantization)
        parts = [part for marker, part in image.applist if marker == "APP13"]
        iptc = b"".join(b"\xff\xed" + struct.pack(">H", len(part) + 2) + part for part in parts)
        comment = info.get("comment", b"")
    metadata = Metadata(
        exif=kept,
        xmp=clean_xmp(xmp),
        has_profile=bool(info.get("icc_profile")),
        dpi=(float(dpi[0]), float(dpi[1])),
        jpeg_quality=quality,
        iptc=iptc,
        comment=comment,
        texts=tuple((key, str(text)) for key, text in texts if not _is_block(key)),
    )
    return metadata, tuple(notes)


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
