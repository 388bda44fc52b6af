"""PBM, PGM and PPM: up to 8 bits by Pillow, 16 bits here, from where Pillow's header ends.

Pillow reads grey of 16 bits slowly, and colour at 8 bits.
"""

import re
from typing import Any

import numpy as np
from PIL import Image

from manyhues.image.formats.pillow import Pillow
from manyhues.image.formats.sixteen_bit import Deep, Reopen


class Pnm(Pillow):
    """The family of the netpbm tools, by its magic ``P1`` to ``P6`` and their kin."""

    names = ("PPM",)
    suffixes = frozenset({".ppm", ".pgm", ".pbm", ".pnm"})
    general = False

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether the magic is one of netpbm's."""
        return head[:1] == b"P" and head[1:2] in b"0123456fy" and head[1:2] != b""

    @classmethod
    def is_deep(cls, image: Image.Image) -> bool:
        """Whether white is more than 255."""
        return image.mode == "I" or _white(image) > 255

    @classmethod
    def white(cls, image: Image.Image) -> int:
        """See `Pillow`."""
        return 1 if image.mode == "1" else _white(image)

    @classmethod
    def deep(cls, reopen: Reopen) -> Deep:
        """``(H, W, 1 or 3)`` uint16, on the scale to 65,535."""
        image: Any = reopen()
        if not image.tile:  # decoded, which Pillow does on that scale
            return np.asarray(image).astype(np.uint16)[..., None]
        white, plain = _white(image), image.tile[0][0] == "ppm_plain"
        shape = (image.height, image.width, len(image.getbands()))
        image.fp.seek(image.tile[0][2])
        data = image.fp.read()
        count = int(np.prod(shape))
        if plain:  # numbers, with comments between them
            words = re.sub(rb"#[^\r\n]*", b"", data).split()[:count]
            samples = np.array(words, np.uint16)
        else:
            samples = np.frombuffer(data, ">u2", count)
        levels = np.minimum(np.arange(65536), white)
        scale = np.round(levels * (65535 / white)).astype(np.uint16)
        return scale[samples].reshape(shape)


def _white(image: Image.Image) -> int:
    """What a file calls white; 255 for bitmaps, and for decoded images."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    if arguments == "I;16B":
        return 65535
    return int(arguments[1]) if isinstance(arguments, tuple) and len(arguments) == 2 else 255
