"""DICOM in: windows by hand-computed cases, values read back, faults in one line."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import made, ramp

from manyhues.errors import PictureError, UsageError
from manyhues.image.formats import dicom
from manyhues.image.values import parse_window

pydicom = pytest.importorskip(
    "pydicom", reason="NO PYDICOM: DICOM is not tested; pip install 'manyhues[dicom]'"
)


def shown(data: bytes, window: Any = None, index: int = 0) -> dicom.Frame:
    return dicom.read(dicom.header(data, "x.dcm"), index, window, "x.dcm")


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_full_window_is_exact(bits: int, signed: bool, kind: str) -> None:
    stored = ramp(bits, signed)
    data = made(
        stored,
        BitsStored=bits,
        HighBit=bits - 1,
        PhotometricInterpretation=kind,
        RescaleSlope=2,
        RescaleIntercept=-1024,
    )
    frame = shown(data, "full")
    assert frame.scale is not None
    assert frame.shares is not None
    np.testing.assert_array_equal(frame.scale.values(frame.shares), stored * 2.0 - 1024)
    first, last = int(frame.shares[0, 0]), int(frame.shares[-1, -1])
    assert (first, last) == ((0, 65535) if kind == "MONOCHROME2" else (65535, 0))
    assert not frame.notes


def test_the_file_s_own_window_is_the_standard_s() -> None:
    # PS3.3, C.11.2.1.2.1: centre 2048, width 4096 shows 0 as black and 4095 as white.
    stored = np.array([[0, 2048, 4095]], np.uint16)
    frame = shown(made(stored, WindowCenter=2048, WindowWidth=4096))
    assert frame.scale is not None
    assert (frame.scale.low, frame.scale.high) == (0, 4095)


def test_several_windows_give_the_first() -> None:
    stored = np.array([[0, 100]], np.uint16)
    data = made(stored, WindowCenter=[50, 9], WindowWidth=[101, 3])
    scale = shown(data).scale
    assert scale is not None
    assert (scale.low, scale.high) == (-0.5, 99.5)


def test_what_saturates_is_said() -> None:
    stored = np.array([[0, 50, 100, 200]], np.uint8)
    frame = shown(made(stored), (50, 100))
    assert frame.notes == ("25.0% of its pixels lie outside the window 0 to 100",)


def test_a_window_is_in_the_file_s_units() -> None:
    stored = np.array([[0, 1024, 2048]], np.uint16)
    frame = shown(made(stored, RescaleSlope=1, RescaleIntercept=-1024, Modality="CT"), (0, 2048))
    assert frame.shares is not None
    assert frame.scale is not None
    assert frame.shares.tolist() == [[0, 32768, 65535]]
    assert frame.scale.unit == "HU"


def test_a_curve_cannot_be_read_back() -> None:
    stored = np.array([[0, 50, 100]], np.uint8)
    data = made(stored, WindowCenter=50, WindowWidth=50, VOILUTFunction="SIGMOID")
    frame = shown(data)
    assert frame.scale is None
    assert "values cannot be read back; --window full can" in frame.notes[0]
    assert shown(data, "full").scale is not None


def test_frames_are_pages() -> None:
    stored = np.stack([np.full((2, 3), value, np.uint8) for value in (1, 2, 3)])
    dataset = dicom.header(made(stored), "x.dcm")
    assert dicom.frame_count(dataset) == 3
    frame = dicom.read(dataset, 2, (2, 4), "x.dcm")
    assert frame.scale is not None
    assert frame.shares is not None
    assert frame.scale.values(frame.shares).tolist() == [[3, 3, 3], [3, 3, 3]]


def test_padding_is_not_part_of_the_range() -> None:
    stored = np.array([[-2000, 0, 100]], np.int16)
    scale = shown(made(stored, PixelPaddingValue=-2000), "full").scale
    assert scale is not None
    assert (scale.low, scale.high) == (0, 100)


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


@pytest.mark.parametrize("text", ["", "40", "40,0", "40,-1", "nan,3", "a,b", "1,2,3"])
def test_windows_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="window"):
        parse_window(text)


def test_windows() -> None:
    assert parse_window("40,400") == (40, 400)
    assert parse_window("FULL") == "full"
