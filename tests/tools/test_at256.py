"""The protocol at 256 pixels, on a folder that is named as ImageNet's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from numpy.typing import NDArray
from PIL import Image

from manyhues import Colorizer
from manyhues.color.lab import rgb_to_lab
from manyhues.errors import DataError, UsageError
from tools.report import at256


def looks(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a judge could see: the mean colour, and how it varies."""
    small = pictures.astype(np.float32)
    return np.concatenate([small.mean((1, 2)), small.std((1, 2))], axis=1)


@pytest.fixture
def val(tmp_path: Path) -> Path:
    folder = tmp_path / "val" / "n01440764"
    folder.mkdir(parents=True)
    for number in (1, 2, 3, 4, 7):
        rgb = np.roll(colourful(90, 120 + number), 17 * number, axis=1)
        Image.fromarray(rgb).save(folder / f"ILSVRC2012_val_{number:08d}.JPEG", quality=95)
    return folder.parent


def test_the_first_by_number_and_no_others(val: Path) -> None:
    assert [path.stem[-2:] for path in at256.files(val, 4)] == ["01", "02", "03", "04"]
    with pytest.raises(DataError, match=r"lacks 2 of 7 pictures, the first .*00000005"):
        at256.files(val, 7)


def test_psnr_of_known_errors() -> None:
    truth = np.full((256, 256, 3), 100, np.uint8)
    assert at256.psnr(truth + np.uint8(1), truth) == pytest.approx(48.1308, abs=1e-3)
    assert at256.psnr(truth, truth) > 100


def test_rows_of_this_project_and_of_others(tiny: Path, val: Path, tmp_path: Path) -> None:
    """The truth as somebody's result is without a fault, and the best of eight is the best."""
    perfect, large = tmp_path / "perfect", tmp_path / "large"
    for folder in (perfect, large):
        folder.mkdir()
    pictures = at256.files(val, 4)
    for path in pictures:
        Image.fromarray(at256.squared(path)).save(perfect / f"{path.stem}.png")
        Image.open(path).resize((640, 480)).convert("L").save(large / f"{path.stem}.jpg")
    given = {"perfect": perfect, "large": large}
    rows = at256.measure(pictures, Colorizer.load("vae-mdn"), given, looks)
    assert rows["perfect"]["psnr"] > 100
    assert rows["perfect"]["frechet"] == pytest.approx(0, abs=1e-6)
    assert rows["perfect"]["colourfulness_off"] == 0
    assert rows["grey"]["colourfulness"] == pytest.approx(0, abs=0.5)
    assert rows["large"]["colourfulness"] == 0
    assert rows["grey"]["frechet"] > rows["perfect"]["frechet"] + 10
    assert rows["best of 8 plain draws"]["psnr"] >= rows["a plain draw"]["psnr"]
    assert {name for name, row in rows.items() if row["by"] == "others"} == set(given)
    text = at256.markdown(rows, 4)
    assert "| perfect | others |" in text.replace("**", "")
    (perfect / f"{pictures[0].stem}.png").unlink()
    with pytest.raises(DataError, match="has 0 files"):
        at256.measure(pictures, Colorizer.load("vae-mdn"), given, looks)


def test_inputs_for_other_programs_are_the_lightness(
    tiny: Path, val: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grey"
    at256.main(["--imagenet", str(val), "--limit", "2", "--grey", str(out)])
    assert "2 pictures" in capsys.readouterr().out
    path = out / "ILSVRC2012_val_00000001.png"
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("L", (256, 256))
        grey = np.asarray(image.convert("RGB"), np.float32) / 255
    truth = at256.squared(at256.files(val, 1)[0]).astype(np.float32) / 255
    assert np.abs(rgb_to_lab(grey)[..., 0] - rgb_to_lab(truth)[..., 0]).mean() < 0.5


def test_the_command_line(
    tiny: Path, val: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    judge = pytest.importorskip("manyhues.evaluation.judge", reason="NO JUDGE: extra `train`")
    monkeypatch.setattr(judge.Judge, "__init__", lambda self: None)
    monkeypatch.setattr(judge.Judge, "features", lambda self, pictures: looks(pictures))
    kept = tmp_path / "rows.json"
    at256.main(["--imagenet", str(val), "--limit", "3", "--json", str(kept)])
    assert "The first 3 of ImageNet val" in capsys.readouterr().out
    assert {"truth", "grey", "most likely"} <= set(json.loads(kept.read_text("utf-8")))
    with pytest.raises(UsageError, match="NAME=FOLDER"):
        at256.main(["--imagenet", str(val), "--limit", "3", "--coloured", "x"])
