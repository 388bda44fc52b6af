"""`evaluate`, the results page and its figures, with fake methods."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_fakes import SIDE, ColourJudge, Noise, labels, pictures
from PIL import Image
from rich.console import Console

from manyhues import __version__
from manyhues.errors import DataError, ManyhuesError, OutputError, UsageError, WeightsError
from manyhues.evaluation import evaluate as report
from manyhues.evaluation import table
from manyhues.evaluation.protocol import KEYS, Plan
from tools.report import figures, page, results


def quiet() -> Console:
    return Console(file=io.StringIO())


class Constant(Noise):
    """A method with one answer."""

    def sample_ab(self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0) -> Any:
        return np.full((n, 2, SIDE, SIDE), self.spread, np.float32)


# The real ones, before the fixture below takes their places.
OPEN_JUDGE, OPEN_METHODS = report.open_judge, report.open_methods
FAKES = {"noise": Noise(15), "faint": Noise(2), "one": Constant(10)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    place.mkdir()
    for index, picture in enumerate(pictures(18, seed=1)):
        Image.fromarray(picture).save(place / f"{index:02}.png")
    Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(place / "grey.png")
    return place


@pytest.fixture(autouse=True)
def fake_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (report, results):
        monkeypatch.setattr(
            module, "open_methods", lambda names, weights=None: {n: FAKES[n] for n in names}
        )
        monkeypatch.setattr(module, "open_judge", lambda console: ColourJudge())


def test_evaluate_writes_one_object_a_method(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_file = tmp_path / "out.json"
    returned = report.evaluate([folder], ["noise", "one"], size=SIDE, json_file=json_file)
    read = json.loads(json_file.read_text())
    assert read == returned
    assert list(read) == ["noise", "one"]
    assert [key for key in read["noise"] if key in KEYS] == list(KEYS)
    assert read["noise"]["data"] == [str(folder)]
    assert (read["noise"]["half"], read["noise"]["judge"]) == ("all", "a fake")
    assert read["noise"]["version"] == __version__
    assert read["noise"]["n"] == 18  # the grey picture is left out
    assert read["noise"]["eob"] is None
    assert read["one"]["variance"] == pytest.approx(0, abs=1e-12)
    assert list(tmp_path.glob(".*")) == []
    printed = capsys.readouterr()
    assert "noise" in printed.out
    assert "pictures: 18" in printed.out


def test_a_log_has_lines_soon_and_the_table_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No bar, no silence: each thing says that it has begun, before its first picture is done."""
    report.evaluate([folder], ["noise", "one"], limit=5, plan=Plan(samples=2), size=SIDE)
    printed = capsys.readouterr()
    begun = [f"reading {folder}: 0%", "true pictures: 0%", "noise: 0%", "one: 0%"]
    assert printed.err.splitlines() == begun
    assert "no Fréchet distance: it takes 16 pictures or more, not 5" in printed.out


def test_limit_counts_over_all_data(folder: Path) -> None:
    loaded, names = report.load([folder, folder], SIDE, 25, quiet())
    assert loaded.shape == (25, SIDE, SIDE, 3)
    assert len(names) == 25
    assert len(report.load([folder, folder], SIDE, 5, quiet())[0]) == 5


def test_a_set_that_the_limit_leaves_out_is_not_said_to_be_measured(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(samples=2)
    found = report.evaluate([folder, tmp_path], ["noise"], limit=5, plan=plan, size=SIDE)
    assert found["noise"]["data"] == [str(folder)]
    said = f"{tmp_path}: left out, the sets before it fill --limit 5\n"
    assert said in capsys.readouterr().err


def test_held_out_shards_are_preferred(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    for split, count in (("train", 9), ("val", 4)):
        encoded = []
        for picture in pictures(count, seed=count):
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "PNG")
            encoded.append(buffer.getvalue())
        pq.write_table(pa.table({"image": encoded}), tmp_path / f"{split}-00000-of-00001.parquet")
    console = quiet()
    assert len(report.load([tmp_path], SIDE, None, console)[0]) == 4
    assert isinstance(console.file, io.StringIO)
    assert "val" in console.file.getvalue()
    assert len(report.load([tmp_path / "train"], SIDE, None, quiet())[0]) == 9
    with pytest.raises(DataError, match="tset"):
        report.load([tmp_path / "tset"], SIDE, None, quiet())


def test_wrong_usage_is_found_before_measuring(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        report.evaluate([folder], ["noise"], json_file=tmp_path / "absent" / "out.json")
    with pytest.raises(OutputError, match="is a folder; give --json the name of a file"):
        report.evaluate([folder], ["noise"], json_file=tmp_path)
    with pytest.raises(UsageError, match="--limit"):
        report.evaluate([folder], ["noise"], limit=0)
    with pytest.raises(UsageError, match="--samples"):
        report.evaluate([folder], ["noise"], plan=Plan(samples=0))
    with pytest.raises(UsageError, match="--data"):
        report.evaluate([], ["noise"])


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match=r"taken: cannot be written .*; check"):
        report.write_json({"a": 1}, tmp_path / "taken")
    assert not any((tmp_path / "taken").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    report.write_json({"a": "é"}, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text("utf-8") == '{\n  "a": "é"\n}\n'


def test_a_failing_method_is_named() -> None:
    with pytest.raises(ManyhuesError, match=r"broken: .*NaN"):
        report.run(pictures(2), [], {"broken": Constant(float("nan"))}, None, console=quiet())


def test_without_the_extra_there_is_no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "manyhues.evaluation.judge", None)
    console = quiet()
    assert OPEN_JUDGE(console) is None
    assert isinstance(console.file, io.StringIO)
    assert "pip install 'manyhues[train]'" in console.file.getvalue().replace("\n", " ")
    found = report.run(pictures(18), [], {"noise": Noise()}, None, console=quiet())["noise"]
    assert found["frechet"] is None
    assert found["frechet_real"] is None
    assert found["top1_truth"] is None
    assert found["best_of_8_image"] > 0


@pytest.mark.usefixtures("tiny")
def test_all_five_methods_of_the_runtime() -> None:
    names = ["flow", "vae-mdn", "cvae", "cgan", "mean"]
    assert sorted(report.available_methods()) == sorted(names)
    methods = OPEN_METHODS(names)
    found = report.run(
        pictures(16), [], methods, ColourJudge(), Plan(eob_samples=9, draws=2), console=quiet()
    )
    assert list(found) == names
    for name, result in found.items():
        filled = {key for key in KEYS if result[key] is not None}
        assert filled == set(KEYS) - {"top1", "top1_grey", "top1_truth"}, name
        assert (result["variance"] > 1e-9) == (name != "mean"), name
    assert found["mean"]["best_of_8_pixel"] == pytest.approx(found["mean"]["best_of_1"])


@pytest.mark.usefixtures("tiny")
def test_a_method_without_weights() -> None:
    with pytest.raises(WeightsError, match="nonesuch"):
        OPEN_METHODS(["nonesuch"])
    with pytest.raises(UsageError, match="no method"):
        OPEN_METHODS([])


def test_table_has_references_and_dashes() -> None:
    rgb = pictures(18)
    found = report.run(rgb, labels(rgb), FAKES, ColourJudge(), Plan(samples=2), console=quiet())
    console = Console(file=io.StringIO(), width=40)
    table.print_table(found, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "…" not in text  # not cut to the console's width
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert {"grey", "truth", "noise", "faint", "one"} <= set(rows)
    assert "100.0%" in rows["truth"]
    # Of fourteen columns, the best of 8 (of two samples), eob and energy (not asked for) are out.
    assert len(rows["noise"]) == 9
    assert "–" not in rows["noise"]
    assert rows["grey"].count("–") == 4
    assert "16 pixels, seed 0; a fake" in text


def test_table_has_a_row_of_independent_noise_and_says_why_a_share_is_missing() -> None:
    rgb = np.concatenate([np.full((10, SIDE, SIDE, 3), (200, 60, 60)), pictures(10) // 8 + 110])
    plan = Plan(draws=8, draws_limit=5)
    found = report.run(
        rgb.astype(np.uint8), [], {"noise": Noise()}, ColourJudge(), plan, console=quiet()
    )
    report.say_what(found, ["faces"], "test")
    console = Console(file=io.StringIO(), width=40)
    table.print_table(found, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "faces (test half)" in text
    assert "energy (pictures: 5, draws of each: 8)" in text
    assert re.search(r"^ *independent, 5 +\d+\.\d\d", text, re.MULTILINE)
    assert "no Fréchet share: grey" in text
    assert "no colour share: grey" in text


def test_results_are_made_and_remade(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        results,
        "DATA_SETS",
        {
            "lfw": results.DataSet("Faces", folder.name, "faces", 3),
            "imagenet64": results.DataSet("ImageNet", folder.name, "imagenet64", 2),
        },
    )
    monkeypatch.setattr(results, "SIZE", SIDE)
    ablation, out = tmp_path / "ablation.json", tmp_path / "docs"
    ablation.write_text('{"plain L2": {"lfw": {"rms": 0.05, "weighted": 0.09}}}')
    arguments = ["--data-root", str(tmp_path), "--out", str(out), "--methods", "noise,one"]
    arguments += ["--eob-samples", "4", "--eob-limit", "3"]
    assert results.main([*arguments, "--ablation", str(ablation)]) == 0
    text = (out / "results.md").read_text()
    content = json.loads((out / "results.json").read_text())
    noise = content["data_sets"]["lfw"]["results"]["noise"]
    assert f"{noise['best_of_8_pixel']:.2f} ±" in text
    assert "eob over 4 samples of 3 pictures" in text
    assert "| plain L2 | 0.0500 | 0.0900 |" in text
    assert "conditional INN" in text
    assert str(tmp_path) not in text  # a reader's machine has other folders
    with Image.open(out / "images" / "faces.jpg") as figure:
        assert figure.width > 8 * figures.CELL

    more = ["--data-root", str(tmp_path), "--out", str(out), "--methods", "faint", "--add"]
    assert results.main([*more, "--data-sets", "lfw", "--eob-samples", "0"]) == 0
    text = (out / "results.md").read_text()
    assert "eob over 4 samples of 3 pictures" in text
    assert "## ImageNet" in text
    assert results.main([*more, "--data-sets", "moon"]) == 2
    assert "choose from lfw, imagenet64" in capsys.readouterr().err
    assert "**noise**" in text
    assert "**faint**" in text
    assert "| plain L2 |" in text
    added = json.loads((out / "results.json").read_text())["data_sets"]["lfw"]["results"]
    assert added["noise"] == noise
    assert results.main([*more, "--limit", "7"]) == 1
    assert "same --limit" in capsys.readouterr().err
    small = [*more, "--data-sets", "lfw", "--limit", "5"]
    first = ["--data-root", str(tmp_path), "--out", str(tmp_path / "few"), "--limit", "5"]
    assert results.main([*first, "--methods", "one", "--data-sets", "lfw"]) == 0
    again = [word.replace(str(out), str(tmp_path / "few")) for word in small]
    assert results.main([*again, "--half", "dev"]) == 1
    assert "measured on dev and test" in capsys.readouterr().err

    content["data_sets"]["lfw"]["results"]["noise"]["best_of_8_pixel"] = 12.34
    (out / "results.json").write_text(json.dumps(content))
    assert results.main(["--out", str(out), "--from-json"]) == 0
    assert "12.34 ±" in (out / "results.md").read_text()


def test_a_command_names_no_folder_of_this_machine() -> None:
    given = ["--data-root", "../shared/data", "--out", "/home/me/docs", "--ablation", "runs/a.json"]
    line = "python -m tools.report.results --data-root data --out docs --ablation runs/a.json"
    assert results.command_line(given) == line


def test_the_page_is_what_its_figures_make() -> None:
    docs = Path(__file__).parents[2] / "docs"
    made = page.markdown(json.loads((docs / "results.json").read_text("utf-8")))
    assert made == (docs / "results.md").read_text("utf-8")


def test_a_command_given_again_stands_once() -> None:
    first, again = "results --methods a --out docs", "results --out docs --methods b --add"
    before = results.with_command(first, again)
    assert results.with_command(before, "results --add --methods b --out docs").split("\n") == [
        first,
        "    results --add --methods b --out docs",
    ]


def test_results_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert results.main(["--out", str(tmp_path), "--from-json"]) == 1
    assert "results.json" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        results.main(["--out", str(tmp_path)])
    assert stopped.value.code == 2
    with pytest.raises(DataError, match="measure again"):
        page.markdown({"made": {}})


def test_figure_lays_out_groups() -> None:
    rgb = pictures(6)
    groups = figures.colour_groups(FAKES, rgb, figures.spread_rows(6, 3), 4)
    assert [(g.title, g.cells.shape[:2]) for g in groups] == [
        ("grey", (3, 1)),
        ("truth", (3, 1)),
        ("noise", (3, 4)),
        ("faint", (3, 4)),
        ("one", (3, 1)),  # one answer, one column
    ]
    np.testing.assert_array_equal(groups[1].cells[:, 0], rgb[[1, 3, 5]])
    sheet = np.asarray(figures.draw(groups))
    assert sheet.shape[0] > 3 * figures.CELL
    # The second row's truth, seen at its place: a saturated corner would show a channel swap.
    x = figures.MARGIN + figures.CELL + figures.GROUP_GAP + figures.CELL // 2
    x += figures.CELL + figures.GROUP_GAP if groups[2].cells.shape[1] == 1 else 0
    y = figures.MARGIN + figures.HEADER + figures.CELL + figures.GAP + figures.CELL // 2
    np.testing.assert_allclose(sheet[y, x], rgb[3, SIDE // 2, SIDE // 2], atol=12)


def test_rows_of_a_figure_are_spread_evenly() -> None:
    assert figures.spread_rows(1000, 10).tolist() == list(range(50, 1000, 100))
    assert figures.spread_rows(3, 10).tolist() == [0, 1, 2]
