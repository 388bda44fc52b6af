"""Dev and test: one rule for every set, and photographs' own."""

import io
from pathlib import Path

import numpy as np
import pytest
from evaluation_fakes import SIDE, pictures
from PIL import Image

from manyhues.errors import DataError, UsageError
from manyhues.evaluation import halves


def shard(folder: Path, names: list[str], labels: list[str], split: str = "val") -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    folder.mkdir(parents=True)
    encoded = []
    for picture in pictures(len(names)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    table = pa.table({"id": names, "label": labels, "image": encoded})
    pq.write_table(table, folder / f"{split}-0.parquet")
    return folder


def test_the_hash_is_fixed() -> None:
    """Computed with `sha256sum`; another rule would put seen pictures into the test half."""
    assert halves.number("abc") == 0xBA7816BF
    assert halves.number("") == 0xE3B0C442
    assert halves.by_id("abc") == "test"
    assert halves.by_id("") == "dev"


def test_a_set_falls_into_two_halves(tmp_path: Path) -> None:
    names = [f"val_{i}" for i in range(30)]
    folder = shard(tmp_path / "some", names, list("ab") * 15)
    whole, labels = halves.load(folder, SIDE)
    parts = {half: halves.load(folder, SIDE, half=half) for half in halves.HALVES}
    assert len(labels) == 30 == sum(len(found) for _, found in parts.values())
    for half, (rgb, found) in parts.items():
        mine = [i for i, name in enumerate(names) if halves.by_id(name) == half]
        assert len(mine) > 8
        np.testing.assert_array_equal(rgb, whole[mine])
        assert found == [labels[i] for i in mine]
    few, _ = halves.load(folder, SIDE, 3, "val", "test")
    np.testing.assert_array_equal(few, parts["test"][0][:3])
    with pytest.raises(UsageError, match="choose from dev, test"):
        halves.load(folder, SIDE, half="train")  # type: ignore[arg-type]


def test_photographs_have_sides_of_their_own(tmp_path: Path) -> None:
    names = [f"p_{i}" for i in range(20)]
    dev = shard(tmp_path / "photos128", names, [""] * 20)
    assert len(halves.load(dev, SIDE, half="dev")[1]) == 20
    with pytest.raises(UsageError, match=r"photos128: all of it is dev; .*photos/colour"):
        halves.load(dev, SIDE, half="test")
    test = tmp_path / "photos" / "colour"
    test.mkdir(parents=True)
    Image.fromarray(pictures(1)[0]).save(test / "1.png")
    assert len(halves.load(test, SIDE, half="test")[1]) == 1
    with pytest.raises(UsageError, match="all of it is test"):
        halves.load(test, SIDE, half="dev")
    # A folder called so by somebody else is a set like any other.
    other = shard(tmp_path / "my" / "colour", names, [""] * 20)
    assert 0 < len(halves.load(other, SIDE, half="dev")[1]) < 20


def test_of_the_pool_a_twentieth_is_dev_and_a_place_is_on_one_side(tmp_path: Path) -> None:
    names = [f"work/{i}" for i in range(200)]
    found = [halves.of_pool(name, "work") for name in names]
    assert found.count("dev") == sum(halves.number(name) % 20 == 0 for name in names) > 0
    assert set(found) == {"dev", None}
    rooms = [f"houses/{house}_{room}" for house in range(40) for room in ("kitchen", "bath")]
    sides = [halves.of_pool(name, "houses") for name in rooms]
    assert sides[::2] == sides[1::2]
    assert "dev" in sides
    pool = shard(tmp_path / "pool160", names[:60], ["work"] * 60, "train")
    held = [name for name in names[:60] if halves.of_pool(name, "work")]
    assert len(halves.load(pool, SIDE, half="dev")[1]) == len(held)
    with pytest.raises(UsageError, match="trained on"):
        halves.load(pool, SIDE, half="test")


def test_a_half_without_pictures(tmp_path: Path) -> None:
    folder = shard(tmp_path / "one", ["abc"], [""])
    with pytest.raises(DataError):
        halves.load(folder, SIDE, half="dev")


@pytest.mark.data
def test_the_sets_at_hand(data: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    ids = pq.read_table(next((data / "imagenet64").glob("val*")), columns=["id"])["id"].to_pylist()
    assert [halves.by_id(name) for name in ids].count("dev") == 2518
    dev = 0
    for path in (data / "pool160").glob("*.parquet"):
        rows = pq.read_table(path, columns=["id", "label"]).to_pylist()
        dev += sum(halves.of_pool(row["id"], row["label"]) == "dev" for row in rows)
    assert dev == 600
