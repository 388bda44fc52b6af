"""Pictures to train on and to measure with: folders, and parquet shards with an ``image`` column.

Also the rule that keeps pictures without real colour out of both (`has_real_colour`).
"""

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.lab import rgb_to_lab
from manyhues.errors import DataError, PictureError
from manyhues.image.picture import SUFFIXES, read_rgb
from manyhues.language import spoken

Pixels = NDArray[np.uint8]
_log = logging.getLogger(__name__)


def has_real_colour(rgb: Pixels, *, min_chroma: float = 2.0, min_residual: float = 3.0) -> bool:
    """Whether a picture ``(H, W, 3)`` uint8 holds colour that its L* does not already tell.

    Two kinds are refused: grey pictures (mean Lab chroma under `min_chroma`) and toned ones such
    as sepia, whose a, b are a smooth function of L* (RMS left under `min_residual` Lab units
    after a cubic fit of a, b on L*).
    """
    lab = rgb_to_lab(rgb[:: max(1, rgb.shape[0] // 64), :: max(1, rgb.shape[1] // 64)] / 255.0)
    luminance, ab = lab[..., 0].ravel() / 50 - 1, lab[..., 1:].reshape(-1, 2)
    if np.hypot(ab[:, 0], ab[:, 1]).mean() < min_chroma:
        return False
    basis = np.vander(luminance, 4)
    fit, *_ = np.linalg.lstsq(basis, ab, rcond=None)
    residual = ab - basis @ fit
    return bool(np.sqrt((residual**2).sum(-1).mean()) >= min_residual)


class Pictures:
    """A readable sequence of pictures; nothing is decoded before it is asked for.

    ``pictures[i]`` is ``(H, W, 3)`` uint8 sRGB, read as the runtime reads it: upright as its EXIF
    asks, and converted from its colour profile. `ids` and `labels` run
    parallel to it; a label is the shard's ``label`` column, or the name of the folder that a file
    lies in.
    """

    def __init__(self, sources: list[Path | bytes], ids: list[str], labels: list[str]) -> None:
        self._sources, self.ids, self.labels = sources, ids, labels

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, index: int) -> Pixels:
        source = self._sources[index]
        try:
            return read_rgb(source, name=self.ids[index])
        except PictureError as error:
            name = self.ids[index] if isinstance(source, bytes) else str(source)
            fault = str(error).removeprefix(f"{name}: ").partition("; ")[0]
            raise DataError(
                f"{self.ids[index]}: cannot be decoded ({fault}); remove it from the data set"
            ) from error

    def __iter__(self) -> Iterator[Pixels]:
        return (self[i] for i in range(len(self)))

    def first(self) -> Pixels:
        """The first picture that can be decoded. Raises `DataError` where none can."""
        for index in range(len(self)):
            with contextlib.suppress(DataError):  # `coloured` says which are left out
                return self[index]
        raise DataError(
            f"{self.ids[0]}: cannot be decoded, nor can any other picture of {len(self)}; "
            "give another folder"
        )

    def stamps(self) -> list[int]:
        """A number per picture that changes with its content: bytes in a shard, time of a file."""
        return [
            len(source) if isinstance(source, bytes) else source.stat().st_mtime_ns
            for source in self._sources
        ]

    def coloured(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Pixels]]:
        """Number and pixels of every picture that has real colour, in `order` (default: theirs)."""
        return ((index, rgb) for index, rgb in self.decoded(order) if has_real_colour(rgb))

    def decoded(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Pixels]]:
        """Number and pixels of every picture, in `order` (default: theirs).

        One that cannot be decoded is left out with a warning: a damaged file in a million must
        not end a run.
        """
        for index in range(len(self)) if order is None else order:
            try:
                rgb = self[index]
            except DataError as error:
                _log.warning(spoken(f"left out: {spoken(str(error))}"))
                continue
            yield index, rgb


def _read_shard(path: Path) -> tuple[list[bytes], list[str], list[str]]:
    try:
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise DataError(
            f"{path}: parquet wants PyArrow; install it with: pip install 'manyhues[train]'"
        ) from error
    try:
        table: Any = pq.read_table(path, page_checksum_verification=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable parquet file ({error}); copy it again") from error
    if "image" not in table.column_names:
        raise DataError(
            f"{path}: no `image` column (found {', '.join(table.column_names)}); "
            "put the encoded pictures into a column of that name"
        )
    images = table.column("image").to_pylist()
    # Hugging Face shards nest the bytes: {"bytes": ..., "path": ...}.
    sources = [entry["bytes"] if isinstance(entry, dict) else entry for entry in images]
    count = len(sources)
    ids = (
        [str(v) for v in table.column("id").to_pylist()]
        if "id" in table.column_names
        else [f"{path.name}#{i}" for i in range(count)]
    )
    labels = (
        [str(v) for v in table.column("label").to_pylist()]
        if "label" in table.column_names
        else [""] * count
    )
    return sources, ids, labels


def training_split(path: Path) -> str | None:
    """Which shards of a folder are for training: its ``train*.parquet`` where it has such."""
    return "train" if path.is_dir() and any(path.glob("train*.parquet")) else None


def open_pictures(path: Path | str, split: str | None = None) -> Pictures:
    """Open a folder of pictures (recursive), one parquet shard, or a folder of shards.

    `split` keeps the shards whose name begins with it (``train``, ``val``, ``test``).
    Raises `DataError` when there is nothing to read.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the spelling")
    if path.is_file() and path.suffix != ".parquet":
        raise DataError(f"{path}: neither a folder nor a .parquet shard; give its folder instead")
    shards = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    if split is not None and path.is_dir():
        shards = [shard for shard in shards if shard.name.startswith(split)]
    sources: list[Path | bytes] = []
    ids: list[str] = []
    labels: list[str] = []
    for shard in shards:
        shard_sources, shard_ids, shard_labels = _read_shard(shard)
        sources += shard_sources
        ids += shard_ids
        labels += shard_labels
    if not shards and path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
        sources += files
        ids += [str(f.relative_to(path)) for f in files]
        labels += [f.parent.name for f in files]
    if not sources:
        raise DataError(f"{path}: no pictures and no parquet shards inside; give another folder")
    return Pictures(sources, ids, labels)


def square(rgb: Pixels, size: int) -> Pixels:
    """Centre crop to a square, then area-average to ``(size, size, 3)`` uint8."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = rgb[top : top + side, left : left + side]
    if side == size:
        return crop
    how = Image.Resampling.BOX if side > size else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(crop).resize((size, size), how))


def load_square(
    path: Path | str,
    size: int,
    limit: int | None = None,
    split: str | None = None,
    keep: Callable[[str, str], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Pixels, list[str]]:
    """The first `limit` coloured pictures as ``(N, size, size, 3)`` uint8, with their labels.

    `keep` says of an id and a label whether to take the picture; nothing else is decoded.
    `progress` is told how many are taken, of how many at the most. Raises `DataError` when no
    picture has real colour.
    """
    pictures = open_pictures(path, split)
    kept: list[Pixels] = []
    labels: list[str] = []
    named = enumerate(zip(pictures.ids, pictures.labels, strict=True))
    order = None if keep is None else [index for index, (i, label) in named if keep(i, label)]
    most = len(pictures if order is None else order)
    most = most if limit is None else min(limit, most)
    for index, rgb in itertools.islice(pictures.coloured(order), limit):
        if progress:
            progress(len(kept), most)
        kept.append(square(rgb, size))
        labels.append(pictures.labels[index])
    if not kept:
        raise DataError(
            f"{path}: every picture of {len(pictures)} is grey, toned or damaged; no colour to use"
        )
    return np.stack(kept), labels
