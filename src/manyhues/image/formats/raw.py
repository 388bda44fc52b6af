"""What cameras' sensors measured, DNG among it: rawpy, an optional library, develops it.

Raw files of most cameras begin as a TIFF does; `tiff` hands those on that hold a sensor's values.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, ClassVar

from manyhues.errors import PictureError
from manyhues.image.decoding import decoding, no_memory, one_line
from manyhues.image.formats.base import Decoded, File, Format, Page

# How those begin that are no TIFF: Olympus, Panasonic, Fujifilm, Minolta, Canon, Sigma.
_MAGIC = (
    *(b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"\0MRM", b"HEAPCCDR", b"FOVb"),
    *(b"II\x1a\0\0\0HEAPCCDR", b"\0\0\0\x18ftypcrx"),
)
SUFFIXES = frozenset(
    {".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf"}
    | {".rw2", ".pef", ".srw", ".mrw", ".x3f", ".3fr", ".iiq", ".erf", ".mef", ".mos", ".raw"}
)
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's turns as EXIF's
_DEVELOPED = "developed by LibRaw with the camera's white balance; its EXIF was not kept"


class Raw(Format):
    """Camera raw that is no TIFF; of those that are, `pages` alone is asked."""

    suffixes: ClassVar[frozenset[str]] = SUFFIXES if find_spec("rawpy") else frozenset()

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether it begins as a camera's raw file does that is no TIFF."""
        return head.startswith(_MAGIC)

    @classmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """The full picture, from the header. Raises `PictureError`, which names the extra."""
        with _opened(file) as raw:
            sizes = raw.sizes
            return [RawPage(file, (sizes.width, sizes.height), _ORIENTATIONS.get(sizes.flip, 1))]


class RawPage(Page):
    """The sensor's picture, developed when it is decoded."""

    format = "RAW"
    bits = 16
    pixel_bytes = 12  # of each 8 bits: sensor, colours before and after, and the result

    def __init__(self, file: File, size: tuple[int, int], orientation: int) -> None:
        self._file, self.size, self._orientation = file, size, orientation

    def decode(self) -> Decoded:
        """See `Page`."""
        with _opened(self._file) as raw:
            # As stored: turning is done for all formats at one place.
            pixels = raw.postprocess(output_bps=16, use_camera_wb=True, user_flip=0)
        return Decoded(pixels, orientation=self._orientation, notes=(_DEVELOPED,))


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    """LibRaw's object of a file; its exceptions as errors of pictures, around all of its use."""
    try:
        import rawpy
    except ModuleNotFoundError:
        raise PictureError(
            f"{file.name}: a camera's raw picture, of which only a preview can be read; "
            f"pip install 'manyhues[raw]' develops it, or develop the raw file and save it "
            "as TIFF"
        ) from None
    try:
        with decoding(file.name), rawpy.imread(io.BytesIO(file.data)) as raw:
            yield raw
    except rawpy.LibRawFileUnsupportedError:
        raise PictureError(
            f"{file.name}: a camera's raw picture that LibRaw does not know, of which only a "
            "preview can be read; develop the raw file and save it as TIFF"
        ) from None
    except rawpy.LibRawUnsufficientMemoryError:
        raise no_memory(file.name) from None
    except rawpy.LibRawError as error:
        raise PictureError(
            f"{file.name}: a camera's raw picture that is truncated or damaged ({_said(error)}); "
            "copy it again from its source"
        ) from None


def _said(error: Exception) -> str:
    words = error.args[0] if error.args else ""
    return words.decode("ascii", "replace") if isinstance(words, bytes) else one_line(error)
