"""TIFF, every page of it: by Pillow, or where it reads none or noise by tifffile.

What Pillow does not read, or reads wrongly: separate planes of 16 bits (Pillow 13 reads them as
noise), 16-bit grey with alpha, 16-bit Lab, and extra channels. tifffile is an optional library.
"""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.lab import luminance_to_grey
from manyhues.errors import PictureError
from manyhues.image.decoding import decoding, no_memory
from manyhues.image.formats.base import PLAIN_INK, Decoded, File, Page
from manyhues.image.formats.pillow import CUT, Pillow, PillowPage
from manyhues.image.formats.sixteen_bit import without_ink
from manyhues.image.metadata import EXIF_LOST, Metadata, clean_xmp, kept_exif, without_layout
from manyhues.image.quiet import without_warnings

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GREY, _RGB, _INK, _LAB = (0, 1), 2, 5, (8, 9)
_CHANNELS = 16  # the most that are decoded: a thousand fit into a small file, and not into memory
_REDUCED, _ORIENTATION, _XMP, _ICC = 254, 274, 700, 34675
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_READ = (_ORIENTATION, _XMP, _ICC, _ACROSS, _DOWN, _UNIT)


class Tiff(Pillow):
    """TIFF and BigTIFF; reduced-size pages are no pages."""

    names = ("TIFF",)
    suffixes = frozenset({".tif", ".tiff"})
    paged = True
    general = False

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether it begins as a TIFF does, of either byte order and size."""
        return head[:4] in _MAGIC

    @classmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """Every page in its order, each by the library that reads it."""
        image = cls.open_known(file)
        if image is not None:
            with decoding(file.name):
                return _found_by_pillow(file, image)
        with _tifffile(file.name) as library, library.TiffFile(io.BytesIO(file.data)) as opened:
            found = [
                (page.is_reduced, TifffilePage(file, i, (page.imagewidth, page.imagelength), 16))
                for i, page in enumerate(opened.pages)
            ]
        if not found:
            raise PictureError(f"{file.name}: damaged header (no page); copy it again")
        whole = [page for is_reduced, page in found if not is_reduced]
        return whole or [page for _, page in found[:1]]

    @classmethod
    def from_image(cls, image: Image.Image, name: str) -> Decoded:
        """As `Pillow.from_image`, where the image is not noise."""
        if misread(image):
            raise PictureError(
                f"{name}: Pillow misreads this TIFF layout; give its path or its bytes"
            )
        return super().from_image(image, name)


def misread(image: Any) -> bool:
    """Whether Pillow opens an image and then decodes noise: separate planes of 16 bits."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(284) == 2 and tags.get(277, 1) > 1 and max(tags.get(258, (1,))) > 8)


def _found_by_pillow(file: File, image: Any) -> Sequence[Page]:
    found: list[tuple[bool, Page]] = []
    for index in count():
        try:
            image.seek(index)
            strange = misread(image)
        except EOFError:
            break
        except SyntaxError:  # a layout that Pillow does not know
            strange = True
        tags = image.tag_v2
        if strange:
            size = int(tags.get(256, 0)), int(tags.get(257, 0))
            bits = 16 if max(tags.get(258, (1,))) > 8 else 8
            page: Page = TifffilePage(file, index, size, bits)
        else:
            page = PillowPage(Tiff, file, image, index)
        found.append((bool(tags.get(_REDUCED, 0) & 1), page))
    return [page for reduced, page in found if not reduced] or [found[0][1]]


@dataclass(frozen=True)
class _Layout:
    """What the directory of a page says of its pixels, as plain numbers."""

    kind: int
    name: str
    channels: int
    dtype: Any
    planar: bool
    extra: int  # what the first channel beyond the colours is: 1 or 2 alpha, 0 anything
    offset: int
    tags: dict[int, Any]


class TifffilePage(Page):
    """A page that tifffile decodes."""

    format = "TIFF"

    def __init__(self, file: File, index: int, size: tuple[int, int], bits: int) -> None:
        self._file, self.index, self.size, self.bits = file, index, size, bits

    def decode(self) -> Decoded:
        """See `Page`."""
        data, name = self._file.data, self._file.name
        with _tifffile(name) as library, library.TiffFile(io.BytesIO(data)) as opened:
            layout = _layout(opened.pages[self.index])
            _check(layout, name)
            pixels = opened.pages[self.index].asarray()
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        elif layout.planar:
            pixels = np.moveaxis(pixels, 0, -1)
        return _decoded(pixels, layout, data, name)


@contextmanager
def _tifffile(name: str) -> Iterator[Any]:
    """The library; whatever it raises is one kind of error, with what to do."""
    # What it cannot read it also logs, and that would reach standard error.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    try:
        library = import_module("tifffile")
    except ImportError:
        raise PictureError(
            f"{name}: a TIFF layout that Pillow does not read; pip install 'manyhues[tiff]', "
            "or save it as RGB or grey without extra channels"
        ) from None
    try:
        with without_warnings():
            yield library
    except PictureError:
        raise
    except MemoryError as error:
        raise no_memory(name) from error
    except Exception as error:  # damaged files, or compressions that want another library
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PictureError(
            f"{name}: this TIFF cannot be read ({reason}); "
            "save it as RGB or grey, uncompressed or with deflate"
        ) from error


def _layout(page: Any) -> _Layout:
    return _Layout(
        kind=int(page.photometric),
        name=page.photometric.name,
        channels=page.samplesperpixel,
        dtype=page.dtype,
        planar=int(page.planarconfig) == 2,
        extra=int(page.extrasamples[0]) if page.extrasamples else 0,
        offset=page.offset,
        tags={code: page.tags[code].value for code in _READ if code in page.tags},
    )


def _check(layout: _Layout, name: str) -> None:
    """Refuse, before decoding, what is no photograph's layout."""
    if layout.channels > _CHANNELS:
        raise PictureError(
            f"{name}: {layout.channels} channels are no photograph's; save it as RGB or grey"
        )
    if layout.dtype is None or layout.dtype.kind != "u" or layout.dtype.itemsize > 2:
        raise PictureError(
            f"{name}: its samples ({layout.dtype}) have no fixed white point; "
            "save it with 16 bits, unsigned"
        )


def _decoded(pixels: NDArray[Any], layout: _Layout, data: bytes, name: str) -> Decoded:
    kind = layout.kind
    colours = {_INK: 4, **dict.fromkeys(_GREY, 1)}.get(kind, 3)
    if kind not in (*_GREY, _RGB, _INK, *_LAB) or pixels.shape[2] < colours:
        raise PictureError(
            f"{name}: {layout.name} of {pixels.shape[2]} channels is no photograph's layout; "
            "save it as RGB or grey"
        )
    alpha, profile, notes = None, _bytes(layout.tags.get(_ICC)), []
    if layout.extra in (1, 2):
        if kind == _INK:
            raise PictureError(f"{name}: CMYK with transparency; save it as RGB with transparency")
        alpha = pixels[..., colours].copy()
        if layout.extra == 1:
            pixels = _unmultiplied(pixels, alpha[..., None])
    pixels = pixels[..., :colours]
    if kind in _LAB:
        pixels, profile = _lab_to_grey(pixels, kind), b""  # the profile is Lab's, the grey sRGB's
        alpha = None if alpha is None else _to_16_bits(alpha)
    elif kind == 0:
        pixels = np.invert(pixels)
    if alpha is not None and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, 2)
    colour: Image.Image | NDArray[Any] = pixels
    if kind == _INK and pixels.dtype == np.uint16 and not profile:
        colour = without_ink(pixels)
        notes.append(PLAIN_INK)
    elif kind == _INK:
        if pixels.dtype == np.uint16:  # LittleCMS gets 8 bits
            pixels = (pixels >> 8).astype(np.uint8)
            notes.append(CUT)
        colour = Image.fromarray(np.ascontiguousarray(pixels), "CMYK")
    orientation = layout.tags.get(_ORIENTATION, 1)
    return Decoded(
        colour,
        alpha,
        profile,
        orientation if orientation in range(1, 9) else 1,
        tuple(notes),
        partial(_metadata, layout, data, pixels.shape[:2]),
    )


def _unmultiplied(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Colours, which alpha had been multiplied into, as they were; black where nothing is left."""
    whole = np.iinfo(pixels.dtype).max
    colours = np.round(pixels * (whole / np.maximum(alpha, 1).astype(np.float32)))
    return np.where(alpha > 0, np.minimum(colours, whole), 0).astype(pixels.dtype)


def _lab_to_grey(pixels: NDArray[Any], kind: int) -> NDArray[np.uint16]:
    """L* of CIELab or ICCLab samples as sRGB grey of 16 bits; their colour is not needed."""
    whole = 255.0 if pixels.dtype == np.uint8 else 65535.0
    if kind == 9 and pixels.dtype == np.uint16:
        whole = 65280.0  # ICC's encoding of version 2: 100 is 0xFF00
    luminance = np.clip(pixels[..., :1] * (100 / whole), 0, 100)
    return np.asarray(np.round(luminance_to_grey(luminance) * 65535), np.uint16)


def _to_16_bits(alpha: NDArray[Any]) -> NDArray[np.uint16]:
    return alpha.astype(np.uint16) * (257 if alpha.dtype == np.uint8 else 1)


def _metadata(
    layout: _Layout, data: bytes, shape: tuple[int, int]
) -> tuple[Metadata, tuple[str, ...]]:
    """EXIF, with GPS and all, of the directory itself; XMP and resolution of its tags."""
    exif: Any = Image.Exif()
    exif.endian, exif.bigtiff = "<" if data[:1] == b"I" else ">", b"+" in data[2:4]
    turned = layout.tags.get(_ORIENTATION, 1) in (5, 6, 7, 8)
    try:
        with without_warnings():
            exif.load_from_fp(io.BytesIO(data), layout.offset)
            kept = kept_exif(without_layout(exif), shape if turned else shape[::-1])
    except Exception:  # whatever Pillow raises here, the picture itself can be read
        kept = None
    metadata = Metadata(
        exif=kept or b"",
        xmp=clean_xmp(_bytes(layout.tags.get(_XMP))),
        has_profile=bool(_bytes(layout.tags.get(_ICC))) and layout.kind not in _LAB,
        dpi=_dpi(layout.tags),
    )
    return metadata, () if kept is not None else (EXIF_LOST,)


def _dpi(tags: dict[int, Any]) -> tuple[float, float]:
    """Pixels per inch, across and down; (0, 0) where the tags say none or no unit."""
    unit = {2: 1.0, 3: 2.54}.get(tags.get(_UNIT, 2), 0.0)
    try:
        across, down = (tags[code][0] / tags[code][1] for code in (_ACROSS, _DOWN))
    except (KeyError, TypeError, IndexError, ZeroDivisionError):  # of another type than it should
        return 0.0, 0.0
    dpi = across * unit, down * unit
    return dpi if all(0 < value <= 65535 for value in dpi) else (0.0, 0.0)


def _bytes(value: Any) -> bytes:
    """A tag's value; nothing where its type is not bytes."""
    return value if isinstance(value, bytes) else b""
