"""What every family of file formats does. One class for each family, in a file of its own.

A family says by the first bytes whether a file is its own (`Format.sniff`), and lists the file's
pages from the header alone (`Format.pages`). A page is decoded when it is asked for
(`Page.decode`). What happens to its pixels afterwards is the same for all formats.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.image import provenance
from manyhues.image.metadata import Metadata
from manyhues.image.values import Scale, Window

PLAIN_INK = "CMYK without a profile: ink was converted by the plain formula"


@dataclass(frozen=True)
class File:
    """An encoded picture: its bytes, the name that errors give it, and its name's suffix.

    `window` is what of its values to show, for formats that hold measured values; `keep_patient`
    whether a DICOM result of it is to name the patient.
    """

    data: bytes
    name: str = "picture"
    suffix: str = ""
    window: Window | None = None
    keep_patient: bool = False

    @cached_property
    def digest(self) -> str:
        """What tells it from other files (`image.provenance`): the same for all its pages."""
        return provenance.digest(self.data)


def nothing_inherited() -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of a format that has none, and no notes on them."""
    return Metadata(), ()


@dataclass(frozen=True, eq=False)
class Decoded:
    """The pixels of one page, as they are stored.

    pixels       an image of mode ``L``, ``RGB``, ``CMYK`` or ``LAB``; or ``(H, W, 1 or 3)`` uint8
                 or uint16, grey or RGB
    alpha        (H, W) uint8, or uint16 with pixels of uint16; None when the picture is opaque
    profile      the ICC profile that the colours are in; empty for sRGB
    orientation  EXIF's, 1 to 8, still to be applied
    notes        what was lost or changed while decoding, for the user to see
    metadata     reads what a result inherits, and gives notes on what is lost of it
    scale        what grey pixels of uint16 mean, where they are shares of a window of values
    top          the largest value that a grey sample can store, where pixels were stretched from
                 that; 0 where they are as stored
    inverted     whether a stored 0 is white, and the pixels are not as stored for that
    """

    pixels: Image.Image | NDArray[Any]
    alpha: NDArray[Any] | None = None
    profile: bytes = b""
    orientation: int = 1
    notes: tuple[str, ...] = ()
    metadata: Callable[[], tuple[Metadata, tuple[str, ...]]] = nothing_inherited
    scale: Scale | None = None
    top: int = 0
    inverted: bool = False

    def stored(self) -> NDArray[Any]:
        """The samples of a grey page as the file stores them, ``(H, W, channels)``."""
        pixels = np.asarray(self.pixels)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        top = self.top or white
        if top != white:
            table = np.rint(np.arange(white + 1) * (top / white)).astype(pixels.dtype)
            pixels = table[pixels]
        return top - pixels if self.inverted else pixels


class Page(ABC):
    """One page of a file, known from the header alone.

    format  the format as results name it (``JPEG``)
    size    width and height as stored
    bits    8 or 16: the depth that a result gets
    pixel_bytes  the most bytes of memory that a pixel takes when it is decoded
    index   the page's place in its file, from 0
    notes   what is left out of the file beside it, for the user to see
    """

    format: str
    size: tuple[int, int]
    bits: int = 8
    pixel_bytes: int = 4
    index: int = 0
    notes: tuple[str, ...] = ()

    @abstractmethod
    def decode(self) -> Decoded:
        """The pixels. Raises `PictureError` where the page is damaged."""


class Format(ABC):
    """A family of file formats.

    Any module of this folder that holds a subclass is found; there is no list to add it to.

    suffixes  of names, in small letters: files that are taken from folders
    paged     whether a file of these suffixes may have several pages
    general   asked after all families that are not
    """

    families: ClassVar[list[type["Format"]]] = []
    suffixes: ClassVar[frozenset[str]] = frozenset()
    paged: ClassVar[bool] = False
    general: ClassVar[bool] = False

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        Format.families.append(cls)

    @classmethod
    @abstractmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` (264 bytes, or all of a shorter file) is ours."""

    @classmethod
    @abstractmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """The pages of a file, one at least; decodes nothing. Raises `PictureError`."""
