"""DICOM that is damaged or not DICOM: faults in one line."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import made

from manyhues.errors import PictureError
from manyhues.image.decoding import decoding
from manyhues.image.formats import dicom

pydicom = pytest.importorskip(
    "pydicom", reason="NO PYDICOM: DICOM is not tested; pip install 'manyhues[dicom]'"
)


def shown(data: bytes, window: Any = None, index: int = 0) -> dicom.Frame:
    return dicom.read(dicom.header(data, "x.dcm"), index, window, "x.dcm")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("syntax", "remedy"),
    [
        ("JPEGExtended12Bit", "save it uncompressed, or: pip install pylibjpeg-libjpeg"),
        ("MPEG4HP41", "save it uncompressed"),
    ],
)
def test_a_decoder_that_is_missing_is_named(syntax: str, remedy: str) -> None:
    from pydicom import uid
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    if "pylibjpeg" in get_decoder(uid.JPEGExtended12Bit).available_plugins:
        pytest.skip("PYLIBJPEG-LIBJPEG IS HERE: its absence is not tested")
    dataset = pydicom.dcmread(io.BytesIO(made(np.zeros((8, 8), np.uint16))))
    dataset.file_meta.TransferSyntaxUID = getattr(uid, syntax)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PixelData = encapsulate([b"\xff\xd8 a stream"])
    dataset["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=False, little_endian=True)
    with pytest.raises(PictureError, match="for which no decoder is installed; ") as caught:
        shown(out.getvalue())
    assert str(caught.value).endswith(f"installed; {remedy}")


def test_a_decoder_s_panic_is_a_damaged_file() -> None:
    """pylibjpeg-rle is written in Rust: a panic is no `Exception`, and would end a whole batch."""
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    with pytest.raises(PictureError, match=r"x.dcm: truncated or damaged \(index out of"):  # noqa: SIM117
        with decoding("x.dcm"):
            raise panic("index out of bounds")
    with pytest.raises(KeyboardInterrupt), decoding("x.dcm", Exception):
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tag", [b"\x28\0\4\0CS", b"\x08\0\x60\0CS", b"\x28\0\1\1US"])
def test_an_element_of_an_unknown_kind(tag: bytes) -> None:
    """pydicom reads an element, and finds that it cannot, when it is asked for."""
    assert tag in GOOD
    with pytest.raises(PictureError, match="truncated or damaged"):
        shown(GOOD.replace(tag, tag[:4] + b"C\x1b"))


@pytest.mark.filterwarnings("ignore")
def test_a_transfer_syntax_that_is_none() -> None:
    verification = GOOD.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.1\0\0\0")
    with pytest.raises(PictureError, match="truncated or damaged"):
        shown(verification)


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_ends_beyond_its_frame() -> None:
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    dataset = pydicom.dcmread(io.BytesIO(made(np.zeros((4, 4), np.uint8))))
    dataset.file_meta.TransferSyntaxUID = RLELossless
    runs = b"\x7f" + bytes(3)  # a literal of 128 bytes, of which 3 are there
    frame = b"\1\0\0\0\x40\0\0\0" + bytes(56) + runs
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=False, little_endian=True)
    with pytest.raises(PictureError, match="truncated or damaged"):
        shown(out.getvalue())


GOOD = made(np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"RescaleSlope": "nan", "RescaleIntercept": 0}, "its rescale .* is no line"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "its rescale .* is no line"),
        ({"NumberOfFrames": 60000}, "has 60000 frames, over the limit of 5000; split it first"),
        ({"Rows": 400}, "truncated or damaged .*; copy it again"),
        (
            {"PhotometricInterpretation": "HSV"},
            "its pixels are of kind HSV, which is not known here",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.filterwarnings("ignore")
def test_faults_are_one_line(elements: dict[str, Any], said: str) -> None:
    with pytest.raises(PictureError, match=f"^x.dcm: {said}") as caught:
        shown(made(np.zeros((2, 2), np.uint8), **elements))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_a_file_without_pixels() -> None:
    dataset = pydicom.dcmread(io.BytesIO(GOOD))
    del dataset.PixelData
    out = io.BytesIO()
    dataset.save_as(out)
    with pytest.raises(PictureError, match="has no pixel data"):
        shown(out.getvalue())
    dataset.PixelData = b""
    dataset["PixelData"].VR = "OW"
    out = io.BytesIO()
    dataset.save_as(out)
    with pytest.raises(PictureError, match="has no pixel data"):
        shown(out.getvalue())
    del dataset.PixelData
    dataset.EncryptedAttributesSequence = []
    out = io.BytesIO()
    dataset.save_as(out)
    with pytest.raises(PictureError, match="is encrypted; decrypt it"):
        shown(out.getvalue())


@pytest.mark.filterwarnings("ignore")
def test_every_prefix_is_an_error_of_ours() -> None:
    for end in range(0, len(GOOD) - 1, 7):
        with pytest.raises(PictureError):
            shown(GOOD[:end])


@pytest.mark.filterwarnings("ignore")
def test_files_that_pydicom_ships() -> None:
    """All that are here (none is fetched): read, or refused in one line; exact at full window."""
    from pydicom import data
    from pydicom.pixels.utils import pixel_array

    folder = Path(data.__file__).parent / "test_files"
    read, said = 0, list[str]()
    for path in sorted(folder.glob("*.dcm")):
        try:
            dataset = dicom.header(path.read_bytes(), path.name)
            if not str(dataset.get("PhotometricInterpretation")).startswith("MONO"):
                continue
            frame = dicom.read(dataset, 0, "full", path.name)
        except PictureError as error:
            said.append(str(error))
            continue
        raw = pixel_array(dataset, index=0, raw=True)
        assert frame.scale is not None
        assert frame.shares is not None
        values = raw * frame.scale.slope + frame.scale.intercept
        off = np.abs(frame.scale.values(frame.shares) - values).max() / abs(frame.scale.slope)
        assert off <= max(0, frame.scale.steps // 65536 / 2)
        read += 1
    assert read > 20
    assert not [line for line in said if "\n" in line]
