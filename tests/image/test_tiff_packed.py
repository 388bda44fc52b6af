"""Samples that lie across the borders of bytes: white is 2^bits - 1, whatever the layout."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from numpy.typing import NDArray

from manyhues.color.lab import rgb_to_luminance
from manyhues.image import formats
from manyhues.image.formats.base import File
from manyhues.image.picture import Picture
from manyhues.image.values import Scale

SHARES = colourful(18, 25) / 255.0
SHARES[0, :2] = [[0, 0, 0], [1, 1, 1]]


def packed_bytes(samples: NDArray[Any], bits: int) -> bytes:
    """Rows of samples ``(H, N)``, each row filled up to a whole byte."""
    each = (samples[..., None].astype(np.int64) >> np.arange(bits)[::-1]) & 1
    return np.packbits(each.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()


def tiff_of(tags: dict[int, tuple[str, tuple[int, ...]]], strip: bytes, order: str = "<") -> bytes:
    """A TIFF of one strip; `tags` are struct's letters and values, the strip's offset is added."""
    tags = {**tags, 273: ("I", (8,)), 279: ("I", (len(strip),))}
    place = 8 + len(strip) + len(strip) % 2
    behind = place + 2 + 12 * len(tags) + 4
    entries, long = b"", b""
    for tag, (letter, values) in sorted(tags.items()):
        data = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(data) > 4:
            data, long = struct.pack(order + "I", behind + len(long)), long + data
        kind = {"H": 3, "I": 4}[letter]
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    body = strip + bytes(len(strip) % 2)
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4) + long


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_white_is_all_bits(bits: int, kind: int, compression: int, order: str) -> None:
    shares = SHARES if kind == 2 else SHARES[..., :1]
    white = 2**bits - 1
    levels = np.round(shares * white).astype(np.uint16)
    stored = white - levels if kind == 0 else levels
    height, width, channels = levels.shape
    strip = packed_bytes(stored.reshape(height, -1), bits)
    tags = {
        256: ("H", (width,)),
        257: ("H", (height,)),
        258: ("H", (bits,) * channels),
        259: ("H", (compression,)),
        262: ("H", (kind,)),
        277: ("H", (channels,)),
        278: ("H", (height,)),
    }
    strip = zlib.compress(strip) if compression == 8 else strip
    data = tiff_of(tags, strip, order)
    picture = Picture.open(data)
    truth = rgb_to_luminance(np.broadcast_to(levels / white, SHARES.shape))
    assert np.abs(picture.luminance - truth).max() < (0.3 if bits < 8 else 0.01)
    assert picture.luminance.min() == 0
    assert picture.luminance.max() == pytest.approx(100, abs=1e-3)
    assert picture.bits == (16 if bits > 8 else 8)
    if kind == 2:
        return
    np.testing.assert_array_equal(formats.pages(File(data))[0].decode().stored(), stored)
    windowed = Picture.open(data, window="full")  # in the file's own units, whichever end is white
    assert windowed.scale == Scale(0, white, inverted=kind == 0)
    assert np.abs(windowed.luminance - truth).max() < 0.01
