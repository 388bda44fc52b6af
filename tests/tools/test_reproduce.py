"""From the folders that public sets unpack to, to the layout that the report reads."""

from pathlib import Path

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from rich.console import Console

from manyhues.errors import DataError
from manyhues.evaluation.evaluate import load
from manyhues.training.data.pictures import open_pictures
from tools import reproduce
from tools.report import paired, results

CHURCH, BIRD = "n03028079", "n01530575"
PEOPLE = {"Ann_Lee": 3, "Bo_Ek": 2, "Cy_Ng": 2}
TEST = ["Bo_Ek_0002", "Bo_Ek_0001"]


def put(path: Path, size: tuple[int, int], *, grey: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(colourful(size[1], size[0]))
    image.convert("L" if grey else "RGB").save(path, "JPEG", quality=95)


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every public set in small, as it unpacks, and short lists of what is held out."""
    pytest.importorskip("pyarrow", reason="NO PYARROW: pip install 'manyhues[train]'")
    root, ids = tmp_path / "public", tmp_path / "ids"
    tiny = root / "tiny-imagenet-200"
    for label in (CHURCH, BIRD):
        for number in (0, 1, 2, 10):
            path = tiny / "train" / label / "images" / f"{label}_{number}.JPEG"
            put(path, (64, 64), grey=number == 1)
    notes = []
    for number in range(6):
        put(tiny / "val" / "images" / f"val_{number}.JPEG", (64, 64))
        notes.append(f"val_{number}.JPEG\t{(CHURCH, BIRD)[number % 2]}\t0\t0\t62\t62\n")
    (tiny / "val" / "val_annotations.txt").write_text("".join(notes))
    for person, count in PEOPLE.items():
        for number in range(1, count + 1):
            name = f"{person}_{number:04d}.jpg"
            put(root / "lfw-deepfunneled" / person / name, (250, 250))
    for number in range(5):
        put(root / CHURCH / f"{CHURCH}_{number}.JPEG", (200, 130))
    put(root / "photos" / f"{BIRD}_brambling.JPEG", (1200, 800))

    lists = {
        "imagenet64-val": ["val_4", "val_1"],
        "lfw96-test": TEST,
        "church96-test": [f"{CHURCH}_3"],
        "photos-colour": [f"{BIRD}_brambling"],
    }
    ids.mkdir()
    for name, names in lists.items():
        (ids / f"{name}.txt").write_text("\n".join(names) + "\n")
    monkeypatch.setattr(reproduce, "IDS", ids)
    monkeypatch.setattr(reproduce, "PER_CLASS", 2)
    return root


SOURCES = {
    "imagenet64": "tiny-imagenet-200",
    "lfw96": "lfw-deepfunneled",
    "church96": CHURCH,
    "photos": "photos",
}


def build(public: Path, out: Path) -> Path:
    for name, source in SOURCES.items():
        assert reproduce.main([name, str(public / source), "--out", str(out)]) == 0
    return out


def test_the_report_reads_every_set(public: Path, tmp_path: Path) -> None:
    out = build(public, tmp_path / "data")
    console = Console(stderr=True)
    counts = {}
    for key, data_set in results.DATA_SETS.items():
        found, _ = load([out / data_set.path], results.SIZE, None, console, None)
        counts[key] = len(found)
    assert counts == {"imagenet64": 2, "lfw": 2, "church": 1}
    for name, (path, size) in paired.SETS["test"].items():
        found, _ = load([out / path], size, None, console, None)
        assert found.shape[1:] == (size, size, 3), name


def test_held_out_pictures_come_in_the_order_of_the_list(public: Path, tmp_path: Path) -> None:
    out = build(public, tmp_path / "data")
    val = open_pictures(out / "imagenet64", "val")
    assert (val.ids, val.labels) == (["val_4", "val_1"], [CHURCH, BIRD])
    original = public / "tiny-imagenet-200" / "val" / "images" / "val_4.JPEG"
    np.testing.assert_array_equal(val[0], np.asarray(Image.open(original)))  # the file as it is
    test = open_pictures(out / "lfw96", "test")
    assert test.ids == TEST
    assert test[0].shape == (96, 96, 3)


def test_nobody_is_on_both_sides_and_grey_is_left_out(public: Path, tmp_path: Path) -> None:
    out = build(public, tmp_path / "data")
    people = set(open_pictures(out / "lfw96", "train").labels)
    assert people == set(PEOPLE) - {"Bo_Ek"}
    train = open_pictures(out / "imagenet64", "train")
    expected = [f"{label}_{number}" for label in (BIRD, CHURCH) for number in (0, 2)]
    assert train.ids == expected  # the grey one is not taken, and two of each class are
    churches = open_pictures(out / "church96", "train")
    assert f"{CHURCH}_3" not in churches.ids
    assert len(churches) == 4


def test_photographs_get_smaller(public: Path, tmp_path: Path) -> None:
    out = build(public, tmp_path / "data")
    with Image.open(out / "photos" / "colour" / f"{BIRD}_brambling.jpg") as image:
        assert image.size == (512, 341)


def test_what_is_missing_is_said(
    public: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (public / "lfw-deepfunneled" / "Bo_Ek" / "Bo_Ek_0002.jpg").unlink()
    given = ["lfw96", str(public / "lfw-deepfunneled"), "--out", str(tmp_path / "data")]
    assert reproduce.main(given) == 1
    assert "1 of 2 pictures are not there, Bo_Ek_0002 for one" in capsys.readouterr().err
    assert reproduce.main([*given, "--partial"]) == 0
    assert open_pictures(tmp_path / "data" / "lfw96", "test").ids == ["Bo_Ek_0001"]
    wrong = ["imagenet64", str(public / CHURCH), "--out", str(tmp_path)]
    assert reproduce.main(wrong) == 1
    assert "give the folder tiny-imagenet-200" in capsys.readouterr().err


def test_any_folder(public: Path, tmp_path: Path) -> None:
    for place in ("a", "b"):  # one name twice
        put(public / "mine" / place / "boat.jpg", (300, 200))
    given = ["folder", str(public / "mine"), "--name", "mine/train", "--side", "144"]
    assert reproduce.main([*given, "--out", str(tmp_path)]) == 0
    mine = open_pictures(tmp_path / "mine", "train")
    assert (mine.ids, mine.labels) == (["a/boat", "b/boat"], ["a", "b"])
    assert mine[0].shape == (96, 144, 3)


def test_grey_pictures_are_counted(
    public: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(public / "mine" / "boat.jpg", (300, 200))
    grey = public / "mine" / "old.jpg"
    Image.new("L", (300, 200), 90).save(grey)
    given = ["--name", "mine/train", "--out", str(tmp_path)]
    assert reproduce.main(["folder", str(public / "mine"), *given]) == 0
    assert "mine/train: 1 pictures; left out, without real colour: 1" in capsys.readouterr().err
    (public / "mine" / "boat.jpg").unlink()
    assert reproduce.main(["folder", str(public / "mine"), *given]) == 1
    assert "all 1 are without real colour" in capsys.readouterr().err


def test_the_real_lists_are_whole() -> None:
    counts = {path.stem: len(reproduce.named(path.stem)) for path in reproduce.IDS.glob("*.txt")}
    expected = {"imagenet64-val": 5000, "lfw96-test": 1000}
    assert counts == expected | {"church96-test": 381, "photos-colour": 100}


@pytest.mark.data
def test_the_real_lists_are_those_of_the_report(data: Path) -> None:
    for name in ("imagenet64-val", "lfw96-test", "church96-test"):
        folder, split = name.split("-")
        assert open_pictures(data / folder, split).ids == reproduce.named(name)


def test_the_whole_way_to_the_page(
    public: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built sets, measured and written up, with networks of a few numbers and no judge."""
    out = build(public, tmp_path / "data")
    monkeypatch.setattr(results, "open_judge", lambda console: None)
    page = tmp_path / "docs"
    given = ["--data-root", str(out), "--out", str(page), "--half", "all"]
    given += ["--methods", "vae-mdn", "--eob-samples", "2", "--draws-limit", "0"]
    assert results.main(given) == 0
    text = (page / "results.md").read_text("utf-8")
    for data_set in results.DATA_SETS.values():
        assert f"## {data_set.title}" in text
        assert (page / "images" / f"{data_set.figure}.jpg").is_file()
    assert str(tmp_path) not in text  # no path of the machine that made it


def test_a_shard_that_is_damaged_inside_is_refused(tmp_path: Path) -> None:
    """Without checksums a picture would be read with other colours, and nobody told."""
    put(tmp_path / "a.jpg", (64, 64))
    data = (tmp_path / "a.jpg").read_bytes()
    rows = [reproduce.Row(str(k), "", data) for k in range(4)]
    reproduce.write(rows, tmp_path / "set", "train")
    (shard,) = (tmp_path / "set").iterdir()
    whole = bytearray(shard.read_bytes())
    whole[len(data) // 2] ^= 255
    shard.write_bytes(whole)
    with pytest.raises(DataError, match="not a readable parquet file"):
        open_pictures(shard)
