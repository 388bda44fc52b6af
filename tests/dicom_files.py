"""DICOM files made in tests."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def made(pixels: NDArray[Any], **elements: Any) -> bytes:
    """A file of one or several grey frames, ``([F,] H, W)``; elements over the defaults."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    bits = pixels.dtype.itemsize * 8
    defaults = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
        "SOPInstanceUID": "1.2.3",
        "Modality": "OT",
        "PatientName": "Nobody^Known",
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    if pixels.ndim == 3:
        defaults["NumberOfFrames"] = len(pixels)
    for name, value in (defaults | elements).items():
        setattr(dataset, name, value)
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def ramp(bits: int, signed: bool) -> NDArray[Any]:
    values = np.arange(2**bits) - (2 ** (bits - 1) if signed else 0)
    kind = f"{'int' if signed else 'uint'}{8 if bits == 8 else 16}"
    return values.astype(kind).reshape(16, -1)
