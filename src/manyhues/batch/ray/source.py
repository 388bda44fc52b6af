"""What to colour: files, folders, URLs and parquet shards as one list of items.

Nothing is decoded here. Local files and folders are planned as `manyhues.batch.local` plans them.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from manyhues.batch import plan
from manyhues.batch.names import Named, told_apart
from manyhues.batch.ray.store import Store, is_url, open_url, reason
from manyhues.errors import ManyhuesError, PictureError, UsageError
from manyhues.image.picture import SUFFIXES
from manyhues.image.provenance import ENDS, read

SHARD = ".parquet"
MANIFEST = "manifest.parquet"  # a result, not a shard of pictures


@dataclass(frozen=True)
class Item:
    """One input: a file, or a row of a parquet shard; and the stem of its outputs.

    `key` names it in reports and in the manifest. `error` says why it cannot be done, `note` what
    its results' names have more than usual.
    """

    source: str
    stem: str = ""
    row: int = -1
    error: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """The path or URL; of a shard's row ``shard.parquet#row``."""
        return self.source if self.row < 0 else f"{self.source}#{self.row}"

    @property
    def name(self) -> str:
        """File name of the picture; rows of a shard have none, and go by their stem's."""
        return self.source.rpartition("/")[2] if self.row < 0 else PurePosixPath(self.stem).name


def plan_items(
    inputs: Sequence[str],
    out: str,
    left_out: Counter[str] | None = None,
    *,
    recursive: bool = True,
) -> list[Item]:
    """All pictures of files, folders, URLs and shards, in a stable order.

    What is not taken of folders is as with the local engine (`plan.plan`); behind a URL, those that
    are named as results are looked into alone. Items whose outputs would have one name get longer
    ones. Raises `UsageError` when results would land among the inputs.
    """
    urls = [given for given in inputs if is_url(given)]
    local = [Path(given.removeprefix("file://")) for given in inputs if not is_url(given)]
    target = Path(os.devnull if is_url(out) else out.removeprefix("file://"))
    shards = {path: _local_shards(path, target, recursive) for path in local}
    pictures = [path for path in local if path.suffix != SHARD]
    items = []
    told: Counter[str] = Counter() if left_out is None else left_out
    for job in plan.plan(pictures, target, told, recursive=recursive):
        if not (job.error and shards.get(job.source)):  # a folder of shards holds no pictures
            stem = job.stem.as_posix()
            items.append(_checked(Item(str(job.source), stem, error=job.error, note=job.note)))
    for given, found in shards.items():
        root = given if given.is_dir() else given.parent
        for shard in found:
            items += _rows(str(shard), shard.relative_to(root).with_suffix("").as_posix())
    for url in urls:
        items += _remote(url, out, told, recursive)
    told.pop(f"of kind {SHARD}", None)  # shards are taken, by other means
    return _told_apart(list(dict.fromkeys(items)))


def _local_shards(given: Path, target: Path, recursive: bool) -> list[Path]:
    if given.suffix == SHARD and given.is_file():
        return [given]
    real = plan.real(target)
    inside = plan.real(given) in real.parents
    return [
        path
        for path in sorted(given.rglob(f"*{SHARD}") if recursive else given.glob(f"*{SHARD}"))
        if path.name != MANIFEST and not (inside and real in plan.real(path).parents)
    ]


def _address(place: str) -> tuple[Any, str]:
    """A place however it is spelt: its file system (None: the local one) and the path there."""
    if is_url(place):
        fs, path = open_url(place)
        return fs, path.rstrip("/")
    real = os.path.realpath(place.removeprefix("file://"))
    return None, Path(real).as_posix().rstrip("/")


def among_results(items: Sequence[Item], out: str) -> set[str]:
    """Names below the output folder that inputs have, and results must not take."""
    fs, folder = _address(out)
    names = set()
    for item in items:
        if item.row < 0 and is_url(item.source) == is_url(out):
            theirs, path = _address(item.source)
            if theirs == fs and path.startswith(f"{folder}/"):
                names.add(path[len(folder) + 1 :])
    return names


def _is_ours(name: str) -> bool:
    return name.startswith(".") or name == MANIFEST


def _remote(url: str, out: str, left_out: Counter[str], recursive: bool) -> Iterator[Item]:
    url = url.rstrip("/")
    target_fs, target = _address(out)
    try:
        fs, root = _address(url)
        found = sorted(fs.find(root, maxdepth=None if recursive else 1))
    except ManyhuesError:
        raise
    except Exception as error:  # each plug-in raises its own
        yield Item(url, error=f"{url}: cannot be listed ({reason(error)}); check URL and access")
        return
    if fs == target_fs and found != [root]:  # else the URL is a file, and may be anywhere
        if root == target:
            raise UsageError(plan.same_folder(out))
        if target.startswith(f"{root}/"):
            found = [path for path in found if not path.startswith(f"{target}/")]
    found = [path for path in found if not _is_ours(PurePosixPath(path).name)]
    listed = [PurePosixPath(path) for path in found]

    def known(path: PurePosixPath) -> bool:
        return len(found) > 1 and plan.may_be_result(path) and _says_result(fs, str(path))

    kept = {str(path) for path in plan.pictures_among(listed, left_out, known)}
    count = 0
    for path in found:
        name = path[len(root) :].lstrip("/") or PurePosixPath(path).name  # the URL may be a file
        source = url if path == root else f"{url}/{name}"
        pure = PurePosixPath(name)
        suffix = pure.suffix.lower()
        stem = str(pure.with_suffix(""))
        if suffix == SHARD:
            yield from _rows(source, stem)
        elif str(PurePosixPath(path)) in kept or path == root:
            yield _checked(Item(source, stem))
        else:
            continue
        count += 1
    if not count:
        yield Item(url, error=f"{url}: no pictures there; give a URL that holds some")


def _checked(item: Item) -> Item:
    """An item that says so if it is a film: the workers colour pictures."""
    if item.error or not plan.is_film(PurePosixPath(item.source)):
        return item
    fault = f"{item.key}: a film, and Ray colours pictures; colour it without --engine ray"
    return replace(item, error=fault)


def _says_result(fs: Any, path: str) -> bool:
    """Whether a stored file says that it is a result, by its two ends."""
    try:
        ends = [fs.cat_file(path, None, ENDS), fs.cat_file(path, -ENDS, None)]
    except Exception:  # each plug-in raises its own; whoever colours it will say what is wrong
        return False
    return read(b"".join(ends)) is not None


def _rows(shard: str, stem: str) -> list[Item]:
    """The rows of a shard; outputs go by the column ``id`` where there is one, below the shard."""
    try:
        with open_shard(shard) as file:
            names = file.schema_arrow.names
            if "image" not in names:
                raise PictureError(
                    f"{shard}: no `image` column (found {', '.join(names)}); "
                    "put the encoded pictures into a column of that name"
                )
            count = file.metadata.num_rows
            ids = file.read(columns=["id"])["id"].to_pylist() if "id" in names else range(count)
    except ManyhuesError as error:
        return [Item(shard, stem, error=str(error))]
    return [Item(shard, f"{stem}/{_safe(str(id_))}", row) for row, id_ in enumerate(ids)]


def _safe(id_: str) -> str:
    """An id as a relative name: its folders are kept, a picture's suffix is not."""
    path = PurePosixPath(id_.replace("\\", "/"))
    if path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    parts = [part for part in path.parts if part not in ("/", "..")]
    return "/".join(parts) or "_"


def _told_apart(items: list[Item]) -> list[Item]:
    """Items whose results have different names, as the local engine gives them."""
    whole = [item for item in items if not item.error]
    named, rivals = told_apart([_named(item) for item in whole])
    checked = iter(
        replace(item, error=plan.collision(item.key, whole[rivals[i]].key))
        if i in rivals
        else replace(item, stem=named[i].written.as_posix(), note=item.note or named[i].note)
        for i, item in enumerate(whole)
    )
    return [item if item.error else next(checked) for item in items]


def _named(item: Item) -> Named:
    stem = PurePosixPath(item.stem)
    if item.row >= 0:  # its stem is the shard's, and the row's id
        root = PurePosixPath(item.source).parent
        return Named(root / stem.parent, f".row{item.row}", stem)
    if is_url(item.source):
        path = PurePosixPath(item.source)
        return Named(path.parent, path.suffix, stem)
    local = Path(item.source)
    return Named(PurePosixPath((Path.cwd() / local.parent).as_posix()), local.suffix, stem)


def open_shard(shard: str) -> Any:
    """A `pyarrow.parquet.ParquetFile`. Raises `PictureError`."""
    import pyarrow.parquet as pq

    try:
        if not is_url(shard):
            return pq.ParquetFile(shard)
        fs, path = open_url(shard)
        return pq.ParquetFile(fs.open(path))
    except ManyhuesError:
        raise
    except Exception as error:
        raise PictureError(
            f"{shard}: not a readable parquet file ({reason(error)}); copy it again"
        ) from error


@lru_cache(maxsize=1)
def _row_group(shard: str, group: int) -> Any:
    """One row group's pictures, kept while a batch goes through it."""
    with open_shard(shard) as file:
        return file.read_row_group(group, columns=["image"])["image"]


@lru_cache(maxsize=64)
def _starts(shard: str) -> list[int]:
    """First row of every row group of a shard, and the number of rows."""
    with open_shard(shard) as file:
        starts = [0]
        for group in range(file.metadata.num_row_groups):
            starts.append(starts[-1] + file.metadata.row_group(group).num_rows)
    return starts


def read_item(item: Item) -> bytes:
    """The encoded picture of an item. Raises `PictureError`."""
    if item.row < 0:
        place, _, name = item.source.rpartition("/")
        try:
            return Store(place).read(name)
        except ManyhuesError as error:
            raise PictureError(str(error)) from error
    starts = _starts(item.source)
    group = next(i for i, end in enumerate(starts[1:]) if item.row < end)
    value = _row_group(item.source, group)[item.row - starts[group]].as_py()
    data = value["bytes"] if isinstance(value, dict) else value  # Hugging Face nests the bytes
    if not isinstance(data, bytes):
        raise PictureError(f"{item.key}: holds no bytes; leave the row out")
    return data
