import contextlib
import sys
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import adobe_like_profile
from PIL import Image

from manyhues.color.lab import rgb_to_lab
from manyhues.errors import DataError
from manyhues.image.formats import raw
from manyhues.image.picture import SUFFIXES, Picture
from manyhues.image.secondary_capture import secondary_capture
from manyhues.training.data import pictures as dataset


def colourful(seed: int = 0, size: tuple[int, int] = (40, 48)) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1]))


def sepia() -> np.ndarray:
    grey = colourful()[..., :1] / 255.0
    return np.round(np.concatenate([grey**0.8, grey, grey**1.3], -1) * 255).astype(np.uint8)


def save(folder: Path, name: str, pixels: np.ndarray) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_rule_of_real_colour() -> None:
    assert dataset.has_real_colour(colourful())
    assert not dataset.has_real_colour(np.repeat(colourful()[..., :1], 3, axis=2))
    assert not dataset.has_real_colour(sepia())


def test_folder(tmp_path: Path) -> None:
    save(tmp_path, "b/two.png", colourful(2))
    save(tmp_path, "a/one.png", colourful(1))
    (tmp_path / "notes.txt").write_text("no picture")
    pictures = dataset.open_pictures(tmp_path)
    assert pictures.ids == ["a/one.png", "b/two.png"]
    assert pictures.labels == ["a", "b"]
    np.testing.assert_array_equal(pictures[1], colourful(2))


@pytest.mark.parametrize("nested", [False, True])
def test_shards(tmp_path: Path, nested: bool) -> None:
    save(tmp_path, "x.png", colourful())
    data = (tmp_path / "x.png").read_bytes()
    for split in ("train", "val"):
        image = [{"bytes": data, "path": "x"}] if nested else [data]
        table = pa.table({"id": [f"{split}-7"], "label": ["cat"], "image": image})
        pq.write_table(table, tmp_path / f"{split}-00000.parquet")
    assert dataset.open_pictures(tmp_path).ids == ["train-7", "val-7"]
    pictures = dataset.open_pictures(tmp_path, "val")
    assert (pictures.ids, pictures.labels) == (["val-7"], ["cat"])
    np.testing.assert_array_equal(pictures[0], colourful())


def test_load_square_leaves_grey_out_and_crops_the_centre(tmp_path: Path) -> None:
    save(tmp_path, "1.png", sepia())
    save(tmp_path, "2.png", colourful())
    squares, labels = dataset.load_square(tmp_path, 20)
    assert squares.shape == (1, 20, 20, 3)
    assert labels == [tmp_path.name]
    by_hand = colourful()[:, 4:44].astype(float).reshape(20, 2, 20, 2, 3).mean((1, 3))
    assert np.abs(squares[0] - by_hand).max() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "nowhere", "no such file or folder"),
        (lambda p: p, "no pictures and no parquet shards"),
        (lambda p: _write(p / "x.parquet", b"not parquet"), "not a readable parquet file"),
        (lambda p: _write(p / "x.zip", b""), "neither a folder nor a .parquet shard"),
        (lambda p: _shard_without_images(p), "no `image` column"),
    ],
)
def test_faults_name_the_file(tmp_path: Path, make: object, message: str) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as caught:
        dataset.open_pictures(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_grey_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "1.png", sepia())
    with pytest.raises(DataError, match="grey, toned or damaged"):
        dataset.load_square(tmp_path, 16)


def test_truncated_picture_is_named(tmp_path: Path) -> None:
    save(tmp_path, "1.png", colourful())
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"1\.png"):
        dataset.open_pictures(tmp_path)[0]


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_the_product_has_them(
    tmp_path: Path, format_: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    exact = {"quality": 100, "lossless": True} if format_ == "WEBP" else {"quality": 100}
    Image.fromarray(colourful()).save(tmp_path / "1.png", format_, exif=exif, **exact)
    read = dataset.open_pictures(tmp_path)[0]
    assert read.shape == ((40, 48, 3) if orientation < 5 else (48, 40, 3))
    theirs = Picture.open(tmp_path / "1.png").luminance
    assert np.abs(rgb_to_lab(read / 255.0)[..., 0] - theirs).max() < 0.5


def test_the_first_that_can_be_read(tmp_path: Path) -> None:
    save(tmp_path, "2.png", colourful())
    (tmp_path / "1.png").write_bytes((tmp_path / "2.png").read_bytes()[:200])
    np.testing.assert_array_equal(dataset.open_pictures(tmp_path).first(), colourful())
    (tmp_path / "2.png").unlink()
    with pytest.raises(DataError, match=r"1\.png: cannot be decoded, nor .* picture of 1"):
        dataset.open_pictures(tmp_path).first()


def test_damaged_pictures_are_left_out_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, "1.png", colourful())
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:200])
    squares, _ = dataset.load_square(tmp_path, 16)
    assert len(squares) == 1
    assert "left out: 2.png: cannot be decoded" in caplog.text


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _shard_without_images(folder: Path) -> Path:
    pq.write_table(pa.table({"picture": [b""]}), folder / "x.parquet")
    return folder / "x.parquet"


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"train\.parquet: parquet wants PyArrow"):
        dataset.open_pictures(tmp_path)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_damaged_pictures_raise_nothing_else(tmp_path: Path, format_: str) -> None:
    save(tmp_path, "a.png", colourful())
    Image.open(tmp_path / "a.png").save(tmp_path / "a.png", format_)
    good = (tmp_path / "a.png").read_bytes()
    random = np.random.default_rng(0)
    for _ in range(40):
        data = bytearray(good)
        for place in random.integers(0, min(len(data), 300), 3):
            data[place] = random.integers(0, 256)
        (tmp_path / "a.png").write_bytes(data)
        with warnings.catch_warnings(), contextlib.suppress(DataError):
            warnings.simplefilter("ignore")
            assert dataset.open_pictures(tmp_path)[0].shape[2] == 3


def test_profiles_and_all_suffixes_are_read_as_the_product_reads_them(tmp_path: Path) -> None:
    wide = np.asarray(colourful() // 3 + 90, np.uint8)
    Image.fromarray(wide).save(tmp_path / "1.png", icc_profile=adobe_like_profile())
    read = dataset.open_pictures(tmp_path)[0]
    lab = rgb_to_lab(read / 255.0)
    assert np.abs(lab[..., 0] - Picture.open(tmp_path / "1.png").luminance).max() < 1e-3
    before = np.hypot(*rgb_to_lab(wide / 255.0)[..., 1:].transpose(2, 0, 1)).mean()
    assert np.hypot(*lab[..., 1:].transpose(2, 0, 1)).mean() > 1.1 * before
    unwritten = {".heic", ".heif", ".pbm", ".pgm"}  # of which Pillow writes no colour, or nothing
    names = [f"2{suffix}" for suffix in sorted(SUFFIXES - unwritten - raw.SUFFIXES)]
    (tmp_path / "1.png").unlink()
    for name in names:
        if name.endswith((".dcm", ".dicom")):
            (tmp_path / name).write_bytes(secondary_capture(wide, "made for a test", "a test"))
        else:
            save(tmp_path, name, wide)
    pictures = dataset.open_pictures(tmp_path)
    assert pictures.ids == names
    for rgb in pictures:
        assert np.abs(rgb - wide.astype(int)).mean() < 8
