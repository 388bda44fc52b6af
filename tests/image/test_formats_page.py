"""docs/formats.md says what is read and written: each line of its tables is tried here."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.color.lab import to_8_bits
from manyhues.errors import OutputError
from manyhues.image import encode, formats
from manyhues.image.formats import raw
from manyhues.image.formats.pillow import Pillow
from manyhues.image.metadata import Metadata
from manyhues.image.picture import Picture, read_rgb
from manyhues.video import SUFFIXES
from manyhues.video.encode import suffix_of

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><made-here/></x:xmpmeta>'


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = re.findall(r"^\|(.*)\|$", section(title), re.M)[2:]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def ticked(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


READ = rows("Pictures read")
WRITTEN = rows("Pictures written")


def test_every_suffix_of_pictures_is_in_the_table() -> None:
    listed = [suffix for row in READ for suffix in ticked(row[1])]
    assert sorted(listed) == sorted(formats.suffixes() | raw.SUFFIXES)  # taken where rawpy is


@pytest.mark.parametrize("row", READ, ids=lambda row: row[0])
def test_pages_and_kept_formats(row: list[str]) -> None:
    name, suffixes, _, pages, kept = row
    paged = formats.suffixes(paged=True)
    assert {suffix in paged for suffix in ticked(suffixes)} == {pages == "all"}
    for suffix in ticked(suffixes):
        format_ = Image.registered_extensions().get(suffix, name.split(",")[0])
        own = encode.output_format(format_, suffix, "keep")[1]
        fallback = encode.output_format(format_, "", "keep")[1]
        assert own in (suffix, *ticked(kept))
        assert fallback in ticked(kept)


def test_every_further_format_is_named() -> None:
    text = section("Pictures read").split("named by itself")[1].split("Refused")[0]
    named = {"JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "JPEG2000"}  # rows of the table
    assert set(ticked(text)) == set(Pillow.names) - named


def test_every_suffix_of_films_is_named() -> None:
    read, written = section("Films read").split("Results are")
    assert {word for word in ticked(read) if word.startswith(".")} == set(SUFFIXES)
    made = {suffix_of(Path(f"film{suffix}")) for suffix in SUFFIXES}
    assert set(ticked(written.split("where")[0])) == made


def test_every_format_that_can_be_asked_for_is_in_the_table() -> None:
    asked = {row[0].strip("`") for row in WRITTEN if not row[0].startswith("`keep`")}
    names = {encode.output_format("", "", name)[0] for name in encode.FORMATS}
    assert {encode.output_format("", "", name)[0] for name in asked} == names


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row[0])
def test_what_a_format_holds(row: list[str]) -> None:
    asked, suffix, bits, alpha, exif, xmp, profile, resolution, quality = row
    kept = asked.partition(", ")[2]
    format_, written = encode.output_format(kept, "", "keep" if kept else ticked(asked)[0])
    assert written == suffix.strip("`")
    if format_ == "DICOM":
        pytest.importorskip("pydicom", reason="NO PYDICOM: pip install 'manyhues[dicom]'")
    tags = Image.Exif()
    tags[0x010E], tags[0x011A], tags[0x011B], tags[0x0128] = "a boat", 300.0, 300.0, 2
    metadata = Metadata(exif=tags.tobytes(), xmp=_XMP, has_profile=True, dpi=(300.0, 300.0))
    rgb = colourful(70, 80).astype(np.uint16) * 257
    rgb[::2] += 40  # steps that 8 bits cannot hold
    opaque = np.full((*rgb.shape[:2], 1), 65535, np.uint16)
    pixels = np.concatenate([rgb, opaque // 2 if alpha == "yes" else opaque], axis=2)
    data = encode.encode(pixels, format_, metadata)

    picture = Picture.open(data)
    assert (picture.alpha is not None) == (alpha == "yes")
    if format_ != "DICOM":
        assert picture.bits == int(bits)
        image = Image.open(io.BytesIO(data))
        image.load()
        found = image.getexif()
        assert (found.get(0x010E) == "a boat") == (exif == "yes")
        assert (b"made-here" in data) == (xmp == "yes")
        assert ("icc_profile" in image.info) == (profile == "yes")
        said = "dpi" in image.info and round(float(image.info["dpi"][0])) == 300
        assert said == (resolution == "yes")
        if resolution == "in EXIF":
            assert float(found[0x011A]) == 300
    else:
        assert (exif, xmp, profile, resolution) == ("no", "no", "no", "no")
        assert b"made-here" not in data
    exact = np.array_equal(read_rgb(data), to_8_bits(pixels)[..., :3])
    assert exact == quality.startswith("lossless")


def test_a_format_too_small_for_a_picture_is_refused() -> None:
    with pytest.raises(OutputError):
        encode.encode(np.zeros((1, 17000, 3), np.uint8), "WEBP", Metadata())
