"""Coloured pixels out: one file at a time, whole or not at all."""

import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from manyhues import __version__
from manyhues.color import profiles
from manyhues.color.lab import to_8_bits
from manyhues.errors import OutputError, UsageError, lacks_memory
from manyhues.image import provenance
from manyhues.image.files import Format as Format
from manyhues.image.formats import sixteen_bit
from manyhues.image.metadata import Metadata, with_letters, without_layout
from manyhues.image.picture import Picture
from manyhues.image.secondary_capture import secondary_capture

FORMATS = {
    **{"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"},
    **{"tiff": "TIFF", "tif": "TIFF", "dicom": "DICOM"},
}
_SUFFIX = {
    "PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tiff", "BMP": ".bmp", "AVIF": ".avif",
    "DICOM": ".dcm",
}  # fmt: skip
_KEPT = frozenset(_SUFFIX) - {"DICOM"}  # a DICOM result is a document of its own, if asked for
GRADED = frozenset({"JPEG", "WEBP", "AVIF"})  # formats that have a quality
_ALIASES = {".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".tif": "TIFF"}
# Over 17 photographs, mean and 99th percentile of |dL*| in the worst of them: quality 90 gives
# .51 and 2.5, 95 .36 and 1.8, 97 .23 and .9 (promised: .5 and 2, of any photograph).
MIN_JPEG_QUALITY = 97
_SMALL = 64 * 64  # pixels; in pictures this small 97 can miss it (mean 1.1), 100 cannot (.4)


def output_format(format_: str, suffix: str, wanted: str) -> tuple[str, str]:
    """Pillow's format name and the suffix of an output, from the input's and the user's wish.

    `wanted` is ``keep`` or one of `FORMATS`, in any case of letters. Kept formats
    that cannot hold a photograph's colours (GIF), or that Pillow may not write (HEIC), become PNG.
    """
    known = wanted.lower() if isinstance(wanted, str) else ""
    if known != "keep":
        if known not in FORMATS:
            raise UsageError(f"format {wanted!r} is unknown; use keep, {', '.join(FORMATS)}")
        name = FORMATS[known]
        return name, _SUFFIX[name]
    if format_ not in _KEPT:
        return "PNG", ".png"
    same = _ALIASES.get(suffix.lower()) == format_ or suffix.lower() == _SUFFIX[format_]
    return format_, suffix if same else _SUFFIX[format_]


def losses(picture: Picture, format_: str) -> tuple[str, ...]:
    """What a format cannot hold of a picture, in words for the user."""
    notes = []
    if picture.format and picture.format not in _KEPT and format_ == "PNG":
        notes.append(f"{picture.format} input is written as PNG")
    if picture.alpha is not None and format_ in ("JPEG", "DICOM"):
        notes.append(f"{format_} holds no transparency: written opaque")
    if picture.scale is not None and format_ not in ("PNG", "TIFF"):
        notes.append(f"values cannot be read back from {format_}: write PNG or TIFF for that")
    elif picture.bits == 16 and format_ not in ("PNG", "TIFF"):
        notes.append(f"{format_} holds 8 bits: 16-bit input is written with 8")
    metadata = picture.metadata
    if (metadata.iptc or metadata.comment) and format_ != "JPEG":
        notes.append(f"IPTC captions and comments of a JPEG are left out in {format_}")
    if metadata.texts and format_ != "PNG":
        notes.append(f"text chunks of a PNG are left out in {format_}")
    return tuple(notes)


def graded(format_: str, quality: int | None) -> dict[str, int]:
    """What a file's recipe says of the quality that was asked for: nothing, where none was."""
    return {} if quality is None or format_ not in GRADED else {"quality": quality}


def encode(
    pixels: NDArray[Any], format_: str, metadata: Metadata, quality: int | None = None
) -> bytes:
    """sRGB ``(H, W, 3 or 4)`` uint8 or uint16 as the bytes of a file.

    The file carries the metadata, and an sRGB profile if the input had any profile. `quality` is
    that of the formats in `GRADED`, 1 to 100; by default the one that keeps L*. Raises
    `OutputError` where the format cannot hold them.
    """
    try:
        return _encode(pixels, format_, metadata, quality)
    except (OSError, ValueError, OverflowError, struct.error) as error:
        if lacks_memory(error):
            raise
        # 16,383 pixels are WebP's limit, 65,500 JPEG's
        raise OutputError(
            f"{format_} cannot hold this picture ({error}); choose another format"
        ) from error


def _encode(pixels: NDArray[Any], format_: str, metadata: Metadata, wanted: int | None) -> bytes:
    profile = profiles.srgb_profile() if metadata.has_profile else b""
    exif = Image.Exif()
    exif.load(metadata.exif)
    if format_ == "TIFF":  # Pillow's own writer takes EXIF or XMP, not both
        return sixteen_bit.tiff(
            pixels,
            icc=profile,
            exif=with_letters(without_layout(exif)),
            xmp=metadata.xmp,
            dpi=metadata.dpi,
        )
    if format_ == "PNG" and pixels.dtype == np.uint16:
        texts = _png_texts(metadata)
        return sixteen_bit.png(
            pixels, icc=profile, exif=metadata.exif, texts=texts, dpi=metadata.dpi
        )
    pixels = to_8_bits(pixels)
    if format_ == "BMP" and pixels.shape[2] == 4:
        return _bmp_with_alpha(pixels, metadata.dpi)
    if format_ == "DICOM":
        recipe = provenance.read(metadata.xmp)
        said = f"artificial colour: {metadata.software}{_legend(recipe or {})}"
        return secondary_capture(pixels[..., :3], said, metadata.software, metadata.patient, recipe)
    if format_ == "JPEG":
        pixels = pixels[..., :3]
    options: dict[str, Any] = {}
    if profile:
        options["icc_profile"] = profile
    if metadata.exif and format_ != "BMP":
        options["exif"] = metadata.exif
    if any(metadata.dpi) and format_ in ("JPEG", "PNG", "BMP"):
        options["dpi"] = metadata.dpi
    if metadata.xmp and format_ != "PNG":
        options["xmp"] = metadata.xmp
    if format_ == "JPEG":
        least = MIN_JPEG_QUALITY if pixels.shape[0] * pixels.shape[1] > _SMALL else 100
        quality = wanted or max(least, metadata.jpeg_quality)
        # Full chroma resolution: half would move L* along coloured edges.
        options |= {"quality": quality, "subsampling": 0}
        options |= {"extra": metadata.iptc, "comment": metadata.comment}
    elif format_ == "WEBP":
        # Lossy WebP stores chroma at half resolution, which moves L*: only if asked for.
        lossless = {"lossless": True, "quality": 20, "exact": True}
        options |= {"quality": wanted} if wanted else lossless
    elif format_ == "AVIF":
        options |= {"quality": wanted or 95, "subsampling": "4:4:4"}
        if metadata.exif:  # of bytes, Pillow would read and write the texts
            options["exif"] = with_letters(exif)
    elif format_ == "PNG":
        options |= {"compress_level": 4, "pnginfo": _png_texts(metadata)}
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, format_, **options)
    return out.getvalue()


def _legend(recipe: Mapping[str, Any]) -> str:
    """The legend of a colour map, in words, for programs that know no recipe."""
    shown = ", ".join(f"{value:g} {colour}" for value, colour in recipe.get("legend", ()))
    unit = recipe.get("values", {}).get("unit", "")
    return f"; legend: {shown} {unit}".rstrip() if shown else ""


def _bmp_with_alpha(pixels: NDArray[np.uint8], dpi: tuple[float, float]) -> bytes:
    """``(H, W, 4)`` as a BMP whose header, BITMAPV4HEADER, names alpha; Pillow's own does not."""
    height, width = pixels.shape[:2]
    body = np.ascontiguousarray(pixels[::-1, :, [2, 1, 0, 3]]).tobytes()
    per_metre = (round((value or 96) / 0.0254) for value in dpi)
    start = 14 + 108
    head = struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
    head += struct.pack("<IiiHHII2iII", 108, width, height, 1, 32, 3, len(body), *per_metre, 0, 0)
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    return (head + masks + b"BGRs").ljust(start, b"\0") + body  # "sRGB", as a number


def _png_texts(metadata: Metadata) -> PngImagePlugin.PngInfo:
    """The text chunks of a PNG, XMP among them."""
    texts = PngImagePlugin.PngInfo()
    if metadata.xmp:
        texts.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    for key, value in metadata.texts:
        texts.add_text(key, value)
    return texts


def encode_sheet(image: Image.Image) -> bytes:
    """A contact sheet as JPEG: good for looking, small for posting. It says what it is."""
    software = f"manyhues {__version__} (contact sheet; {provenance.NOTICE})"
    said = provenance.stamp(Metadata(), software, {"version": __version__, "sheet": True})
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92, subsampling=0, exif=said.exif, xmp=said.xmp)
    return out.getvalue()
