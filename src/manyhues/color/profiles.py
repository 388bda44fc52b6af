"""Colour profiles: any embedded ICC profile to sRGB for reading, and the one profile we write.

8-bit pictures go through LittleCMS (`PIL.ImageCms`), which handles every class of profile.
Pillow gives LittleCMS no 16-bit pixels, so 16-bit pictures with a matrix/curve profile, which is
what Adobe RGB, Display P3, ProPhoto and the grey gammas are, are computed here from the profile's
own curves and matrix (ICC.1:2022, sections 10.6, 10.18 and F.3).
"""

import io
import struct
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from manyhues.color.arrays import Array
from manyhues.color.lab import LINEAR_TO_LUMINANCE, srgb_to_linear

# Of Y: what "sRGB" profiles of 26 points or a plain gamma of 2.2 differ by is less.
_SAME = 0.03
# Bradford adaptation from the profile connection space's D50 to D65, the row that gives Y.
_D50_TO_D65_Y = np.array([-0.0282895, 1.0099416, 0.0210077])


@cache
def srgb_profile() -> bytes:
    """The sRGB profile that outputs carry: the same bytes on every call and every day."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # LittleCMS writes the current time
    profile[84:100] = bytes(16)  # profile id: zero means "not computed"
    return bytes(profile)


Primaries = tuple[tuple[float, float, float], ...]
# X, Y, Z of red, green and blue, adapted to the profile connection space's D50.
SRGB: Primaries = (
    (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410),
)  # fmt: skip
ADOBE_RGB: Primaries = (
    (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457),
)  # fmt: skip


@lru_cache(maxsize=16)
def made(name: str, gamma: float, primaries: Primaries) -> bytes:
    """A profile of a plain power curve: light is value to the power of `gamma` (ICC.1:2001)."""

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))

    letters = name.encode("ascii", "replace") + b"\0"
    text = b"desc" + bytes(4) + struct.pack(">I", len(letters)) + letters + bytes(78)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = {b"desc": text, b"cprt": b"text" + bytes(4) + b"CC0\0"}
    tags[b"wtpt"] = xyz((0.9642, 1.0, 0.8249))
    for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags[letter + b"XYZ"], tags[letter + b"TRC"] = xyz(primary), curve
    table, body = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4xI", 132 + 12 * len(tags) + len(body), 0x02100000) + b"mntrRGB XYZ "
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)  # the illuminant D50
    return head.ljust(128, b"\0") + table + body


def describe(profile: bytes) -> str:
    """The profile's own name, or ``unreadable profile``."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.getProfileDescription(opened).strip() or "unnamed profile"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return "unreadable profile"


@lru_cache(maxsize=16)  # nearly all pictures have one of few profiles
def is_srgb(profile: bytes) -> bool:
    """Whether a profile is sRGB, so that no conversion is due: by its name and by its curves.

    The name alone would take "Linear sRGB" for it.
    """
    if "srgb" not in describe(profile).lower():
        return False
    curves = luminous_curves(profile, 3) or luminous_curves(profile, 1)
    if curves is None:  # of tables; what they are named after
        return True
    light = srgb_to_linear(np.linspace(0, 1, 65536))
    shares = LINEAR_TO_LUMINANCE if len(curves) == 3 else (1.0,)
    return all(
        np.abs(curve - share * light).max() < _SAME
        for curve, share in zip(curves, shares, strict=True)
    )


def convert(image: Image.Image, profile: bytes) -> Image.Image | None:
    """An 8-bit image (L, RGB or CMYK, no alpha) to sRGB ``RGB``; None if the profile does not fit.

    A profile that is broken, or made for another colour space than the image's, is what None says.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if image.mode == "L" and space == "RGB":  # common: a grey file with its camera's profile
            image = image.convert("RGB")
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(
            image,
            source,
            target,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def from_lab(image: Image.Image) -> Image.Image:
    """An image of mode ``LAB`` as sRGB ``RGB``."""
    lab, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, target, outputMode="RGB")
    assert converted is not None  # it is None of an image that is changed in place alone
    return converted


def _tags(profile: bytes) -> dict[bytes, bytes]:
    count = struct.unpack_from(">I", profile, 128)[0]
    rows = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100)))
    return {name: profile[start : start + size] for name, start, size in rows}


def _curve(tag: bytes, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate a ``curv`` or ``para`` tag at x in [0, 1]: device value to linear light."""
    kind = tag[:4]
    if kind == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return x
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count == 1:
            return np.asarray(x ** (table[0] / 256))
        return np.interp(x, np.linspace(0, 1, count), table / 65535)
    if kind == b"para":
        function = struct.unpack_from(">H", tag, 8)[0]
        size = (1, 3, 4, 5, 7)[function]
        p = [v / 65536 for v in struct.unpack_from(f">{size}i", tag, 12)]
        g, a, b, c, d, e, f = (p + [0.0] * 7)[:7]
        if function == 0:
            return np.asarray(x**g)
        if function in (1, 2):  # the break lies at -b/a, below it the constant c
            return np.asarray(np.where(x >= -b / a, np.maximum(a * x + b, 0) ** g + c, c))
        return np.asarray(np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f))
    raise ValueError(f"unknown curve {kind!r}")


def luminous_curves(profile: bytes, channels: int) -> list[Array] | None:
    """For each channel, what its 65,536 values add to the luminance Y in [0, 1] (D65).

    ``channels`` is 1 or 3. None when the profile is not of the matrix/curve kind.
    """
    try:
        tags = _tags(profile)
        x = np.linspace(0, 1, 65536)
        if channels == 1 and b"kTRC" in tags:
            return [_curve(tags[b"kTRC"], x).astype(np.float32)]
        if b"A2B0" in tags or b"rXYZ" not in tags:
            return None
        curves = []
        for name in (b"r", b"g", b"b"):
            xyz = np.array(struct.unpack_from(">3i", tags[name + b"XYZ"], 8)) / 65536
            curves.append((_D50_TO_D65_Y @ xyz) * _curve(tags[name + b"TRC"], x))
        total: Any = sum(curve[-1] for curve in curves)  # 1 but for the profile's own rounding
        scaled = [(curve / total).astype(np.float32) for curve in curves]
        if channels == 1:
            return [np.sum(scaled, axis=0, dtype=np.float32)]
        return scaled
    except (struct.error, KeyError, IndexError, ValueError, ZeroDivisionError):
        return None
