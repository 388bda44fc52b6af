"""DICOM in: windows by hand-computed cases, and values read back."""

import io
from typing import Any

import numpy as np
import pytest
from dicom_files import made, ramp
from numpy.typing import NDArray

from manyhues.errors import UsageError
from manyhues.image.formats import dicom
from manyhues.image.formats.base import File
from manyhues.image.formats.dicom import Dicom
from manyhues.image.values import Scale, parse_window

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


def item(**elements: Any) -> Any:
    made = pydicom.Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def test_each_frame_of_an_enhanced_object_has_its_own_units_and_window() -> None:
    def of_a_frame(**elements: Any) -> Any:
        units = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
        window = {"WindowCenter": 0, "WindowWidth": 21}
        return item(
            PixelValueTransformationSequence=[
                item(**{k: elements.get(k, units[k]) for k in units})
            ],
            FrameVOILUTSequence=[item(**{k: elements.get(k, window[k]) for k in window})],
        )

    stored = np.arange(12, dtype=np.uint16).reshape(2, 2, 3)
    frames = [
        of_a_frame(RescaleSlope=2, RescaleIntercept=-10),
        of_a_frame(RescaleSlope=3, RescaleIntercept=-20, WindowCenter=5, WindowWidth=11),
    ]
    shared = [item(PixelValueTransformationSequence=[item(RescaleSlope=9, RescaleIntercept=9)])]
    data = made(
        stored, PerFrameFunctionalGroupsSequence=frames, SharedFunctionalGroupsSequence=shared
    )
    scales = [shown(data, index=index).scale for index in (0, 1)]
    assert [scale and (scale.low, scale.high) for scale in scales] == [(-10.5, 9.5), (-0.5, 9.5)]
    for index, units in enumerate((stored[0] * 2.0 - 10, stored[1] * 3.0 - 20)):
        frame = shown(data, "full", index)
        assert frame.scale is not None
        assert frame.shares is not None
        assert frame.scale.unit == "HU"
        np.testing.assert_array_equal(frame.scale.values(frame.shares), units)
    data = made(stored[0], SharedFunctionalGroupsSequence=shared)
    assert shown(data, "full").scale == Scale(9, 54, 9, 9)


def table(entries: NDArray[Any], first: int, bits: int, packed: bool = False) -> Any:
    made = pydicom.Dataset()
    made.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    made.add_new(0x00283006, "OW", entries.astype("u1" if packed else "<u2").tobytes())
    return made


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("bits", "entries"), [(8, 256), (8, 4096), (12, 4096), (16, 65536)])
def test_a_table_shows_each_value(bits: int, entries: int, packed: bool, kind: str) -> None:
    """By hand: pydicom 3.0 takes the lowest 8 bits of values where entries have 8 bits."""
    if packed and bits > 8:
        return
    white = 2**bits - 1
    curve = np.rint(np.linspace(0, 1, entries) ** 2 * white).astype(np.uint16)
    stored = ramp(12, signed=False)
    data = made(
        stored,
        BitsStored=12,
        HighBit=11,
        VOILUTSequence=[table(curve, 0, bits, packed)],
        PhotometricInterpretation=kind,
        WindowCenter=1,
        WindowWidth=2,
    )
    wanted = curve[np.minimum(stored, entries - 1)] / white
    wanted = 1 - wanted if kind == "MONOCHROME1" else wanted
    frame = shown(data)
    assert frame.scale is None
    assert frame.shares is not None
    np.testing.assert_allclose(frame.shares, wanted * 65535, atol=0.501)


@pytest.mark.parametrize(
    ("bits", "entries", "first"),
    [(8, 256, 0), (12, 4096, 0), (16, 4096, -2048), (16, 100, 1000)],
)
def test_a_modality_table_gives_the_values(bits: int, entries: int, first: int) -> None:
    units = np.rint(np.linspace(3, 2**bits - 1, entries)).astype(np.uint16)
    stored = ramp(12, signed=first < 0)
    tables = [table(units, first, bits)]
    frame = shown(made(stored, BitsStored=12, HighBit=11, ModalityLUTSequence=tables), "full")
    assert frame.scale is not None
    assert frame.shares is not None
    places = np.clip(stored.astype(int) - first, 0, entries - 1)
    np.testing.assert_array_equal(frame.scale.values(frame.shares), units[places])
    assert frame.notes == ("its values are those of its modality table",)


def test_empty_tables_are_none() -> None:
    stored = np.array([[0, 50, 101]], np.uint16)
    empty: dict[str, Any] = {"VOILUTSequence": [], "ModalityLUTSequence": []}
    data = made(stored, RescaleSlope=0.5, RescaleIntercept=3, **empty)
    frame = shown(data)
    assert frame.scale is not None
    assert frame.shares is not None
    assert frame.scale.values(frame.shares).tolist() == [[3, 28, 53.5]]


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("window", [(3000, 9000), (100, 1), (2000, 500)], ids=str)
def test_greys_are_those_of_pydicom_s_windows(
    function: str, kind: str, window: tuple[int, int]
) -> None:
    from pydicom.pixels.processing import apply_modality_lut, apply_windowing

    stored = ramp(12, signed=True)
    data = made(
        stored,
        BitsStored=12,
        HighBit=11,
        PhotometricInterpretation=kind,
        RescaleSlope=2,
        RescaleIntercept=-1024,
        WindowCenter=window[0],
        WindowWidth=window[1],
        VOILUTFunction=function,
    )
    dataset = pydicom.dcmread(io.BytesIO(data))
    with np.errstate(over="ignore"):
        wanted = apply_windowing(apply_modality_lut(stored, dataset), dataset)
    wanted = (wanted - (-4096 - 1024)) / (4095 * 2)
    wanted = 1 - wanted if kind == "MONOCHROME1" else wanted
    frame = shown(data)
    assert frame.shares is not None
    np.testing.assert_allclose(frame.shares, wanted * 65535, atol=0.501)


@pytest.mark.parametrize(("width", "function"), [(0, "LINEAR"), (-5, "LINEAR"), (0, "SIGMOID")])
def test_an_empty_window_of_the_file_s_is_said(width: int, function: str) -> None:
    stored = np.array([[0, 50, 100]], np.uint16)
    frame = shown(made(stored, WindowCenter=40, WindowWidth=width, VOILUTFunction=function))
    assert frame.scale == Scale(0, 100)
    said = f"its own window (centre 40.0, width {width}.0) is empty: all its values are shown"
    assert frame.notes == (said,)


def test_an_unknown_curve_is_said() -> None:
    stored = np.array([[0, 50, 100]], np.uint16)
    frame = shown(made(stored, WindowCenter=50, WindowWidth=200, VOILUTFunction="BOGUS"))
    assert frame.notes == ("the curve of its window, BOGUS, is unknown: shown straight",)


def notes(data: bytes) -> tuple[str, ...]:
    return Dicom.pages(File(data, "x.dcm"))[0].notes


def test_samples_that_leave_their_lowest_bits_unused() -> None:
    stored = ramp(12, signed=False)
    data = made(stored << 4, BitsStored=12, HighBit=15)
    frame = shown(data, "full")
    assert frame.scale is not None
    assert frame.shares is not None
    np.testing.assert_array_equal(frame.scale.values(frame.shares), stored)
    assert notes(data) == ("its samples' lowest bits (4) were left out, as its header says",)


@pytest.mark.parametrize("lie", [{"Rows": 2}, {"Columns": 3}, {"NumberOfFrames": 1}], ids=str)
def test_pixels_that_the_header_leaves_out_are_said(lie: dict[str, int]) -> None:
    stored = np.zeros((2, 4, 6), np.uint8)
    assert not notes(made(stored))
    assert (
        "bytes of pixels more than its header says were left out" in notes(made(stored, **lie))[0]
    )


def test_text_that_is_part_of_the_pixels_is_said() -> None:
    data = made(np.zeros((2, 2), np.uint8), BurnedInAnnotation="YES")
    assert notes(data) == (
        "its header says that text is part of its pixels: it may name the patient",
    )


def test_padding_is_not_part_of_the_range() -> None:
    stored = np.array([[-2000, 0, 100]], np.int16)
    scale = shown(made(stored, PixelPaddingValue=-2000), "full").scale
    assert scale is not None
    assert (scale.low, scale.high) == (0, 100)
    of_a_range = {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1000}
    scale = shown(made(np.array([[-2000, -1500, 0, 100]], np.int16), **of_a_range), "full").scale
    assert scale is not None
    assert (scale.low, scale.high) == (0, 100)


@pytest.mark.parametrize("text", ["", "40", "40,0", "40,-1", "nan,3", "a,b", "1,2,3"])
def test_windows_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="window"):
        parse_window(text)


def test_windows() -> None:
    assert parse_window("40,400") == (40, 400)
    assert parse_window("FULL") == "full"
