"""Files out: depth, alpha, profile, metadata, and nothing partial."""

import dataclasses
import errno
import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image, IptcImagePlugin, PngImagePlugin

from manyhues.color import profiles
from manyhues.errors import OutputError, UsageError
from manyhues.image import encode as writer
from manyhues.image import files, names
from manyhues.image.formats import sixteen_bit
from manyhues.image.metadata import Metadata, read_metadata
from manyhues.image.picture import Picture

RGB = colourful(24, 31)


def metadata() -> Metadata:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "1936:05:01 12:00:00"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    return Metadata(exif.tobytes(), xmp, True, (300.0, 150.0), 80)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("bits", [8, 16])
def test_metadata_survives(format_: str, bits: int) -> None:
    pixels: Any = RGB if bits == 8 else RGB.astype(np.uint16) * 257
    data = writer.encode(pixels, format_, metadata())
    image = Image.open(io.BytesIO(data))
    image.load()
    again = Picture.open(data)
    assert again.bits == (bits if format_ in ("PNG", "TIFF") else 8)
    assert image.info["icc_profile"] == profiles.srgb_profile()
    exif = image.getexif()
    assert exif[0x010F] == "Maker"
    assert exif.get_ifd(0x8769)[0x9003] == "1936:05:01 12:00:00"
    assert again.metadata.xmp == metadata().xmp
    if format_ in ("PNG", "JPEG", "TIFF"):
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


@pytest.mark.parametrize("format_", sorted(writer.GRADED))
def test_a_quality_makes_smaller_files_and_none_keeps_the_lightness(format_: str) -> None:
    photo = np.asarray(Image.fromarray(RGB).resize((256, 256), Image.Resampling.BICUBIC))
    best, good, small = (
        writer.encode(photo, format_, Metadata(), quality) for quality in (None, 80, 30)
    )
    assert len(best) > len(good) > len(small)
    was = Picture.open(photo).luminance
    errors = [np.abs(Picture.open(data).luminance - was).mean() for data in (best, small)]
    assert errors[0] < min(0.5, errors[1] / 1.5)


@pytest.mark.parametrize("bits", [8, 16])
def test_texts_of_a_png_survive(bits: int) -> None:
    given, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    texts.add_text("Author", "Dorothea Lange")
    texts.add_text("Title", "Ảnh cưới, 写真")
    texts.add_text("Raw profile type exif", "out of date")
    Image.fromarray(RGB).save(given, "PNG", pnginfo=texts)
    picture = Picture.open(given.getvalue())
    pixels: Any = RGB if bits == 8 else RGB.astype(np.uint16) * 257
    image: Any = Image.open(io.BytesIO(writer.encode(pixels, "PNG", picture.metadata)))
    assert image.text == {"Author": "Dorothea Lange", "Title": "Ảnh cưới, 写真"}
    assert "text chunks of a PNG are left out in JPEG" in writer.losses(picture, "JPEG")


def test_iptc_and_comment_of_a_jpeg_survive() -> None:
    caption = b"\x1c\x02\x78\x00\x0bNipomo 1936"
    resource = b"8BIM\x04\x04\0\0" + len(caption).to_bytes(4, "big") + caption
    payload = b"Photoshop 3.0\0" + resource
    segment = b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload
    given = io.BytesIO()
    Image.fromarray(RGB).save(given, "JPEG", extra=segment, comment="scanned twice")
    picture = Picture.open(given.getvalue())
    written = metadata()
    picture_metadata = dataclasses.replace(
        written, iptc=picture.metadata.iptc, comment=picture.metadata.comment
    )
    image = Image.open(io.BytesIO(writer.encode(RGB, "JPEG", picture_metadata)))
    assert IptcImagePlugin.getiptcinfo(image) == {(2, 120): b"Nipomo 1936"}
    assert image.info["comment"] == b"scanned twice"
    assert image.info["xmp"] == written.xmp
    plain = Image.open(io.BytesIO(writer.encode(RGB, "JPEG", Metadata())))
    assert "comment" not in plain.info
    assert any("IPTC" in note for note in writer.losses(picture, "WEBP"))
    assert not any("IPTC" in note for note in writer.losses(picture, "JPEG"))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("bits", [8, 16])
def test_letters_of_every_script_survive_in_exif(format_: str, bits: int) -> None:
    caption = "Ảnh cưới, bà ngoại © 1936 写真".encode()
    exif = Image.Exif()
    exif[270], exif[0x9286] = caption, b"UNICODE\0a\0"
    given = io.BytesIO()
    Image.fromarray(RGB).save(given, "PNG", exif=exif)
    pixels: Any = RGB if bits == 8 else RGB.astype(np.uint16) * 257
    data = writer.encode(pixels, format_, Picture.open(given.getvalue()).metadata)
    assert caption + b"\0" in data
    read = Image.open(io.BytesIO(data)).getexif()[270]
    assert read.encode("latin-1") == caption


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("height", [1, 300])
def test_16_bits_round_trip(format_: str, channels: int, height: int) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 65536, (height, 7, channels), dtype=np.uint16)
    data = writer.encode(pixels, format_, Metadata())
    read = sixteen_bit.read(lambda: Image.open(io.BytesIO(data)))
    assert read is not None
    assert (read == pixels).all()
    if format_ == "TIFF":
        tifffile = pytest.importorskip("tifffile")
        assert (tifffile.imread(io.BytesIO(data)) == pixels).all()


def test_without_profile_in_there_is_none_out() -> None:
    image = Image.open(io.BytesIO(writer.encode(RGB, "PNG", Metadata())))
    assert "icc_profile" not in image.info


def test_the_profile_is_the_same_every_day_and_valid() -> None:
    assert profiles.is_srgb(profiles.srgb_profile())
    profiles.srgb_profile.cache_clear()
    assert profiles.srgb_profile() == profiles.srgb_profile()


@pytest.mark.parametrize(
    ("format_", "suffix", "wanted", "expected"),
    [
        ("JPEG", ".JPEG", "keep", ("JPEG", ".JPEG")),
        ("JPEG", ".png", "keep", ("JPEG", ".jpg")),
        ("TIFF", ".tif", "keep", ("TIFF", ".tif")),
        ("GIF", ".gif", "keep", ("PNG", ".png")),
        ("", "", "keep", ("PNG", ".png")),
        ("PNG", ".png", "jpg", ("JPEG", ".jpg")),
        ("PNG", ".png", "tiff", ("TIFF", ".tiff")),
    ],
)
def test_formats(format_: str, suffix: str, wanted: str, expected: tuple[str, str]) -> None:
    assert writer.output_format(format_, suffix, wanted) == expected


def test_unknown_format() -> None:
    with pytest.raises(UsageError, match="use keep, png"):
        writer.output_format("PNG", ".png", "gif")


def test_losses_are_said() -> None:
    picture = Picture.open(np.zeros((3, 4, 2), np.uint16))
    assert len(writer.losses(picture, "JPEG")) == 2
    assert writer.losses(picture, "PNG") == ()


def test_write_replaces_only_on_purpose(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    files.write(b"one", path)
    with pytest.raises(OutputError, match="exists already"):
        files.write(b"two", path)
    assert path.read_bytes() == b"one"
    files.write(b"two", path, overwrite=True)
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left on device"):
        files.write(b"data", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_writers_of_one_file_do_not_share_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, begun, go_on = tmp_path / "a.png", threading.Event(), threading.Event()
    write_bytes = Path.write_bytes

    def slowly(self: Path, data: bytes) -> int:
        count = write_bytes(self, data)
        if data == b"slow":
            begun.set()
            go_on.wait(240)
        return count

    monkeypatch.setattr(Path, "write_bytes", slowly)
    slow = threading.Thread(target=files.write, args=(b"slow", path), kwargs={"overwrite": True})
    slow.start()
    assert begun.wait(240)
    files.write(b"quick", path)
    assert path.read_bytes() == b"quick"
    go_on.set()
    slow.join()
    assert path.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("locks", [True, False])
def test_a_killed_runs_leftover_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """At once where a living writer is known by its lock; elsewhere when it is an hour old."""
    if not locks:
        monkeypatch.setattr(files, "fcntl", None)
    else:
        pytest.importorskip("fcntl")
    part = files._part(tmp_path / "a.png")
    for age in (0, 7200):
        part.write_bytes(b"half a pic")
        os.utime(part, (time.time() - age, time.time() - age))
        files.write(b"whole", tmp_path / "a.png", overwrite=True)
        left = {"a.png"} if age or locks else {"a.png", part.name}
        assert {path.name for path in tmp_path.iterdir()} == left
    assert (tmp_path / "a.png").read_bytes() == b"whole"


def test_a_killed_runs_leftover_goes_with_its_finished_file(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = tmp_path / "a.png"
    path.write_bytes(b"whole")
    files._part(path).write_bytes(b"half a pic")
    files.clear(path)
    assert list(tmp_path.iterdir()) == [path]
    held = files._claim(files._part(path))  # by another, who is still at it
    assert held is not None
    files.clear(path)
    assert files._part(path).exists()
    os.close(held)


@pytest.mark.parametrize("links", [True, False])
def test_what_comes_while_writing_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    path, write_bytes = tmp_path / "a.png", Path.write_bytes

    def late(self: Path, data: bytes) -> int:
        write_bytes(path, b"theirs")
        return write_bytes(self, data)

    def link(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")  # as FAT says

    monkeypatch.setattr(Path, "write_bytes", late)
    if not links:
        monkeypatch.setattr(os, "link", link)
    with pytest.raises(OutputError, match="exists already"):
        files.write(b"ours", path)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dpi", [(2.0**32 - 1, 300), (float("nan"), 300), (-1, -1), (0, 300)])
@pytest.mark.parametrize("format_", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_resolution_that_files_cannot_hold(
    dpi: tuple[float, float], format_: str, kind: Any
) -> None:
    image = Image.new("L", (4, 3))
    image.info["dpi"] = dpi
    metadata, _ = read_metadata(image, "picture")
    assert metadata.dpi == (0, 0)
    pixels = np.zeros((3, 4, 3), kind)
    assert writer.encode(pixels, format_, metadata)
    if format_ != "JPEG":  # were it given all the same
        with pytest.raises(OutputError, match="choose another format"):
            writer.encode(pixels, format_, Metadata(dpi=(float("nan"), 2.0**40)))


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another output folder"):
        files.make_folder(tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (errno.EINVAL, "this disk takes no such name"),
        (errno.EILSEQ, "this disk takes no such name"),
        (errno.ENAMETOOLONG, "shorten the name"),
        (errno.ENOSPC, "the free space"),
    ],
)
def test_what_helps_where_a_disk_has_rules_of_its_own(
    fault: int, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OutputError, match=remedy):
        files.write(b"", tmp_path / "who?.png")
    assert not list(tmp_path.iterdir())


def test_paths_that_are_too_long_for_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that there is no such file, which helps nobody."""

    def refuse(path: Path, data: bytes) -> int:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    monkeypatch.setattr(names, "WINDOWS", True)
    long = tmp_path / ("a" * 130)
    long.mkdir()
    with pytest.raises(OutputError, match="259 characters"):
        files.write(b"", long / ("b" * 130))
    with pytest.raises(OutputError, match="permissions"):
        files.write(b"", tmp_path / "short")


def test_sizes_of_files_are_never_nothing() -> None:
    found = [files.size_of(count) for count in (1, 99e6, 123e6, 1.24e9)]
    assert found == ["1 MB", "99 MB", "0.1 GB", "1.2 GB"]
