"""Training for people: what a run shows, says, leaves on the disk, and loses when it is killed."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import write_blocks

from manyhues.cli import main as cli
from manyhues.errors import TrainingError
from manyhues.training import checkpoint, loop, registry, run
from manyhues.training.batches import Pieces
from manyhues.training.data.cache import Cache, build_cache, bytes_of
from manyhues.training.loop import Loop
from manyhues.training.methods.vae import Vae, VaeConfig
from manyhues.training.run import train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("people") / "pictures", 24, width=70)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 4)


class Clocked(Loop):
    """Steps take no time but what its clock says: 30 seconds each."""

    saved: list[int]

    def save(self) -> None:
        """As it is, and noted."""
        self.__dict__.setdefault("saved", []).append(self.state.step)
        super().save()


def clocked(
    pictures: Path, out: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, **options: float
) -> Clocked:
    cache = Cache([build_cache(pictures, out.parent / "cache", features=False)])
    out.mkdir()
    task = Vae(VaeConfig(batch_size=4, specificity=0.0))
    running = Clocked(task, [cache], out, minutes=minutes, **options)  # type: ignore[arg-type]
    now = [0.0]
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    step = running._step

    def ticking(pieces: Pieces, progress: float) -> dict[str, float]:
        now[0] += 30
        return step(pieces, progress)

    monkeypatch.setattr(running, "_step", ticking)
    return running


def test_the_first_step_is_logged_and_the_second_saved_and_then_every_minute(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = clocked(pictures, tmp_path / "run", monkeypatch, 4)
    running.run()
    # At the second step, then whenever more than a minute has gone, and at the end.
    assert running.saved == [2, 5, 8, 8]
    with (tmp_path / "run" / "log.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["part", "step", "seconds", "name", "value"]
    steps = [int(row[1]) for row in rows if row[0] == "train" and row[3] == "loss"]
    assert steps == list(range(1, 9))  # slower than 15 seconds a step: each has its row


def test_checkpoint_minutes(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = clocked(pictures, tmp_path / "run", monkeypatch, 4, checkpoint_minutes=2)
    running.run()
    assert running.saved == [2, 7, 8]


def test_a_log_goes_on_under_one_header(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked(pictures, tmp_path / "run", monkeypatch, 1).run()
    monkeypatch.undo()
    train("vae", [pictures], tmp_path / "run", 1.01, True, ["batch_size=4", "specificity=0"])
    assert (tmp_path / "run" / "log.csv").read_text().count("part,step") == 1


def test_few_steps_are_said_not_to_be_a_model(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    train("cvae", [pictures], out, 1e-9, False, ["batch_size=4"])
    _, facts = registry.load(out)
    said = f"still at step {facts['step']}: not a model; give it more --minutes"
    err = capsys.readouterr().err
    assert said in err
    assert "to use it" not in err
    cli.app(["export", str(out)], standalone_mode=False)
    assert said in capsys.readouterr().err
    tensors, facts = checkpoint.read_tensors(out / checkpoint.MODEL)
    checkpoint.write_tensors(out / checkpoint.MODEL, tensors, facts | {"step": 100})
    cli.app(["export", str(out), "--overwrite"], standalone_mode=False)
    assert "not a model" not in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "said"), [("cvae", True), ("vae", False)])
def test_a_run_ends_with_what_comes_next(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    said: bool,
) -> None:
    monkeypatch.setattr(loop, "WARM_UP", 1)
    out = tmp_path / "my run"
    train(kind, [pictures], out, 1e-9, False, ["batch_size=4"])
    assert (f"to use it: manyhues export '{out}'" in capsys.readouterr().err) == said


def test_a_run_killed_between_its_two_files_goes_on(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["batch_size=4"]
    train("cvae", [pictures], out, 1e-9, False, options)
    (out / checkpoint.MODEL).unlink()
    (out / f".{checkpoint.MODEL}.123").write_bytes(b"half")
    with pytest.raises(TrainingError, match="holds a run already"):
        train("cvae", [pictures], out, 1e-9, False, options)
    spent = checkpoint.read_facts(out / checkpoint.RESUME)["seconds"] / 60
    train("cvae", [pictures], out, spent + 0.01, True, options)
    assert registry.load(out)[1]["step"] > 1
    assert list(out.glob(".*")) == []


@pytest.mark.slow
def test_a_run_that_is_killed_is_there(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "manyhues", "train", "cvae", "--data", str(pictures)]
    command += ["--out", str(out), "--minutes", "5", "--set", "batch_size=4"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 240
    while time.monotonic() < end and not (out / checkpoint.MODEL).exists():
        time.sleep(0.1)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert registry.load(out)[1]["step"] >= 1
    train("cvae", [pictures], out, 1e-9, True, ["batch_size=4"])


def test_the_size_of_a_cache_is_said_before_it_is_made(pictures: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        assert not list((tmp_path / "cache").glob("[!.]*"))
        said.append(line)

    folder = build_cache(pictures, tmp_path / "cache", features=False, say=say)
    expected = bytes_of(24, 64, features=False)
    assert expected == 24 * (64 * 64 * 3 + 2)
    stored = sum(path.stat().st_size for path in folder.glob("*.npy"))
    assert stored == pytest.approx(expected, abs=3 * 128)  # the arrays' heads
    assert said == [f"{pictures}: examples at 64: 24, 1 MB in {tmp_path / 'cache'}"]
    build_cache(pictures, tmp_path / "cache", features=False, say=say)
    assert len(said) == 1  # one that is there is not announced
    maps = 40 * 16 * 16 + 112 * 8 * 8 + 320 * 4 * 4
    assert bytes_of(1, 64, features=True) == 64 * 64 * 3 + 2 + 2 * maps


def test_a_small_sets_cache_goes_with_the_run_that_made_it(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["batch_size=4"]
    train("cvae", [pictures], tmp_path / "first", 1e-9, False, options)
    assert not (tmp_path / "cache").exists()
    kept = build_cache(pictures, tmp_path / "cache", features=False)  # not of this run
    train("cvae", [pictures], tmp_path / "second", 1e-9, False, options)
    assert json.loads((kept / "cache.json").read_text())["count"] == 24
    monkeypatch.setattr(run, "KEPT_FROM", 24)
    train("mean", [pictures], tmp_path / "third", 1e-9, False, options)
    assert len(list((tmp_path / "cache").iterdir())) > 1  # no longer small


def test_a_run_that_began_as_a_model_is_one() -> None:
    fresh = {"step": 1, "config": {"start": ""}}
    assert "still at step 1: not a model" in loop.lack(fresh)
    assert loop.lack(fresh | {"step": 100}) == ""
    assert loop.lack(fresh | {"config": {"start": "runs/shipped/flow"}}) == ""
    assert loop.lack(fresh | {"recovered": True}) == ""
