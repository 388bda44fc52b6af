"""Recolouring inside a training pipeline."""

import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import colourful
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from manyhues.augment import Recolour
from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import UsageError

RGB = colourful(48, 40)


@pytest.fixture
def transform(weights: Path) -> Recolour:
    return Recolour(weights=weights)


def test_every_kind_comes_back_as_it_went_in(transform: Recolour) -> None:
    array = transform(RGB, seed=3)
    assert array.dtype == np.uint8
    assert array.shape == RGB.shape
    assert np.abs(array.astype(int) - RGB).mean() > 5  # other colours,
    error = rgb_to_luminance(array / 255.0) - rgb_to_luminance(RGB / 255.0)
    assert np.abs(error).mean() < 0.5  # the same lightness
    image = transform(Image.fromarray(RGB), seed=3)
    assert image.mode == "RGB"
    assert (np.asarray(image) == array).all()
    tensor = torch.from_numpy(RGB).permute(2, 0, 1)
    again = transform(tensor, seed=3)
    assert again.dtype == torch.uint8
    assert (again.permute(1, 2, 0).numpy() == array).all()
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        scaled = transform((tensor / 255).to(dtype).requires_grad_(), seed=3)
        assert scaled.dtype == dtype
        assert not scaled.requires_grad
        assert scaled.shape == (3, 48, 40)
        difference = scaled.float() - again / 255
        assert difference.abs().mean() < (0.02 if dtype == torch.bfloat16 else 1e-4)


def test_grey_and_alpha(transform: Recolour) -> None:
    assert transform(RGB[..., 0], seed=1).shape == (48, 40, 3)
    assert transform(torch.zeros(1, 9, 9), seed=1).shape == (3, 9, 9)
    cut = Image.fromarray(np.dstack([RGB, RGB[..., 0]]))
    assert transform(cut, seed=1).getchannel("A").tobytes() == cut.getchannel("A").tobytes()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pixels_stay_where_their_labels_are(
    transform: Recolour, tmp_path: Path, format_: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    Image.fromarray(RGB).save(tmp_path / "photo", format_, exif=exif)
    with Image.open(tmp_path / "photo") as opened:
        stored = opened.convert("RGB")
        assert transform(opened, seed=2).size == stored.size
        again = np.asarray(transform(stored, seed=2))
        turned = "exif" in opened.info
    error = rgb_to_luminance(again / 255.0) - rgb_to_luminance(np.asarray(stored) / 255.0)
    assert np.abs(error).mean() < 0.5
    assert turned or format_ == "TIFF"  # which Pillow turns itself


def test_exif_in_the_texts_of_a_png_turns_nothing(transform: Recolour) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(RGB)
    hexadecimal = exif.tobytes().hex()
    image.info["Raw profile type exif"] = f"\nexif\n{len(hexadecimal) // 2:8}\n{hexadecimal}\n"
    assert image.getexif()[0x0112] == 6  # as ImageMagick leaves it
    assert transform(image, seed=2).size == image.size


def test_the_seed_decides(transform: Recolour) -> None:
    assert (transform(RGB, seed=7) == transform(RGB, seed=7)).all()
    assert (transform(RGB, seed=7) != transform(RGB, seed=8)).any()
    random.seed(0)
    first = [transform(RGB), transform(RGB)]
    random.seed(0)
    assert (transform(RGB) == first[0]).all()
    assert (first[0] != first[1]).any()


def test_probability(weights: Path) -> None:
    assert Recolour(0, weights=weights)(RGB) is RGB
    half = Recolour(0.5, weights=weights)
    small = RGB[:8, :8]
    changed = sum(half(small, seed=seed) is not small for seed in range(200))
    assert 70 < changed < 130


@pytest.mark.parametrize(
    ("picture", "fault"),
    [
        ("path.jpg", "expected a PIL image"),
        (RGB / 255.0, "expected uint8"),
        (torch.zeros(2, 3, 9, 9), "before they are made a batch"),
        (torch.full((3, 9, 9), -1.0), "normalise afterwards"),
        (torch.zeros(3, 9, 9, dtype=torch.int64), "normalise afterwards"),
    ],
)
def test_what_is_no_picture(transform: Recolour, picture: Any, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        transform(picture)


def test_arguments() -> None:
    with pytest.raises(UsageError, match="probability"):
        Recolour(p=2)
    assert "p=0.5" in repr(Recolour(0.5))


def test_it_is_pickled_without_its_weights(transform: Recolour) -> None:
    expected = transform(RGB, seed=2)
    data = pickle.dumps(transform)
    assert len(data) < 1000
    assert (pickle.loads(data)(RGB, seed=2) == expected).all()


class Pictures(Dataset[Any]):
    """Items are (index, recoloured tensor)."""

    def __init__(self, transform: Recolour, seeded: bool) -> None:
        self.transform, self.seeded = transform, seeded

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        tensor = torch.from_numpy(RGB).permute(2, 0, 1)
        return index, self.transform(tensor, index) if self.seeded else self.transform(tensor)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers(transform: Recolour, start: str) -> None:
    """Also where the parent has used the transform before it forks."""
    here = [transform(torch.from_numpy(RGB).permute(2, 0, 1), i) for i in range(6)]
    workers = 2 if start == "fork" else 1
    options: Any = {"num_workers": workers, "multiprocessing_context": start, "timeout": 60}
    for index, tensor in DataLoader(Pictures(transform, True), batch_size=None, **options):
        assert torch.equal(tensor, here[int(index)])
    if start == "fork":
        loader = DataLoader(Pictures(transform, False), batch_size=None, **options)
        epochs = [torch.stack([tensor for _, tensor in loader]) for _ in range(2)]
        flat = torch.cat(epochs).flatten(1)
        assert len(torch.unique(flat, dim=0)) == 12  # every worker and epoch draws its own


def test_torch_is_not_imported() -> None:
    code = "import sys, manyhues.augment; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
