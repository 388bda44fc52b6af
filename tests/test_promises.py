"""The promises of the design, through the Python doors."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import METHODS, colourful
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFont

import manyhues
from manyhues.color.lab import rgb_to_luminance
from manyhues.colorizer import Colorizer
from manyhues.errors import OutputError, PictureError, UsageError
from manyhues.image.encode import Format
from manyhues.image.picture import Picture
from manyhues.render.sheet import _drawable, contact_sheet


def luminance_error(given_pixels: NDArray[Any], rgb: NDArray[Any]) -> NDArray[np.float32]:
    whole = 255.0 if rgb.dtype == np.uint8 else 65535.0
    if given_pixels.ndim == 2:
        given_pixels = np.repeat(given_pixels[..., None], 3, 2)
    before = rgb_to_luminance(given_pixels[..., :3] / whole)
    return np.asarray(np.abs(rgb_to_luminance(rgb[..., :3] / whole) - before))


@pytest.mark.parametrize("method", METHODS)
def test_size_and_luminance_are_kept(weights: Path, method: str) -> None:
    picture = colourful(150, 211)
    result = manyhues.colorize(picture, n=2, method=method, weights=weights)
    for image in result.images:
        assert image.size == (211, 150)
        error = luminance_error(picture, np.asarray(image))
        assert error.mean() <= 0.5
        assert np.quantile(error, 0.99) <= 2


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tiff"])
def test_luminance_is_kept_in_files(weights: Path, tmp_path: Path, format: Format) -> None:
    from skimage import data

    grey = data.camera()[::2, ::2]  # type: ignore[no-untyped-call]
    paths = manyhues.colorize(grey, n=1, weights=weights).save(tmp_path, format=format, sheet=False)
    error = luminance_error(grey, np.asarray(Image.open(paths[0]).convert("RGB")))
    assert error.mean() <= 0.5
    assert np.quantile(error, 0.99) <= 2


def test_every_door_gives_the_same(weights: Path, tmp_path: Path) -> None:
    """A saturated picture: a channel swap would show."""
    rgb = colourful(80, 101)
    path = tmp_path / "colour.png"
    Image.fromarray(rgb).save(path)
    doors: list[Any] = [
        path,
        str(path),
        path.read_bytes(),
        Image.open(path),
        rgb,
        rgb.astype(np.uint16) * 257,
        Picture.open(rgb),
    ]
    colorizer = Colorizer.load("flow", weights)
    first = colorizer.sample(colorizer.encode(doors[0]), 2).images
    for door in doors[1:]:
        again = colorizer.sample(colorizer.encode(door), 2).images
        for one, two in zip(first, again, strict=True):
            difference = np.asarray(one).astype(int) - np.asarray(two)
            assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_colour_is_read_through_its_luminance(weights: Path, method: str) -> None:
    rgb = colourful(80, 101)
    luminance = rgb_to_luminance(rgb / 255.0)
    from manyhues.color.lab import luminance_to_grey

    grey = np.round(luminance_to_grey(luminance) * 255).astype(np.uint8)
    colorizer = Colorizer.load(method, weights)
    colour, plain = (colorizer.sample_ab(colorizer.encode(picture), 3) for picture in (rgb, grey))
    assert np.abs(colour - plain).max() < 0.5


def test_alpha_profile_and_metadata_survive_to_disk(weights: Path, tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 60 * 50).reshape(60, 50).astype(np.uint8)
    from manyhues.color.profiles import srgb_profile

    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    source = tmp_path / "cut.png"
    Image.fromarray(np.dstack([colourful(60, 50), alpha])).save(
        source, icc_profile=srgb_profile(), exif=exif, dpi=(300, 300)
    )
    result = manyhues.colorize(source, n=1, weights=weights)
    out = Image.open(result.save(tmp_path / "out", sheet=False)[0])
    assert out.mode == "RGBA"
    assert out.size == (60, 50)  # upright
    assert (np.asarray(out)[..., 3] == np.rot90(alpha, -1)).all()
    assert "icc_profile" in out.info
    assert out.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert out.getexif()[0x010F] == "Maker"
    assert out.getexif().get(0x0112, 1) == 1


def test_a_cameras_jpeg_keeps_what_it_says(weights: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "Camera"
    exif[0x8769] = {0x9003: "1936:05:01 12:00:00", 40962: 50, 40963: 60}
    exif[0x8825] = {1: "N", 2: (51.0, 30.0, 0.0)}
    source = tmp_path / "photo.JPG"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
    Image.fromarray(colourful(60, 50)).save(source, "JPEG", exif=exif, xmp=xmp, dpi=(200, 300))
    result = manyhues.colorize(source, n=1, weights=weights)
    path = result.save(tmp_path / "out", sheet=False)[0]
    assert path.name == "photo.1.JPG"
    with Image.open(path) as out:
        kept = out.getexif()
        assert out.size == (60, 50)
        assert out.info["dpi"] == (300, 200)
        assert b'tiff:Orientation="1"' in out.info["xmp"]
        assert (kept[0x0112], kept[0x0110]) == (1, "Camera")
        assert kept.get_ifd(0x8825)[2] == (51.0, 30.0, 0.0)
        details = kept.get_ifd(0x8769)
        assert details[0x9003] == "1936:05:01 12:00:00"
        assert (details[40962], details[40963]) == (60, 50)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_in_16_bits_out(weights: Path, tmp_path: Path, suffix: str) -> None:
    grey = np.random.default_rng(0).integers(0, 65536, (40, 70), dtype=np.uint16)
    source = tmp_path / f"deep{suffix}"
    Image.fromarray(grey).save(source)
    result = manyhues.colorize(source, n=1, weights=weights, saturation=0.3)
    path = result.save(tmp_path / "out", sheet=False)[0]
    assert path.suffix == suffix
    again = Picture.open(path)
    assert again.bits == 16
    error = np.abs(again.luminance - Picture.open(source).luminance)
    assert error.mean() < 0.01
    assert np.quantile(error, 0.99) < 0.1
    assert result.images[0].mode == "RGB"


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from(["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16"]),
    st.sampled_from(METHODS),
)
def test_any_size_and_mode(weights: Path, height: int, width: int, mode: str, method: str) -> None:
    random = np.random.default_rng(height * 1000 + width)
    grey = random.integers(0, 256, (height, width), dtype=np.uint8)
    image = (
        Image.fromarray(grey.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(grey).convert("L" if mode == "PA" else "RGB").convert(mode)
    )
    result = manyhues.colorize(image, n=1, method=method, weights=weights, pick="random")
    pixels = result.pixels(0)
    assert pixels.shape == (height, width, 4 if mode in ("LA", "PA", "RGBA") else 3)
    assert pixels.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    before = Picture.open(image).luminance
    whole = 65535.0 if mode == "I;16" else 255.0
    error = np.abs(rgb_to_luminance(pixels[..., :3] / whole) - before)
    assert error.mean() <= 0.5
    assert np.quantile(error, 0.99) <= 2


@pytest.mark.parametrize("shape", [(1, 1), (7, 257), (30, 4000), (1, 900)])
@pytest.mark.parametrize("method", ["flow", "vae-mdn"])
def test_odd_sizes_to_disk(
    weights: Path, tmp_path: Path, shape: tuple[int, int], method: str
) -> None:
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    result = manyhues.colorize(grey, n=2, method=method, weights=weights)
    paths = result.save(tmp_path)
    assert [p.name for p in paths] == ["array.1.png", "array.2.png", "array.sheet.jpg"]
    with Image.open(paths[0]) as image:
        assert image.size == shape[::-1]


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bytes(weights: Path, tmp_path: Path, method: str) -> None:
    picture = colourful(60, 80)
    written = {}
    for n in (3, 8):
        result = manyhues.colorize(picture, n=n, method=method, weights=weights, seed=5)
        paths = result.save(tmp_path / str(n), sheet=False)
        written[n] = [path.read_bytes() for path in paths]
    assert written[3] == written[8][:3]


def test_a_result_is_a_sequence(weights: Path) -> None:
    result = manyhues.colorize(colourful(40, 60), n=4, weights=weights)
    assert len(result) == len(list(result)) == len(result.images) == 4
    assert np.array_equal(result[-1].ab, result.ab[3:])
    assert np.array_equal(result[np.argmax([0, 0, 1])].ab, result.ab[2:3])
    assert result[1:3].seeds == result.seeds[1:3]
    assert result.images is result.images
    assert result.previews(32)[0].size == (32, 21)
    with pytest.raises(IndexError):
        result[4]


def test_a_title_in_any_script_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ImageFont.load_default(20)
    assert _drawable("a\nb \x1b[1m?.jpg", own, 20) == ("a b ?[1m?.jpg", own)
    monkeypatch.setattr("manyhues.render.sheet._SYSTEM_FONTS", ("no such font.ttf",))
    assert _drawable("写真 caf\udce9.jpg", own, 20) == ("?? caf?.jpg", own)
    assert _drawable("Ảnh cũ của bà, Đà Lạt.jpg", own, 20) == ("Anh cu cua ba, Da Lat.jpg", own)
    assert _drawable("grüße, Ærø, ışık.jpg", own, 20) == ("grusse, AEro, isik.jpg", own)


@pytest.mark.parametrize("name", ["Бабушка и γιαγιά.jpg", "Ảnh cũ của bà, Đà Lạt.jpg"])
def test_a_font_of_the_system_draws_what_pillows_own_cannot(name: str) -> None:
    own = ImageFont.load_default(20)
    drawn, font = _drawable(name, own, 20)
    if font is own:
        pytest.skip("NO SYSTEM FONT with all of these letters was found")
    assert drawn == name
    assert font.getmask("Б").getbbox() != font.getmask("\uffff").getbbox()
    assert _drawable(name + "\U00013000", own, 20)[1] is own  # a hieroglyph


def test_sheet_holds_input_and_results(weights: Path) -> None:
    result = manyhues.colorize(colourful(200, 500), n=5, weights=weights)
    small, large = result.sheet(120), result.sheet(240)
    assert small.mode == "RGB"
    assert large.width > 1.6 * small.width


def test_the_last_row_of_a_sheet_lies_in_the_middle() -> None:
    tiles = [(Image.new("RGB", (300, 200), (200, 0, 0)), str(k), "") for k in range(7)]
    page = np.asarray(contact_sheet(tiles, title="", note=""))
    red = page[..., 0] > 150
    rows = red[page.shape[0] // 3], red[-60]
    assert [int(np.diff(row.astype(int)).clip(0).sum()) for row in rows] == [4, 3]  # 4 + 3 tiles
    left, right = np.flatnonzero(rows[1])[[0, -1]]
    assert abs(left - (page.shape[1] - 1 - right)) <= 1


def test_tiny_pictures_are_enlarged_on_the_sheet(weights: Path) -> None:
    result = manyhues.colorize(np.full((1, 2), 90, np.uint8), n=1, weights=weights)
    assert result.sheet().width > 240
    assert result.images[0].size == (2, 1)
    slice_ = manyhues.colorize(colourful(128, 128), n=1, weights=weights)
    assert slice_.sheet().width > 2 * 240  # or its captions are of eight pixels


def test_nothing_is_overwritten_unless_asked(weights: Path, tmp_path: Path) -> None:
    result = manyhues.colorize(colourful(20, 30), n=2, weights=weights)
    result.save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match="exists already"):
        result.save(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    result.save(tmp_path, overwrite=True)


def test_mean_says_that_it_has_one_answer(weights: Path) -> None:
    result = manyhues.colorize(colourful(20, 30), n=2, method="mean", weights=weights)
    assert "one answer" in result.notes[0]


@pytest.mark.parametrize(
    "options", [{"n": 0}, {"pick": "best"}, {"diversity": -1}, {"saturation": float("nan")}]
)
def test_arguments_out_of_range(weights: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        manyhues.colorize(colourful(20, 30), weights=weights, **options)


def test_scene_of_bare_luminance(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)
    rgb = colourful(64, 64)
    bare = colorizer.encode_luminance(rgb_to_luminance(rgb / 255.0))
    full = colorizer.encode(rgb)
    assert np.allclose(colorizer.sample_ab(bare, 2), colorizer.sample_ab(full, 2), atol=0.05)
    with pytest.raises(PictureError, match="expected"):
        colorizer.encode_luminance(np.zeros((2, 2, 3), np.float32))


def test_no_network(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("the runtime opened a socket")

    monkeypatch.setattr(socket, "socket", refused)
    out = io.BytesIO()
    manyhues.colorize(colourful(20, 30), n=1, weights=weights).image(0).save(out, "PNG")
    assert out.tell() > 0
