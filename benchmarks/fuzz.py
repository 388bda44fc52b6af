"""Damaged pictures by the thousand: each is read or refused in time, in memory, by one error.

    python benchmarks/fuzz.py [--mutants 5000] [--seed 0] [--keep FOLDER]

Some 80 small files of all formats and layouts are changed at random: bytes, lengths, ends and
pieces of one another. A child process reads every page of each, and writes what a result would
inherit of it in every format. It counts as a fault when one
takes over 10 s (the child is killed) or over 1 GiB, or raises what is no `ManyhuesError`, or an
error of several lines. With --keep the files that do are written there.

Exit status 1 if there is any fault. Linux.
"""

import argparse
import io
import json
import random
import resource
import signal
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from manyhues.errors import ManyhuesError
from manyhues.image.encode import encode
from manyhues.image.picture import Picture
from manyhues.image.provenance import stamp

SECONDS, MEMORY = 10, 1 << 30
_PAGES = 20  # of one file; more are read alike
_RESULT = np.zeros((4, 4, 3), np.uint8)
_ODD = (0, 1, 2, 0x7F, 0x80, 0xFF)
_LENGTHS = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 100_000, 2_771_273)


def seeds() -> dict[str, bytes]:
    """The whole files, by name: what Pillow, and tifffile where it is there, can write."""
    y, x = np.mgrid[:40, :56]
    grey = np.uint8((np.sin(x / 7) + np.cos(y / 5)) * 60 + 128)
    rgb = Image.fromarray(np.dstack([grey, grey[::-1], grey[:, ::-1]]))
    plain = Image.fromarray(grey)
    alpha = Image.merge("RGBA", (*rgb.split(), plain))
    bilevel, ink, few = plain.convert("1"), rgb.convert("CMYK"), rgb.quantize(16)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[271], exif[274], exif[282] = "Maker", 6, 72.0
    exif.get_ifd(0x8769)[40962] = 56
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rich = {"exif": exif, "icc_profile": profile}
    made: list[tuple[str, Image.Image, str, dict[str, Any]]] = [
        ("jpeg", rgb, "JPEG", rich),
        ("jpeg_grey", plain, "JPEG", {"comment": "a" * 40}),
        ("jpeg_progressive", rgb, "JPEG", {"progressive": True}),
        ("jpeg_ink", ink, "JPEG", {}),
        ("mpo", rgb, "MPO", {"save_all": True, "append_images": [rgb]}),
        ("png", rgb, "PNG", rich),
        ("png_alpha", alpha, "PNG", {}),
        ("png_bilevel", bilevel, "PNG", {}),
        ("png_palette", few, "PNG", {"transparency": 3}),
        ("png_deep", deep, "PNG", {}),
        ("apng", rgb, "PNG", {"save_all": True, "append_images": [plain.convert("RGB")]}),
        ("webp", rgb, "WEBP", rich),
        ("webp_lossless", alpha, "WEBP", {"lossless": True}),
        ("webp_moving", rgb, "WEBP", {"save_all": True, "append_images": [alpha]}),
        ("avif", rgb, "AVIF", {}),
        ("avif_alpha", alpha, "AVIF", {}),
        ("jp2", rgb, "JPEG2000", {}),
        ("jp2_deep", deep, "JPEG2000", {}),
        ("bmp", rgb, "BMP", {}),
        ("bmp_palette", few, "BMP", {}),
        ("bmp_bilevel", bilevel, "BMP", {}),
        ("bmp_alpha", alpha, "BMP", {}),
        ("dib", rgb, "DIB", {}),
        ("gif", few, "GIF", {}),
        ("gif_moving", few, "GIF", {"save_all": True, "append_images": [plain, few]}),
        ("ico", alpha, "ICO", {}),
        ("icns", alpha.resize((64, 64)), "ICNS", {}),
        ("tga", rgb, "TGA", {}),
        ("tga_rle", alpha, "TGA", {"compression": "tga_rle"}),
        ("pcx", rgb, "PCX", {}),
        ("pcx_grey", plain, "PCX", {}),
        ("sgi", rgb, "SGI", {}),
        ("sgi_rle", plain, "SGI", {}),
        ("dds", alpha, "DDS", {}),
        ("im", rgb, "IM", {}),
        ("msp", bilevel, "MSP", {}),
        ("xbm", bilevel, "XBM", {}),
        ("spider", plain.convert("F"), "SPIDER", {}),
        ("blp", few, "BLP", {}),
        ("ppm", rgb, "PPM", {}),
        ("pgm", plain, "PPM", {}),
        ("pbm", bilevel, "PPM", {}),
        ("pgm_deep", deep, "PPM", {}),
        ("qoi", alpha, "QOI", {}),
    ]
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        made.append((f"tiff_{compression}", rgb, "TIFF", {"compression": compression, **rich}))
    for compression in ("group3", "group4", "tiff_ccitt", "lzma", "zstd"):
        image = bilevel if "group" in compression or "ccitt" in compression else rgb
        made.append((f"tiff_{compression}", image, "TIFF", {"compression": compression}))
    for name, image in (("grey", plain), ("alpha", alpha), ("ink", ink), ("few", few)):
        made.append((f"tiff_{name}", image, "TIFF", {}))
    made.append(("tiff_deep", deep, "TIFF", {"compression": "tiff_lzw"}))
    made.append(("tiff_pages", rgb, "TIFF", {"save_all": True, "append_images": [deep, bilevel]}))
    files = {}
    for name, image, format_, options in made:
        out = io.BytesIO()
        try:
            image.save(out, format_, **options)
        except (OSError, KeyError, ValueError) as error:  # a library that this Pillow lacks
            print(f"left out: {name} ({error})", file=sys.stderr)
            continue
        files[name] = out.getvalue()
    files["ppm_plain"] = b"P3\n2 2 255\n" + b"0 128 255 " * 4
    files["psd"] = _psd(rgb)
    files["heic_header"] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    return files | _by_tifffile(grey, np.asarray(rgb)) | _by_heif(rgb)


def _psd(rgb: Image.Image) -> bytes:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, rgb.height, rgb.width, 8, 3)
    return head + bytes(12) + b"\0\0" + b"".join(band.tobytes() for band in rgb.split())


def _by_heif(rgb: Image.Image) -> dict[str, bytes]:
    try:
        import pillow_heif
    except ImportError:
        print("left out: HEIC (pillow-heif is missing)", file=sys.stderr)
        return {}
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    rgb.save(out, "HEIF")
    return {"heic": out.getvalue()}


def _by_tifffile(grey: Any, rgb: Any) -> dict[str, bytes]:
    try:
        import tifffile
    except ImportError:
        print("left out: layouts of tifffile, which is missing", file=sys.stderr)
        return {}
    deep = rgb.astype(np.uint16) * 257
    planes = deep.transpose(2, 0, 1)
    rgb_, separate = {"photometric": "rgb"}, {"photometric": "rgb", "planarconfig": "separate"}
    layouts: dict[str, tuple[Any, dict[str, Any]]] = {
        "planes": (planes, separate),
        "planes_zlib": (planes, separate | {"compression": "zlib"}),
        "deep": (deep, rgb_),
        "deep_predicted": (deep, rgb_ | {"compression": "zlib", "predictor": True}),
        "big": (deep, rgb_ | {"bigtiff": True}),
        "motorola": (deep, rgb_ | {"byteorder": ">"}),
        "tiles": (rgb, rgb_ | {"tile": (16, 16)}),
        "tiles_deep": (deep, rgb_ | {"tile": (16, 32), "compression": "zlib"}),
        "white_is_zero": (grey, {"photometric": "miniswhite"}),
        "lab": (deep, {"photometric": "cielab"}),
        "grey_alpha": (deep[..., :2], {"photometric": "minisblack", "extrasamples": [2]}),
        "ink_deep": (np.dstack([deep, deep[..., :1]]), {"photometric": "separated"}),
        "stack": (np.stack([grey] * 4), {"imagej": True}),
        "ome": (np.stack([grey] * 3), {"ome": True, "photometric": "minisblack"}),
        "float": (grey.astype(np.float32), {"photometric": "minisblack"}),
    }
    files = {}
    for name, (pixels, options) in layouts.items():
        out = io.BytesIO()
        tifffile.imwrite(out, pixels, **options)
        files[f"tifffile_{name}"] = out.getvalue()
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(grey[::4, ::4], subfiletype=1, subifds=1, photometric="minisblack")
        writer.write(grey, subfiletype=0, photometric="minisblack")
    return files | {"tifffile_preview": out.getvalue()}


def mutant(files: list[bytes], number: int, seed: int) -> bytes:
    """The same damage for the same number and seed."""
    chance = random.Random(seed * 1_000_003 + number)
    data = bytearray(files[number % len(files)])
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        kind, size = chance.randrange(8), len(data)
        # Headers, and TIFF's directories at the end, do more than pixels.
        place = chance.choice((chance.randrange(size), chance.randrange(min(size, 200))))
        if kind <= 1:
            data[place] = chance.choice((chance.randrange(256), *_ODD))
        elif kind == 2:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 3:
            width = chance.choice((2, 4))
            number_ = chance.choice(_LENGTHS) & (256**width - 1)
            order = chance.choice("<>")
            data[place : place + width] = struct.pack(order + ("H" if width == 2 else "I"), number_)
        elif kind == 4 and size > 40:
            del data[chance.randrange(20, size) :]
        elif kind == 5 and size > 40:
            del data[place : min(size - 20, place + chance.randrange(1, 40))]
        elif kind == 6:
            data[place:place] = data[place : place + chance.randrange(1, 40)]
        else:
            other = chance.choice(files)
            start = chance.randrange(len(other))
            piece = other[start : start + chance.randrange(1, 60)]
            data[place : place + len(piece)] = piece
    return bytes(data)


def read(data: bytes) -> str:
    """What becomes of a file: ``read``, ``refused``, or the fault in words."""
    try:
        for page in Picture.pages(data)[:_PAGES]:
            try:
                picture = page()
                if not np.isfinite(picture.luminance).all():
                    return "luminance that is no number"
                metadata = stamp(picture.metadata, "fuzz", {})
                for format_ in ("TIFF", "PNG", "JPEG", "WEBP", "AVIF"):
                    encode(_RESULT, format_, metadata)
            except ManyhuesError as error:
                if "\n" in str(error):
                    return f"an error of several lines: {error}"
                raise
    except ManyhuesError as error:
        return "refused" if "\n" not in str(error) else f"an error of several lines: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


def _peak() -> int:
    """The most memory since the last call, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5")
    return peak * 1024


def child(first: int, last: int, seed: int) -> None:
    """Reads mutants and prints, for each, its number before and a JSON list after."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = list(seeds().values())
    for data in files:  # libraries are loaded by now
        read(data)
    for number in range(first, last):
        data = mutant(files, number, seed)
        print(number, flush=True)
        _peak()
        signal.alarm(SECONDS)  # ends the process, wherever it is
        fate = read(data)
        signal.alarm(0)
        print(json.dumps([fate, _peak()]), flush=True)


def run(mutants: int, seed: int) -> tuple[Counter[str], dict[int, str], int]:
    """Counts of what became of all, faults by number, and the most memory that one took."""
    counts: Counter[str] = Counter()
    faults: dict[int, str] = {}
    most, number = 0, -1
    while number + 1 < mutants:
        arguments = ["--child", str(number + 1), str(mutants), "--seed", str(seed)]
        with subprocess.Popen(
            [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
        ) as process:
            waiting = False
            assert process.stdout is not None
            for line in process.stdout:
                if line[0] != "[":
                    if not line.strip().isdigit():
                        faults[number] = f"printed {line!r}"
                        continue
                    number, waiting = int(line), True
                    continue
                waiting = False
                fate, peak = json.loads(line)
                most = max(most, peak)
                if peak > MEMORY:
                    fate = f"{peak >> 20} MiB"
                counts[fate if fate in ("read", "refused") else "fault"] += 1
                if fate not in ("read", "refused"):
                    faults[number] = fate
        if waiting:
            name = signal.Signals(-process.returncode).name if process.returncode < 0 else "exit"
            faults[number] = f"over {SECONDS} s" if name == "SIGALRM" else f"died of {name}"
            counts["fault"] += 1
        elif process.returncode:
            raise SystemExit(f"the child failed with {process.returncode}")
    return counts, faults, most


def main() -> int:
    """Run it, print the counts and the faults."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child, given.seed)
        return 0
    files = seeds()
    counts, faults, most = run(given.mutants, given.seed)
    print(f"{len(files)} files, {given.mutants} mutants: {dict(counts)}, at most {most >> 20} MiB")
    names = list(files)
    for number, fault in faults.items():
        print(f"{number} {names[number % len(names)]}: {fault}")
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            name = f"{number}-{names[number % len(names)]}"
            (given.keep / name).write_bytes(mutant(list(files.values()), number, given.seed))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
