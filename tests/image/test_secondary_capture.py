"""DICOM out: valid by another program, nobody's data unless asked, artificial in words."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from dicom_files import made

from manyhues.errors import OutputError
from manyhues.image import provenance
from manyhues.image.secondary_capture import secondary_capture

pydicom = pytest.importorskip("pydicom", reason="NO PYDICOM: DICOM results are not tested")
RGB = colourful(5, 7)
SAID = "artificial colour: sampled by manyhues 0.1.0 (flow, seed 0, k 1)"
SOURCE = made(
    np.zeros((5, 7), np.uint8), PatientID="42", StudyInstanceUID="1.2.9", StudyDate="20200131"
)


def opened(source: bytes = b"") -> Any:
    return pydicom.dcmread(io.BytesIO(secondary_capture(RGB, SAID, "manyhues 0.1.0", source)))


def test_pixels_and_words() -> None:
    result = opened()
    np.testing.assert_array_equal(result.pixel_array, RGB)
    assert result.DerivationDescription == SAID
    assert list(result.ImageType) == ["DERIVED", "SECONDARY"]


def test_what_made_it_stands_in_the_file() -> None:
    recipe = {"method": "flow", "hints": [[1, 2, "#ff0000"]], "note": "<&>"}
    data = secondary_capture(RGB, SAID, "manyhues 0.1.0", recipe=recipe)
    assert provenance.read(data) == recipe


def test_nobody_s_data_come_along() -> None:
    result = opened()
    assert b"Nobody" not in secondary_capture(RGB, SAID, "manyhues 0.1.0")
    assert (result.PatientName, result.PatientID, result.StudyDate) == ("", "", "")
    assert result.StudyInstanceUID != "1.2.9"


def test_unless_they_are_asked_for() -> None:
    result = opened(SOURCE)
    assert (result.PatientName, result.PatientID) == ("Nobody^Known", "42")
    assert result.StudyInstanceUID == "1.2.9"
    assert result.SOPInstanceUID != "1.2.3"


def test_identifiers_are_the_picture_s_own() -> None:
    assert opened().SOPInstanceUID == opened().SOPInstanceUID
    # Blank frames of two patients are alike, and no one object.
    assert opened(SOURCE).SOPInstanceUID != opened().SOPInstanceUID
    other = secondary_capture(RGB[::-1].copy(), SAID, "manyhues 0.1.0")
    assert pydicom.dcmread(io.BytesIO(other)).SOPInstanceUID != opened().SOPInstanceUID


def test_nothing_is_said_of_text_in_the_pixels() -> None:
    """Whether there is any, nobody has looked."""
    assert "BurnedInAnnotation" not in opened()


GREY = np.zeros((5, 7), np.uint8)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        SOURCE,
        made(GREY, StudyInstanceUID=""),
        *(made(GREY, BodyPartExamined=part) for part in ("CHEST", "BREAST")),
        made(GREY, BodyPartExamined="CHEST", Laterality=""),
        made(GREY, BodyPartExamined="BREAST", ImageLaterality="L"),
        made(GREY, BodyPartExamined="HAND", Laterality="R", PixelSpacing=[0.5, 0.5]),
        made(GREY, SpecificCharacterSet="ISO_IR 100", PatientName="M\xfcller^J\xf6rg"),
    ],
    ids=["anonymous", "kept", "no-study", "chest", "breast", "empty", "left", "right", "latin-1"],
)
def test_another_program_finds_it_valid(source: bytes, tmp_path: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("NO DCIODVFY: validity is not tested; it is in Debian's dicom3tools")
    path = tmp_path / "result.dcm"
    path.write_bytes(secondary_capture(RGB, SAID, "manyhues 0.1.0", source))
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert not errors
    assert "SCImage" in done.stderr


@pytest.mark.parametrize(
    ("given", "kept"),
    [({"Laterality": "R"}, "R"), ({"ImageLaterality": "L"}, "L"), ({"Laterality": "U"}, "")],
    ids=str,
)
def test_the_side_is_kept(given: dict[str, str], kept: str) -> None:
    assert opened(made(GREY, **given)).Laterality == kept


def test_a_side_that_does_not_fit() -> None:
    with pytest.raises(OutputError, match="at most 65,535 pixels a side, not 70000 x 1"):
        secondary_capture(np.zeros((1, 70000, 3), np.uint8), SAID, "x")
