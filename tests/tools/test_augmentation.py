"""benchmarks/augmentation_table.py: what the tables of docs/augmentation.md are made of."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    path = REPOSITORY / "benchmarks" / "augmentation_table.py"
    spec = importlib.util.spec_from_file_location("augmentation_table", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(arm: str, labelled: int, seed: int, hits: str) -> dict[str, Any]:
    tests = ("plain", "hue", "grey", "tint", "film", "balance")
    return {"arm": arm, "labelled": labelled, "seed": seed, **dict.fromkeys(tests, hits)}


def test_tables_are_laid_where_their_like_was(script: Any) -> None:
    page = "One.\n\n| a | seeds |\n|---|---|\n| x | 1 |\n\nTwo.\n\n| c |\n|---|\n\nThree.\n"
    made = ["| a | seeds |\n|---|---|\n| x | 5 |", "| b |\n|---|", "| c |\n|---|\n| y |"]
    laid = script.laid(page, made)
    assert laid == f"One.\n\n{made[0]}\n\n{made[1]}\n\nTwo.\n\n{made[2]}\n\nThree.\n"
    assert script.laid(laid, made) == laid


def test_what_is_kept_is_what_was_found(script: Any, tmp_path: Path) -> None:
    lines = [run("crop", 20, 1, "0010"), run("crop", 20, 0, "1000")]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    results = script.gathered(tmp_path)
    assert results == {"runs": lines[::-1], "grey": []}
    text = script.kept(results)
    assert script.opened(text) == results
    assert "0010" not in text


def test_a_row_says_of_what_it_is(script: Any) -> None:
    """Whole seeds alone count, and a difference is of the seeds that both have."""
    runs = [run("crop", n, seed, "1100") for n in (20, 50, 150) for seed in (0, 1, 2)]
    runs += [run("grey", n, seed, "1110") for n in (20, 50, 150) for seed in (0, 1)]
    runs += [run("grey", 20, 2, "0000")]  # a stop left this seed incomplete
    runs += [run("flow", n, 0, "1111") for n in (20, 50)]
    first, _, less_grey, plain = script.tables({"runs": runs, "grey": []})
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in first.splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["crop", "3"],
        ["grey", "2"],
        ["flow, 20 and 50 a class", "1"],
    ]
    assert rows[0][2] == "50.0"
    assert rows[1][2].startswith("75.0<br>+25.0 [+0.0, ")
    assert "| flow, 20 and 50 a class | +25.0 [" in less_grey
    assert "| 150 | 50.0 |  | 75.0 |" in plain


def test_the_page_shows_what_its_runs_say(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the ends of intervals: another numpy may draw others, and they take a minute."""

    def mean(values: Any) -> str:
        return f"{100 * values.mean():+.1f} []".replace("-", "−")

    monkeypatch.setattr(script, "interval", mean)
    page = re.sub(r"\[[^]|]*\]", "[]", script.PAGE.read_text("utf-8"))
    made = script.tables(script.opened(script.PAGE.with_suffix(".json").read_text("utf-8")))
    assert len(made) == 6
    for table in made:
        assert table in page


def test_the_page_says_what_its_runs_say(script: Any) -> None:
    """The prose beside the tables: comparisons won, scatter of seeds, seconds of a run."""
    results = script.opened(script.PAGE.with_suffix(".json").read_text("utf-8"))
    page = " ".join(script.PAGE.read_text("utf-8").split())
    found = script.Runs(results).found
    top1 = {
        key: {test: 100 * script.bits(line[test]).mean() for test in script.TESTS}
        for key, line in found.items()
    }
    gains = {
        arm: [
            top1[arm, n, seed][test] - top1["crop", n, seed][test]
            for (other, n, seed) in found
            if other == arm
            for test in ("hue", "grey", "tint", "film")
        ]
        for arm in script.ARMS
    }
    always = [arm for arm in script.ARMS if len(gains[arm]) == 60 and min(gains[arm]) > 0]
    named = ", ".join(f"`{arm}`" for arm in ("grey", "jitter+grey", "vae-mdn")) + " and `grey+vae`"
    assert always == ["grey", "jitter+grey", "vae-mdn", "grey+vae"]
    values = [gain for arm in always for gain in gains[arm]]
    says = (
        f"{named} gained over `crop` on hue, grey, tint and film in every one of their 60 "
        f"comparisons, by {min(values):.0f} to {max(values):.0f} points; "
        f"`flow` in {sum(gain > 0 for gain in gains['flow'])} of them."
    )
    assert says in page
    deviations = [
        np.var([top1[arm, n, seed]["plain"] for seed in range(5)], ddof=1)
        for arm in script.ARMS
        for n in script.LABELLED
    ]
    assert f"by {np.mean(deviations) ** 0.5:.1f} points (standard deviation" in page
    seconds = [line["seconds"] for line in results["runs"]]
    assert f"takes {min(seconds):.0f} to {max(seconds):.0f} s of a core" in page
    each = 1000 * np.median(seconds) / (300 * 64)
    assert f"takes a picture in {each:.1f} ms" in page


def test_an_interval_counts_seeds_and_pictures(script: Any) -> None:
    same = np.zeros((3, 50))
    assert script.interval(same) == "+0.0 [+0.0, +0.0]"
    seeds_differ = np.repeat([[-1.0], [1.0]], 50, axis=1)
    assert script.interval(seeds_differ) == "+0.0 [−100.0, +100.0]"
    pictures_differ = np.tile(np.repeat([0.0, 1.0], 200), (2, 1))
    mean, low, high = script.interval(pictures_differ).replace(",", "").replace("]", "").split()
    assert mean == "+50.0"
    assert 44 < float(low[1:]) < 46  # 50 - 1.96 * 100 * sqrt(.25 / 400)
    assert 54 < float(high) < 56
