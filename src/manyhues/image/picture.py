"""Any picture in: file, bytes, PIL image or array, read as L* with everything worth keeping.

A `Picture` holds what colouring needs and what the output must carry: full-size L*, alpha, bit
depth, format and metadata. Colour in the input is read through its L* only. `read_rgb` reads the
colours of the same sources, for training and palettes.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.arrays import Array
from manyhues.errors import PictureError
from manyhues.image import formats
from manyhues.image import source as given
from manyhues.image.decoding import no_memory
from manyhues.image.formats.base import Decoded, File, Page
from manyhues.image.limits import MAX_PIXELS
from manyhues.image.luminance import luminance, of_pixels, srgb
from manyhues.image.metadata import Metadata
from manyhues.image.quiet import without_warnings
from manyhues.image.values import Scale, Window, ends, noted

_ROUNDING = 1e-3  # what L* computed elsewhere may lie outside [0, 100]
_PACKED = 1000  # pixels in each byte of a file that are more than photographs ever pack
# Bytes that reading such a file may take: a blank page at 600 dpi, of A2 in grey, of A3 in colour.
_SPARSE = 1_000_000_000
SUFFIXES = formats.suffixes()
PAGED_SUFFIXES = formats.suffixes(paged=True)


@dataclass(frozen=True, eq=False)
class Picture:
    """One upright picture, read for colouring.

    luminance  (H, W) float32, L* in [0, 100]
    alpha      (H, W) uint8, or uint16 when `bits` is 16; None when the picture is opaque
    bits       8 or 16: the depth that the output gets
    format     the input's format as Pillow names it (``JPEG``); empty for arrays
    notes      what was lost or changed while reading, for the user to see
    page_count  pages of the file that it is of; `page` says which of them it is
    scale      what its grey means, where it shows measured values; else None
    digest     what tells its file from others (`image.provenance`); empty for arrays

        from manyhues.image.picture import Picture

        picture = Picture.open("scan.dcm", window="full")
        result = manyhues.colorize(picture)
        for read in Picture.pages("old.jpg"):  # every page of a file, or every frame
            result = manyhues.colorize(read(), n=1)
    """

    luminance: Array
    alpha: NDArray[Any] | None = None
    bits: int = 8
    format: str = ""
    name: str = "picture"
    suffix: str = ""
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    page_count: int = 1
    page: int = 1
    scale: Scale | None = None
    digest: str = ""

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Picture {self.name}, {width} x {height}, {self.bits} bits>"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow orders them."""
        return self.luminance.shape[1], self.luminance.shape[0]

    @property
    def title(self) -> str:
        """What a page for people calls it: its file's name, and which page of several it is."""
        of = f", page {self.page} of {self.page_count}" if self.page_count > 1 else ""
        return Path(self.name).name + of

    @classmethod
    def open(
        cls,
        source: "PictureLike",
        *,
        max_pixels: int = MAX_PIXELS,
        window: Window | None = None,
        keep_patient: bool = False,
    ) -> "Picture":
        """Read a path, encoded bytes, an open file, a PIL image or an array; of pages, the first.

        `window` is what of measured values to show (`image.values`); None is the file's own.
        `keep_patient` lets DICOM results name whom a DICOM file shows.

        Arrays are ``(H, W)`` or ``(H, W, 1..4)``: uint8, uint16, bool, or float in [0, 1], as
        grey, grey+alpha, RGB or RGBA in sRGB. Raises `PictureError`.
        """
        if isinstance(source, Picture):
            return source
        if isinstance(source, np.ndarray):
            return _from_array(source)
        if isinstance(source, Image.Image):
            return _from_image(source, max_pixels)
        file = replace(given.read(source), window=window, keep_patient=keep_patient)
        with without_warnings():
            pages = _pages(file, max_pixels)
        notes = (f"page 1 of {len(pages)} was read",) if len(pages) > 1 else ()
        return _read(file, pages[0], max_pixels, (1, len(pages)), notes)

    @classmethod
    def of_luminance(cls, luminance: Array) -> "Picture":
        """Bare L*, ``(H, W)`` float32 in [0, 100], computed elsewhere. Raises `PictureError`."""
        luminance = np.ascontiguousarray(luminance, np.float32)
        if luminance.ndim != 2 or not luminance.size:
            raise PictureError(f"L* of shape {luminance.shape}: expected (H, W)")
        low, high = float(luminance.min()), float(luminance.max())  # NaN where any value is NaN
        if not -_ROUNDING <= low <= high <= 100 + _ROUNDING:
            raise PictureError(f"L* from {low:g} to {high:g}: expected [0, 100]; scale it")
        return cls(luminance.clip(0, 100), name="array")

    @staticmethod
    def pages(
        source: Any,
        *,
        max_pixels: int = MAX_PIXELS,
        window: Window | None = None,
        keep_patient: bool = False,
    ) -> list[Callable[[], "Picture"]]:
        """Every page of a path, encoded bytes or an open file, as a call that reads it.

        A page that is damaged spoils no other. Raises `PictureError` as the calls do.
        """
        file = replace(given.read(source), window=window, keep_patient=keep_patient)
        with without_warnings():
            pages = _pages(file, max_pixels)
        count = len(pages)
        return [
            partial(_read, file, page, max_pixels, (i, count)) for i, page in enumerate(pages, 1)
        ]


class BinaryFile(Protocol):
    """An open file of bytes: a real one, a temporary one, `io.BytesIO`."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, all of them unless `size` says how many."""


# What `Picture.open` reads, and a palette is taken from.
PictureLike = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryFile
    | Image.Image
    | NDArray[Any]
    | Picture
)


def probe(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[str, int]:
    """Format and number of pages of a file, from its header alone. Raises `PictureError`."""
    file = given.read(path)
    with without_warnings():
        pages = _pages(file, max_pixels)
    return pages[0].format, len(pages)


def read_rgb(
    source: Any, *, side: int = 0, name: str = "picture", max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """A picture's colours: upright sRGB ``(H, W, 3)`` uint8, of pages the first.

    Args:
        source: what `Picture.open` takes, but for a `Picture`.
        side: what the long side is at most; 0 for the size that it has.
        name: what errors call bytes and open files.
        max_pixels: larger pictures are refused.

    Raises:
        PictureError: it is no picture, damaged or too large.
    """
    try:
        with without_warnings():
            page = _decoded(source, name, max_pixels)
            return upright(srgb(page, side), page.orientation)
    except MemoryError as error:
        raise no_memory(str(source) if given.is_path(source) else name) from error


def read_small_rgb(
    source: Any, side: int = 256, *, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """A picture's colours, for its palette: sRGB ``(h, w, 3)`` uint8, long side at most `side`."""
    return read_rgb(source, side=side, name="palette picture", max_pixels=max_pixels)


def _decoded(source: Any, name: str, max_pixels: int) -> Decoded:
    if isinstance(source, np.ndarray):
        pixels = _array_pixels(source)
        return Decoded(pixels[..., : 1 if pixels.shape[2] < 3 else 3])
    if isinstance(source, Image.Image):
        return _of_image(source, max_pixels)[0]
    return _pages(given.read(source, name), max_pixels)[0].decode()


def _pages(file: File, max_pixels: int) -> Sequence[Page]:
    """The pages of a file; refuses a first page that is too large."""
    if not file.data:
        raise PictureError(
            f"{file.name}: the file is empty (0 bytes); copy it again from its source"
        )
    pages = formats.pages(file)
    _check_page(pages[0], file, max_pixels)
    return pages


def _check_page(page: Page, file: File, max_pixels: int) -> None:
    """Refuse, before decoding, what is too large, or far too large for so small a file.

    A blank scan honestly packs a thousandfold and more (in true colour only as lossless WebP and
    the like). So does a file that is made to fill the memory; it is let through up to a size that
    does no harm.
    """
    _check_size(page.size, file.name, max_pixels)
    width, height = page.size
    # Pixels as decoded and as copied, and L*: within a tenth of what was measured.
    memory = width * height * (4 + 2 * page.pixel_bytes * page.bits // 8)
    packed = memory > _SPARSE and width * height > _PACKED * len(file.data)
    if packed and max_pixels <= MAX_PIXELS:
        raise PictureError(
            f"{file.name}: {len(file.data)} bytes that unpack to {width} x {height} pixels; "
            f"if that is right, raise --max-pixels above {MAX_PIXELS}"
        )


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if not width * height:
        raise PictureError(f"{name}: {width} x {height} pixels are no picture; give another")
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} pixels are over the limit of "
            f"{max_pixels / 1e6:.0f} million; make it smaller first, or raise --max-pixels"
        )


def _read(
    file: File, page: Page, max_pixels: int, place: tuple[int, int], notes: tuple[str, ...] = ()
) -> Picture:
    """One page, decoded and judged by its L*; each page has its own size.

    `place` is its number, from 1, and how many there are.
    """
    _check_page(page, file, max_pixels)
    with without_warnings():
        decoded = page.decode()
    if file.window is not None and decoded.scale is None:
        decoded = _windowed(decoded, file.window, file.name)
    picture = _picture(decoded, page.format, file.name, file.suffix, notes + page.notes)
    return replace(picture, page=place[0], page_count=place[1], digest=file.digest)


def _picture(
    page: Decoded, format_: str, name: str, suffix: str, notes: tuple[str, ...] = ()
) -> Picture:
    try:
        with without_warnings():
            values, converted = luminance(page)
            metadata, lost = page.metadata()
            alpha = None if page.alpha is None else upright(page.alpha, page.orientation)
            deep = isinstance(page.pixels, np.ndarray) and page.pixels.dtype == np.uint16
            return Picture(
                luminance=upright(values, page.orientation),
                alpha=alpha,
                bits=16 if deep else 8,
                format=format_,
                name=name,
                suffix=suffix,
                metadata=metadata,
                notes=notes + page.notes + converted + lost,
                scale=page.scale,
            )
    except MemoryError as error:
        raise no_memory(name) from error


def _windowed(page: Decoded, window: Window, name: str) -> Decoded:
    """A grey page of any format through a window of its stored values."""
    stored = page.stored()
    if stored.shape[2] != 1 or page.profile:
        raise PictureError(f"{name}: is no plain grey picture, so it has no window; leave it out")
    try:
        scale = Scale(*ends(window, stored), inverted=page.inverted)
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from None
    shares, cut = scale.shares(stored)
    alpha = page.alpha
    if alpha is not None and alpha.dtype == np.uint8:
        alpha = alpha.astype(np.uint16) * 257
    notes = page.notes + noted(scale, cut)
    return replace(page, pixels=shares, alpha=alpha, notes=notes, scale=scale)


def _from_image(image: Image.Image, max_pixels: int) -> Picture:
    with without_warnings():
        page, name = _of_image(image, max_pixels)
    return _picture(page, formats.format_name(image), name, Path(name).suffix)


def _of_image(image: Image.Image, max_pixels: int) -> tuple[Decoded, str]:
    """A PIL image; one of 16 bits that is not decoded yet is read from its file again."""
    name = str(getattr(image, "filename", "") or "image")
    _check_size(image.size, name, max_pixels)
    family = formats.of_image(image)
    if family.is_deep(image) and not image.mode.startswith("I;16") and Path(name).is_file():
        pages = {page.index: page for page in _pages(given.read(name), max_pixels)}
        page = pages[image.tell()] if image.tell() in pages else pages[min(pages)]
        _check_size(page.size, name, max_pixels)
        return page.decode(), name
    return family.from_image(image, name), name


def _array_pixels(array: NDArray[Any]) -> NDArray[Any]:
    """What `Picture.open` takes as an array, as ``(H, W, 1..4)`` uint8 or uint16."""
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4) or 0 in pixels.shape:
        raise PictureError(
            f"array of shape {array.shape}: not a picture; expected (H, W) or (H, W, 1..4)"
        )
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    elif np.issubdtype(pixels.dtype, np.floating):
        if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
            raise PictureError("array of floats: values outside [0, 1] or not finite; scale it")
        pixels = np.round(pixels.astype(np.float32) * 65535).astype(np.uint16)
    elif pixels.dtype == pixels.dtype.newbyteorder(">") == np.dtype(">u2"):
        pixels = pixels.astype(np.uint16)
    elif pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(
            f"array of {array.dtype}: not a picture; expected uint8, uint16, bool or float"
        )
    return pixels


def _from_array(array: NDArray[Any]) -> Picture:
    pixels = _array_pixels(array)
    alpha = pixels[..., -1].copy() if pixels.shape[2] in (2, 4) else None
    colour = pixels[..., : 1 if pixels.shape[2] < 3 else 3]
    return Picture(of_pixels(colour), alpha, bits=8 * pixels.dtype.itemsize, name="array")


def upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels as EXIF's orientation 1 to 8 asks."""
    if orientation == 1:
        return array
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    turned = array[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return np.ascontiguousarray(turned)
