"""What people fault, drawn and laid out, read back, and learned from."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import write_blocks
from PIL import Image
from test_export import save_run

from manyhues import Colorizer
from manyhues.cli import main as cli
from manyhues.errors import DataError, UsageError
from manyhues.model.priors.base import Draw
from manyhues.model.priors.flow import Flow
from manyhues.training import average, registry
from manyhues.training.data.judged import Judged, JudgedBatch, draw, verdicts
from manyhues.training.export.weights import _provenance
from manyhues.training.methods.preference import Preference, PreferenceConfig
from manyhues.training.run import train


@pytest.fixture(scope="module")
def folder(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six judged photographs, drawn with tiny weights of the true working sizes."""
    root = tmp_path_factory.mktemp("judged")
    shutil.copytree(weights, root / "weights")
    manifest = json.loads((root / "weights" / "flow.json").read_text())
    manifest["working_sizes"] = [64, 128]
    (root / "weights" / "flow.json").write_text(json.dumps(manifest))
    pictures = root / "pictures"
    pictures.mkdir()
    for path in sorted(write_blocks(root / "blocks", 6).iterdir()):
        with Image.open(path) as image:
            image.resize((176, 144)).save(pictures / path.name)
    draw(pictures, root / "out", 6, weights=root / "weights")
    (root / "out" / "verdicts.txt").write_text(
        "000 A: 2 5(patch, left); B: 1; C: 1 2 3; D: 6\n001 A: 1 2(cast); B: 4\n"
    )
    return root / "out"


def test_verdicts_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "000 A: 2 5(patch, TL+MC); B: ; C: 1(BC) 1(TL)\n\n012 D: 3(ALL)\n"
    )
    read = verdicts(tmp_path)
    everywhere = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert {name: {k: v.tolist() for k, v in faulty.items()} for name, faulty in read.items()} == {
        "000A": {2: everywhere, 5: [[1, 0, 0], [0, 1, 0], [0, 0, 0]]},
        "000B": {},
        "000C": {1: [[1, 0, 0], [0, 0, 0], [0, 1, 0]]},
        "012D": {3: everywhere},
    }
    (tmp_path / "b.txt").write_text("013 A: 1\nall good\n")
    with pytest.raises(DataError, match=r"b\.txt:2: expected as in"):
        verdicts(tmp_path)
    for line in ("013 A: all", "013 A: 2 b: 3", "013 A: 0", "013 A: (two) 3", "000 A: 1"):
        (tmp_path / "b.txt").write_text(line)
        with pytest.raises(DataError, match=r"b\.txt:1: .*(expected numbers|judged already)"):
            verdicts(tmp_path)


def test_what_is_kept_is_what_was_shown(folder: Path) -> None:
    assert sorted(path.name for path in folder.glob("*.png")) == ["000.png", "001.png"]
    with Image.open(folder / "000.png") as sheet:
        assert sheet.width > 6 * 250
    kept = np.load(folder / "000A.npz")
    assert kept["codes0"].shape == (6, 2, 16, 20)
    assert kept["codes1"].shape == (6, 2, 32, 40)
    assert kept["true1"].shape == (2, 32, 40)
    assert kept["f321"].shape == (320, 8, 10)
    # Samples of a photograph differ, and finer codes keep to coarser ones.
    assert np.abs(np.diff(kept["codes1"].astype(np.float32), axis=0)).mean() > 0.05
    blocks = kept["codes1"].astype(np.float32).reshape(6, 2, 16, 2, 20, 2).mean((3, 5))
    assert np.corrcoef(blocks.ravel(), kept["codes0"].astype(np.float32).ravel())[0, 1] > 0.5


def test_stages_done_are_samples(tiny: Path) -> None:
    colorizer = Colorizer.load("flow")
    prior, some = colorizer.prior, Draw(3, [0, 5], 0.8)
    assert isinstance(prior, Flow)
    scene = colorizer.encode_luminance(
        np.linspace(0, 100, 96 * 96, dtype=np.float32).reshape(96, 96)
    )
    stages = prior.stages(scene, some)
    assert [stage.shape for stage in stages] == [(2, 2, 16, 16), (2, 2, 24, 24)]
    np.testing.assert_array_equal(prior.done(scene, some, stages[-1]), prior.sample(scene, some))


@pytest.mark.parametrize("level", [0, 1])
def test_a_batch_has_a_better_and_a_worse_of_each(folder: Path, level: int) -> None:
    some = Judged([folder], level)
    side = 64 * (level + 1)
    assert (len(some), some.size) == (6, side)
    kept = np.load(folder / "000A.npz")[f"codes{level}"].astype(np.float32)
    batch = some.batch(np.zeros(40, np.int64))
    assert batch.luminance.shape == (40, 1, side, side)
    assert batch.f32.shape == (40, 320, side // 16, side // 16)
    cut = side // 4
    parts = [kept[:, :, :, x : x + cut] for x in range(0, kept.shape[-1] - cut + 1, 4)]
    for codes, numbers in ((batch.better, {0, 2, 3, 5}), (batch.worse, {1, 4})):
        found = {
            k
            for code in codes.numpy()
            for part in parts
            for k in range(6)
            if np.array_equal(part[k], code)
        }
        assert found == numbers
    assert batch.fault.shape == (40, 1, cut, cut)
    flipped = some.batch(np.zeros(40, np.int64), flip=True)
    assert not np.array_equal(flipped.better.numpy(), batch.better.numpy())


def _write(folder: Path, faulty: list[str], values: Any, width: int = 16) -> Judged:
    """Photographs of nothing, 16 cells high, whose six samples have codes of `values`."""
    maps = {
        "luminance": (1, 4),
        "f8": (40, 1),
        "f16": (112, 0.5),
        "f32": (320, 0.25),
        "true": (2, 1),
    }
    scene: dict[str, Any] = {
        f"{name}0": np.zeros((channels, int(16 * scale), int(width * scale)), np.float16)
        for name, (channels, scale) in maps.items()
    }
    codes = np.broadcast_to(np.asarray(values, np.float16), (6, 2, 16, width))
    for number in range(len(faulty)):
        np.savez(folder / f"{number:03d}A.npz", codes0=codes, **scene)
    lines = [f"{number:03d} A: {said}" for number, said in enumerate(faulty)]
    (folder / "verdicts.txt").write_text("\n".join(lines))
    torch.manual_seed(0)
    return Judged([folder], 0)


def test_the_better_is_the_farther_as_often_as_not(tmp_path: Path) -> None:
    """Photographs where what is far from the others is always, mostly and never at fault."""
    values = np.array([0, 0.5, 1, 1.5, 4, -5])
    some = _write(tmp_path, ["5 6"] * 3 + ["4 6"] * 6 + ["2"], values[:, None, None, None])
    batch = some.batch(np.tile(np.arange(10), 200))
    far = [(6 * code[:, 0, 0, 0] - values.sum()).abs() for code in (batch.better, batch.worse)]
    assert 0.46 < (far[0] > far[1]).float().mean() < 0.54


def test_distances_are_compared_where_the_fault_is(tmp_path: Path) -> None:
    """The faulty sample is far from the others in a corner, and another one is everywhere else."""
    values = np.ones((6, 2, 16, 16))
    values[1] = 3
    values[:2, :, :6, 10:] = np.array([2, 1])[:, None, None, None]
    near, far = _write(tmp_path, ["1(TR)", "1"], values).pairs[0]
    assert (len(near), far) == (5, [])
    near, far = _write(tmp_path, ["1", "1(TR)"], values).pairs[0]
    assert (len(near), far) == (4, [(1, 0)])
    pale = np.array([0, 3, 3, 3, 3, 3])[:, None, None, None]  # and far from the others
    near, far = _write(tmp_path, ["1"], pale).pairs[0]
    assert (len(near), far) == (5, [])


def test_a_fault_is_seen_where_it_is(tmp_path: Path) -> None:
    """In parts of a photograph three times as wide as high, also mirrored."""
    values = np.zeros((6, 2, 16, 48))
    values[0, :, 11:, 32:] = 1
    some = _write(tmp_path, ["1(BR)", "1"], values, width=48)
    for flip in (False, True):
        batch = some.batch(np.zeros(40, np.int64), flip=flip)
        patch = batch.worse[:, :1].abs()
        assert batch.fault.amax() == 1
        assert (patch.sum((1, 2, 3)) >= 5 * 8).all()  # half of it at the least
        inside, outside = batch.fault[patch == 1], batch.fault[patch == 0]
        assert inside.mean() > 0.7
        assert outside.mean() < 0.2
    assert (some.batch(np.ones(2, np.int64)).fault == 1).all()


def test_photographs_held_out_are_so_at_both_sizes(folder: Path, tmp_path: Path) -> None:
    """By name: so as well where one has no second size, and in a second copy of the folder."""
    for path in folder.iterdir():
        shutil.copy(path, tmp_path)
    with np.load(tmp_path / "000B.npz") as kept:
        first = {name: value for name, value in kept.items() if name.endswith("0")}
    np.savez(tmp_path / "000B.npz", **first)
    held = []
    for level in (0, 1):
        some = Judged([folder, tmp_path], level)
        assert len(some) == 12 - level
        rows = some.epochs(3, 0, held={})
        taught = set(np.concatenate([next(rows) for _ in range(12)]).tolist())
        assert taught == set(range(some.held, len(some)))
        assert some.held_out(256) == some.held
        luminance = [scene["luminance"] for scene in some.scenes]
        seen = {luminance[row].tobytes() for row in taught}
        held.append({luminance[row].tobytes() for row in range(some.held)})
        assert held[-1]
        assert not held[-1] & seen
    assert len(held[0]) == len(held[1])


def test_judged_folders_are_checked(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photograph with both"):
        Judged([tmp_path], 0)
    shutil.copy(folder / "000A.npz", tmp_path)
    (tmp_path / "verdicts.txt").write_text("000 A: 25\n")
    with pytest.raises(DataError, match=r"000A\.npz: a verdict names sample 25 of 6"):
        Judged([tmp_path], 0)
    (tmp_path / "verdicts.txt").write_text("007 A: 1\n")
    with pytest.raises(DataError, match=r"007A\.npz: was judged and is not there"):
        Judged([tmp_path], 0)


def _task(keep: float, stay: float = 0.0) -> Preference:
    torch.manual_seed(0)
    task = Preference(PreferenceConfig(width=16, keep=keep, stay=stay, beta=(20.0, 20.0)))
    with torch.no_grad():
        for parameter in task.network.parameters():
            if parameter.abs().max() == 0:
                parameter.normal_(std=0.02)
    task.reference.load_state_dict(task.network.state_dict())
    return task


def _teach(task: Preference, batch: JudgedBatch, steps: int) -> None:
    optimizer = torch.optim.Adam(task.groups()[0], 4e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        next(task.steps(batch, 0.0)).loss.backward()
        optimizer.step()


def _faulty_by_half(folder: Path) -> JudgedBatch:
    """One photograph four times, at fault in the left half."""
    batch = Judged([folder], 0).batch(np.zeros(4, np.int64))
    fault = torch.zeros_like(batch.fault)
    fault[..., :8] = 1
    return replace(batch, fault=fault)


def _elsewhere(batch: JudgedBatch) -> JudgedBatch:
    return replace(batch, fault=1 - batch.fault)


def test_the_better_becomes_likelier_against_the_worse(folder: Path) -> None:
    task = _task(keep=0.0)
    batch = Judged([folder], 0).batch(np.arange(3))
    assert isinstance(batch, JudgedBatch)
    before = {k: v.clone() for k, v in task.reference.state_dict().items()}
    first = next(task.steps(batch, 0.0))
    assert float(first.loss.detach()) == pytest.approx(math.log(2) / 20, rel=1e-3)
    _teach(task, batch, steps=12)
    torch.manual_seed(1)
    with torch.no_grad():
        margins = torch.stack([task._compared(batch)[0] for _ in range(6)])
        swapped = replace(batch, better=batch.worse, worse=batch.better)
        against = torch.stack([task._compared(swapped)[0] for _ in range(6)])
    assert margins.mean() > 0.1
    assert against.mean() < -0.1
    for name, value in task.reference.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_it_stays_as_it_was_where_nothing_is_at_fault(folder: Path) -> None:
    batch = _faulty_by_half(folder)
    gone = []
    for stay in (0.0, 30.0):
        task = _task(keep=0.0, stay=stay)
        _teach(task, batch, steps=20)
        torch.manual_seed(1)
        with torch.no_grad():
            gone.append([float(task._compared(x)[1]) for x in (batch, _elsewhere(batch))])
    (free, _), (held, at_fault) = gone
    assert held < free / 3
    assert at_fault > 2 * held


@pytest.mark.parametrize("at_fault", [True, False])
def test_errors_count_where_the_fault_is(
    folder: Path, at_fault: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The velocity for the worse one has gone from its reference's only there, or elsewhere."""
    task = _task(keep=0.0)
    batch = _faulty_by_half(folder)
    where = batch if at_fault else _elsewhere(batch)
    gone = where.fault.expand_as(batch.better)

    def errors(network: Any, _batch: Any, codes: Any, t: Any, noise: Any) -> torch.Tensor:
        off = torch.zeros(len(codes), *noise.shape)
        if network is task.network:
            off[1] = gone  # the worse one is told worse
        return off

    monkeypatch.setattr(task, "_errors", errors)
    margin, elsewhere, _ = task._compared(batch)
    assert margin.tolist() == pytest.approx([20.0 * at_fault] * 4)
    assert float(elsewhere) == pytest.approx(0.0 if at_fault else 0.25)


def test_true_colours_are_kept_in_mind(folder: Path) -> None:
    batch = Judged([folder], 1).batch(np.arange(3))
    with_true, without = (next(_task(keep).steps(batch, 0.0)) for keep in (2.0, 0.0))
    assert float((with_true.loss - without.loss).detach()) > 0.5  # twice an error of about 1


def test_it_trains_and_is_a_flow_afterwards(folder: Path, tmp_path: Path) -> None:
    start = save_run("flow", tmp_path / "start", width=16)
    options = [f"{name}={tmp_path / 'start'}" for name in ("start", "features")]
    options += ["width=16", "batch_size=8", "learning_rate=1e-3"]
    train("preference", [folder], tmp_path / "run", 0.01, False, options)
    train("preference", [folder], tmp_path / "run", 0.02, True, options)
    task, facts = registry.load(tmp_path / "run")
    assert isinstance(task, Preference)
    assert facts["pictures"] == 12
    told = _provenance(facts)  # by the manifest of what is exported
    assert (told["start"]["steps"], told["start"]["pictures"]) == (1, 2)
    same = start.state_dict()
    for name, value in task.reference.state_dict().items():
        torch.testing.assert_close(value, same[f"network.{name}"])
    assert any(
        not torch.equal(v, same[f"network.{k}"]) for k, v in task.network.state_dict().items()
    )
    average.average(tmp_path / "mean", {tmp_path / "start": 1, tmp_path / "run": 1})
    mean, _ = registry.load(tmp_path / "mean")
    parts = [run.state_dict()["network.leave.weight"] for run in (start, task)]
    of_both = mean.state_dict()["network.leave.weight"]
    torch.testing.assert_close(of_both, torch.stack(parts).mean(0))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["features=x"], "--set start=runs/NAME"),
        (["start=x"], "--set features=runs/NAME"),
        (["start=x", "features=x", "beta=[100]"], "a beta for each working size"),
        (["start=x", "features=x", "drop=0.1"], "a drop of 0"),
    ],
)
def test_it_only_trains_on(options: list[str], fault: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=fault):
        train("preference", [folder], tmp_path / "run", 0.01, False, ["width=16", *options])


def test_it_draws_from_the_command_line(tiny: Path, tmp_path: Path) -> None:
    pictures = write_blocks(tmp_path / "pictures", 2)
    arguments = ["judged", str(pictures), "--out", str(tmp_path / "out"), "--count", "1"]
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000.png", "000A.npz"]


def test_sheets_are_drawn_into_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    """A person's own `000.png` may lie in another, and what was drawn has verdicts."""
    pictures = folder.parent / "pictures"
    for other in (pictures, folder):
        before = {path: path.read_bytes() for path in other.iterdir()}
        with pytest.raises(DataError, match="holds files already; use another --out"):
            draw(pictures, other, 1, weights=folder.parent / "weights")
        assert {path: path.read_bytes() for path in other.iterdir()} == before
    told: list[tuple[int, int]] = []
    weights = folder.parent / "weights"
    draw(pictures, tmp_path / "out", 2, weights=weights, tell=lambda *of: told.append(of))
    assert told == [(1, 2), (2, 2)]
