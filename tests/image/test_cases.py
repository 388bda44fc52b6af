"""Small pictures that were read wrongly or refused once, each named after its fault."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from manyhues.errors import PictureError
from manyhues.image.picture import Picture, read_small_rgb

# What is read: for each page the size, bits, mean L*, and what a note says.
READ: dict[str, list[tuple[tuple[int, int], int, float, str]]] = {
    "bmp_alpha_lost_without_note.bmp": [((160, 120), 8, 49.6, "")],
    "dng_like_only_thumbnail_is_coloured.dng": [((96, 64), 16, 51.5, "1 reduced-size copy")],
    "imagej_stack_output_p1_unreadable_by_tifffile.tif": [
        ((96, 64), 8, 51.5, "ImageJ description"),
        ((96, 64), 8, 51.5, ""),
        ((96, 64), 8, 51.5, ""),
    ],
    "jpeg_exif_TileWidth_to_tiff_unreadable.jpg": [((96, 64), 8, 51.5, "")],
    "jpeg_interop_R03_to_tiff_dangling_pointer.jpg": [((160, 120), 8, 49.5, "Adobe RGB")],
    "jpeg_one_bad_exif_tag_loses_all_exif.jpg": [((96, 64), 8, 51.5, "left out: XResolution")],
    "jpeg_without_EOI_refused.jpg": [((96, 64), 8, 51.5, "end marker")],
    "png_gAMA_linear_ignored_without_note.png": [((160, 120), 8, 72.4, "gamma 1 to sRGB")],
    "psd_grey_called_damaged.psd": [((96, 64), 8, 51.5, "")],
    "tiff_grey_10bit_packed_reads_black.tif": [((96, 64), 16, 51.8, "")],
    "tiff_grey_with_SMinSampleValue_output_unreadable.tif": [((96, 64), 8, 51.5, "")],
    "tiff_ifd_loop_never_ends.tif": [((8, 8), 16, 0.0, "")],
    "tiff_page1_grey8_page2_mask_whole_file_called_damaged.tif": [
        ((96, 64), 8, 51.5, "1 mask left out")
    ],
    "tiff_page1_grey8_page2_planar16_reads_noise_silently.tif": [
        ((96, 64), 8, 51.5, ""),
        ((96, 64), 16, 51.5, ""),
    ],
    "tiff_rgb_12bit_packed_reads_black.tif": [((96, 64), 16, 51.8, "")],
    "tiff_thumbnail_by_old_tag255_is_coloured_as_page2.tif": [
        ((96, 64), 8, 51.5, "1 reduced-size copy left out")
    ],
    "tiff_with_thumbnail_note_says_animation.tif": [
        ((96, 64), 8, 51.5, "1 reduced-size copy left out")
    ],
}
REFUSED = {
    "eps_named_jpg_runs_postscript.jpg": "not a picture in a format",
    "gif_damaged_unexpected_IndexError.gif": "truncated or damaged",
    "psd_damaged_unexpected_ValueError.psd": "truncated or damaged",
    "tiff_19_kB_of_177_megapixels.tif": "18704 bytes that unpack to 2771273 x 64 pixels",
    "tiff_webp_compressed_called_damaged.tif": "compressed as WebP",
}


def case(data: Path, name: str) -> Path:
    file = data / "cases" / name
    if not file.exists():
        pytest.skip(f"NO CASE at {file}")
    return file


@pytest.mark.data
@pytest.mark.parametrize("name", READ)
def test_read(data: Path, name: str) -> None:
    pages = Picture.pages(case(data, name))
    assert len(pages) == len(READ[name])
    for page, (size, bits, mean, said) in zip(pages, READ[name], strict=True):
        picture = page()
        assert (picture.size, picture.bits) == (size, bits)
        assert picture.luminance.mean() == pytest.approx(mean, abs=0.1)
        assert any(said in note for note in picture.notes) if said else picture.notes == ()


@pytest.mark.data
@pytest.mark.parametrize("name", REFUSED)
def test_refused(data: Path, name: str) -> None:
    file = case(data, name)
    for read in (lambda path: Picture.pages(path)[0](), read_small_rgb):
        with pytest.raises(PictureError, match=REFUSED[name]) as error:
            read(file)
        assert "\n" not in str(error.value)
        assert str(error.value).count(file.name) == (1 if "palette" not in str(error.value) else 0)


@pytest.mark.data
def test_every_case_is_here(data: Path) -> None:
    folder = data / "cases"
    if not folder.exists():
        pytest.skip(f"NO CASES at {folder}")
    assert {file.name for file in folder.iterdir()} == {*READ, *REFUSED}


@pytest.mark.data
def test_palettes_are_read_by_the_same_reader(data: Path) -> None:
    file = case(data, "tiff_page1_grey8_page2_planar16_reads_noise_silently.tif")
    grey = read_small_rgb(file).astype(int)
    assert np.ptp(grey, axis=-1).max() <= 1


@pytest.mark.data
def test_nothing_is_printed_by_libraries(data: Path) -> None:
    """Not by libtiff, which writes to the process's standard error beside Python."""
    files = [case(data, name) for name in (*READ, *REFUSED)]
    code = (
        "import sys\n"
        "from manyhues.errors import PictureError\n"
        "from manyhues.image.picture import Picture\n"
        "for name in sys.argv[1:]:\n"
        "    data = open(name, 'rb').read()\n"
        "    for given in (name, data[: len(data) // 2]):\n"
        "        try:\n"
        "            [page() for page in Picture.pages(given)]\n"
        "        except PictureError:\n"
        "            pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(os.fspath, files)], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
