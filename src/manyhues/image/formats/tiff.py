"""TIFF layouts that Pillow does not read, or reads wrongly, as plain ones that it reads.

Separate planes of 16 bits (Pillow 13 reads them as noise), 16-bit grey with alpha, 16-bit Lab, and
extra channels. tifffile, an optional library, decodes them.
"""

import io
import logging
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from manyhues.color.lab import luminance_to_grey
from manyhues.errors import PictureError
from manyhues.image.metadata import CARRIED, LOST, exif_bytes, without_layout
from manyhues.image.quiet import without_warnings

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COPIED = (274, 700, 34675)  # orientation, XMP, ICC
_GREY, _RGB, _INK, _LAB = (0, 1), 2, 5, (8, 9)
_CHANNELS = 16  # the most that are decoded: a thousand fit into a small file, and not into memory


def plain(data: bytes, name: str, max_pixels: int, *, only_first: bool = False) -> bytes:
    """The file itself where Pillow reads it rightly; else the same pages in a plain layout.

    With `only_first`, the other pages of a rewritten file are one black pixel each, so that they
    still count. Raises `PictureError`, which says what the layout is and what to do.
    """
    if data[:4] not in _MAGIC:
        return data
    with without_warnings():  # Pillow's, of damaged tags
        return _rewritten(data, name, max_pixels, only_first) if _strange(data) else data


def _rewritten(data: bytes, name: str, max_pixels: int, only_first: bool) -> bytes:
    # What the library cannot read it also logs, and that would reach standard error.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    try:
        tifffile: Any = import_module("tifffile")
    except ImportError:
        raise PictureError(
            f"{name}: a TIFF layout that Pillow does not read; pip install 'manyhues[tiff]', "
            "or save it as RGB or grey without extra channels"
        ) from None
    out = io.BytesIO()
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as source, tifffile.TiffWriter(out) as writer:
            pages = [page for page in source.pages if not page.is_reduced]
            wanted = pages[:1] if only_first else pages
            _check_sum(wanted, name, max_pixels)
            for page in wanted:
                _rewrite(page, writer, _exif(data, page.offset), name, max_pixels)
            for _ in pages[len(wanted) :]:
                writer.write(np.zeros((1, 1), np.uint8), metadata=None, software=False)
    except PictureError:
        raise
    except Exception as error:  # damaged files, or compressions that want another library
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PictureError(
            f"{name}: this TIFF cannot be read ({reason}); "
            "save it as RGB or grey, uncompressed or with deflate"
        ) from error
    return out.getvalue()


def _strange(data: bytes) -> bool:
    try:
        image: Any = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        return True
    except Exception:  # damaged: the caller's own reading says how
        return False
    return misread(image)


def misread(image: Any) -> bool:
    """Whether Pillow opens an image and then decodes noise: separate planes of 16 bits."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(284) == 2 and tags.get(277, 1) > 1 and max(tags.get(258, (1,))) > 8


def _check_sum(pages: list[Any], name: str, max_pixels: int) -> None:
    """Refuse pages too large to stand in memory at the same time, as rewritten ones do."""
    total = sum(page.imagewidth * page.imagelength for page in pages)
    if len(pages) > 1 and total > max_pixels:
        raise PictureError(
            f"{name}: {len(pages)} pages of together {total / 1e6:.0f} million pixels are over "
            f"the limit of {max_pixels / 1e6:.0f} million for this layout; "
            "save each as a file of its own"
        )


def _rewrite(page: Any, writer: Any, exif: bytes, name: str, max_pixels: int) -> None:
    kind, width, height = int(page.photometric), page.imagewidth, page.imagelength
    if page.samplesperpixel > _CHANNELS:
        raise PictureError(
            f"{name}: {page.samplesperpixel} channels are no photograph's; save it as RGB or grey"
        )
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} pixels are over the limit of "
            f"{max_pixels / 1e6:.0f} million; make it smaller first"
        )
    if page.dtype is None or page.dtype.kind != "u" or page.dtype.itemsize > 2:
        raise PictureError(
            f"{name}: its samples ({page.dtype}) have no fixed white point; "
            "save it with 16 bits, unsigned"
        )
    pixels = page.asarray()
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    elif int(page.planarconfig) == 2:
        pixels = np.moveaxis(pixels, 0, -1)
    colours = {_INK: 4, **dict.fromkeys(_GREY, 1)}.get(kind, 3)
    if kind not in (*_GREY, _RGB, _INK, *_LAB) or pixels.shape[2] < colours:
        raise PictureError(
            f"{name}: {page.photometric.name} of {pixels.shape[2]} channels is no photograph's "
            "layout; save it as RGB or grey"
        )
    alpha = None
    if page.extrasamples and int(page.extrasamples[0]) in (1, 2):
        alpha = pixels[..., colours : colours + 1]
        if int(page.extrasamples[0]) == 1:
            pixels = _unmultiplied(pixels, alpha)
        if kind == _INK:
            raise PictureError(f"{name}: CMYK with transparency; save it as RGB with transparency")
    pixels = pixels[..., :colours]
    if kind in _LAB:
        kind, pixels = 1, _lab_to_grey(pixels, page)
    if alpha is not None:  # Pillow has no grey with alpha of 16 bits
        rgb = np.invert(pixels) if kind == 0 else pixels
        kind, pixels = _RGB, np.concatenate([np.broadcast_to(rgb, (*rgb.shape[:2], 3)), alpha], 2)
    writer.write(
        pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels),
        photometric={0: "miniswhite", 1: "minisblack", _RGB: "rgb", _INK: "separated"}[kind],
        extrasamples=["unassalpha"] if pixels.shape[2] == 4 and kind == _RGB else None,
        metadata=None,
        software=False,
        **_kept(page, exif),
    )


def _unmultiplied(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Colours, which alpha had been multiplied into, as they were; black where nothing is left."""
    whole = np.iinfo(pixels.dtype).max
    colours = np.round(pixels * (whole / np.maximum(alpha, 1).astype(np.float32)))
    return np.where(alpha > 0, np.minimum(colours, whole), 0).astype(pixels.dtype)


def _lab_to_grey(pixels: NDArray[Any], page: Any) -> NDArray[np.uint16]:
    """L* of CIELab or ICCLab samples as sRGB grey of 16 bits; their colour is not needed."""
    whole = 255.0 if pixels.dtype == np.uint8 else 65535.0
    if int(page.photometric) == 9 and pixels.dtype == np.uint16:
        whole = 65280.0  # ICC's encoding of version 2: 100 is 0xFF00
    luminance = np.clip(pixels[..., :1] * (100 / whole), 0, 100)
    return np.asarray(np.round(luminance_to_grey(luminance) * 65535), np.uint16)


def _exif(data: bytes, offset: int) -> bytes:
    """EXIF, with GPS and all, of the page whose directory lies at `offset`; `LOST` if damaged."""
    exif: Any = Image.Exif()
    exif.endian, exif.bigtiff = "<" if data[:1] == b"I" else ">", b"+" in data[2:4]
    try:
        exif.load_from_fp(io.BytesIO(data), offset)
        found = exif_bytes(without_layout(exif))
    except Exception:  # whatever Pillow raises here, the picture itself can be read
        return LOST
    return LOST if found is None else found


def _kept(page: Any, exif: bytes) -> dict[str, Any]:
    lab = int(page.photometric) in _LAB  # its profile is of Lab, the rewritten page is sRGB grey
    tags = [
        page.tags[code] for code in _COPIED if code in page.tags and not (lab and code == 34675)
    ]
    kept: dict[str, Any] = {
        "extratags": [
            (tag.code, int(tag.dtype), None if tag.dtype == 2 else tag.count, tag.value, True)
            for tag in tags
        ]
        + ([(CARRIED, 7, len(exif), exif, True)] if exif else [])
    }
    if 282 in page.tags and 283 in page.tags:
        across, down = (page.tags[code].value for code in (282, 283))
        kept["resolution"] = across, down
        kept["resolutionunit"] = page.tags[296].value if 296 in page.tags else 2
    return kept
