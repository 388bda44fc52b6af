"""The colour space that a file declares without a profile: in a PNG's chunks, or a camera's EXIF.

A PNG's ``gAMA`` (PNG 11.3.2.1) counts where it has no profile and no ``sRGB``; ``cICP`` names a
space by numbers (ITU-T H.273). A camera that writes Adobe RGB says so by the interoperability
index ``R03`` (DCF 2.0) and seldom embeds a profile.
"""

import io
from typing import Any

from manyhues.color import profiles
from manyhues.image.metadata import directory

_LIKE_SRGB = 0.05  # of the exponent: 1/2.2 is what programs write that mean sRGB
_CICP_SRGB = {(1, 13), (1, 1), (1, 6), (1, 14), (1, 15)}  # primaries and curves near enough
_CICP_NAMES = {(9, 16): "BT.2100 PQ", (9, 18): "BT.2100 HLG", (12, 13): "Display P3"}
_EXIF_DETAILS, _INTEROPERABILITY = 0x8769, 0xA005


def declared(image: Any) -> tuple[bytes, tuple[str, ...]]:
    """The profile of the space that an opened image declares, and what is not heeded of it.

    Empty where it declares none, or sRGB.
    """
    if image.format == "PNG":
        return _of_png(image)
    exif = image.info.get("exif")
    if isinstance(exif, bytes) and b"R03" in exif:
        if _INTEROPERABILITY not in directory(image.getexif(), _EXIF_DETAILS):
            return b"", ()
        block = image.getexif().get_ifd(_INTEROPERABILITY)
        if str(block.get(1, "")).startswith("R03"):
            return profiles.made("Adobe RGB, by its EXIF", 563 / 256, profiles.ADOBE_RGB), ()
    return b"", ()


def _of_png(image: Any) -> tuple[bytes, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    file = getattr(image, "fp", None)
    if isinstance(file, io.BytesIO):
        head = file.getvalue()[: 1 << 16].partition(b"IDAT")[0]
        code = head.partition(b"\0\0\0\4cICP")[2][:4]
        if len(code) == 4 and (code[0], code[1]) not in _CICP_SRGB:
            name = _CICP_NAMES.get((code[0], code[1]), f"cICP {code[0]}/{code[1]}")
            notes = (f"it says that its colours are {name}: read as sRGB",)
    gamma = image.info.get("gamma")
    if "srgb" in image.info or not isinstance(gamma, float) or not 0.05 <= gamma <= 5:
        return b"", notes
    if abs(gamma * 2.2 - 1) < _LIKE_SRGB:
        return b"", notes
    return profiles.made(f"gamma {gamma:.5g}", 1 / gamma, profiles.SRGB), notes
