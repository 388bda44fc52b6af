"""Recolouring inside a training pipeline."""

import contextlib
import importlib.util
import pickle
import random
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from conftest import colourful
from PIL import Image, ImageCms
from torch.utils.data import DataLoader, Dataset

from manyhues.augment import Recolor
from manyhues.color.lab import rgb_to_luminance
from manyhues.errors import UsageError

RGB = colourful(48, 40)


@pytest.fixture
def transform(weights: Path) -> Recolor:
    return Recolor(weights=weights)


def test_every_kind_comes_back_as_it_went_in(transform: Recolor) -> None:
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


def test_grey_and_alpha(transform: Recolor) -> None:
    assert transform(RGB[..., 0], seed=1).shape == (48, 40, 3)
    assert transform(torch.zeros(1, 9, 9), seed=1).shape == (3, 9, 9)
    cut = Image.fromarray(np.dstack([RGB, RGB[..., 0]]))
    assert transform(cut, seed=1).getchannel("A").tobytes() == cut.getchannel("A").tobytes()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pixels_stay_where_their_labels_are(
    transform: Recolor, tmp_path: Path, format_: str
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


def test_exif_in_the_texts_of_a_png_turns_nothing(transform: Recolor) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(RGB)
    hexadecimal = exif.tobytes().hex()
    image.info["Raw profile type exif"] = f"\nexif\n{len(hexadecimal) // 2:8}\n{hexadecimal}\n"
    assert image.getexif()[0x0112] == 6  # as ImageMagick leaves it
    assert transform(image, seed=2).size == image.size


def test_pixels_are_taken_as_they_lie(transform: Recolor) -> None:
    """A profile was followed, so that recoloured pictures had other values than those beside."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = (profile.index(name, 132) for name in (b"rXYZ", b"gXYZ"))
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    image = Image.fromarray(RGB)
    image.info |= {"icc_profile": bytes(profile), "gamma": 1.0}
    new = transform(image, seed=3)
    assert (np.asarray(new) == transform(RGB, seed=3)).all()
    assert new.info == {"icc_profile": bytes(profile)}


def test_the_seed_decides(transform: Recolor) -> None:
    assert (transform(RGB, seed=7) == transform(RGB, seed=7)).all()
    assert (transform(RGB, seed=7) != transform(RGB, seed=8)).any()
    random.seed(0)
    first = [transform(RGB), transform(RGB)]
    random.seed(0)
    assert (transform(RGB) == first[0]).all()
    assert (first[0] != first[1]).any()


def test_probability(weights: Path) -> None:
    assert Recolor(0, weights=weights)(RGB) is RGB
    half = Recolor(0.5, weights=weights)
    small = RGB[:8, :8]
    changed = sum(half(small, seed=seed) is not small for seed in range(200))
    assert 70 < changed < 130


@pytest.mark.parametrize(
    ("picture", "fault"),
    [
        ("path.jpg", "expected a PIL image"),
        (RGB / 255.0, "expected uint8"),
        (torch.zeros(9, 9), r"tensor of shape \(9, 9\): expected \(..., C, H, W\)"),
        (torch.zeros(9, 9, 3), "C from 1 to 4"),
        (torch.zeros(0, 3, 9, 9), "C from 1 to 4"),
        (torch.zeros(3, 9, 9, device="meta"), "expected a dense one"),
        (torch.zeros(3, 9, 9).to_sparse(), "expected a dense one"),
        (torch.full((3, 9, 9), -1.0), "normalise afterwards"),
        (torch.zeros(3, 9, 9, dtype=torch.int64), "normalise afterwards"),
    ],
)
def test_what_is_no_picture(transform: Recolor, picture: Any, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        transform(picture)


def test_arguments() -> None:
    with pytest.raises(UsageError, match="probability"):
        Recolor(p=2)
    assert "p=0.5" in repr(Recolor(0.5))
    assert "weights='w', cache='c', n=8)" in repr(Recolor(weights="w", cache=Path("c")))
    for cache in ("", 3):
        with pytest.raises(UsageError, match="expected a folder"):
            Recolor(cache=cache)  # type: ignore[arg-type]


def test_it_is_pickled_without_its_weights(transform: Recolor) -> None:
    expected = transform(RGB, seed=2)
    data = pickle.dumps(transform)
    assert len(data) < 1000
    assert (pickle.loads(data)(RGB, seed=2) == expected).all()


class Pictures(Dataset[Any]):
    """Items are (index, recoloured tensor)."""

    def __init__(self, transform: Recolor, seeded: bool) -> None:
        self.transform, self.seeded = transform, seeded

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        tensor = torch.from_numpy(RGB).permute(2, 0, 1)
        return index, self.transform(tensor, seed=index) if self.seeded else self.transform(tensor)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers(transform: Recolor, start: str) -> None:
    """Also where the parent has used the transform before it forks."""
    here = [transform(torch.from_numpy(RGB).permute(2, 0, 1), seed=i) for i in range(6)]
    workers = 2 if start == "fork" else 1
    options: Any = {"num_workers": workers, "multiprocessing_context": start, "timeout": 600}
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


def test_a_label_and_a_target_pass(transform: Recolor) -> None:
    """A positional label was taken for the seed and dropped; a dict target was a TypeError."""
    image = Image.fromarray(RGB)
    new, label = transform(image, 3, seed=1)
    assert label == 3
    assert new == transform(image, seed=1)
    assert new != image
    boxes = torch.tensor([[0, 0, 9, 9]])
    target = {"boxes": boxes, "labels": [1, "cat"], "mask": np.zeros((48, 40), np.uint8)}
    again, kept = transform(image, target, seed=1)
    assert again == new
    assert kept["boxes"] is boxes
    assert kept["mask"] is target["mask"]
    assert kept["labels"] == [1, "cat"]
    sample = transform({"image": image, "label": 3}, seed=1)
    assert sample == {"image": new, "label": 3}
    assert Recolor(0)(image, 3) == (image, 3)


def test_a_batch_is_recoloured_with_one_seed(transform: Recolor) -> None:
    """A `tv_tensors.Video` was taken for a picture, and refused for its shape."""
    tensor = torch.from_numpy(RGB).permute(2, 0, 1)
    batch = torch.stack([tensor, tensor.flip(2)])
    new = transform(batch[None], seed=1)
    assert new.shape == (1, 2, 3, 48, 40)
    assert new.is_contiguous()  # for `view`
    for picture, given in zip(new[0], batch, strict=True):
        assert torch.equal(picture, transform(given, seed=1))
    assert transform(batch[:, :1], seed=1).shape == (2, 3, 48, 40)
    assert transform(tensor, seed=1).is_contiguous()


class Pair(NamedTuple):
    image: Any
    label: int


def test_structures_keep_their_kind(transform: Recolor) -> None:
    given: Any = OrderedDict(pair=Pair(RGB, 4), more=(1, [2.5]))
    out = transform(given, seed=1)
    assert type(out) is OrderedDict
    assert type(out["pair"]) is Pair
    assert out["pair"].label == 4
    assert (out["pair"].image == transform(RGB, seed=1)).all()
    assert out["more"] == (1, [2.5])
    assert given["pair"].image is RGB  # what was given stays as it was


def test_a_structure_without_pictures_is_not_rebuilt(transform: Recolor) -> None:
    class Boxes(list[Any]):
        def __init__(self, boxes: Any, size: int) -> None:
            super().__init__(boxes)
            self.size = size

    target = {"boxes": Boxes([[0, 0, 9, 9]], 40)}
    _, out = transform(RGB, target, seed=1)
    assert out is target


def test_which_of_several_are_pictures(transform: Recolor) -> None:
    image, mask = Image.fromarray(RGB), Image.fromarray(RGB[..., 0])
    new, same = transform(image, mask, seed=1)
    assert same is mask
    assert new.mode == "RGB"
    both = transform(image, image.rotate(180), seed=1)
    assert both[0] == new
    assert both[1] != image.rotate(180)
    tensor = torch.from_numpy(RGB).permute(2, 0, 1)
    first, second = transform(tensor, torch.ones(3, 4), seed=1)  # the first plain one, as v2 says
    assert not torch.equal(first, tensor)
    assert torch.equal(second, torch.ones(3, 4))
    with pytest.raises(UsageError, match="int, str: expected a PIL image"):
        Recolor(0)({"label": 3, "name": "cat"})  # said for every p, not now and then


def test_tensors_keep_their_class(transform: Recolor) -> None:
    class Tagged(torch.Tensor):
        pass

    plain = torch.from_numpy(RGB).permute(2, 0, 1)
    new = transform(plain.as_subclass(Tagged), seed=1)
    assert type(new) is Tagged
    assert torch.equal(new.as_subclass(torch.Tensor), transform(plain, seed=1))


@pytest.fixture(scope="module")
def torchvision() -> Any:
    """torchvision; beside a torch that it was not built for, without its compiled operators."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        pytest.skip("torchvision is not installed: nothing here was compared with its transforms")
    try:
        import torchvision
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        declared = (Path(spec.origin).parent / "_meta_registrations.py").read_text()
        names = set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', declared))
        stub = torch.library.Library("torchvision", "FRAGMENT")
        for name in names:
            with contextlib.suppress(RuntimeError):  # declared by the first try
                stub.define(f"{name}() -> ()")
        import torchvision

        torchvision.stub = stub  # undone when it is collected
    from torchvision.transforms import v2  # noqa: F401

    return torchvision


def test_in_torchvisions_compose(transform: Recolor, torchvision: Any) -> None:
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    compose = v2.Compose([v2.ToImage(), transform, v2.RandomHorizontalFlip(1)])
    image, label = compose(Image.fromarray(RGB), 3)
    assert label == 3
    assert type(image) is tv_tensors.Image
    assert image.shape == (3, 48, 40)
    plain = torch.from_numpy(RGB).permute(2, 0, 1)
    assert not torch.equal(image.as_subclass(torch.Tensor), plain.flip(2))
    target = {
        "boxes": tv_tensors.BoundingBoxes(
            torch.tensor([[0, 0, 9, 9]]), format="XYXY", canvas_size=(48, 40)
        ),
        "mask": tv_tensors.Mask(plain[:1]),
    }
    _, out = v2.Compose([transform])(tv_tensors.Image(plain), target)
    assert out["boxes"] is target["boxes"]
    assert out["mask"] is target["mask"]
    film = tv_tensors.Video(torch.stack([plain, plain.flip(2)]))
    new, label = v2.Compose([transform])(film, 3)
    assert (type(new), new.shape, label) == (tv_tensors.Video, film.shape, 3)
    mask_first = v2.Compose([transform])(target["mask"], tv_tensors.Image(plain))
    assert mask_first[0] is target["mask"]
    assert "Recolor(p=1.0" in repr(v2.Compose([transform]))
    chosen = v2.RandomApply([transform], p=1.0)(tv_tensors.Image(plain), 3)
    assert chosen[1] == 3


def test_in_albumentations(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")
    albumentations = pytest.importorskip("albumentations", reason="Albumentations: not installed")
    recolor = Recolor(weights=weights)

    def recolored(image: Any, **_: Any) -> Any:
        return recolor(image)

    pipe = albumentations.Compose([albumentations.Lambda(name="recolor", image=recolored, p=1)])
    mask = RGB[..., 0]
    out = pipe(image=RGB, mask=mask)
    assert out["image"].shape == RGB.shape
    assert (out["image"] != RGB).any()
    assert (out["mask"] == mask).all()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_share_a_cache(weights: Path, tmp_path: Path) -> None:
    """All meet the same picture at once."""
    cached = Recolor(weights=weights, cache=tmp_path, n=2)
    loader: Any = DataLoader(
        Pictures(cached, False),
        batch_size=None,
        num_workers=2,
        multiprocessing_context="fork",
        timeout=600,
    )
    flat = torch.stack([tensor for _, tensor in loader]).flatten(1)
    assert 1 <= len(torch.unique(flat, dim=0)) <= 2
    assert [path.suffix for path in tmp_path.rglob("*.*")] == [".npz"]
