"""Runs of earlier versions go on; what is wrong is said before anything is written."""

import shutil
from pathlib import Path

import pytest
from conftest import write_blocks

from manyhues.cli import main as cli
from manyhues.errors import UsageError
from manyhues.model import manifest
from manyhues.training import registry
from manyhues.training.average import average
from manyhues.training.run import train

RUNS = Path(__file__).parent / "runs"


def test_a_run_begun_before_the_modules_moved_goes_on(tmp_path: Path) -> None:
    """Checkpoints written by the code of commit 8e3d278, before the house was rebuilt."""
    out = shutil.copytree(RUNS / "before_the_move", tmp_path / "run")
    _, before = registry.load(out)
    pictures = write_blocks(tmp_path / "pictures", 6)
    train("detail", [pictures], out, 0.03, True, ["batch_size=4", "width=4"])
    _, after = registry.load(out)
    assert (before["step"], before["kind"]) == (1, "detail")
    assert after["step"] > before["step"]
    assert after["seconds"] > before["seconds"]
    assert after["config"] == before["config"]


@pytest.mark.parametrize("seed", ["18446744073709551616", "9223372036854775808"])
def test_a_seed_too_large_is_one_line_and_leaves_no_folder(
    seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "mean", "--data", "x", "--out", str(out), "--seed", seed])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a whole number from 0 to" in line
    assert not out.exists()


def test_an_unknown_kind_is_wrong_usage_and_names_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "oracle", "--data", "x", "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "adversarial, cgan, cvae, detail, features, flow, joint" in line


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_mean_takes_numbers_alone(weight: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no number to weigh by"):
        average(tmp_path / "mean", {RUNS / "before_the_move": weight})
    assert not (tmp_path / "mean").exists()


def test_export_wants_to_be_asked_for_the_packages_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "package"
    own.mkdir()
    (own / "features.onnx").touch()
    monkeypatch.setattr(manifest, "WEIGHTS", own)
    run = shutil.copytree(RUNS / "before_the_move", tmp_path / "run")

    def export(*more: str) -> int:
        with pytest.raises(SystemExit) as ended:
            cli.main(["export", str(run), *more])
        return int(ended.value.code or 0)

    assert export("--weights", str(own)) == 2
    assert export("--weights", str(tmp_path), "--into-package") == 2
    assert [path.name for path in own.iterdir()] == ["features.onnx"]
    assert export("--into-package") == 0
    assert (own / "detail.decoder.onnx").stat().st_size
    assert export("--into-package") == 1
    assert "exists already; add --overwrite" in capsys.readouterr().err
    assert export("--into-package", "--overwrite") == 0
    assert not (run / "weights").exists()
