"""All that Pillow decodes by itself; also the way from its images to `Decoded`, for its kin."""

import io
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from manyhues.errors import PictureError
from manyhues.image.declared import declared
from manyhues.image.decoding import DAMAGE, decoding, without_limit
from manyhues.image.formats import sixteen_bit
from manyhues.image.formats.base import PLAIN_INK, Decoded, File, Format, Page
from manyhues.image.metadata import read_metadata, read_orientation

CUT = "samples of more than 8 bits in this layout were read at 8 bits"
_PROGRAMS = ("EPS", "WMF")
_NARROW = {"1": 1, "L;2": 3, "L;4": 15}  # white of PNG's grey of less than 8 bits, as Pillow has it


class Pillow(Format):
    """What Pillow opens, of the formats that are named here: decoders that only decode.

    EPS is not among them, because it is a program that Ghostscript would run; nor is WMF, which
    Windows would draw.
    """

    names: ClassVar[tuple[str, ...]] = (
        *("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "AVIF", "JPEG2000"),
        *("PSD", "TGA", "ICO", "CUR", "ICNS", "PCX", "DCX", "SGI", "SUN", "QOI", "DDS", "FITS"),
        *("IM", "IMT", "XBM", "XPM", "XVTHUMB", "MSP", "PIXAR", "SPIDER", "BLP", "FLI", "FTEX"),
        *("GBR", "MCIDAS", "PCD"),
    )
    suffixes = frozenset(
        {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".avif"}
        | {".jp2", ".j2k"}
    )
    general = True
    remedy: ClassVar[str] = "convert it"

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Any file: Pillow itself looks when it opens one."""
        return True

    @classmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """One page: of an animation or a stereo pair the first frame."""
        image = cls.open(file)
        page = PillowPage(cls, file, image)
        if image.format != "JPEG":
            with decoding(file.name):
                page.notes = _further_frames(image)
        return [page]

    @classmethod
    def open(cls, file: File) -> Image.Image:
        """The header of a file; decodes nothing. Raises `PictureError` for what is no picture."""
        image = cls.open_known(file)
        if image is None:
            raise PictureError(
                f"{file.name}: not a picture in a format that can be read; "
                f"{cls.remedy} to JPEG, PNG or TIFF first"
            )
        return image

    @classmethod
    def open_known(cls, file: File) -> Image.Image | None:
        """As `open`; None where Pillow knows no such format or layout."""
        try:
            with without_limit():
                # Pillow loads its common decoders first; all of them cost a tenth of a second.
                for load in (Image.preinit, Image.init):
                    load()
                    formats = _known(cls.names, len(Image.ID))
                    try:
                        return Image.open(io.BytesIO(file.data), formats=formats)
                    except UnidentifiedImageError:
                        continue
                return None
        except DAMAGE as error:
            raise PictureError(f"{file.name}: damaged header ({error}); copy it again") from error

    @classmethod
    def is_deep(cls, image: Image.Image) -> bool:
        """Whether an image that is not decoded yet holds more than 8 bits a channel to read."""
        return sixteen_bit.is_deep(image)

    @classmethod
    def white(cls, image: Image.Image) -> int:
        """What an image that is not decoded yet calls white; 0 where that is 255 or 65,535."""
        tiles = getattr(image, "tile", None)
        return _NARROW.get(tiles[0][3], 0) if tiles and image.format == "PNG" else 0

    @classmethod
    def deep(cls, reopen: sixteen_bit.Reopen) -> sixteen_bit.Deep | None:
        """All 16 bits of it, as `sixteen_bit.read` gives them."""
        return sixteen_bit.read(reopen)

    @classmethod
    def decode(
        cls, image: Image.Image, reopen: sixteen_bit.Reopen, name: str, notes: tuple[str, ...] = ()
    ) -> Decoded:
        """The pixels of an opened image; `reopen` gives a fresh one for each further pass."""
        said = list(notes)
        is_deep, mode, white = cls.is_deep(image), image.mode, cls.white(image)
        ink = mode == "CMYK"
        unbounded = mode == "F" or (mode == "I" and not is_deep)
        if image.format == "SPIDER":
            return _of_spider(image, name)
        if unbounded or (image.format == "TIFF" and _is_signed(image)):
            raise PictureError(
                f"{name}: samples of 32 bits or with a sign have no fixed white point; "
                "save it with 16 bits, unsigned"
            )
        profile = image.info.get("icc_profile")
        profile = profile if isinstance(profile, bytes) else b""
        if not profile and (image.format == "PNG" or "exif" in image.info):
            with decoding(name):
                profile, unheeded = declared(image)
            said += unheeded
        pixels: Image.Image | NDArray[Any] | None = None
        if is_deep and not (ink and profile):  # ink with a profile wants LittleCMS, and so 8 bits
            first = [image]
            with decoding(name):
                pixels = cls.deep(lambda: first.pop() if first else reopen())
        if (pixels is None and is_deep) or sixteen_bit.is_cut(image):
            said.append(CUT)
        elif pixels is not None and ink:
            said.append(PLAIN_INK)
        alpha: NDArray[Any] | None = None
        with decoding(name):
            if pixels is None:
                if image.format in ("JPEG", "MPO"):
                    image = _loaded_jpeg(image, said)
                else:
                    image.load()
                pixels, alpha = _plain(image)
            orientation = read_orientation(image)
        if isinstance(pixels, np.ndarray):
            pixels, alpha = _transparent(pixels, image.info.get("transparency"))
        metadata = partial(read_metadata, image, name)
        return Decoded(pixels, alpha, profile, orientation, tuple(said), metadata, top=white)

    @classmethod
    def from_image(cls, image: Image.Image, name: str) -> Decoded:
        """An image that its owner has opened, and perhaps decoded.

        Its file, of more than 8 bits, is read again by its owner: this reads what the image has.
        """
        if image.format in _PROGRAMS and getattr(image, "tile", None):
            raise PictureError(f"{name}: {image.format} is a program; draw it to JPEG or PNG first")
        lost = cls.is_deep(image) and not image.mode.startswith("I")
        notes = ("PIL images hold 8 bits of colour: give the 16-bit file itself",) if lost else ()
        if sixteen_bit.is_cut(image):  # asked before decoding, which closes the file
            notes = (CUT,)
        with decoding(name):
            image.load()
        return cls.decode(image, lambda: image, name, notes)


class PillowPage(Page):
    """A page that Pillow decodes: the image's only one, or one of many."""

    def __init__(
        self, family: type[Pillow], file: File, image: Image.Image, index: int | None = None
    ) -> None:
        self._family, self._file, self._index = family, file, index
        self.format = format_name(image)
        self.size, self.index = image.size, index or 0
        self.bits = 16 if family.is_deep(image) else 8
        # WebP's decoder holds two frames of its own.
        self.pixel_bytes = 1 if image.mode in ("1", "L") else 7 if self.format == "WEBP" else 4
        # The opened image is good for one pass; one that moves from page to page is not.
        self._opened = [image] if index is None else []

    def _open(self) -> Image.Image:
        try:
            return self._opened.pop()
        except IndexError:
            image = self._family.open(self._file)
        if self._index is not None:
            with decoding(self._file.name):
                image.seek(self._index)
        return image

    def decode(self) -> Decoded:
        """See `Page`."""
        return self._family.decode(self._open(), self._open, self._file.name)


def _further_frames(image: Any) -> tuple[str, ...]:
    """What a file holds beside its first picture, in words; a PSD's layers are in its picture."""
    if image.format == "MPO":  # a stereo pair, or a camera's previews, or a gain map
        kinds = [entry.get("Attribute", {}).get("MPType", "") for entry in image.mpinfo[0xB002]]
        more = [kind for kind in kinds[1:] if "Thumbnail" not in str(kind)]
        if not more or b"hdrgm:" in (image.info.get("xmp") or b""):  # which is said elsewhere
            return ()
        return (f"only the first of its {len(kinds)} pictures was read",)
    if getattr(image, "n_frames", 1) > 1 and image.format != "PSD":
        return ("only the first frame of the animation was read",)
    return ()


def _is_signed(image: Any) -> bool:
    """Whether a TIFF's samples have a sign."""
    return 2 in getattr(image, "tag_v2", {}).get(339, ())


@cache
def _known(names: tuple[str, ...], loaded: int) -> tuple[str, ...]:
    """Those of `names` that Pillow has by now, when it has `loaded` formats; JPEG and PNG first."""
    there = [name for name in Image.ID if name in names]
    return tuple(sorted(there, key=lambda name: name not in ("JPEG", "PNG")))


def format_name(image: Image.Image) -> str:
    """Pillow's name of the format; the multi-picture files of cameras are JPEGs."""
    return "JPEG" if image.format == "MPO" else str(image.format or "")


def _plain(image: Image.Image) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """A decoded image of 8 bits as ``L``, ``RGB``, ``CMYK`` or ``LAB``, and its alpha."""
    if image.mode == "LAB":
        return image, None
    if image.mode == "La":
        image = image.convert("LA")  # from which Pillow knows the way to every other mode
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        alpha = np.asarray(with_alpha.getchannel("A"))
        return with_alpha.convert("L" if image.mode in ("LA", "L", "1") else "RGB"), alpha
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image, None


def _loaded_jpeg(image: Any, said: list[str]) -> Image.Image:
    """A JPEG, decoded; one that lacks nothing but its end marker too, which is said."""
    file = image.fp
    try:
        image.load()
        return cast(Image.Image, image)
    except OSError:
        data = file.getvalue() if isinstance(file, io.BytesIO) else b""
        too_few = image.width * image.height > 512 * len(data)  # bits: each 8 x 8 takes one or more
        if too_few or b"\xff\xd9" in data[-64:]:
            raise
        data = data.rstrip(b"\xff")  # half of the marker
        decoded = []
        for filler in (b"\x00", b"\xaa"):  # where pixels are missing, these would be read as some
            whole = Image.open(io.BytesIO(data + filler * 64 + b"\xff\xd9"), formats=("JPEG",))
            whole.load()
            decoded.append(whole)
        if ImageChops.difference(*decoded).getbbox() is not None:
            raise
    said.append("its end marker is missing, and no pixel")
    return decoded[0]


def _of_spider(image: Any, name: str) -> Decoded:
    """SPIDER's numbers of 32 bits, which have no white of their own, from least to most."""
    with decoding(name):
        values = np.asarray(image, np.float32)
        low, high = float(values.min()), float(values.max())
        if not np.isfinite((low, high)).all():
            raise ValueError("values that are no numbers")
    shares = (values - low) * (65535 / (high - low) if high > low else 0)
    said = (f"its values, {low:g} to {high:g}, were spread from black to white",)
    return Decoded(np.round(shares).astype(np.uint16)[..., None], notes=said)


def _transparent(
    pixels: sixteen_bit.Deep, key: Any
) -> tuple[sixteen_bit.Deep, NDArray[np.uint16] | None]:
    """Colours and alpha of ``(H, W, 1..4)``; `key` is the one colour that a PNG calls clear."""
    if pixels.shape[2] in (2, 4):
        return pixels[..., : pixels.shape[2] - 1], pixels[..., -1].copy()
    if not isinstance(key, (int, tuple)):
        return pixels, None
    clear = (pixels == np.atleast_1d(key).astype(np.uint16)).all(-1)
    return pixels, np.where(clear, 0, 65535).astype(np.uint16)
