"""The directories of a TIFF, read here, so that a file that loops or lies costs no time.

Libraries follow a chain of directories wherever it leads. This walk is bounded by what the file
can hold: no directory is read twice, and all of them together are no larger than the file.
A reader then gets a file that begins with the one page that is wanted (`beginning_with`).
References are to TIFF 6.0.
"""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KINDS = {  # sizes in bytes, and numpy's names, of the types of values that are read here
    1: (1, "u1"), 3: (2, "u2"), 4: (4, "u4"), 6: (1, "i1"), 7: (1, "u1"), 8: (2, "i2"),
    9: (4, "i4"), 13: (4, "u4"), 16: (8, "u8"), 17: (8, "i8"), 18: (8, "u8"),
}  # fmt: skip
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _KIND, _CHANNELS = 256, 257, 258, 259, 262, 277
_SUBFILE, _OLD_SUBFILE, _ROWS, _PLANES, _SUBDIRECTORIES = 254, 255, 278, 284, 330
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_NOBODYS = 65100  # a tag of the private range that no program reads
_MASK, _SENSOR = 4, (32803, 34892)  # kinds: transparency mask; colour filter array, linear raw
# The most bytes that one byte unpacks to: deflate's limit, a string of LZW's longest code, a run.
_GROWTH = {1: 1, 5: 3840, 8: 1040, 32946: 1040, 32773: 128}


@dataclass(frozen=True)
class Directory:
    """What a directory says of its page's layout. `values` are those of whole-number tags."""

    offset: int
    values: dict[int, NDArray[Any]]
    places: dict[int, int]  # of the tags' entries in the file

    def first(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        values = self.values.get(tag)
        return default if values is None or not len(values) else int(values[0])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.first(_WIDTH, 0), self.first(_HEIGHT, 0)

    @property
    def channels(self) -> int:
        """Samples of each pixel."""
        return self.first(_CHANNELS, 1)

    @cached_property
    def bits(self) -> int:
        """Bits of the deepest sample."""
        values = self.values.get(_BITS, np.ones(1))[: self.channels]
        return int(values.max()) if len(values) else 1

    @property
    def compression(self) -> int:
        """TIFF's number of it; 1 is none."""
        return self.first(_COMPRESSION, 1)

    @property
    def kind(self) -> int:
        """The photometric interpretation."""
        return self.first(_KIND, 1)

    @property
    def is_reduced(self) -> bool:
        """Whether it is a smaller copy of another page, by the new tag or the old one."""
        return bool(self.first(_SUBFILE, 0) & 1) or self.first(_OLD_SUBFILE, 1) == 2

    @property
    def is_mask(self) -> bool:
        """Whether it says which pixels of another page are seen."""
        return bool(self.first(_SUBFILE, 0) & 4) or self.kind == _MASK

    @property
    def is_sensor(self) -> bool:
        """Whether it holds what a camera's sensor measured, which has to be developed first."""
        return self.kind in _SENSOR

    @property
    def separate(self) -> bool:
        """Whether each channel is a plane of its own."""
        return self.first(_PLANES, 1) == 2 and self.channels > 1

    @property
    def end(self) -> int:
        """Where the last of its strips or tiles ends in the file; 0 if it says of none."""
        offsets = self.values.get(_TILES, self.values.get(_STRIPS, ()))
        sizes = self.values.get(_TILE_SIZES, self.values.get(_STRIP_SIZES, ()))
        return max(
            (int(at) + int(size) for at, size in zip(offsets, sizes, strict=False)), default=0
        )

    def missing(self, held: int) -> str:
        """What a page lacks of its pixels in a file of `held` bytes, in words; empty if nothing.

        A large page would be decoded for long, mostly as black, before anyone missed them.
        """
        width, height = self.size
        planes = self.channels if self.separate else 1
        if _TILES in self.values or _TILE_WIDTH in self.values:
            across, down = self.first(_TILE_WIDTH, 0), self.first(_TILE_HEIGHT, 0)
            if not across or not down:
                return "its tiles have no size"
            wanted = -(-width // across) * -(-height // down) * planes
            offsets, sizes = self.values.get(_TILES, ()), self.values.get(_TILE_SIZES, ())
        else:
            rows = min(self.first(_ROWS, height) or height, height)
            wanted = -(-height // max(rows, 1)) * planes
            offsets, sizes = self.values.get(_STRIPS, ()), self.values.get(_STRIP_SIZES, ())
        if len(offsets) < wanted:
            return f"strips or tiles there: {len(offsets)} of {wanted}"
        packed = min(int(np.sum(sizes, dtype=np.float64)) if len(sizes) else held, held)
        bits = width * height * self.channels * min(self.bits, 64)
        if self.kind == 6:  # colour at half resolution or less, perhaps
            bits //= 3
        if self.compression in _GROWTH and packed * _GROWTH[self.compression] * 8 < bits:
            return f"{packed} bytes cannot hold {width} x {height} pixels"
        return ""


def directories(data: bytes) -> list[Directory]:
    """The directories of the chain, in their order. Raises `ValueError` where there is none."""
    walk = _Walk(data)
    found = walk.chain(walk.first)
    if not found:
        raise ValueError("no page")
    return found


def subdirectories(data: bytes, directory: Directory) -> list[Directory]:
    """Those that hang on a directory: other versions of its page."""
    walk = _Walk(data)
    walk.visited.add(directory.offset)
    found = []
    for offset in directory.values.get(_SUBDIRECTORIES, ())[: len(data) // 18]:
        found += walk.chain(int(offset))
    return found


def beginning_with(data: bytes, directory: Directory) -> bytes:
    """The same file with one page for its first, and last."""
    walk = _Walk(data)
    end = walk.end(directory.offset)
    next_one = data[end : end + walk.word]
    if walk.first == directory.offset and not any(next_one):
        return data  # most files, which may be large: nothing is copied
    start = walk.word  # where the first offset lies, in either size
    first = struct.pack(walk.order + ("Q" if walk.big else "I"), directory.offset)
    seen = memoryview(data)
    whole = b"".join((seen[:start], first, seen[2 * start :]))
    if end < 2 * start:  # a directory inside the header
        return whole
    seen = memoryview(whole)
    return b"".join((seen[:end], bytes(len(next_one)), seen[end + walk.word :]))


def rewritten(data: bytes, directory: Directory, values: dict[int, int | None]) -> bytes:
    """`beginning_with`, where tags that the directory has say something else, or nothing (None)."""
    walk = _Walk(data)
    out = bytearray(beginning_with(data, directory))
    for tag, value in values.items():
        if tag in directory.places and value is None:
            struct.pack_into(walk.order + "H", out, directory.places[tag], _NOBODYS)
        elif tag in directory.places and value is not None:
            form = walk.order + ("HHQQ" if walk.big else "HHII")
            place, kind = directory.places[tag], 16 if walk.big else 4
            if not walk.big and value < 65536 and walk.order == ">":
                kind, value = 3, value << 16
            elif value < 65536 and walk.order == "<":
                kind = 3
            struct.pack_into(form, out, place, tag, kind, 1, value)
    return bytes(out)


class _Walk:
    """Directories of one file, none read twice."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:1] == b"I" else ">"
        self.big = b"+" in data[2:4]
        self.word = 8 if self.big else 4  # bytes of an offset
        self.entry = 20 if self.big else 12
        self.visited: set[int] = set()
        self.room = len(data)
        if len(data) < 16:
            raise ValueError("no directory")
        self.first = self._number(8 if self.big else 4)

    def _number(self, place: int) -> int:
        form = self.order + ("Q" if self.big else "I")
        return int(struct.unpack_from(form, self.data, place)[0])

    def _count(self, offset: int) -> tuple[int, int]:
        """How many entries a directory has, and where they begin."""
        form, width = ("Q", 8) if self.big else ("H", 2)
        return struct.unpack_from(self.order + form, self.data, offset)[0], offset + width

    def end(self, offset: int) -> int:
        """Where a directory's entries end, and the offset of the next one lies."""
        count, start = self._count(offset)
        return start + count * self.entry

    def chain(self, offset: int) -> list[Directory]:
        found = []
        while 0 < offset < len(self.data) and offset not in self.visited:
            self.visited.add(offset)
            try:
                end = self.end(offset)
            except struct.error:
                break
            self.room -= min(end, len(self.data)) - offset
            if self.room < 0:  # they overlap: a file can pretend to hold any number of them
                break
            found.append(self._read(offset))
            if end + self.word > len(self.data):
                break
            offset = self._number(end)
        return found

    def _read(self, offset: int) -> Directory:
        count, start = self._count(offset)
        values, places = {}, {}
        form = self.order + ("HHQ" if self.big else "HHI")
        for place in range(start, min(start + count * self.entry, len(self.data)), self.entry):
            try:
                tag, kind, number = struct.unpack_from(form, self.data, place)
            except struct.error:
                break
            if tag not in _WANTED or kind not in _KINDS:
                continue
            size, name = _KINDS[kind]
            where = place + (12 if self.big else 8)
            if number * size > self.word:
                if where + self.word > len(self.data):
                    break
                where = min(self._number(where), len(self.data))
            number = min(number, max(0, len(self.data) - where) // size)
            values[tag] = np.frombuffer(self.data, self.order + name, number, where)
            places[tag] = place
        return Directory(offset, values, places)


_WANTED = frozenset(
    {_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _KIND, _STRIPS, _CHANNELS}
    | {_ROWS, _STRIP_SIZES, _PLANES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES}
    | {_SUBDIRECTORIES, 266, 274, 317, 338, 339}
)
