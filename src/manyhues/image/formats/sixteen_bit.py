"""16 bits a channel, where Pillow stops at 8: reading through it, writing beside it.

Reading: Pillow's decoders unpack 16-bit samples by keeping one byte of two. Decoding twice, once
for the high and once for the low bytes, gives all 16 bits for every compression that Pillow knows.
Writing: PNG and TIFF are small enough to be written here (zlib and the horizontal predictor).
"""

import io
import re
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, TiffImagePlugin

Deep = NDArray[np.uint16]
Reopen = Callable[[], Image.Image]


def _rawmode(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    arguments = tiles[0][3]
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def is_deep(image: Image.Image) -> bool:
    """Whether an opened, not yet decoded, image holds more than 8 bits a channel to read.

    Of a decoded one, only grey can.
    """
    rawmode = _rawmode(image)
    if rawmode == "RGB":  # most pictures; training reads hundreds of thousands
        return False
    return ";16" in rawmode or rawmode == "I;12" or image.mode.startswith("I;16")


def is_cut(image: Image.Image) -> bool:
    """Whether an image, opened but not yet decoded, says more than the 8 bits that Pillow gives.

    JPEG 2000 in colour, AVIF and HEIF: their libraries hand Pillow the high bits alone.
    """
    if image.format not in ("JPEG2000", "AVIF", "HEIF"):
        return False
    file: Any = getattr(image, "fp", None)
    if image.mode == "I;16" or file is None:
        return False
    place = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(place)
    try:
        return _more_than_8_bits(image.format, data)
    except (struct.error, IndexError):  # cut off; its decoder says so
        return False


def _more_than_8_bits(format_: str, data: bytes) -> bool:
    if format_ == "JPEG2000":  # ISO/IEC 15444-1, A.5.1: the depth of each component
        start = data.find(b"\xff\x4f\xff\x51") + 40
        (count,) = struct.unpack_from(">H", data, start)
        return any(depth & 0x7F > 7 for depth in data[start + 2 : start + 2 + 3 * count : 3])
    if format_ == "AVIF":  # AV1-ISOBMFF, 2.3.3: the flag high_bitdepth
        return any(data[found.end() + 2] & 0x40 for found in re.finditer(b"av1C", data))
    # ISO/IEC 14496-15, 8.3.2.1: bitDepthLumaMinus8
    return any(data[found.end() + 17] & 7 for found in re.finditer(b"hvcC", data))


def read(reopen: Reopen) -> Deep | None:
    """All 16 bits of a picture: ``(H, W, C)`` uint16, C = 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA.

    `reopen` gives a fresh, undecoded image each time. None when Pillow's unpackers have no door
    to the low bytes (premultiplied alpha). CMYK comes as RGB, by the plain formula.
    """
    image = reopen()
    rawmode = _rawmode(image)
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)
        if rawmode == "I;12":
            grey = (grey.astype(np.uint32) * 65535 // 4095).astype(np.uint16)
        if getattr(image, "tag_v2", {}).get(262) == 0:  # WhiteIsZero, which Pillow leaves as it is
            grey = np.invert(grey)
        return grey[..., None]
    if rawmode == "LA;16B":  # PNG: the same four bytes a pixel as 8-bit RGBA
        pairs = _decode(reopen(), "RGBA").reshape(*image.size[::-1], 2, 2)
        return np.asarray((pairs[..., 0].astype(np.uint16) << 8) | pairs[..., 1], np.uint16)
    base, _, order = rawmode.rpartition(";16")
    if base not in ("RGB", "RGBA", "RGBX", "CMYK") or order not in ("B", "L", "N"):
        return None
    if order == "N":  # libtiff hands over the machine's own order
        order = "L" if sys.byteorder == "little" else "B"
    other = "B" if order == "L" else "L"
    high = _decode(image, f"{base};16{order}").astype(np.uint16)
    pixels = np.asarray((high << 8) | _decode(reopen(), f"{base};16{other}"), np.uint16)
    if base == "CMYK":
        return without_ink(pixels)
    return pixels


def without_ink(ink: Deep) -> Deep:
    """CMYK ``(H, W, 4)`` as RGB ``(H, W, 3)``: the light that no ink takes away."""
    light = np.invert(ink).astype(np.uint32)
    return np.asarray((light[..., :3] * light[..., 3:] + 32767) // 65535, np.uint16)


def _decode(image: Image.Image, rawmode: str) -> NDArray[np.uint8]:
    def changed(arguments: Any) -> Any:
        return (rawmode, *arguments[1:]) if isinstance(arguments, tuple) else rawmode

    opened: Any = image
    opened.tile = [tile._replace(args=changed(tile.args)) for tile in opened.tile]
    return np.asarray(image)


def unpacked(packed: NDArray[np.uint8], bits: int, samples: int) -> NDArray[Any]:
    """Rows of bytes ``(H, B)`` that hold samples of `bits` bits each, the high bit first.

    Gives ``(H, samples)`` with white, all bits set, as 255 for up to 8 bits and else as 65,535.
    """
    kind = np.uint8 if bits <= 8 else np.uint16
    scale = np.iinfo(kind).max / (2**bits - 1)
    levels = np.round(np.arange(2**bits) * scale).astype(kind)
    out = np.empty((len(packed), samples), kind)
    rows = max(1, 2**20 // max(packed.shape[1], 1))
    for top in range(0, len(packed), rows):  # in strips: a bit takes a byte meanwhile
        single = np.unpackbits(packed[top : top + rows], axis=1, count=samples * bits)
        wide = np.zeros((len(single), samples, 16), np.uint8)
        wide[..., 16 - bits :] = single.reshape(len(single), samples, bits)
        numbers = np.packbits(wide, axis=-1).view(">u2")[..., 0]
        out[top : top + rows] = levels[numbers]
    return out


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _predicted(rows: NDArray[np.uint8], pixel: int) -> NDArray[np.uint8]:
    """Bytes ``(R, N)`` minus the byte one pixel to the left, modulo 256: PNG's filter Sub."""
    out = rows.copy()
    out[:, pixel:] -= rows[:, :-pixel]
    return out


def png(
    pixels: Deep,
    *,
    icc: bytes,
    exif: bytes,
    texts: PngImagePlugin.PngInfo,
    dpi: tuple[float, float],
) -> bytes:
    """``(H, W, 3 or 4)`` uint16 as the bytes of a PNG file; empty metadata is left out."""
    height, width, channels = pixels.shape
    out = io.BytesIO()
    kind = 2 if channels == 3 else 6
    out.write(b"\x89PNG\r\n\x1a\n")
    out.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)))
    if icc:
        out.write(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if any(dpi):
        per_metre = (round(value / 0.0254) for value in dpi)
        out.write(_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if exif:
        out.write(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    for name, data, *_ in texts.chunks:
        out.write(_chunk(name, data))
    packer = zlib.compressobj(4)
    for top in range(0, height, 256):  # in strips, so that the copies stay small
        strip = np.ascontiguousarray(pixels[top : top + 256]).astype(">u2").view(np.uint8)
        rows = _predicted(strip.reshape(len(strip), -1), channels * 2)
        filtered = np.concatenate([np.ones((len(rows), 1), np.uint8), rows], axis=1)
        if data := packer.compress(filtered.tobytes()):
            out.write(_chunk(b"IDAT", data))
    out.write(_chunk(b"IDAT", packer.flush()))
    out.write(_chunk(b"IEND", b""))
    return out.getvalue()


def tiff(
    pixels: NDArray[Any], *, icc: bytes, exif: Image.Exif, xmp: bytes, dpi: tuple[float, float]
) -> bytes:
    """``(H, W, 3 or 4)`` uint8 or uint16 as a TIFF file: deflate, horizontal predictor."""
    height, width, channels = pixels.shape
    rows = 256
    strips = []
    for top in range(0, height, rows):
        strip = pixels[top : top + rows].astype(pixels.dtype.newbyteorder("<"))
        strip[:, 1:] -= strip[:, :-1].copy()
        strips.append(zlib.compress(strip.tobytes(), 4))
    sizes = [len(strip) for strip in strips]
    ifd: Any = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in exif.items():
        if tag in (0x8769, 0x8825):
            value = dict(exif.get_ifd(tag))
            value.pop(0xA005, None)  # a pointer, which would point nowhere
            if not value:  # there is no directory without tags
                continue
        ifd[tag] = value
    ifd[256], ifd[257], ifd[258] = width, height, (8 * pixels.itemsize,) * channels
    ifd[259], ifd[262], ifd[277], ifd[278] = 8, 2, channels, rows
    ifd[273], ifd[279] = tuple(np.cumsum([0, *sizes[:-1]]).tolist()), tuple(sizes)
    ifd.tagtype[273] = ifd.tagtype[279] = 4
    ifd[284], ifd[317] = 1, 2
    if channels == 4:
        ifd[338] = 2
    if any(dpi):
        ifd[282], ifd[283], ifd[296] = dpi[0], dpi[1], 2
    if icc:
        ifd.tagtype[34675] = 7
        ifd[34675] = icc
    if xmp:
        ifd.tagtype[700] = 1
        ifd[700] = xmp
    out = io.BytesIO()
    ifd.save(out)  # shifts the strip offsets to behind itself
    for strip_bytes in strips:
        out.write(strip_bytes)
    return out.getvalue()
