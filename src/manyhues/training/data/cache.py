"""The memory-mapped training cache: L, a, b and grey features of every picture, computed once.

A cache is a folder of ``.npy`` files, named after a digest of the pictures (ids, and sizes or
times), the working size, the crops and the feature network: a change of any makes a new one.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from manyhues.color.lab import luminance_to_grey, rgb_to_lab
from manyhues.errors import DataError, OutputError
from manyhues.image.files import make_folder, size_of
from manyhues.training.data.classes import class_numbers
from manyhues.training.data.film import filmed
from manyhues.training.data.looks import MAPS, Looks, shapes
from manyhues.training.data.pictures import Pictures, Pixels, open_pictures, square
from manyhues.training.networks.grey import FINER_SHARES, LOOK, blend_finer, network_id
from manyhues.training.processes import pick_device

CROPS = 2  # versions of a picture where it is large or sets are small: centre, random

_VERSION = 3
_BLOCK = 128
_HELD_OUT = 8  # of a small set, one example of as many is held out
_STALE = 86400.0  # seconds: what is half-written and untouched for longer is a killed run's


@dataclass(frozen=True)
class Batch:
    """Training examples of one working size.

    `luminance` (B, 1, h, w) is L*/50 - 1; `ab` (B, 2, h, w) is in Lab units; the features are
    those of `GreyFeatures`, with a share of a finer size's where one is; `label` (B,) is the class
    as in `class_numbers`.
    """

    luminance: Tensor
    ab: Tensor
    f8: Tensor
    f16: Tensor
    f32: Tensor
    label: Tensor = field(default_factory=lambda: torch.empty(0))


def _random_crop(rgb: Pixels, size: int, generator: np.random.Generator) -> Pixels:
    """A random square of 55 to 100 % of the short side, brought to ``(size, size, 3)``."""
    height, width = rgb.shape[:2]
    side = round(min(height, width) * generator.uniform(0.55, 1.0))
    top = int(generator.integers(0, height - side + 1))
    left = int(generator.integers(0, width - side + 1))
    return square(rgb[top : top + side, left : left + side], size)


def grey_of(luminance: NDArray[Any]) -> NDArray[np.float32]:
    """L* in 0..100 to the classifier's input, the sRGB grey value in 0..255; shape kept."""
    return luminance_to_grey(luminance) * np.float32(255.0)


def build_cache(
    source: Path,
    root: Path,
    *,
    size: int = 64,
    crops: int = 1,
    film: float = 0.0,
    split: str | None = None,
    tuned: Path | None = None,
    features: bool = True,
    finer: bool | Path = False,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Make the cache of one picture set, or find it ready; return its folder.

    The features are those of `GreyFeatures`, of the run `tuned` where one is given; a cache may
    also be without. Tuned ones see pictures as the runtime does (`Scene`): such as are twice the
    working size close up, and with a share of the next working size's maps where one is `finer`:
    the next size's cache, from which they are taken where it holds the same crops, seen alike.
    `crops` versions of every picture are stored: the centre square, then random squares; a share
    `film` of them is seen as on old film, colours as they are. Pictures without real colour are
    left out. Written under a temporary name and renamed, so that a cache that exists is whole.
    `say` is told how large it becomes before it is made. Raises `DataError` when nothing is left.
    """
    pictures = open_pictures(source, split)
    seen_by = network_id(tuned) if features else None
    key: list[object] = [_VERSION, seen_by, size, crops, split, pictures.ids, pictures.stamps()]
    # As large as the first picture is, so are all: a random square may be enlarged to that.
    native = min(pictures.first().shape[:2])
    look = LOOK if features and tuned is not None and native >= LOOK * size else 1
    finer = finer if look > 1 else False
    key += [film] if film else []
    key += [look, *(FINER_SHARES if finer else ())] if look > 1 else []
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    folder = root / f"{source.resolve().name}-{size}-{digest}"
    if folder.exists():
        return folder
    make_folder(root)
    _remove_stale(root)
    if say:
        examples = len(pictures) * crops
        room = size_of(bytes_of(examples, size, features=features))
        say(f"{source}: examples at {size}: {examples:,}, {room} in {root}")
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}.", dir=root, ignore_cleanup_errors=True
    ) as scratch:
        partial = Path(scratch) / folder.name  # others may read it, unlike a temporary folder
        partial.mkdir()
        with Looks(tuned, pick_device()) if features else nullcontext() as looks:
            _fill(partial, source, pictures, size, look, finer, crops, film, looks, progress)
        if not folder.exists():  # another machine may have been quicker
            partial.rename(folder)
    return folder


def _kinds(size: int, *, features: bool) -> dict[str, tuple[tuple[int, ...], type]]:
    """Shape and kind of what is stored of an example, by the array's name."""
    kinds: dict[str, tuple[tuple[int, ...], type]] = {
        "luminance": ((size, size), np.uint8),
        "ab": ((2, size, size), np.int8),
        "label": ((), np.int16),
    }
    if features:
        kinds |= {name: (shape, np.float16) for name, shape in shapes(size).items()}
    return kinds


def bytes_of(examples: int, size: int, *, features: bool) -> int:
    """What a cache of so many examples takes on the disk."""
    kinds = _kinds(size, features=features).values()
    return examples * sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in kinds)


def _remove_stale(root: Path) -> None:
    """Remove the caches that killed runs left half-written."""
    for partial in root.glob(f".*-*-{'[0-9a-f]' * 12}.*"):
        with contextlib.suppress(FileNotFoundError):  # its run may end just now
            written = max(path.stat().st_mtime for path in (partial, *partial.rglob("*")))
            if time.time() - written > _STALE:
                shutil.rmtree(partial, ignore_errors=True)


def _fill(
    folder: Path,
    source: Path,
    pictures: Pictures,
    size: int,
    look: int,
    finer: bool | Path,
    crops: int,
    film: float,
    looks: Looks | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    capacity = len(pictures) * crops
    kinds = _kinds(size, features=looks is not None)
    arrays = {
        name: _array(folder / f"{name}.npy", (capacity, *shape), kind)
        for name, (shape, kind) in kinds.items()
    }
    generator, noise = np.random.default_rng(0), torch.Generator().manual_seed(0)
    numbers = class_numbers(pictures.labels)
    known = _looked_at(finer, look * size) if looks and isinstance(finer, Path) else None
    count = 0
    block: list[Pixels] = []
    of: list[int] = []  # the picture that each of the block is a version of

    def maps_of(seen: NDArray[np.float32], rows: slice) -> Sequence[NDArray[np.float32]]:
        assert looks
        grey = grey_of(seen)
        own = looks(grey, size)
        if not finer:
            return own
        if known is not None and np.array_equal(known["luminance"][rows], _bytes(seen[:, 0])):
            near = [np.asarray(known[name][rows], np.float32) for name in MAPS]
        else:
            near = looks(grey, look * size)
        pairs = (map(torch.from_numpy, maps) for maps in (own, near))
        return [maps.numpy() for maps in blend_finer(*map(list, pairs))]

    def flush() -> None:
        nonlocal count
        lab = rgb_to_lab(np.stack(block) / np.float32(255))
        luminance, ab = torch.from_numpy(lab.transpose(0, 3, 1, 2)).split((1, 2), 1)
        seen = (filmed(luminance / 50 - 1, ab, film, noise) + 1) * 50
        seen = (seen * 2.55).round() / 2.55
        rows = slice(count, count + len(block))
        arrays["luminance"][rows] = _bytes(F.avg_pool2d(seen, look)[:, 0].numpy())
        arrays["ab"][rows] = F.avg_pool2d(ab, look).round().clamp(-127, 127).numpy()
        arrays["label"][rows] = numbers[of]
        if looks:
            for name, values in zip(MAPS, maps_of(seen.numpy(), rows), strict=True):
                arrays[name][rows] = values
        count += len(block)
        block.clear()
        of.clear()

    for index, rgb in pictures.coloured():
        block.append(square(rgb, look * size))
        block += [_random_crop(rgb, look * size, generator) for _ in range(crops - 1)]
        of += [index] * crops
        if len(block) >= _BLOCK:
            flush()
        if progress:
            progress(index + 1, len(pictures))
    if block:
        flush()
    if count == 0:
        raise DataError(f"{source}: no picture has real colour; nothing to train on")
    (folder / "cache.json").write_text(json.dumps({"count": count, "size": size}))


def _array(path: Path, shape: tuple[int, ...], kind: type) -> NDArray[Any]:
    """An array on the disk, whose room is taken at once.

    Where a disk fills up later, the system kills whoever writes to a mapped file, without a word.
    """
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, "w+", kind, shape)
        if reserve := getattr(os, "posix_fallocate", None):  # not on macOS, nor on Windows
            with path.open("r+b") as file:
                reserve(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        root = path.parents[2]
        raise OutputError(
            f"{root}: the pictures that are read cannot be kept there ({error.strerror}); "
            "free some space, or choose an --out on another disk"
        ) from error
    return array


def _bytes(luminance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """L* in 0..100 as caches hold it."""
    return np.asarray((luminance * np.float32(2.55)).round(), np.uint8)


def _looked_at(folder: Path, size: int) -> dict[str, NDArray[Any]] | None:
    """L* and maps of a cache, if it is of that working size."""
    if json.loads((folder / "cache.json").read_text())["size"] != size:
        return None
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("luminance", *MAPS)}


def laid_out(maps: Tensor, flip: bool) -> Tensor:
    """Maps (B, C, h, w), mirrored if asked for, as convolutions read them best."""
    maps = maps.flip(-1) if flip else maps
    return maps.contiguous(memory_format=torch.channels_last)


class Cache:
    """One or several caches of the same working size, as one sequence of examples.

    `sources` are what the folders were made of: what is held out of one is so wherever it is met
    again, at another working size or in a folder that is given twice to count more.
    """

    def __init__(self, folders: Sequence[Path], sources: Sequence[Path] | None = None) -> None:
        self.sources = list(sources or folders)
        self.parts: list[dict[str, NDArray[Any]]] = []
        counts = []
        sizes = set()
        for folder in folders:
            facts = json.loads((folder / "cache.json").read_text())
            sizes.add(facts["size"])
            counts.append(facts["count"])
            self.parts.append(
                {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
            )
        if len(sizes) != 1:
            raise DataError(f"caches of different working sizes: {sorted(sizes)}; give one size")
        self.size: int = sizes.pop()
        self.counts = counts
        self._starts = np.cumsum([0, *counts])
        self._held: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return int(self._starts[-1])

    def array(self, name: str, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The named array at `rows` (numbered over all parts), in that order."""
        part = np.searchsorted(self._starts, rows, side="right") - 1
        first = self.parts[0][name]
        out = np.empty((len(rows), *first.shape[1:]), first.dtype)
        for number in np.unique(part):
            here = part == number
            out[here] = self.parts[number][name][rows[here] - self._starts[number]]
        return out

    def hold(self, device: torch.device) -> None:
        """Keep the pictures (not the features) in a device's memory, where batches are cut then.

        A GPU keeps them only if half of its free memory takes them.
        """
        names = ("luminance", "ab", "label")
        needed = sum(part[name].nbytes for part in self.parts for name in names)
        if device.type == "cuda" and needed > torch.cuda.mem_get_info(device)[0] // 2:
            return
        every = np.arange(len(self))
        self._held = {name: torch.from_numpy(self.array(name, every)).to(device) for name in names}

    def batch(
        self,
        rows: NDArray[np.int64],
        *,
        flip: bool = False,
        features: bool = True,
        device: torch.device | str = "cpu",
    ) -> Batch:
        """Examples `rows`; `flip` mirrors them, features too (close to the mirror's own)."""

        def tensor(name: str) -> Tensor:
            if name in self._held:
                held = self._held[name]
                value = held[torch.from_numpy(rows).to(held.device)].to(device).float()
            else:
                value = torch.from_numpy(self.array(name, rows)).to(device).float()
            if value.ndim == 1:
                return value
            return laid_out(value if value.ndim == 4 else value[:, None], flip)

        nothing = torch.empty(0)
        return Batch(
            luminance=tensor("luminance") / 127.5 - 1.0,
            ab=tensor("ab"),
            f8=tensor("f8") if features else nothing,
            f16=tensor("f16") if features else nothing,
            f32=tensor("f32") if features else nothing,
            label=tensor("label"),
        )

    def held_out(self, count: int) -> int:
        """How many of the first examples to validate on, where `count` are to be held out."""
        return min(count, max(1, len(self) // _HELD_OUT))

    def shares(self, rows: int) -> dict[Path, Fraction]:
        """Which first part of each source the first `rows` examples are."""
        found: dict[Path, Fraction] = {}
        for source, start, count in zip(self.sources, self._starts, self.counts, strict=False):
            found.setdefault(source, Fraction(min(max(0, rows - int(start)), count), count))
        return found

    def taught(self, held: Mapping[Path, Fraction]) -> NDArray[np.int64]:
        """Rows to train on: without the first part of each source that is `held` out.

        A part is of the same pictures at every working size, for a cache has as many versions of
        each picture as of any other. They lie side by side, and are held out together.
        """
        rows = []
        for source, start, count in zip(self.sources, self._starts, self.counts, strict=False):
            out = CROPS * math.ceil(held.get(source, 0) * count / CROPS)
            rows.append(np.arange(start + min(out, count), start + count))
        return np.concatenate(rows)

    def epochs(
        self, batch_size: int, seed: int, *, held: Mapping[Path, Fraction]
    ) -> Iterator[NDArray[np.int64]]:
        """Endless batches of shuffled numbers of the rows that are `taught`.

        The last batch of an epoch is dropped when it is not full, unless it is the only one.
        """
        generator = np.random.default_rng(seed)
        rows = self.taught(held)
        while True:
            order = generator.permutation(rows)
            for begin in range(0, max(1, len(order) - batch_size + 1), batch_size):
                yield order[begin : begin + batch_size]
