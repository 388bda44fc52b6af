"""DICOM: stored values, the window that shows them, and what is lost on the way.

Decoding is pydicom's (extra ``dicom``), with pylibjpeg's and GDCM's decoders for compressed
transfer syntaxes. References are to the DICOM standard: PS3.3 for the modules.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import PictureError
from manyhues.image.decoding import decoding
from manyhues.image.formats.base import Decoded, File, Format, Page
from manyhues.image.metadata import Metadata
from manyhues.image.quiet import without_warnings
from manyhues.image.values import WHITE, Ends, Scale, Shares, Window, ends, full, noted

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_FRAMES = 5_000
_PREAMBLE = 128
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
        return [_FramePage(dataset, index, file) for index in range(frame_count(dataset))]


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
        held = "PixelData" in dataset
        rows, columns = int(dataset.get("Rows", 0) or 0), int(dataset.get("Columns", 0) or 0)
        frames = frame_count(dataset)
    if "EncryptedAttributesSequence" in dataset and not held:
        raise PictureError(f"{name}: is encrypted; decrypt it with the program that it comes from")
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise PictureError(f"{name}: holds values of 32 or 64 bits; save them with 16 bits first")
    if not held or not rows * columns:
        what = str(dataset.get("Modality", "") or "no picture")
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
    kind = str(dataset.get("PhotometricInterpretation", ""))
    stored = _decoded(dataset, index, name, raw=kind in _GREY)
    if kind in _GREY:
        return _shown(dataset, stored, window, kind == "MONOCHROME1", name)
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
    return Frame(None, _as_rgb(stored, dataset), None)


def _decoded(dataset: "Dataset", index: int, name: str, *, raw: bool) -> NDArray[Any]:
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    syntax = UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "") or ""))
    if syntax.is_compressed:
        _check_decoder(syntax, name)
    with _decoding(name):
        return np.asarray(pixel_array(dataset, index=index, raw=raw))


def _check_decoder(syntax: Any, name: str) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        raise PictureError(
            f"{name}: its pixels are compressed as {syntax.name}, for which no decoder is "
            "installed; save it uncompressed, or: pip install 'manyhues[dicom]'"
        )


def _shown(
    dataset: "Dataset", stored: NDArray[Any], window: Window | None, inverted: bool, name: str
) -> Frame:
    notes: list[str] = []
    slope, intercept = _rescale(dataset, name)
    if "ModalityLUTSequence" in dataset:  # a table instead of a line (PS3.3, C.11.1)
        from pydicom.pixels.processing import apply_modality_lut

        with _decoding(name):
            stored, slope, intercept = apply_modality_lut(stored, dataset), 1.0, 0.0
        notes.append("its values are those of its modality table")
    unit = str(dataset.get("RescaleType", "") or "")
    unit = (
        "HU"
        if not unit and dataset.get("Modality") == "CT" and (slope, intercept) != (1, 0)
        else unit
    )
    if window is None and (table := _own_table(dataset, stored, name)) is not None:
        shares = np.invert(table) if inverted else table
        notes.append("shown through its own curve: values cannot be read back; --window full can")
        return Frame(shares, None, None, tuple(notes))
    if window is None:
        low, high = _window(dataset, stored, slope, intercept)
    else:
        low, high = ends(window, _seen(dataset, stored), slope, intercept)
    try:
        scale = Scale(low, high, slope, intercept, inverted, unit)
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from None
    shares, cut = scale.shares(stored)
    return Frame(shares, None, scale, (*notes, *noted(scale, cut)))


def _rescale(dataset: "Dataset", name: str) -> tuple[float, float]:
    """Slope and intercept of the modality's units (PS3.3, C.11.1); 1 and 0 where it has none."""
    try:
        slope = float(dataset.get("RescaleSlope", 1) or 0)
        intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    except (TypeError, ValueError):
        slope = intercept = float("nan")
    if not (np.isfinite(slope) and np.isfinite(intercept) and slope):
        raise PictureError(
            f"{name}: its rescale (slope {dataset.get('RescaleSlope')}, intercept "
            f"{dataset.get('RescaleIntercept')}) is no line; correct the file's header"
        )
    return slope, intercept


def _window(dataset: "Dataset", stored: NDArray[Any], slope: float, intercept: float) -> Ends:
    """The values that the file's own window shows as black and white; all, where it has none."""
    centre, width = (_first(dataset.get(key)) for key in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None:
        return full(_seen(dataset, stored), slope, intercept)
    linear = str(dataset.get("VOILUTFunction", "") or "LINEAR") == "LINEAR"
    if linear and width > 1:  # PS3.3, C.11.2.1.2.1: over w - 1 steps
        centre, width = centre - 0.5, width - 1
    return centre - width / 2, centre + width / 2


def _seen(dataset: "Dataset", stored: NDArray[Any]) -> NDArray[Any]:
    """Stored values without those that pad the picture."""
    padding = dataset.get("PixelPaddingValue")
    if isinstance(padding, int) and (stored != padding).any():
        return np.asarray(stored[stored != padding])
    return stored


def _own_table(dataset: "Dataset", stored: NDArray[Any], name: str) -> Shares | None:
    """Shares by the file's own table or curve (PS3.3, C.11.2); None where it has neither."""
    curved = str(dataset.get("VOILUTFunction", "") or "") == "SIGMOID"
    if not curved and "VOILUTSequence" not in dataset:
        return None
    from pydicom.pixels.processing import apply_rescale, apply_voi_lut

    with _decoding(name):
        values = apply_voi_lut(apply_rescale(stored, dataset), dataset, prefer_lut=True)
        low, high = float(values.min()), float(values.max())
        if not np.isfinite((low, high)).all():
            raise ValueError("its window is not finite")
        if "VOILUTSequence" in dataset:
            bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
            low, high = 0.0, float(2**bits - 1)
        shown = (values - low) / max(high - low, 1e-9)
    return np.asarray(np.rint(np.clip(shown, 0, 1) * WHITE), np.uint16)


def _first(value: Any) -> float | None:
    """The first of one or several numbers; None where there is none that is finite."""
    try:
        number = float(value if isinstance(value, (int, float, str)) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if np.isfinite(number) else None


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
