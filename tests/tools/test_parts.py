"""The page's parts on calibration and the paper's own row, and weights paired."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhues.errors import DataError
from manyhues.evaluation.protocol import RANKS
from tools.report import add, calibration, page, paired, paper

COUNTS = [10, 20, 30, 40, 0, 40, 30, 20, 10]
SPREADS = {"spread_global": 0.95, "spread_4x4": 1.3, "spread_16x16": 0.89, "spread_finer": 0.55}


def result(**given: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(calibration.KEPT)
    found |= {"n": 200, "draws": 8, "draw_pictures": 200, "half": "test"}
    found |= {"data": ["imagenet64/val"], "energy": 783.4, "energy_ci": [770.0, 798.0]}
    found |= dict.fromkeys(RANKS, COUNTS) | SPREADS
    found |= {f"{key}_ci": [0.0, 1.0] for key in SPREADS}
    return found | given


def test_calibration_as_a_part_of_the_page() -> None:
    found = calibration.part({"flow": result(), "mean": result(draw_pictures=0)})
    assert list(found) == ["flow"]
    text = calibration.markdown(found)
    assert "8 independent draws of each of 200 pictures (imagenet64/val, test half" in text
    assert "| **flow** | 783 ± 14 | 0.95 | 1.30 | 0.89 | 0.55 |" in text
    assert calibration.FIGURE in text


def test_the_figure_shows_every_count() -> None:
    root = ET.fromstring(calibration.draw({"flow": result(), "vae-mdn": result()}))
    name = "{http://www.w3.org/2000/svg}"
    bars = [e for e in root.iter(f"{name}rect") if e.get("fill") == calibration._FILL]
    assert len(bars) == 2 * (4 * 9 + 4)
    high = [float(bar.get("height", 0)) for bar in bars[:9]]
    even = sum(COUNTS) / 9  # 22.2 reach a third of the height
    expected = [calibration._HIGH * count / (3 * even) for count in COUNTS]
    assert high == pytest.approx(expected, abs=0.06)
    shown = [element.text for element in root.iter(f"{name}text")]
    assert {"flow", "vae-mdn", "mean a", "spread of a", "0.55"} <= set(shown)


def test_centres_by_hand() -> None:
    fields = np.zeros((6, 2, 1, 1), np.float32)
    fields[:, 0, 0, 0] = [0, 1, 2, 50, 52, -90]
    found = paper.centres(fields, 3)
    assert found.shape == (3, 2, 1, 1)
    assert found[:, 0, 0, 0].tolist() == [1, 51, -90]  # the largest cluster first
    same = paper.centres(np.ones((4, 2, 1, 1), np.float32), 2)
    assert np.isfinite(same).all()


def test_claims_of_the_paper() -> None:
    """eob .060 of a, b / 128 is .030 of / 255: the unit is not known, so either is enough."""
    found: dict[str, list[dict[str, Any]]] = {
        "vae-mdn": [{"eob": 0.0600, "eob_variance": 1.1e-3, "n": 9}],
        "cvae": [{"eob": 0.0900, "eob_variance": 1.0e-4, "n": 9}],
        "cgan": [{"eob": 0.0470, "eob_variance": 1.0e-3, "n": 9}],
    }
    same = {what: reproduced for what, _, _, reproduced in paper.claims(found)}
    assert same == {
        "eob of vae-mdn": True,
        "eob of cvae": False,
        "eob of cgan": True,
        "variance of vae-mdn": True,
        "variance of cvae": True,
        "variance of cgan": False,
        "variance of vae-mdn over that of cvae": True,
        "variance of vae-mdn over that of cgan": False,
        "vae-mdn at an eob no worse than cvae's": True,
    }
    text = paper.markdown(found)
    assert "| eob of vae-mdn | 0.030 | 0.0600 (/ 128), 0.0301 (/ 255) | reproduced |" in text
    assert (
        "| variance of vae-mdn | 1.1e-03 | 1.1e-03 (/ 128²), 2.8e-04 (/ 255²) | reproduced |"
        in text
    )
    assert text.count("not reproduced") == 3
    assert "Seeds of training: vae-mdn 1, cvae 1, cgan 1." in text


def test_seeds_of_training_are_told_by_mean_and_range() -> None:
    runs = [
        {
            name: dict.fromkeys(("n", "eob_samples", "data", "version", "eob_ci"), 9)
            | {"eob": eob + seed / 1000, "eob_variance": variance * (1 + seed)}
            for name, eob, variance in (("vae-mdn", 0.03, 1e-3), ("cvae", 0.04, 1e-4))
        }
        for seed in (0, 2)
    ]
    del runs[1]["cvae"]  # trained by one seed
    rows = {what: here for what, _, here, _ in paper.claims(paper.part(runs))}
    assert rows["eob of vae-mdn"].startswith("0.0310 [0.0300 to 0.0320] (/ 128), 0.0156 [")
    assert rows["eob of cvae"].startswith("0.0400 (/ 128)")
    assert rows["variance of vae-mdn over that of cvae"] == "10.0"
    assert paper.part(runs[1:], paper.part(runs[:1])) == paper.part(runs)


def test_the_means_of_a_mixture_are_its_answers(tiny: Path) -> None:
    from manyhues.colorizer import Colorizer

    colorizer = Colorizer.load("vae-mdn")
    means = paper.Means(colorizer)
    scene = means.encode_luminance(np.full((64, 64), 50, np.float32))
    both = means.sample_ab(scene, 2, 5)
    np.testing.assert_array_equal(both[1:], means.sample_ab(scene, 1, 9, start=1))
    codes = colorizer.prior.likely(scene, 1)
    assert codes is not None
    np.testing.assert_array_equal(both[:1], colorizer.decode(scene, codes))


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.normal(5, 3, 200)
    moved, half = paired.difference("best_of_1", theirs - 0.5, theirs)
    assert moved == pytest.approx(-0.5)
    assert half == pytest.approx(0, abs=1e-9)  # unpaired it would be .6
    noisy = theirs - 0.5 + rng.normal(0, 0.2, 200)
    moved, half = paired.difference("best_of_1", noisy, theirs)
    assert half == pytest.approx(1.96 * 0.2 / np.sqrt(200), rel=0.2)
    need = rng.uniform(1, 2, 200)
    ours = np.stack([need, need], 1)
    moved, _ = paired.difference("spread_finer", ours, np.stack([need / 4, need], 1))
    assert moved == pytest.approx(1 - 0.25)


def kept(shift: float = 0.0, count: int = 30) -> dict[str, Any]:
    values = np.linspace(5, 7, count)
    keys = ("best_of_8_pixel", "best_of_8_image", "best_of_1", "variance", "energy")
    found = {f"lfw/{key}": values + shift for key in keys}
    found |= {"lfw/colourfulness": values, "lfw/colourfulness_truth": values / 0.9}
    return found


def test_a_table_of_differences() -> None:
    text = paired.markdown(kept(-0.25), kept())
    assert "| pictures | 30 |" in text
    assert "| best of 8, image | 5.750 (-0.250 ± 0.000) |" in text
    assert "| colourfulness over the truth's | 90.0% |" in text
    assert "top-1" not in text
    assert "| best of 1 | 6.000 |" in paired.markdown(kept())
    with pytest.raises(DataError, match="30 pictures against 20"):
        paired.markdown(kept(), kept(count=20))


@pytest.mark.data
@pytest.mark.usefixtures("tiny")
def test_weights_are_measured_once_and_compared(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mean.npz"
    monkeypatch.setattr(paired, "open_judge", lambda console: None)
    command = ["paired", "--data-root", str(data), "--out", str(out), "--method", "mean"]
    monkeypatch.setattr(sys, "argv", [*command, "--sets", "lfw", "--limit", "3"])
    paired.main()
    first = capsys.readouterr().out
    assert "| pictures | 3 |" in first
    monkeypatch.setattr(sys, "argv", ["paired", "--out", str(out), "--against", str(out)])
    paired.main()
    assert "(+0.000 ± 0.000)" in capsys.readouterr().out


@pytest.mark.data
@pytest.mark.usefixtures("tiny")
def test_parts_join_the_numbers_that_are_there(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"command": "a", "date": "2026-11-26", "machine": "m"}
    (tmp_path / "results.json").write_text(json.dumps({"made": made, "data_sets": {}}))
    command = ["add", "calibration", "--data-root", str(data), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*command, "--methods", "mean,cvae", "--limit", "3"])
    add.main()
    content = json.loads((tmp_path / "results.json").read_text())
    assert sum(content["calibration"]["cvae"]["rank_chroma"]) == 3
    assert content["calibration"]["mean"]["spread_global"] == pytest.approx(0, abs=1e-3)
    text = (tmp_path / "results.md").read_text()
    assert text == page.markdown(content)
    assert "## Calibration" in text
    assert (tmp_path / calibration.FIGURE).read_text().startswith("<svg")
