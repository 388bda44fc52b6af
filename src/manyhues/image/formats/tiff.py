"""TIFF, every page of it: by Pillow, or where it reads none or noise by tifffile, or here.

What Pillow does not read, or reads wrongly: separate planes of 16 bits (Pillow 13 reads them as
noise), 16-bit grey with alpha, 16-bit Lab, and extra channels. tifffile is an optional library.
Samples of 6, 10, 12 or 14 bits are unpacked here. Each page is judged by its own directory.
"""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.lab import luminance_to_grey
from manyhues.errors import PictureError
from manyhues.image.decoding import decoding
from manyhues.image.formats.base import PLAIN_INK, Decoded, File, Page
from manyhues.image.formats.pillow import CUT, Pillow
from manyhues.image.formats.raw import Raw
from manyhues.image.formats.sixteen_bit import unpacked, without_ink
from manyhues.image.formats.tiff_directory import (
    MAGIC,
    Directory,
    beginning_with,
    directories,
    rewritten,
    subdirectories,
)
from manyhues.image.metadata import EXIF_LOST, Metadata, clean_xmp, kept_exif, without_layout
from manyhues.image.quiet import quiet_libraries, without_warnings

_GREY, _PALETTE, _RGB, _INK, _LAB = (0, 1), 3, 2, 5, (8, 9)
_CHANNELS = 16  # the most that are decoded: a thousand fit into a small file, and not into memory
_ORIENTATION, _XMP, _ICC = 274, 700, 34675
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_READ = (_ORIENTATION, _XMP, _ICC, _ACROSS, _DOWN, _UNIT)
_WHOLE_BYTES = {1, 5, 8, 32773, 32946, 34925, 50000}  # compressions that take any bytes
# Compressions that the libraries here may lack, by the names that people know.
_RARE = {
    **{34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG"},
    **{34676: "SGI LogLuv", 34677: "SGI LogLuv", 34887: "LERC", 34925: "LZMA", 50000: "Zstandard"},
    **{50001: "WebP", 34927: "WebP", 50002: "JPEG XL", 52546: "JPEG XL", 34892: "lossy JPEG"},
}
_CANON = b"\x10\0\0\0CR\2\0"  # how a CR2 begins, behind the magic of a TIFF


class Tiff(Pillow):
    """TIFF and BigTIFF; reduced-size pages and masks are no pages."""

    names = ("TIFF",)
    suffixes = frozenset({".tif", ".tiff"})
    paged = True
    general = False

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether it begins as a TIFF does, of either byte order and size."""
        return head[:4] in MAGIC

    @classmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """Every page in its order. Raises `PictureError` where there is none."""
        try:
            found = directories(file.data)
        except ValueError as error:
            raise PictureError(f"{file.name}: damaged header ({error}); copy it again") from None
        whole = [
            TiffPage(file, directory, index)
            for index, directory in enumerate(found)
            if not (directory.is_reduced or directory.is_mask)
        ]
        hanging = [other for one in found for other in subdirectories(file.data, one)]
        sensors = [one for one in (*found, *hanging) if one.is_sensor]
        if sensors or file.data[4:12] == _CANON:
            end = max((one.end for one in sensors), default=0)
            if end > len(file.data):  # LibRaw would say so on standard error too
                raise _damaged(file, f"{len(file.data)} of {end} bytes are there")
            return Raw.pages(file)
        notes = _left_out(found)
        if not whole:
            full = [one for one in hanging if not (one.is_reduced or one.is_mask)]
            full.sort(key=lambda one: one.size[0] * one.size[1])
            whole = [TiffPage(file, one, 0) for one in full[-1:]]
        if not whole:
            whole = [TiffPage(file, found[0], 0)]
            notes = ("the file calls its only picture a reduced-size copy or a mask",)
        whole[0].notes = notes
        return whole

    @classmethod
    def from_image(cls, image: Image.Image, name: str) -> Decoded:
        """As `Pillow.from_image`, where the image is not noise."""
        if misread(image):
            raise PictureError(
                f"{name}: Pillow misreads this TIFF layout; give its path or its bytes"
            )
        return super().from_image(image, name)


def _damaged(file: File, how: str) -> PictureError:
    return PictureError(f"{file.name}: truncated or damaged ({how}); copy it again from its source")


def misread(image: Any) -> bool:
    """Whether Pillow opens an image and then decodes noise: separate planes of 16 bits."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(284) == 2 and tags.get(277, 1) > 1 and max(tags.get(258, (1,))) > 8)


def _left_out(found: Sequence[Directory]) -> tuple[str, ...]:
    masks = sum(one.is_mask for one in found)
    reduced = sum(one.is_reduced and not one.is_mask for one in found)
    kinds = ((reduced, "reduced-size copy", "reduced-size copies"), (masks, "mask", "masks"))
    return tuple(
        f"{count} {one if count == 1 else more} left out" for count, one, more in kinds if count
    )


class TiffPage(Page):
    """A page of a TIFF, decoded by whatever reads its layout."""

    format = "TIFF"

    def __init__(self, file: File, directory: Directory, index: int) -> None:
        self._file, self.directory, self.index = file, directory, index
        self.size, self.bits = directory.size, 16 if directory.bits > 8 else 8
        self.pixel_bytes = 1 if directory.kind in _GREY and directory.bits <= 8 else 4

    def decode(self) -> Decoded:
        """See `Page`."""
        decoded, directory = self._decoded(), self.directory
        if directory.kind not in _GREY:
            return decoded
        return replace(decoded, top=2**directory.bits - 1, inverted=directory.kind == 0)

    def _decoded(self) -> Decoded:
        data, name, directory = self._file.data, self._file.name, self.directory
        if missing := directory.missing(len(data)):
            raise _damaged(self._file, missing)
        quiet_libraries()
        try:
            if _is_packed(directory):
                return _unpacked(data, directory, name)
            data = beginning_with(data, directory)
            image = Tiff.open_known(File(data, name))
            if image is None or misread(image):
                return _by_tifffile(data, name)
            return Tiff.decode(image, lambda: Tiff.open(File(data, name)), name)
        except PictureError as error:
            kind = _RARE.get(directory.compression)
            if kind is None or error.__cause__ is None:  # another layout than pixels' bytes
                raise
            raise PictureError(
                f"{name}: cannot be decompressed here, or is damaged (compressed as {kind}); "
                "save it uncompressed or with deflate"
            ) from error


def _is_packed(directory: Directory) -> bool:
    """Whether samples lie across the borders of bytes, in a way that Pillow does not know."""
    return 0 < directory.bits < 16 and (
        directory.bits not in (1, 2, 4, 8)
        or (directory.bits != 8 and directory.channels > 1 and directory.kind != _PALETTE)
    )


def _unpacked(data: bytes, directory: Directory, name: str) -> Decoded:
    """A page of packed samples: Pillow decompresses it as grey bytes, which are unpacked here."""
    bits, channels, (width, height) = directory.bits, directory.channels, directory.size
    form = directory.first(339, 1)
    plain = directory.first(317, 1) == 1 and not directory.separate and form == 1
    if not plain or directory.compression not in _WHOLE_BYTES or channels > _CHANNELS:
        return _by_tifffile(beginning_with(data, directory), name)
    tile = directory.first(322, 0)
    across = -(-width // tile) if tile else 1
    row = -(-(tile or width) * channels * bits // 8)  # bytes of a row of a strip, or of a tile
    as_bytes = {256: row * across, 258: 8, 262: 1, _ORIENTATION: 1, 277: 1, 322: row, 338: None}
    changed = rewritten(data, directory, as_bytes)
    image: Any = Tiff.open(File(changed, name))
    with decoding(name):
        if image.mode != "L":
            raise ValueError("a layout that contradicts itself")
        packed: NDArray[Any] = np.asarray(image).reshape(height, across * row)
        tags = {code: image.tag_v2[code] for code in _READ if code in image.tag_v2}
    tags[_ORIENTATION] = directory.first(_ORIENTATION, 1)
    for code in (_ACROSS, _DOWN):
        if code in tags:
            tags[code] = (tags[code], 1)
    extra: Any = directory.values.get(338, ())
    layout = _Layout(
        kind=directory.kind,
        name=f"kind {directory.kind}",
        channels=channels,
        dtype=np.dtype(np.uint16),
        planar=False,
        extra=int(extra[0]) if len(extra) else 0,
        offset=directory.offset,
        tags=tags,
    )
    pixels = unpacked(packed, bits, across * (tile or width) * channels)
    pixels = pixels.reshape(height, -1, channels)[:, :width]
    return _decoded(pixels, layout, data, name)


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


def _by_tifffile(data: bytes, name: str) -> Decoded:
    """The first page of a file, decoded by tifffile."""
    with _tifffile(name) as library, library.TiffFile(io.BytesIO(data)) as opened:
        page = opened.pages[0]
        layout = _layout(page)
        _check(layout, name)
        pixels, bits = page.asarray(), int(page.bitspersample)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    elif layout.planar:
        pixels = np.moveaxis(pixels, 0, -1)
    if bits not in (8, 16):  # white is the most that so many bits hold
        scale = np.iinfo(pixels.dtype).max / (2**bits - 1)
        pixels = np.round(pixels * scale).astype(pixels.dtype)
    if pixels.ndim != 3:
        raise PictureError(f"{name}: {layout.name} of dimension {pixels.ndim} is no picture's")
    return _decoded(pixels, layout, data, name)


@contextmanager
def _tifffile(name: str) -> Iterator[Any]:
    """The library; whatever it raises is one kind of error, with what to do."""
    # What it cannot read it also logs, and that would reach standard error.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    try:
        library = import_module("tifffile")
    except ModuleNotFoundError:
        raise PictureError(
            f"{name}: a TIFF layout that Pillow does not read; pip install 'manyhues[tiff]', "
            "or save it as RGB or grey without extra channels"
        ) from None
    damage = decoding(  # damaged files, or compressions that want another library
        name,
        Exception,
        fault="this TIFF cannot be read",
        remedy="save it as RGB or grey, uncompressed or with deflate",
    )
    with without_warnings(), damage:
        yield library


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
    wanted = colours + (layout.extra in (1, 2))
    if kind not in (*_GREY, _RGB, _INK, *_LAB) or pixels.shape[2] < wanted:
        raise PictureError(
            f"{name}: {layout.name}, channels: {pixels.shape[2]}, is no photograph's layout; "
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
            kept, notes = kept_exif(without_layout(exif), shape if turned else shape[::-1])
    except MemoryError:
        raise
    except Exception:  # whatever Pillow raises here, the picture itself can be read
        kept, notes = b"", (EXIF_LOST,)
    metadata = Metadata(
        exif=kept,
        xmp=clean_xmp(_bytes(layout.tags.get(_XMP))),
        has_profile=bool(_bytes(layout.tags.get(_ICC))) and layout.kind not in _LAB,
        dpi=_dpi(layout.tags),
    )
    return metadata, notes


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
