"""Grey of another white than 255 or 65,535: a window is in the values that the file stores."""

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from manyhues import science
from manyhues.image.picture import Picture

SIDE = 24


def ramp(white: int) -> NDArray[np.int64]:
    return np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % (white + 1)


def bits(values: NDArray[np.int64], count: int) -> bytes:
    """Samples packed row by row, the highest bit first."""
    return np.packbits((values[..., None] >> np.arange(count)[::-1]) & 1).tobytes()


def pgm(white: int) -> bytes:
    kind = ">u2" if white > 255 else "u1"
    return b"P5 %d %d %d\n" % (SIDE, SIDE, white) + ramp(white).astype(kind).tobytes()


def plain_pgm(white: int) -> bytes:
    words = b" ".join(b"%d" % value for value in ramp(white).ravel())
    return b"P2 %d %d %d\n" % (SIDE, SIDE, white) + words


def pbm() -> bytes:
    return b"P4 %d %d\n" % (SIDE, SIDE) + bits(1 - ramp(1), 1)


def png(depth: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(b"\0" + bits(row, depth) for row in ramp(2**depth - 1))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


FILES = {
    **{f"pgm of {white}": (pgm(white), white) for white in (1, 15, 100, 256, 1000, 4095)},
    **{f"plain pgm of {white}": (plain_pgm(white), white) for white in (9, 1000)},
    **{f"png of {depth} bits": (png(depth), 2**depth - 1) for depth in (1, 2, 4)},
    "pbm": (pbm(), 1),
}


@pytest.mark.parametrize("name", FILES)
def test_they_come_back(name: str) -> None:
    data, white = FILES[name]
    picture = Picture.open(data, window="full")
    values = ramp(white)
    assert picture.scale
    assert (picture.scale.low, picture.scale.high) == (0, values.max())
    mapped = science.color_map(data, "viridis", window="full")
    np.testing.assert_array_equal(science.recover(mapped), values)
