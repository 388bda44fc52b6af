"""Any picture in: file, bytes, PIL image or array, read as L* with everything worth keeping.

A `Picture` holds what colouring needs and what the output must carry: full-size L*, alpha, bit
depth, format and metadata. Colour in the input is read through its L* only.
"""

import io
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from manyhues.color import profiles
from manyhues.color.arrays import Array
from manyhues.color.lab import to_8_bits
from manyhues.errors import PictureError
from manyhues.image.formats import sixteen_bit, tiff
from manyhues.image.luminance import PLAIN_INK, from_deep, from_shallow, of_pixels
from manyhues.image.metadata import Metadata, read_metadata
from manyhues.image.quiet import without_warnings

MAX_PIXELS = 300_000_000
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}
    | {".avif", ".heic", ".heif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm"}
)
_OPENING = threading.Lock()
_CUT = "samples of more than 8 bits in this layout were read at 8 bits"
# What Pillow's decoders raise on damaged files, as a fuzz test found.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True, eq=False)
class Picture:
    """One upright picture, read for colouring.

    luminance  (H, W) float32, L* in [0, 100]
    alpha      (H, W) uint8, or uint16 when `bits` is 16; None when the picture is opaque
    bits       8 or 16: the depth that the output gets
    format     the input's format as Pillow names it (``JPEG``); empty for arrays
    notes      what was lost or changed while reading, for the user to see
    page_count  pages of the file that it is of
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

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Picture {self.name}, {width} x {height}, {self.bits} bits>"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow orders them."""
        return self.luminance.shape[1], self.luminance.shape[0]

    @classmethod
    def open(cls, source: "PictureLike", *, max_pixels: int = MAX_PIXELS) -> "Picture":
        """Read a path, encoded bytes, an open file, a PIL image or an array; of pages, the first.

        Arrays are ``(H, W)`` or ``(H, W, 1..4)``: uint8, uint16, bool, or float in [0, 1], as
        grey, grey+alpha, RGB or RGBA in sRGB. Raises `PictureError`.
        """
        if isinstance(source, Picture):
            return source
        if isinstance(source, np.ndarray):
            return _from_array(source)
        if isinstance(source, Image.Image):
            return _from_image(source, max_pixels)
        return _from_file(source, max_pixels, only_first=True)[0]()

    @staticmethod
    def pages(source: Any, *, max_pixels: int = MAX_PIXELS) -> list[Callable[[], "Picture"]]:
        """Of a path or encoded bytes every page of a TIFF, as a call that reads it; else one.

        A page that is damaged spoils no other, but for layouts that are rewritten (`tiff`). Raises
        `PictureError` as the calls do.
        """
        return _from_file(source, max_pixels, only_first=False)


# What `Picture.open` reads, and a palette is taken from.
PictureLike = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Image.Image
    | NDArray[Any]
    | Picture
)


def probe(path: Path, max_pixels: int = MAX_PIXELS) -> tuple[str, int]:
    """Format and number of pages of a file, from its header alone. Raises `PictureError`."""
    data = tiff.plain(_read_bytes(path), str(path), max_pixels)
    image = _open(data, str(path), max_pixels)
    return _format(image), len(_pages(image, str(path)))


def _format(image: Any) -> str:
    """Pillow's name of the format; the multi-picture files of cameras are JPEGs."""
    return "JPEG" if image.format == "MPO" else str(image.format or "")


def read_small_rgb(
    source: Any, side: int = 256, *, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """A picture's colours, for its palette: sRGB ``(h, w, 3)`` uint8, long side at most `side`."""
    name = str(source) if isinstance(source, (str, Path)) else "palette picture"
    with _faults(name):
        if isinstance(source, np.ndarray):
            source = Image.fromarray(_shallow(_array_pixels(source)))
        if not isinstance(source, Image.Image):
            encoded = isinstance(source, (bytes, bytearray, memoryview))
            data = bytes(source) if encoded else _read_bytes(Path(source))
            source = _open(data, name, max_pixels)
        image: Image.Image = source
        profile = image.info.get("icc_profile") or b""
        # A copy in either case: the caller's image must not shrink.
        image = image.copy() if image.mode in ("RGB", "CMYK") else image.convert("RGB")
        image.thumbnail((side, side), Image.Resampling.BOX)
        if profile and not profiles.is_srgb(profile):
            image = profiles.convert(image, profile) or image
        return np.asarray(image.convert("RGB"))


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # reading might never end
            raise PictureError(
                f"{path}: is no file but a pipe or a device; save it to a file first"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"{path}: no such file; check the spelling") from None
    except IsADirectoryError:
        raise PictureError(f"{path}: is a folder, not a picture; name a file inside it") from None
    except OSError as error:
        raise PictureError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    return data


def _open(data: bytes, name: str, max_pixels: int) -> Any:
    """Parse the header, refuse what is not a picture or too large; decodes nothing."""
    if not data:
        raise PictureError(f"{name}: the file is empty (0 bytes); copy it again from its source")
    heif = data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1")
    if heif:
        _register_heif()
    with _OPENING, without_warnings():
        # Pillow's own limit is lower than ours, global, and partly a mere warning.
        pillow_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(io.BytesIO(data))
        except UnidentifiedImageError:
            remedy = "install pillow-heif, or convert it" if heif else "convert it"
            raise PictureError(
                f"{name}: not a picture in a format that can be read; "
                f"{remedy} to JPEG, PNG or TIFF first"
            ) from None
        except _DAMAGE as error:
            raise PictureError(f"{name}: damaged header ({error}); copy it again") from error
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit
    _check_size(image, name, max_pixels)
    return image


def _check_size(image: Any, name: str, max_pixels: int) -> None:
    width, height = image.size
    if not width * height:
        raise PictureError(f"{name}: {width} x {height} pixels are no picture; give another")
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} x {height} pixels are over the limit of "
            f"{max_pixels / 1e6:.0f} million; make it smaller first"
        )


def _register_heif() -> None:
    try:
        heif = import_module("pillow_heif")  # an optional plug-in, not a dependency
    except ImportError:
        return
    heif.register_heif_opener()


def _pages(image: Any, name: str) -> list[int]:
    """Indices of the frames that are pages: TIFF's, without its reduced-size thumbnails."""
    with _faults(name):
        if image.format != "TIFF" or getattr(image, "n_frames", 1) == 1:
            return [0]
        pages = []
        for index in range(image.n_frames):
            image.seek(index)
            if not image.tag_v2.get(254, 0) & 1:
                pages.append(index)
        image.seek(0)
    return pages or [0]


def _from_image(image: Image.Image, max_pixels: int) -> Picture:
    """A PIL image; one of 16 bits that is not decoded yet is read from its file again."""
    path = Path(str(getattr(image, "filename", "") or "image"))
    _check_size(image, str(path), max_pixels)
    if sixteen_bit.is_deep(image) and not image.mode.startswith("I;16") and path.is_file():
        data = tiff.plain(_read_bytes(path), str(path), max_pixels)
        reopen = _opener(data, str(path), max_pixels, image.tell())
        with _faults(str(path)):
            return _read(reopen, reopen(), str(path), path.suffix, ())
    if tiff.misread(image):
        raise PictureError(f"{path}: Pillow misreads this TIFF layout; give its path or its bytes")
    lost = sixteen_bit.is_deep(image) and not image.mode.startswith("I")
    notes = ("PIL images hold 8 bits of colour: give the 16-bit file itself",) if lost else ()
    with _faults(str(path)):
        if sixteen_bit.is_cut(image):  # asked before decoding, which closes the file
            notes = (_CUT,)
        image.load()
        return _read(lambda: image, image, str(path), path.suffix, notes)


def _opener(data: bytes, name: str, max_pixels: int, page: int) -> sixteen_bit.Reopen:
    """Opens one page of encoded bytes, afresh at every call."""

    def reopen() -> Image.Image:
        image: Image.Image = _open(data, name, max_pixels)
        image.seek(page)
        _check_size(image, name, max_pixels)  # each page has its own
        return image

    return reopen


def _from_file(source: Any, max_pixels: int, only_first: bool) -> list[Callable[[], Picture]]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, name, suffix = bytes(source), "picture", ""
    elif isinstance(source, (str, Path)):
        path = Path(source)
        data, name, suffix = _read_bytes(path), str(path), path.suffix
    elif isinstance(source, (io.BufferedIOBase, io.RawIOBase)):
        data, name, suffix = bytes(source.read() or b""), "picture", ""
    else:
        raise PictureError(
            f"{type(source).__name__}: not a picture; give a path, bytes, a file opened in binary, "
            "PIL image or numpy array"
        )
    data = tiff.plain(data, name, max_pixels, only_first=only_first)
    first = _open(data, name, max_pixels)
    pages = _pages(first, name)
    notes: tuple[str, ...] = ()
    if first.format == "TIFF" and only_first and len(pages) > 1:
        notes = (f"page 1 of {len(pages)} was read",)
    elif first.format != "MPO" and getattr(first, "n_frames", 1) > 1 and len(pages) == 1:
        notes = ("only the first frame of the animation was read",)

    def read(page: int) -> Picture:
        reopen = _opener(data, name, max_pixels, page)
        with _faults(name):
            picture = _read(reopen, reopen(), name, suffix, notes)
        return replace(picture, page_count=len(pages))

    return [partial(read, page) for page in (pages[:1] if only_first else pages)]


@contextmanager
def _faults(name: str) -> Iterator[None]:
    """Whatever Pillow raises on a damaged file, as one kind of error with file and remedy."""
    try:
        with without_warnings():
            yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name}: not enough memory for it; make it smaller first") from error
    except _DAMAGE as error:
        raise PictureError(
            f"{name}: truncated or damaged ({error}); copy it again from its source"
        ) from error


def _read(
    reopen: sixteen_bit.Reopen, image: Any, name: str, suffix: str, notes: tuple[str, ...]
) -> Picture:
    said = list(notes)
    is_deep, ink = sixteen_bit.is_deep(image), image.mode == "CMYK"
    signed = 2 in getattr(image, "tag_v2", {}).get(339, ())
    if image.mode == "F" or (image.mode == "I" and not is_deep) or signed:
        raise PictureError(
            f"{name}: samples of 32 bits or with a sign have no fixed white point; "
            "save it with 16 bits, unsigned"
        )
    profile = image.info.get("icc_profile") or b""
    format_ = _format(image)
    # LittleCMS gets 8 bits from Pillow, and ink with a profile needs LittleCMS.
    pixels = sixteen_bit.read(reopen) if is_deep and not (ink and profile) else None
    if (pixels is None and is_deep) or sixteen_bit.is_cut(image):
        said.append(_CUT)
    elif pixels is not None and ink:
        said.append(PLAIN_INK)
    alpha: NDArray[Any] | None
    if pixels is not None:
        luminance, alpha = from_deep(pixels, profile, said)
        if image.info.get("transparency") is not None and alpha is None:
            key = np.atleast_1d(image.info["transparency"]).astype(np.uint16)
            alpha = np.where((pixels == key).all(-1), 0, 65535).astype(np.uint16)
    else:
        image.load()
        luminance, alpha = from_shallow(image, profile, said)
    size = luminance.shape[1], luminance.shape[0]
    metadata, orientation = read_metadata(image, format_, size, said)
    if b"hdrgm:" in metadata.xmp:
        said.append("its HDR gain map is left out: the standard picture was read")
    luminance = _upright(luminance, orientation)
    return Picture(
        luminance=luminance,
        alpha=None if alpha is None else _upright(alpha, orientation),
        bits=8 if pixels is None else 16,
        format=format_,
        name=name,
        suffix=suffix,
        metadata=metadata,
        notes=tuple(said),
    )


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


def _shallow(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """The colours of ``(H, W, 1..4)`` as RGB of 8 bits."""
    colour = to_8_bits(pixels[..., : 1 if pixels.shape[2] < 3 else 3])
    return np.repeat(colour, 3, 2) if colour.shape[2] == 1 else colour


def _from_array(array: NDArray[Any]) -> Picture:
    pixels = _array_pixels(array)
    alpha = pixels[..., -1].copy() if pixels.shape[2] in (2, 4) else None
    colour = pixels[..., : 1 if pixels.shape[2] < 3 else 3]
    return Picture(of_pixels(colour), alpha, bits=8 * pixels.dtype.itemsize, name="array")


def _upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels as EXIF's orientation 1 to 8 asks."""
    if orientation >= 5:
        array = array.T
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    turned = array[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return np.ascontiguousarray(turned)
