"""Training of what is small, cut, killed, damaged or started wrongly."""

import errno
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import colourful, write_blocks
from PIL import Image
from safetensors import SafetensorError

from manyhues.cli import main as cli
from manyhues.errors import DataError, OutputError, TrainingError, UsageError
from manyhues.training import checkpoint, loop, registry, run
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.export import quantize
from manyhues.training.loop import Loop
from manyhues.training.methods.cvae import Cvae, CvaeConfig
from manyhues.training.run import open_caches, train
from tools.report import study


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("few") / "pictures", 24)


@pytest.fixture(scope="module")
def cache(pictures: Path) -> Cache:
    """Beside the runs that tests put into their own folders, so made once."""
    return Cache([build_cache(pictures, pictures.parent / "cache")])


def make_loop(cache: Cache, out: Path, minutes: float) -> Loop:
    out.mkdir()
    return Loop(Cvae(CvaeConfig(batch_size=4)), [cache], out, minutes=minutes)


# Small sets and held-out pictures


@pytest.mark.parametrize("count", [3, 24])
def test_a_set_smaller_than_what_is_held_out_of_large_ones(count: int, tmp_path: Path) -> None:
    assert count < loop.HELD_OUT
    folder = write_blocks(tmp_path / "pictures", count)
    train("mean", [folder], tmp_path / "run", 0.002, False, ["batch_size=4", "width=16"])
    assert registry.load(tmp_path / "run")[1]["step"] >= 1


def test_a_set_too_small_to_train_on(tmp_path: Path) -> None:
    folder = write_blocks(tmp_path / "pictures", 1)
    with pytest.raises(DataError, match=r"pictures: too small, .* at least 3 pictures"):
        train("mean", [folder], tmp_path / "run", 0.002, False, ["width=16"])


def test_a_small_set_cannot_be_shared_by_more_than_it_has(cache: Cache, tmp_path: Path) -> None:
    task = Cvae(CvaeConfig(batch_size=64))
    running = Loop(task, [cache], tmp_path, minutes=1.0, accumulate=30)
    with pytest.raises(UsageError, match=r"batch of 20 cannot be cut"):
        next(running._batches())


def test_what_is_held_out_is_so_at_every_working_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sets, of which one serves both sizes, with a grey picture that both leave out."""
    monkeypatch.setattr(loop, "HELD_OUT", 5)
    large, small = tmp_path / "large", write_blocks(tmp_path / "small", 60)
    large.mkdir()
    random = np.random.default_rng(0)
    for number in range(9):  # each of a hue of its own, by which its versions are known
        hue = np.array([30 + 20 * number, 210 - 20 * number, 60])
        tiles = hue + random.integers(-30, 30, (13, 13, 3))
        image = Image.fromarray(tiles.astype(np.uint8)).resize((130, 130), Image.Resampling.NEAREST)
        image.convert("L" if number == 1 else "RGB").save(large / f"{number}.png")
    caches = open_caches([large, small], tmp_path / "cache", (64, 128), features=False)
    assert [cache.counts for cache in caches] == [[16, 60], [16]]
    held = caches[0].shares(caches[0].held_out(loop.HELD_OUT))
    hues = [some.array("ab", np.arange(16)).mean((2, 3)) for some in caches]
    centres = hues[0][::2]
    for some, hue in zip(caches, hues, strict=True):
        taught = some.taught(held)
        picture = np.abs(hue[:, None] - centres).sum(2).argmin(1)
        assert sorted(picture) == sorted([*range(8), *range(8)])
        assert {*picture[:5]} == {0, 1, 2}  # of which there are two versions each
        assert {*picture[taught[taught < 16]]} == {*range(3, 8)}
        assert len(taught) == len(some) - 6


def test_a_size_that_has_only_held_out_pictures_is_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 4)
    large, small = tmp_path / "large", write_blocks(tmp_path / "small", 40)
    large.mkdir()
    for number in range(2):
        Image.fromarray(colourful(130, 130, number)).save(large / f"{number}.png")
    caches = open_caches([large, small], tmp_path / "cache", (64, 128))
    running = Loop(Cvae(CvaeConfig(batch_size=8)), caches, tmp_path, minutes=1.0)
    batches = running._batches()
    assert all(next(batches)[0][0].ab.shape == (8, 2, 64, 64) for _ in range(20))


# Runs that stop


def test_what_a_diverged_run_advises_works(pictures: Path, cache: Cache, tmp_path: Path) -> None:
    data, out = [pictures], pictures.parent / "diverged"
    with pytest.raises(TrainingError, match=r"lower the learning rate from 1e.38 .* start again"):
        train("vae", data, out, 1.0, False, ["batch_size=4", "learning_rate=1e38"])
    train("vae", data, out, 0.01, False, ["batch_size=4", "learning_rate=1e-3"])
    _, before = registry.load(out)
    with pytest.raises(TrainingError, match=r"lower the learning rate .* --resume from the last"):
        train("vae", data, out, 1.0, True, ["batch_size=4", "learning_rate=1e38"])
    more = before["seconds"] / 60 + 0.01  # at least a step, however long the first ones took
    train("vae", data, out, more, True, ["batch_size=4", "learning_rate=1e-5"])
    _, after = registry.load(out)
    assert after["step"] > before["step"]
    assert after["config"]["learning_rate"] == 1e-5
    train("vae", data, out, 0.025, True, ["batch_size=4"])  # not at the kind's own rate
    assert registry.load(out)[1]["config"]["learning_rate"] == 1e-5
    with pytest.raises(TrainingError, match="differs in kl; "):
        train("vae", data, out, 0.03, True, ["batch_size=4", "kl=0.5"])


def test_another_learning_rate_is_the_optimizers(cache: Cache, tmp_path: Path) -> None:
    make_loop(cache, tmp_path / "run", 0.002).run()
    task = Cvae(CvaeConfig(batch_size=4, learning_rate=1e-7))
    on = Loop(task, [cache], tmp_path / "run", minutes=0.004)
    on.resume()
    on.run()
    assert all(group["lr"] <= 1e-7 for o in on.optimizers for group in o.param_groups)


@pytest.mark.parametrize("when", ["_validate", "save"])
def test_an_interrupt_at_the_end_saves(
    when: str, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = make_loop(cache, tmp_path / "run", 0.002)

    def interrupted(*_: object) -> None:
        monkeypatch.undo()  # by one press of Ctrl-C
        raise KeyboardInterrupt

    monkeypatch.setattr(running, when, interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.run()
    assert registry.load(tmp_path / "run")[1]["step"] == running.state.step > 0


@pytest.mark.parametrize("saved", [False, True])
def test_an_interrupted_command_says_what_goes_on(
    saved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"

    def interrupted(*_: object) -> None:
        out.mkdir()
        if saved:
            (out / checkpoint.RESUME).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "vae", "--data", "x", "--out", str(out)])
    assert ended.value.code == 130
    said = capsys.readouterr().err
    assert ("--resume goes on" in said) == saved
    assert ("the same command starts again" in said) != saved


def test_no_time_is_wrong_usage(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "vae", "--data", str(pictures), "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--minutes", "0"])
    assert ended.value.code == 2
    assert "manyhues: --minutes 0: " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_interrupted_variant_of_the_ablation_goes_on(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "VARIANTS", {"one": ["batch_size=4"], "two": ["batch_size=4"]})
    validate = Loop._validate
    calls: list[Path] = []

    def interrupted(self: Loop, *given: object) -> object:
        calls.append(self.out)
        if len(calls) == 2:
            self.state.seconds = 0.3  # as if it were cut halfway
            raise KeyboardInterrupt
        return validate(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Loop, "_validate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.ablation(pictures, pictures, tmp_path, 0.01)
    first = (tmp_path / "one" / checkpoint.MODEL).stat().st_mtime_ns
    table = study.ablation(pictures, pictures, tmp_path, 0.01)
    assert min(table[name]["pictures"]["minutes"] for name in ("one", "two")) >= 0.01
    assert [path.name for path in calls] == ["one", "two", "two"]
    assert (tmp_path / "one" / checkpoint.MODEL).stat().st_mtime_ns == first


# Caches


def test_what_a_killed_run_left_is_no_obstacle_and_goes_after_a_day(
    pictures: Path, tmp_path: Path
) -> None:
    """In a container the next run may have the same process id."""
    root = tmp_path / "cache"
    folder = build_cache(pictures, root, features=False)
    old, new = root / f".{folder.name}.12", root / f".{folder.name}.{os.getpid()}"
    for left in (old, new):
        shutil.copytree(folder, left)
    shutil.rmtree(folder)
    past = time.time() - 3 * 86400
    for path in (*old.iterdir(), old):
        os.utime(path, (past, past))
    assert build_cache(pictures, root, features=False) == folder
    assert sorted(path.name for path in root.iterdir()) == sorted([new.name, folder.name])
    # Others may read it if they may read a folder that is made here.
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_damaged_first_picture_is_left_out_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_blocks(tmp_path / "pictures", 4)
    whole = (folder / "000.png").read_bytes()
    (folder / "000.png").write_bytes(whole[: len(whole) // 2])
    (cache,) = open_caches([folder], tmp_path / "cache", (64, 128), features=False)
    assert len(cache) == 3
    assert "left out: 000.png" in caplog.text


# Commands


def test_quantisation_reads_a_folder_without_training_shards(weights: Path, tmp_path: Path) -> None:
    write_blocks(tmp_path / "pictures", 3)
    images = [path.read_bytes() for path in sorted((tmp_path / "pictures").iterdir())]
    shutil.rmtree(tmp_path / "pictures")
    pq.write_table(pa.table({"image": images}), tmp_path / "val-0.parquet")
    folder = shutil.copytree(weights, tmp_path / "weights")
    data, _ = quantize.quantize(folder, "flow", "flow.condition.onnx", tmp_path)
    assert data


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["average", "--out", "mean", "nowhere"], 1, "no checkpoint here"),
        (["average", "--out", "mean", "nowhere=much"], 2, "nowhere=much: expected RUN=WEIGHT"),
        (["average", "--out", "mean", "nowhere=nan"], 2, "nowhere=nan: no number to weigh by"),
        (["average", "--out", "mean", "a", "a=2"], 2, "a: named twice"),
        (["recover", "--out", "runs", "--weights", "nowhere"], 1, "cannot be read"),
        (["judged", "nowhere", "--out", "judged"], 1, "no such file or folder"),
    ],
)
def test_verbs_end_in_one_line_too(
    arguments: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == status
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("manyhues: ")
    assert said in line


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            SafetensorError('I/O error: No space left on device (os error 28) at path "/.tmpX"'),
            "No space left on device",
        ),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded"),
        (SafetensorError("something else"), "something else"),
    ],
)
def test_a_checkpoint_that_cannot_be_written_is_one_line_and_leaves_the_last(
    said: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, old = tmp_path / checkpoint.RESUME, {"a": torch.zeros(3)}
    checkpoint.write_tensors(path, old, {"step": 1})

    def full(tensors: object, partial: Path, metadata: object) -> None:
        partial.write_bytes(b"half")
        raise said

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OutputError) as raised:
        checkpoint.write_tensors(path, {"a": torch.ones(3)}, {"step": 2})
    assert str(raised.value).startswith(f"{path}: cannot be written ({told}); ")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert checkpoint.read_facts(path)["step"] == 1
