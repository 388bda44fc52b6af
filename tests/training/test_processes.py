"""Training in several processes: the same steps as alone, and on with another number of them."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import write_blocks

from manyhues.errors import UsageError
from manyhues.training import loop, registry
from manyhues.training.data.cache import Batch, Cache, build_cache
from manyhues.training.loop import Loop
from manyhues.training.networks.grey import CHANNELS
from manyhues.training.processes import Processes
from manyhues.training.run import train

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SMALL = ["--set", "width=16", "--set", "batch_size=6"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than the loop holds out."""
    return write_blocks(tmp_path_factory.mktemp("many") / "pictures", loop.HELD_OUT + 24)


@pytest.fixture(scope="module")
def cache(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache([build_cache(pictures, pictures.parent / "cache")])


def where(pictures: Path, out: Path) -> list[str]:
    return ["--data", str(pictures), "--out", str(out)]


def script(launcher: list[str], pictures: Path, out: Path, *options: str) -> dict[str, Any]:
    command = [*launcher, str(SCRIPT), *where(pictures, out), *options]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(
    pictures: Path,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = pictures.parent
    options = ["--kind", "mean", "--steps", "12", *SMALL]
    both = script(TORCHRUN, pictures, runs / "both", *options)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [str(SCRIPT), *where(pictures, runs / "alone"), *options])
        runpy.run_path(str(SCRIPT), run_name="__main__")
    alone = json.loads(capsys.readouterr().out)
    assert both["processes"] == 2
    # The same rows in the same order: what differs is the rounding of bfloat16.
    assert both["losses"] == pytest.approx(alone["losses"], rel=5e-3)
    assert both["validation"] == pytest.approx(alone["validation"], rel=5e-3)
    assert max(alone["losses"]) - min(alone["losses"]) > 0.05  # batches differ: agreeing says much
    # What two began, one goes on with; the batch stays the configuration's.
    train("mean", [pictures], runs / "both", 0.02, True, ["width=16", "batch_size=6"])
    _, facts = registry.load(runs / "both")
    assert facts["step"] > 12
    assert facts["config"]["batch_size"] == 6


@pytest.mark.slow
def test_torchrun_of_the_command_line_stops_and_saves_as_one(pictures: Path, cache: Cache) -> None:
    """The adversaries' two optimizers, uneven shares (5 of 3 and 2), one log, a polite kill."""
    out = pictures.parent / "gan"
    command = [*TORCHRUN, "-m", "manyhues", "train", "cgan", "--data", str(pictures)]
    command += ["--out", str(out), "--minutes", "5", "--set", "batch_size=5"]
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    end = time.monotonic() + 240
    log = out / "log.csv"
    while time.monotonic() < end and not (log.exists() and ",loss," in log.read_text()):
        time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    errors = running.communicate(timeout=240)[1]
    assert errors.count("the same command with --resume goes on") == 1, errors
    _, facts = registry.load(out)
    assert facts["step"] >= 1
    steps = [row.split(",")[1] for row in log.read_text().splitlines() if ",loss," in row]
    assert steps == sorted(set(steps), key=int)  # one process wrote


@pytest.mark.parametrize(("count", "parts", "rows"), [(1, 1, 8), (2, 1, 5), (3, 2, 8), (4, 1, 4)])
def test_shares_make_up_the_batch(count: int, parts: int, rows: int) -> None:
    values = torch.arange(float(rows)) ** 2
    means = []
    covered: list[int] = []
    for rank in range(count):
        pieces = Processes(rank, count).share(parts, rows)
        covered += [row for cut, _ in pieces for row in range(rows)[cut]]
        means.append(sum(weight * values[cut].mean() for cut, weight in pieces))
    assert covered == list(range(rows))
    assert float(sum(means) / count) == pytest.approx(float(values.mean()))


@pytest.mark.parametrize("kind", ["mean", "cgan"])
def test_accumulation_takes_the_same_steps(kind: str, cache: Cache, tmp_path: Path) -> None:
    taken = []
    for pieces in (1, 3):
        torch.manual_seed(0)
        settings = {"batch_size": "6"} | ({"width": "16"} if kind == "mean" else {})
        task = registry.build(kind, registry.make_config(kind, settings))
        task.eval()  # batch norm sees a piece at a time; its running statistics do not
        running = Loop(task, [cache], tmp_path, minutes=1.0, accumulate=pieces)
        batches = running._batches()
        torch.manual_seed(0)
        taken.append([running._step(next(batches), 0.0)["loss"] for _ in range(3)])
    assert taken[1] == pytest.approx(taken[0], rel=2e-2)


def test_a_batch_too_small_to_share(cache: Cache, tmp_path: Path) -> None:
    task = registry.build("mean", registry.make_config("mean", {"batch_size": "2", "width": "16"}))
    running = Loop(task, [cache], tmp_path, minutes=1.0, accumulate=3)
    with pytest.raises(UsageError, match="batch of 2 cannot be cut"):
        next(running._batches())


@pytest.mark.parametrize("kind", ["vae", "mdn", "cvae", "cgan", "mean", "detail", "flow"])
def test_everything_stays_on_the_device(kind: str) -> None:
    """Shapes without values: the meta device refuses to meet the CPU, as a GPU would."""
    meta = torch.device("meta")
    task = registry.build(kind, registry.make_config(kind, {})).to(meta)
    size = task.sizes[0]
    shapes = [(1, size, size), (2, size, size)]
    strides = zip(CHANNELS, (4, 8, 16), strict=True)
    shapes += [(channels, size // stride, size // stride) for channels, stride in strides]
    batch = Batch(*(torch.empty(4, *shape, device=meta) for shape in shapes))
    for step in task.steps(batch, 0.5):
        step.loss.backward()
        assert step.loss.device == meta
    assert all(value.device == meta for value in task.validate(batch).values())
    if kind != "mdn":  # its sampler looks at values
        assert all(value.device == meta for value in task.pictures(batch).values())
