"""The flow trained together with its features, and the mean of several checkpoints."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import write_blocks

from manyhues.errors import TrainingError, UsageError
from manyhues.training import average, checkpoint, loop, registry, run
from manyhues.training.data.cache import Batch
from manyhues.training.methods.features import Tune, TuneConfig, take_heads
from manyhues.training.methods.flow import Flow, FlowConfig
from manyhues.training.methods.joint import Joint, JointConfig
from manyhues.training.networks.grey import GreyFeatures, blend_finer
from manyhues.training.run import train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("pictures"), 8)


def save(task: torch.nn.Module, kind: str, out: Path, step: int = 1) -> Path:
    out.mkdir(parents=True)
    facts = {"kind": kind, "config": checkpoint.config_facts(task.config), "step": step}
    checkpoint.write_tensors(out / checkpoint.MODEL, checkpoint.state_of(task), facts)
    return out


def test_flow_and_features_learn_together(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 4)
    monkeypatch.setattr(loop, "WARM_UP", 1)
    monkeypatch.setattr(run, "KEPT_FROM", 0)  # small caches stay, for they are looked at below
    torch.manual_seed(0)
    begun = save(Flow(FlowConfig(width=16)), "flow", tmp_path / "flow")
    options = [f"start={begun}", "width=16", "batch_size=4", "draws=2", "film=0.5"]
    train("joint", [pictures], tmp_path / "joint", 0.01, False, options)
    task, facts = registry.load(tmp_path / "joint")
    assert facts["step"] >= 1
    before = registry.load(begun)[0].state_dict()
    ours = {k: v for k, v in task.state_dict().items() if k.startswith("network.")}
    assert ours.keys() == before.keys()
    moved = {k for k in ours if not torch.equal(ours[k], before[k])}
    assert "network.enter.weight" in moved
    # A run of this kind is a run of features too.
    tuned = GreyFeatures(tmp_path / "joint").state_dict()
    published = GreyFeatures(network="efficientnet-lite1", zoom=3.0).state_dict()
    blocks = {int(k.split(".")[1]) for k in tuned if not torch.equal(tuned[k], published[k])}
    assert blocks == set(range(7, 21))
    # Training on from it begins with its head, or features would learn from a new one's noise.
    on = registry.build(
        "joint", registry.make_config("joint", {"width": "16", "features": str(tmp_path / "joint")})
    )
    head, mine = "head.logits.weight", task.get_parameter("head.logits.weight")
    assert not torch.equal(on.get_parameter(head), mine)
    on.begin()
    assert torch.equal(on.get_parameter(head), mine)
    narrow = Tune(TuneConfig(width=8))
    fresh = narrow.head.logits.weight.clone()
    take_heads(narrow, tmp_path / "joint")  # of another shape: it begins anew
    assert torch.equal(narrow.head.logits.weight, fresh)
    # Caches hold no features, so that pictures can be cropped anew.
    assert not list((tmp_path / "cache").rglob("f8.npy"))


def test_larger_pictures_teach_both_working_sizes() -> None:
    """The first reads them as `Scene` does: its own maps and a share of the finer ones."""
    torch.manual_seed(0)
    task = registry.build("joint", registry.make_config("joint", {"width": "16", "drop": "0"}))
    assert isinstance(task, Joint)
    luminance, ab = torch.rand(2, 1, 128, 128) * 2 - 1, 40 * torch.randn(2, 2, 128, 128)
    nothing = torch.empty(0)
    batch = Batch(luminance, ab, nothing, nothing, nothing)
    (step,) = task.steps(batch, 0.0)
    expected = {"velocity_128", "nats_128", "blended_velocity_64", "blended_nats_64"}
    assert step.logs.keys() == expected
    task.eval()
    with torch.no_grad():
        coarse = task._coarser(task._look(batch))
        fine, own = task.features(luminance), task.features(luminance, (64, 64))
    assert torch.equal(coarse.luminance, F.avg_pool2d(luminance, 2))
    assert torch.equal(coarse.ab, F.avg_pool2d(ab, 2))
    for part, mixed in zip(
        (coarse.f8, coarse.f16, coarse.f32), blend_finer(own, fine), strict=True
    ):
        assert torch.equal(part, mixed)


def test_draws_are_times_and_noises_of_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Flow(FlowConfig(width=16))
    seen = []

    def velocity(x: torch.Tensor, t: torch.Tensor, *condition: torch.Tensor) -> torch.Tensor:
        seen.append((x, t, condition))
        return torch.zeros_like(x)

    monkeypatch.setattr(task.network, "forward", velocity)
    maps = [torch.randn(2, c, 16 // s, 16 // s) for c, s in ((40, 1), (112, 2), (320, 4))]
    batch = Batch(torch.rand(2, 1, 64, 64), torch.zeros(2, 2, 64, 64), *maps)
    loss = task.loss(batch, 0.0, 0.0, draws=3)
    ((x, t, condition),) = seen
    assert x.shape == (6, 2, 16, 16)
    assert len(t.unique()) == 6
    for part in condition:
        assert torch.equal(part[:2], part[2:4])
        assert torch.equal(part[:2], part[4:])
    # The code is zero and so is the answer: what is left is the noise's mean square.
    assert float(loss) == pytest.approx(float((x / t[:, None, None, None]).square().mean()))


def test_the_mean_of_runs(tmp_path: Path) -> None:
    runs = []
    for step, seed in ((7, 0), (9, 1)):
        torch.manual_seed(seed)
        runs.append(save(Flow(FlowConfig(width=16)), "flow", tmp_path / str(seed), step))
    out = average.average(tmp_path / "mean", {runs[0]: 1.0, runs[1]: 3.0})
    task, facts = registry.load(out)
    assert facts["step"] == 9
    one, other = (registry.load(run)[0].state_dict() for run in runs)
    for name, value in task.state_dict().items():
        assert torch.allclose(value, 0.25 * one[name] + 0.75 * other[name], atol=1e-6)
    tensors, facts = checkpoint.read_tensors(runs[1] / checkpoint.MODEL)
    (tmp_path / "more").mkdir()
    more = {"head": torch.ones(3), **tensors}  # thrown away after training
    checkpoint.write_tensors(tmp_path / "more" / checkpoint.MODEL, more, facts)
    out = average.average(tmp_path / "both", {runs[0]: 1.0, tmp_path / "more": 3.0})
    both, _ = checkpoint.read_tensors(out / checkpoint.MODEL)
    assert torch.equal(both.pop("head"), torch.ones(3))
    assert all(torch.allclose(both[k], v, atol=1e-6) for k, v in task.state_dict().items())
    # A flow run with one that brings its features as well, whichever trained longer.
    joint = save(Joint(JointConfig(width=16)), "joint", tmp_path / "joint", 2)
    task, facts = registry.load(average.average(tmp_path / "kin", {runs[0]: 1.0, joint: 1.0}))
    assert facts["kind"] == "joint"
    mixed, alone = task.state_dict(), registry.load(joint)[0].state_dict()
    own = {name for name in alone if name.startswith("features.")}
    assert own
    assert all(torch.allclose(mixed[name], alone[name]) for name in own)
    name = "network.enter.weight"
    assert torch.allclose(mixed[name], (one[name] + alone[name]) / 2, atol=1e-6)
    with pytest.raises(TrainingError, match="holds a run already"):
        average.average(tmp_path / "mean", {runs[0]: 1.0})
    save(Flow(FlowConfig(width=32)), "flow", tmp_path / "wide")
    with pytest.raises(TrainingError, match=r"wide: another kind of run than the first"):
        average.average(tmp_path / "new", {runs[0]: 1.0, tmp_path / "wide": 1.0})
    with pytest.raises(UsageError, match="sum above zero"):
        average.average(tmp_path / "new", {runs[0]: 0.0})
    assert not (tmp_path / "new").exists()
