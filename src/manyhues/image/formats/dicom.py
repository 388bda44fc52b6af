"""DICOM: stored values of each frame, shown as grey (`dicom_grey` says how) or as colour.

Decoding is pydicom's (extra ``dicom``), with pylibjpeg's and GDCM's decoders for compressed
transfer syntaxes. References are to the DICOM standard: PS3.3 for the modules.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import PictureError
from manyhues.image.decoding import decoding
from manyhues.image.formats import dicom_grey as grey
from manyhues.image.formats.base import Decoded, File, Format, Page
from manyhues.image.metadata import Metadata
from manyhues.image.quiet import without_warnings
from manyhues.image.values import WHITE, Scale, Shares, Window, ends, noted

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_FRAMES = 5_000
_PREAMBLE = 128
_EXTRA = "'manyhues[dicom]'"
_MISSING = "reading DICOM needs {name}; install it with: pip install 'manyhues[dicom]'"
_GREY = {"MONOCHROME1", "MONOCHROME2"}
_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420"}


class Dicom(Format):
    """Files of DICOM, part 10: each frame is a page."""

    suffixes = frozenset({".dcm", ".dicom"})
    paged = True

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether the letters behind the preamble are DICOM's (PS3.10, 7.1)."""
        return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM"

    @classmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """One page for each frame."""
        dataset = header(file.data, file.name)
        pages = [_FramePage(dataset, index, file) for index in range(frame_count(dataset))]
        pages[0].notes = _of_the_whole(dataset, file.name)
        return pages


class _FramePage(Page):
    """A frame, decoded when it is asked for; 16 bits, so that values can be read back."""

    format, bits = "DICOM", 16

    def __init__(self, dataset: "Dataset", index: int, file: File) -> None:
        self._dataset, self._file, self.index = dataset, file, index
        self.size = int(dataset.Columns), int(dataset.Rows)

    def decode(self) -> Decoded:
        frame = read(self._dataset, self.index, self._file.window, self._file.name)
        if frame.shares is not None:
            pixels: NDArray[Any] = frame.shares[..., None]
        else:
            assert frame.rgb is not None
            pixels = frame.rgb
        return Decoded(pixels, notes=frame.notes, metadata=self._metadata, scale=frame.scale)

    def _metadata(self) -> tuple[Metadata, tuple[str, ...]]:
        """Nobody's data, unless they are asked for: then DICOM results take them over."""
        return Metadata(patient=self._file.data if self._file.keep_patient else b""), ()


@dataclass(frozen=True)
class Frame:
    """One frame, decoded and shown through a window.

    shares  (H, W) uint16, 0 black to 65535 white; None for colour
    rgb     (H, W, 3) uint8 or uint16, sRGB, for colour alone
    scale   what the shares mean; None where they cannot be read back
    notes   what was lost or assumed
    """

    shares: Shares | None
    rgb: NDArray[Any] | None
    scale: Scale | None
    notes: tuple[str, ...] = ()


def header(data: bytes, name: str) -> "Dataset":
    """The data set of a file. Raises `PictureError` for one that has no picture to show."""
    try:
        from pydicom import dcmread
    except ModuleNotFoundError as error:
        raise PictureError(f"{name}: {_MISSING.format(name='pydicom')}") from error
    with _decoding(name):
        dataset = dcmread(io.BytesIO(data), force=True)
        held = bool(dataset.get("PixelData"))
        rows, columns = int(dataset.get("Rows", 0) or 0), int(dataset.get("Columns", 0) or 0)
        frames = frame_count(dataset)
        what = str(dataset.get("Modality", "") or "no picture")
    if "EncryptedAttributesSequence" in dataset and not held:
        raise PictureError(f"{name}: is encrypted; decrypt it with the program that it comes from")
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise PictureError(f"{name}: holds values of 32 or 64 bits; save them with 16 bits first")
    if not held or not rows * columns:
        raise PictureError(
            f"{name}: has no pixel data ({what}); choose a file that holds a picture"
        )
    if frames > MOST_FRAMES:
        raise PictureError(
            f"{name}: has {frames} frames, over the limit of {MOST_FRAMES}; split it first"
        )
    return dataset


def frame_count(dataset: "Dataset") -> int:
    """How many frames a file holds, 1 or more."""
    return max(1, int(dataset.get("NumberOfFrames", 1) or 1))


def read(dataset: "Dataset", index: int, window: Window | None, name: str) -> Frame:
    """Decode one frame, 0 the first, and show it through a window (None: the file's own)."""
    with _decoding(name):  # elements are read when they are asked for
        kind = str(dataset.get("PhotometricInterpretation", ""))
    stored = _decoded(dataset, index, name, raw=kind in _GREY)
    if kind in _GREY:
        return _shown(dataset, index, stored, window, name)
    if window is not None:
        raise PictureError(f"{name}: is a colour picture, which has no window; leave out --window")
    if kind == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        with _decoding(name):
            stored = apply_color_lut(stored, dataset)
    elif kind not in _COLOUR:
        raise PictureError(
            f"{name}: its pixels are of kind {kind or 'unknown'}, which is not known here; "
            "save it as RGB first"
        )
    with _decoding(name):
        return Frame(None, _as_rgb(stored, dataset), None)


def _decoded(dataset: "Dataset", index: int, name: str, *, raw: bool) -> NDArray[Any]:
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    syntax = UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "") or ""))
    with _decoding(name):
        stored = int(dataset.get("BitsStored", 0) or 0)
        packed = syntax.is_compressed  # raises, where it is another thing's identifier
        spare = _spare(dataset) if raw and not packed else 0
    if packed:
        _check_decoder(syntax, stored, name)
    with _decoding(name):
        options: dict[str, Any] = {"bits_stored": stored + spare} if spare else {}
        pixels = np.asarray(pixel_array(dataset, index=index, raw=raw, **options))
    return pixels >> spare if spare else pixels


def _spare(dataset: "Dataset") -> int:
    """How many of a sample's lowest bits hold nothing, as older files may have it."""
    return max(0, int(dataset.get("HighBit", 0) or 0) + 1 - int(dataset.get("BitsStored", 0) or 0))


def _check_decoder(syntax: Any, bits: int, name: str) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import JPEGExtended12Bit

    try:
        decoder: Any = get_decoder(syntax)
    except NotImplementedError:  # nor has the extra one
        decoder = None
    known = () if decoder is None else decoder.available_plugins
    # Of JPEG with 12 bits the others of pydicom's decoders read none.
    deep = syntax == JPEGExtended12Bit and bits != 8
    if "pylibjpeg" in known if deep else known:
        return
    if decoder is None:
        raise PictureError(
            f"{name}: its pixels are compressed as {syntax.name}, for which no decoder is "
            "installed; save it uncompressed"
        )
    package = "pylibjpeg-libjpeg" if deep else _EXTRA
    raise PictureError(
        f"{name}: its pixels are compressed as {syntax.name}, for which no decoder is installed; "
        f"save it uncompressed, or: pip install {package}"
    )


def _of_the_whole(dataset: "Dataset", name: str) -> tuple[str, ...]:
    """What is to be said of a file, whichever of its frames are read."""
    from pydicom.pixels.utils import get_expected_length

    notes = []
    with suppress(PictureError), _decoding(name):  # a fault is told where frames are decoded
        if not dataset.file_meta.TransferSyntaxUID.is_compressed:
            more = len(dataset.PixelData) - get_expected_length(dataset)
            if more > 1:  # one makes the length even
                notes.append(
                    f"{more} bytes of pixels more than its header says were left out; if it looks "
                    "wrong, correct its rows, columns or frames"
                )
            if spare := _spare(dataset):
                notes.append(
                    f"its samples' lowest bits ({spare}) were left out, as its header says"
                )
        if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
            notes.append("its header says that text is part of its pixels: it may name the patient")
    return tuple(notes)


def _shown(
    dataset: "Dataset", index: int, stored: NDArray[Any], window: Window | None, name: str
) -> Frame:
    inverted = str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    with _decoding(name):
        facts = grey.facts_of(dataset, index)
        stored, slope, intercept, unit, notes = grey.in_units(facts, stored, name)
        curved = None if window else grey.curved(facts, stored * slope + intercept)
    if curved is not None:
        shares = np.invert(curved) if inverted else curved
        return Frame(shares, None, None, (*notes, grey.CURVED))
    if window is None:
        (low, high), said = grey.own_ends(facts, stored, slope, intercept)
        notes += said
    else:
        low, high = ends(window, grey.seen(facts, stored), slope, intercept)
    try:
        scale = Scale(low, high, slope, intercept, inverted, unit)
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from None
    shares, cut = scale.shares(stored)
    return Frame(shares, None, scale, (*notes, *noted(scale, cut)))


def _as_rgb(pixels: NDArray[Any], dataset: "Dataset") -> NDArray[Any]:
    """RGB of 8 bits as it is, of more as 16 bits on the scale to 65,535."""
    if pixels.dtype == np.uint8:
        return pixels
    top = float(2 ** int(dataset.get("BitsStored", 16)) - 1)
    if "RedPaletteColorLookupTableDescriptor" in dataset:
        top = float(2 ** int(dataset.RedPaletteColorLookupTableDescriptor[2]) - 1)
    scaled = np.clip(pixels.astype(np.float64) / top, 0, 1)
    return np.asarray(np.rint(scaled * WHITE), np.uint16)


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Around calls of pydicom and its decoders, which warn, and raise nearly anything."""
    with without_warnings(), decoding(name, Exception):
        yield
