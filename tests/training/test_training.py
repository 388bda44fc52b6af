"""The loop on a handful of invented pictures: it learns, resumes, and fails as it should."""

import copy
import csv
import os
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import write_blocks
from PIL import Image

from manyhues.cli import main as cli
from manyhues.errors import DataError, TrainingError, UsageError, WeightsError
from manyhues.training import checkpoint, loop, registry, run
from manyhues.training.batches import Pieces
from manyhues.training.data.cache import Batch, Cache, build_cache, grey_of
from manyhues.training.data.looks import Looks
from manyhues.training.loop import Loop
from manyhues.training.methods.features import Tune, TuneConfig
from manyhues.training.methods.vae import Vae, VaeConfig
from manyhues.training.networks.grey import GreyFeatures
from manyhues.training.run import train
from manyhues.training.task import Logs, Step, Task


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("pictures"), 24, width=70)


@pytest.fixture(scope="session")
def cache_folder(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_cache(pictures, tmp_path_factory.mktemp("runs") / "cache")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 4)
    monkeypatch.setattr(loop, "LOG_EVERY", 2)


def test_cache_holds_what_the_pictures_hold(pictures: Path, cache_folder: Path) -> None:
    cache = Cache([cache_folder])
    batch = cache.batch(np.arange(len(cache)))
    assert batch.luminance.shape == (24, 1, 64, 64)
    assert batch.ab.shape == (24, 2, 64, 64)
    assert (batch.f8.shape[1:], batch.f32.shape[1:]) == ((40, 16, 16), (320, 4, 4))
    from skimage.color import rgb2lab

    lab = rgb2lab(np.asarray(Image.open(pictures / "003.png"))[:, 3:67])
    assert np.abs(batch.ab[3].permute(1, 2, 0).numpy() - lab[..., 1:]).max() <= 0.51
    assert np.abs((batch.luminance[3, 0].numpy() + 1) * 50 - lab[..., 0]).max() <= 0.21
    flipped = cache.batch(np.arange(24), flip=True)
    assert torch.equal(flipped.ab.flip(-1), batch.ab)


def test_cache_is_found_again_and_keyed(pictures: Path, cache_folder: Path) -> None:
    before = (cache_folder / "ab.npy").stat().st_mtime_ns
    assert build_cache(pictures, cache_folder.parent) == cache_folder
    assert (cache_folder / "ab.npy").stat().st_mtime_ns == before
    assert build_cache(pictures, cache_folder.parent, crops=2) != cache_folder


def test_a_cache_may_be_without_features(pictures: Path, cache_folder: Path) -> None:
    light = build_cache(pictures, cache_folder.parent, features=False)
    assert light != cache_folder
    assert not (light / "f8.npy").exists()
    rows = np.arange(4)
    batch = Cache([light]).batch(rows, features=False)
    assert torch.equal(batch.ab, Cache([cache_folder]).batch(rows).ab)


def test_a_cache_has_what_the_network_sees(pictures: Path, cache_folder: Path) -> None:
    cache = Cache([cache_folder]).batch(np.arange(4))
    grey = torch.from_numpy(grey_of(50 * (cache.luminance.numpy() + 1)))
    for ours, theirs in zip(GreyFeatures()(grey), (cache.f8, cache.f16, cache.f32), strict=True):
        assert float((ours - theirs).std() / ours.std()) < 0.01


def test_a_cache_takes_maps_from_the_finer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = write_blocks(tmp_path / "large", 3)
    for path in pictures.iterdir():
        Image.open(path).resize((140, 130)).save(path)
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    task = Tune(TuneConfig())
    facts = {"kind": "features", "config": checkpoint.config_facts(task.config)}
    checkpoint.write_tensors(tuned / checkpoint.MODEL, checkpoint.state_of(task), facts)
    looked: list[int] = []

    def looks(self: Looks, grey: np.ndarray, size: int) -> list[np.ndarray]:
        looked.append(size)
        return call(self, grey, size)

    call = Looks.__call__
    monkeypatch.setattr(Looks, "__call__", looks)
    small, large = run.open_caches([pictures], tmp_path / "a", (64, 128), tuned=tuned, film=0.5)
    assert looked == [128, 64]
    options: dict[str, Any] = {"crops": 2, "film": 0.5, "tuned": tuned, "finer": True}
    alone = Cache([build_cache(pictures, tmp_path / "b", **options)])
    assert looked == [128, 64, 64, 128]
    assert len(small) == len(large) == len(alone) == 6
    for name in ("luminance", "ab", "f8", "f16", "f32"):
        rows = np.arange(6)
        ours, theirs = (c.array(name, rows).astype(np.float32) for c in (small, alone))
        assert (ours - theirs).std() <= 1e-3 * theirs.std(), name  # rounded to halves once more


def test_a_cache_may_be_held_in_memory(cache_folder: Path) -> None:
    disk, memory = Cache([cache_folder, cache_folder]), Cache([cache_folder, cache_folder])
    memory.hold(torch.device("cpu"))
    rows = np.array([40, 3, 24, 3])
    for ours, theirs in zip(
        vars(memory.batch(rows, flip=True)).values(),
        vars(disk.batch(rows, flip=True)).values(),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    memory.parts = []  # what is held is read no more
    assert torch.equal(memory.batch(rows, features=False).ab, disk.batch(rows).ab)


def test_cache_is_made_anew_when_a_picture_changes(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    shutil.copytree(pictures, folder, ignore=shutil.ignore_patterns("*[3-9].png"))
    before = build_cache(folder, tmp_path / "cache")
    first = next(iter(sorted(folder.iterdir())))
    Image.open(first).transpose(Image.Transpose.ROTATE_180).save(first)
    os.utime(first, (2e9, 2e9))
    assert build_cache(folder, tmp_path / "cache") != before


def test_too_few_pictures_for_the_principal_components(tmp_path: Path) -> None:
    folder = write_blocks(tmp_path / "few", 1)
    with pytest.raises(DataError, match="more than 20"):
        train("vae", [folder], tmp_path / "run", 0.01, False, [])


def test_cache_of_grey_pictures_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    Image.new("L", (64, 64), 90).save(folder / "1.png")
    with pytest.raises(DataError, match="no picture has real colour"):
        build_cache(folder, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_epochs_cover_everything_but_the_held_out(cache_folder: Path) -> None:
    stream = Cache([cache_folder]).epochs(4, 0, held={cache_folder: Fraction(4, 24)})
    epoch = np.concatenate([next(stream) for _ in range(5)])
    assert sorted(epoch) == list(range(4, 24))


@pytest.mark.parametrize("kind", ["vae", "cvae", "cgan", "mean", "detail", "flow"])
def test_every_kind_trains_saves_and_loads(kind: str, pictures: Path, cache_folder: Path) -> None:
    out = cache_folder.parent.parent / f"every-{kind}"
    train(kind, [pictures], out, 0.01, False, ["batch_size=4"])
    task, facts = registry.load(out)
    assert facts["step"] >= 1
    assert facts["config"]["batch_size"] == 4
    assert not task.training
    assert list((out / "sheets").glob("*.png"))
    with (out / "log.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["part", "step", "seconds", "name", "value"]
    assert any(row[0] == "validation" for row in rows)
    assert all(np.isfinite(float(row[4])) for row in rows)


@pytest.mark.parametrize("begun", [False, True], ids=["first weights", "batches and noise"])
def test_a_seed_is_a_run(
    begun: bool, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs to average differ by their seeds, those that begin from the same weights as well."""
    if begun:
        task = registry.build("cvae", registry.make_config("cvae", {"batch_size": "4"}))
        monkeypatch.setattr(run, "build", lambda kind, config: copy.deepcopy(task))
    weights = []
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        train("cvae", [pictures], tmp_path / name, 1e-9, False, ["batch_size=4"], seed=seed)
        weights.append(checkpoint.read_tensors(tmp_path / name / checkpoint.RESUME)[0])
    first, again, other = weights
    names = [name for name in first if name.startswith("model.")]
    assert all(torch.equal(first[name], again[name]) for name in names)
    assert any(not torch.equal(first[name], other[name]) for name in names)
    _, facts = checkpoint.read_tensors(tmp_path / "other" / checkpoint.RESUME)
    assert facts["seed"] == 2  # and goes on with it


def test_what_is_held_out_is_so_in_every_copy_of_a_folder(cache_folder: Path) -> None:
    cache = Cache([cache_folder, cache_folder])
    count = cache.counts[0]
    epoch = next(cache.epochs(2 * count - 8, 0, held=cache.shares(4)))
    assert sorted(epoch) == [*range(4, count), *range(count + 4, 2 * count)]


def test_mdn_predicts_the_code_of_a_vae(pictures: Path, cache_folder: Path) -> None:
    runs = cache_folder.parent.parent
    train("vae", [pictures], runs / "vae", 0.01, False, ["batch_size=4"])
    vae_run = f"vae={runs / 'vae'}"
    with pytest.raises(UsageError, match="vae=runs"):
        train("mdn", [pictures], runs / "mdn0", 0.01, False, [])
    train("mdn", [pictures], runs / "mdn", 0.01, False, ["batch_size=4", vae_run])
    mdn, _ = registry.load(runs / "mdn")
    vae, _ = registry.load(runs / "vae")
    inner = mdn.vae.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(inner[k], v) for k, v in vae.state_dict().items())


def make_loop(cache_folder: Path, out: Path, minutes: float, **options: float) -> Loop:
    out.mkdir(exist_ok=True)
    task = Vae(VaeConfig(batch_size=4, **options))  # type: ignore[arg-type]
    return Loop(task, [Cache([cache_folder])], out, minutes=minutes)


def test_it_learns(cache_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    running = make_loop(cache_folder, tmp_path / "run", 1.0, squared=1.0, specificity=0.0, kl=0.0)
    batch = running.caches[0].batch(np.arange(4, 12), features=False)
    losses = [running._step([(batch, 1.0)], 0.3)["squared"] for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_a_killed_run_goes_on(cache_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = make_loop(cache_folder, out, 0.02)
    first.run()
    minutes = first.state.seconds / 60 + 0.02
    second = make_loop(cache_folder, out, minutes)
    second.resume()
    assert second.state == first.state
    for a, b in zip(first.task.parameters(), second.task.parameters(), strict=True):
        assert torch.equal(a, b)
    ours, theirs = first.optimizers[0].state_dict(), second.optimizers[0].state_dict()
    assert torch.equal(ours["state"][0]["exp_avg"], theirs["state"][0]["exp_avg"])
    second.run()
    assert second.state.step > first.state.step
    assert second.state.seconds >= minutes * 60


def test_interrupt_saves(cache_folder: Path, tmp_path: Path) -> None:
    running = make_loop(cache_folder, tmp_path / "run", 10.0)
    step = running._step

    def interrupted(pieces: Pieces, progress: float) -> dict[str, float]:
        if running.state.step == 3:
            raise KeyboardInterrupt
        return step(pieces, progress)

    running._step = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        running.run()
    _, facts = registry.load(tmp_path / "run")
    assert facts["step"] == 3


def test_resume_with_other_settings_is_refused(cache_folder: Path, tmp_path: Path) -> None:
    make_loop(cache_folder, tmp_path / "run", 0.01).run()
    other = make_loop(cache_folder, tmp_path / "run", 0.02, kl=0.5)
    with pytest.raises(TrainingError, match="differs in kl"):
        other.resume()


class Diverging(Task[VaeConfig]):
    kind = "diverging"
    needs_features = False

    def __init__(self, config: VaeConfig) -> None:
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.ones(1))

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        loss = (self.weight * float("nan")).sum()
        yield Step(loss, {"loss": loss})

    def validate(self, batch: Batch) -> Logs:
        return {}

    def pictures(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {}


def test_nan_stops_the_run_and_spares_the_weights(cache_folder: Path, tmp_path: Path) -> None:
    task = Diverging(VaeConfig(batch_size=4))
    out = tmp_path / "run"
    out.mkdir()
    with pytest.raises(TrainingError, match=r"not finite at step 0.*lower the learning rate"):
        Loop(task, [Cache([cache_folder])], out, minutes=0.1).run()
    assert task.weight.item() == 1.0


def test_an_absurd_learning_rate_ends_in_one_line(
    pictures: Path, cache_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = cache_folder.parent.parent / "absurd"
    arguments = ["train", "vae", "--data", str(pictures), "--out", str(out), "--minutes", "1"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--set", "learning_rate=1e38", "--set", "batch_size=4"])
    assert ended.value.code == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"manyhues: {out}")
    assert "not finite" in last
    assert "lower the learning rate" in last


@pytest.mark.parametrize("damage", ["truncated", "other file", "missing"])
def test_corrupt_checkpoint_is_named(cache_folder: Path, tmp_path: Path, damage: str) -> None:
    out = tmp_path / "run"
    make_loop(cache_folder, out, 0.005).run()
    path = out / checkpoint.MODEL
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "other file":
        path.write_bytes(b"not a checkpoint")
    else:
        path.unlink()
    with pytest.raises(WeightsError, match="train") as caught:
        registry.load(out)
    assert str(path) in str(caught.value)


def test_settings_are_checked(pictures: Path, tmp_path: Path) -> None:
    for options, message in [
        (["width"], "key=value"),
        (["colour=1"], r"no setting `colour`; it has anneal=0\.3, batch_size=128, code=64, "),
        (["kl=much"], "kl=much: expected a number, 0 or more"),
    ]:
        with pytest.raises(UsageError, match=message):
            train("vae", [pictures], tmp_path / "run", 0.01, False, options)
    with pytest.raises(UsageError, match="unknown kind"):
        train("gan", [pictures], tmp_path / "run", 0.01, False, [])
    with pytest.raises(TrainingError, match="nothing to resume"):
        train("vae", [pictures], tmp_path / "run", 0.01, True, [])


def test_learning_rate_schedule() -> None:
    assert loop.learning_rate(1.0, 0, 0.0) == pytest.approx(0.01)
    assert loop.learning_rate(1.0, 1000, 0.3) == 1.0
    assert loop.learning_rate(1.0, 1000, 0.75) == pytest.approx(0.5)
    assert loop.learning_rate(1.0, 1000, 1.0) == pytest.approx(0.01)
