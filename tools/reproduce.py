"""From public data sets to the folders that `tools.report` and `manyhues evaluate` read.

    python -m tools.reproduce imagenet64 tiny-imagenet-200 --out data
    python -m tools.reproduce lfw96 lfw-deepfunneled --out data
    python -m tools.reproduce church96 ILSVRC/Data/CLS-LOC/train/n03028079 --out data
    python -m tools.reproduce photos imagenet-sample-images --out data
    python -m tools.reproduce folder PICTURES --name mine/train --side 144 --out data

The second word is the folder that each set unpacks to. Results are parquet shards with the columns
``id``, ``label`` and ``image``; of ``photos`` JPEG files. The held-out pictures are those of
docs/results.md, in its order: `tools/report/ids` has their names. Nothing is fetched from anywhere.
"""

import argparse
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from manyhues.cli import exit as command
from manyhues.errors import DataError, ManyhuesError
from manyhues.image import files
from manyhues.image.picture import SUFFIXES, read_rgb
from manyhues.training.data.pictures import has_real_colour

IDS = Path(__file__).parent / "report" / "ids"
PER_CLASS = 150  # training pictures of each class of Tiny ImageNet
_LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Row:
    """One picture of a shard; `image` are the bytes of its file."""

    id: str
    label: str
    image: bytes


def named(name: str) -> list[str]:
    """The held-out pictures of a set, in the order in which they are measured."""
    return (IDS / f"{name}.txt").read_text("utf-8").split()


def jpeg(path: Path, size: tuple[int, int] | None, quality: int, *, side: int = 0) -> bytes:
    """A picture as a JPEG, chroma at half resolution.

    Either stretched to `size`, or made smaller until its long side is `side`.
    """
    image = Image.fromarray(read_rgb(path))
    if size is not None:
        image = image.resize(size, _LANCZOS)
    elif side:
        image.thumbnail((side, side), _LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


class Coloured:
    """Those rows whose picture holds real colour; `grey` counts the others as they are met."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows, self.grey = rows, 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            if has_real_colour(read_rgb(row.image)):
                yield row
            else:
                self.grey += 1


def write(rows: Iterable[Row], out: Path, split: str) -> int:
    """Write one shard, ``OUT/SPLIT-00000-of-00001.parquet``; returns how many pictures it holds."""
    kept = list(rows)
    grey = rows.grey if isinstance(rows, Coloured) else 0
    if not kept and grey:
        raise DataError(f"{out}: all {grey} are without real colour; give coloured pictures")
    if not kept:
        raise DataError(f"{out}: no picture for {split}; check the folder that was given")
    files.make_folder(out)
    columns = {key: [getattr(row, key) for row in kept] for key in ("id", "label", "image")}
    path = out / f"{split}-00000-of-00001.parquet"
    pq.write_table(pa.table(columns), path, write_page_checksum=True)
    left = f"; left out, without real colour: {grey}" if grey else ""
    print(f"{out}/{split}: {len(kept)} pictures{left}", file=sys.stderr)
    return len(kept)


def held_out(name: str, paths: Mapping[str, Path], *, partial: bool) -> list[tuple[str, Path]]:
    """Names and files of a held-out set. Raises `DataError` where some are not there."""
    wanted = named(name)
    found = [(key, paths[key]) for key in wanted if key in paths]
    if len(found) < len(wanted) and not partial:
        missing = next(key for key in wanted if key not in paths)
        raise DataError(
            f"{name}: {len(wanted) - len(found)} of {len(wanted)} pictures are not there, "
            f"{missing} for one; check the folder, or take what there is with --partial"
        )
    return found


def below(folder: Path) -> list[Path]:
    """All pictures below a folder. Raises `DataError` where there are none."""
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(f"{folder}: no pictures here; give the folder that the set unpacks to")
    return found


def pictures(folder: Path) -> dict[str, Path]:
    """All pictures below a folder by their stems, which are ids in the public sets."""
    return {path.stem: path for path in below(folder)}


def imagenet64(source: Path, out: Path, *, partial: bool) -> None:
    """Tiny ImageNet: its files as they are, labels from their folders and ``val_annotations``."""
    notes = source / "val" / "val_annotations.txt"
    if not notes.is_file():
        raise DataError(f"{notes}: not there; give the folder tiny-imagenet-200")
    lines = (line.split("\t") for line in notes.read_text("utf-8").splitlines())
    labels = {Path(line[0]).stem: line[1] for line in lines}
    there = held_out("imagenet64-val", pictures(source / "val" / "images"), partial=partial)
    rows = (Row(key, labels[key], path.read_bytes()) for key, path in there)
    write(rows, out / "imagenet64", "val")

    def train() -> Iterator[Row]:
        for folder in sorted(path for path in (source / "train").iterdir() if path.is_dir()):
            every = sorted(pictures(folder).items(), key=lambda item: (len(item[0]), item[0]))
            rows = (Row(key, folder.name, path.read_bytes()) for key, path in every)
            yield from (row for row, _ in zip(Coloured(rows), range(PER_CLASS), strict=False))

    write(train(), out / "imagenet64", "train")


def lfw96(source: Path, out: Path, *, partial: bool) -> None:
    """Deep-funneled LFW at 96 pixels; nobody of the test half is in the training half."""
    every = pictures(source)
    test = held_out("lfw96-test", every, partial=partial)

    def row(key: str, path: Path) -> Row:
        return Row(key, _person(key), jpeg(path, (96, 96), 86))

    people = {_person(key) for key, _ in test}
    write((row(key, path) for key, path in test), out / "lfw96", "test")
    rest = (row(key, path) for key, path in every.items() if _person(key) not in people)
    write(Coloured(rest), out / "lfw96", "train")


def _person(key: str) -> str:
    return key.rsplit("_", 1)[0]


def church96(source: Path, out: Path, *, partial: bool) -> None:
    """Churches of ImageNet's training set (n03028079), stretched to 96 x 96."""
    every = pictures(source)
    test = dict(held_out("church96-test", every, partial=partial))

    def rows(some: Mapping[str, Path]) -> Iterator[Row]:
        for key, path in some.items():
            yield Row(key, key.split("_")[0], jpeg(path, (96, 96), 90))

    write(rows(test), out / "church96", "test")
    rest = {key: path for key, path in every.items() if key not in test}
    write(Coloured(rows(rest)), out / "church96", "train")


def photos(source: Path, out: Path, *, partial: bool) -> None:
    """100 photographs of ImageNet, one a class, long side 512 at most, as JPEG files."""
    folder = out / "photos" / "colour"
    files.make_folder(folder)
    there = held_out("photos-colour", pictures(source), partial=partial)
    for key, path in there:
        (folder / f"{key}.jpg").write_bytes(jpeg(path, None, 88, side=512))
    print(f"{folder}: {len(there)} pictures", file=sys.stderr)


SETS: dict[str, Callable[..., None]] = {
    "imagenet64": imagenet64,
    "lfw96": lfw96,
    "church96": church96,
    "photos": photos,
}


def folder(source: Path, out: Path, name: str, side: int) -> None:
    """Any folder of pictures as a shard: coloured ones, labels from the folders they lie in."""
    path = out / name
    rows = (
        Row(str(p.relative_to(source).with_suffix("")), p.parent.name, jpeg(p, None, 90, side=side))
        for p in below(source)
    )
    write(Coloured(rows), path.parent, path.name)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; exit status as of `manyhues`."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.reproduce",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )
    parser.add_argument("set", choices=(*SETS, "folder"))
    parser.add_argument("source", type=Path, help="the folder that the set unpacks to")
    parser.add_argument("--out", type=Path, required=True, help="root of all sets: data")
    parser.add_argument("--partial", action="store_true", help="take those that are there")
    parser.add_argument("--name", default="mine/train", help="of folder: FOLDER/SPLIT")
    parser.add_argument("--side", type=int, default=208, help="of folder: the longest long side")
    options = parser.parse_args(arguments)
    try:
        if options.set == "folder":
            folder(options.source, options.out, options.name, options.side)
        else:
            SETS[options.set](options.source, options.out, partial=options.partial)
    except ManyhuesError as error:
        return command.status(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
