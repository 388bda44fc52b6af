"""DICOM out: a coloured picture as a Secondary Capture object (PS3.3, A.8.1).

It is derived, in RGB of 8 bits, with identifiers of its own, and says in words that its colour is
artificial. No patient data come along unless they are asked for.
"""

import hashlib
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import OutputError
from manyhues.image import provenance

if TYPE_CHECKING:
    from pydicom import Dataset

_STORAGE = "1.2.840.10008.5.1.4.1.1.7"
_GROUP = 0x0009  # of private elements (PS3.5, 7.8)
_ROOT = "2.25."  # UIDs made from a UUID need no registered root (PS3.5, B.2)
# Who and what, of the source, in the order of the standard's modules.
_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge")
_STUDY = (
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
    *("ReferringPhysicianName", "StudyDescription", "PatientOrientation"),
    "PixelSpacing",
)


def secondary_capture(
    pixels: NDArray[np.uint8],
    description: str,
    software: str,
    source: bytes = b"",
    recipe: Mapping[str, Any] | None = None,
) -> bytes:
    """sRGB ``(H, W, 3)`` uint8 as the bytes of a DICOM file.

    Args:
        pixels: the picture; the standard's viewers take 8 bits a channel alone.
        description: DerivationDescription, what was done to the source.
        software: name and version of what did it.
        source: the bytes of the file whose patient and study are to be kept; none are for empty.
        recipe: what makes the picture again (`image.provenance`), in a private element.

    Raises:
        OutputError: where pydicom is missing or the picture is larger than 65,535 pixels.
    """
    try:
        from pydicom import dcmread
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import UID, ExplicitVRLittleEndian
    except ModuleNotFoundError as error:
        raise OutputError(
            "DICOM results need pydicom; install it with: pip install 'manyhues[dicom]'"
        ) from error
    height, width = pixels.shape[:2]
    if max(height, width) > 65535:
        raise OutputError(f"DICOM holds at most 65,535 pixels a side, not {width} x {height}")
    # The same result has the same identifiers: what is made twice is one object. With a patient
    # it is another one: two patients' blank frames are not.
    digest = hashlib.sha256(pixels.tobytes() + description.encode() + software.encode() + source)
    own = [UID(_uid(digest.digest(), part)) for part in ("instance", "series", "study")]
    result = Dataset()
    result.SpecificCharacterSet = "ISO_IR 192"
    result.SOPClassUID, result.SOPInstanceUID = UID(_STORAGE), own[0]
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(result, name, "")
    for name in ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
        setattr(result, name, "")
    result.PatientOrientation = result.Laterality = ""
    result.StudyInstanceUID, result.SeriesInstanceUID = own[2], own[1]
    if source:
        _keep(result, dcmread(io.BytesIO(source), force=True, stop_before_pixels=True))
    if recipe is not None:
        own_block = result.private_block(_GROUP, "MANYHUES", create=True)
        own_block.add_new(1, "UT", provenance.element(recipe))
    result.Modality, result.ConversionType = "OT", "WSD"
    result.SeriesNumber, result.InstanceNumber = None, 1
    result.SecondaryCaptureDeviceSoftwareVersions = software[:64]
    result.ImageType = ["DERIVED", "SECONDARY"]
    result.DerivationDescription = description[:1024]
    result.SeriesDescription = description[:64]
    result.SamplesPerPixel, result.PhotometricInterpretation = 3, "RGB"
    result.PlanarConfiguration, result.PixelRepresentation = 0, 0
    result.Rows, result.Columns = height, width
    result.BitsAllocated, result.BitsStored, result.HighBit = 8, 8, 7
    data = np.ascontiguousarray(pixels).tobytes()
    result.PixelData = data + b"\0" * (len(data) % 2)
    result["PixelData"].VR = "OB"
    result.file_meta = FileMetaDataset()
    result.file_meta.MediaStorageSOPClassUID = result.SOPClassUID
    result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.file_meta.ImplementationClassUID = UID(_uid(b"manyhues", "implementation"))
    result.file_meta.ImplementationVersionName = "MANYHUES"
    out = io.BytesIO()
    result.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _keep(result: "Dataset", source: "Dataset") -> None:
    for name in (*_PATIENT, *_STUDY):
        value = getattr(source, name, None)
        if value not in (None, ""):  # an empty identifier would take the place of our own
            setattr(result, name, value)
    # Whether it may be empty, or be there at all, hangs on the body part, which is not kept.
    result.Laterality = getattr(source, "Laterality", "") or getattr(source, "ImageLaterality", "")
    if result.Laterality not in ("L", "R"):
        result.Laterality = ""


def _uid(entropy: bytes, part: str) -> str:
    number = int.from_bytes(hashlib.sha256(entropy + part.encode()).digest()[:16], "big")
    return _ROOT + str(number)
