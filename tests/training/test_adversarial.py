"""The velocity trained on through its own steps, against a critic that sees colours."""

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_blocks
from test_export import save_run

from manyhues.color.lab import lab_to_rgb
from manyhues.errors import UsageError
from manyhues.training import average, checkpoint, loop, registry
from manyhues.training.data.cache import Batch
from manyhues.training.methods import adversarial
from manyhues.training.methods.adversarial import Adversarial, AdversarialConfig
from manyhues.training.networks.critic import Critic, hinge, in_colour, told_apart
from manyhues.training.run import train

NOTHING = torch.empty(0)


def batch(count: int, size: int) -> Batch:
    luminance, ab = torch.rand(count, 1, size, size) * 2 - 1, 15 * torch.randn(count, 2, size, size)
    return Batch(luminance, ab, NOTHING, NOTHING, NOTHING)


@pytest.fixture(scope="module", autouse=True)
def _near_enough() -> Iterator[None]:
    """The critic looks at pictures as small as they are: its networks are slow on a CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adversarial, "ZOOM", (1.0, 1.0))
        yield


@pytest.fixture(scope="module")
def ready() -> Adversarial:
    """A task whose critic has learned alone for long enough, of untrained networks."""
    torch.manual_seed(0)
    task = Adversarial(AdversarialConfig(width=16, alone=0.5, film=0.0))
    task.critic = Critic(("efficientnet-lite0",), width=16)
    with torch.no_grad():
        for parameter in task.network.parameters():
            if parameter.abs().max() == 0:
                parameter.normal_(std=0.02)
    return task.train()


def test_colours_are_shown_to_the_critic_as_the_runtime_has_them() -> None:
    lab = np.array([[30, 20, -30], [70, -25, 40], [50, 0, 0], [95, -2, 3]], np.float32)
    tensor = torch.from_numpy(lab).T.reshape(1, 3, 1, 4)
    rgb = in_colour(tensor[:, :1] / 50 - 1, tensor[:, 1:])
    expected = 255 * lab_to_rgb(lab.astype(np.float64))
    np.testing.assert_allclose(rgb[0, :, 0].T.numpy(), expected, atol=0.05)


def test_a_colour_out_of_gamut_is_led_back() -> None:
    ab = torch.tensor([0.0, 150.0]).reshape(1, 2, 1, 1).requires_grad_()
    rgb = in_colour(torch.zeros(1, 1, 1, 1), ab)
    assert float(rgb.detach().min()) == 0
    rgb[:, 2].sum().backward()  # blue is clipped to 0: more of it wants less b
    assert ab.grad is not None
    assert float(ab.grad[0, 1]) < 0


def test_a_critic_learns_to_tell_colours_from_grey() -> None:
    torch.manual_seed(0)
    critic = Critic(("efficientnet-lite0",), width=16)
    assert {name.split(".")[0] for name in critic.state_dict()} == {"heads"}
    some = batch(4, 32)
    with torch.no_grad():
        grey = critic.look(in_colour(some.luminance, 0 * some.ab), 2.0)
        colour = critic.look(in_colour(some.luminance, some.ab), 2.0)
    assert [tuple(m.shape[2:]) for m in colour] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    same = critic(colour, grey)
    assert told_apart(same, same).item() == pytest.approx(0.5)
    nothing = [torch.zeros(4, 1, 2, 2)]
    assert float(hinge(nothing, nothing)) == 2
    assert float(hinge([nothing[0] + 1], [nothing[0] - 1])) == 0
    optimizer = torch.optim.Adam(critic.parameters(), 3e-3)
    for _ in range(25):
        loss = hinge(critic(colour, grey), critic(grey, grey))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1
    assert told_apart(critic(colour, grey), critic(grey, grey)).item() == 1


def test_samples_are_drawn_as_the_runtime_draws_them(ready: Adversarial) -> None:
    """Eight steps at the first working size, two more at the second; both teach the velocity."""
    seen = ready._look(batch(1, 128))
    levels = ready._levels(seen)
    assert [level.ab.shape[-1] for level in levels] == [64, 128]
    times: list[float] = []
    handle = ready.network.register_forward_pre_hook(lambda _, args: times.append(float(args[1])))
    code = ready._drawn(levels)
    handle.remove()
    assert code.shape == (1, 2, 32, 32)
    assert len(times) == 10
    assert times[0] == 1
    assert times[8] == pytest.approx(0.6)
    assert all(a > b for size in (times[:8], times[8:]) for a, b in pairwise(size))
    # What the first size drew is on the way back as well.
    first = levels[0].f8.detach().requires_grad_()
    levels[0] = dataclasses.replace(levels[0], f8=first)
    ready._drawn(levels).square().mean().backward()
    assert first.grad is not None
    assert float(first.grad.abs().max()) > 0
    ready.zero_grad()


def test_the_critic_weighs_as_much_as_it_was_told_to(ready: Adversarial) -> None:
    parameters = list(ready.network.parameters())

    def norm(loss: torch.Tensor) -> float:
        parts = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return float(torch.cat([p.flatten() for p in parts if p is not None]).norm())

    part, seen = ready._cut(batch(1, 64))
    true, grey = ready._context(part, seen)
    assert not any(m.requires_grad for m in true)
    fooled = -ready.critic(ready._shown(ready._drawn([seen]), part, seen), grey)[0].mean()
    flow = ready.loss(seen, 0.0, 0.0)
    ready.balance.zero_()
    weight = ready._weight(fooled, flow, 0)
    ratio = float(weight) * norm(fooled) / norm(flow)
    assert ratio == pytest.approx(ready.config.ratio, rel=1e-3)
    assert ready.balance[1] == 0  # the other working size is measured for itself
    # From now on smoothly, and not after every batch.
    first = float(ready.balance[0])
    ready._weight(10 * fooled, flow, 0)
    assert float(ready.balance[0]) == first
    ready.heard.zero_()
    ready._weight(2 * fooled, flow, 0)
    assert float(ready.balance[0]) == pytest.approx(first * 0.5**0.15, rel=1e-3)
    ready.heard.zero_()
    ready._weight(1e6 * fooled, flow, 0)
    assert float(ready.balance[0]) == pytest.approx(first * (0.5 / 3) ** 0.15, rel=1e-3)


def test_velocity_and_critic_learn_against_each_other(ready: Adversarial) -> None:
    torch.manual_seed(0)
    ready.zero_grad()
    ready.balance.zero_()
    alone = [step.logs.keys() for step in ready.steps(batch(1, 64), 0.4)]
    assert alone == [{"velocity_64"}, {"critic_64"}]
    velocity, critic = ready.steps(batch(1, 64), 0.6)
    assert (velocity.group, critic.group) == (0, 1)
    weight = ready.config.ratio * ready.balance[0]
    expected = velocity.logs["velocity_64"] - weight * velocity.logs["fooled_64"]
    assert velocity.loss.item() == pytest.approx(expected.item(), rel=1e-4)
    critic.loss.backward()
    assert all(p.grad is not None for p in ready.critic.parameters())
    assert all(p.grad is None for p in ready.network.parameters())
    optimizer = torch.optim.Adam(ready.critic.parameters(), 3e-3, (0.0, 0.99))
    same = batch(1, 64)
    for _ in range(8):  # the critic learns to tell them apart, and in the right direction
        torch.manual_seed(1)
        _, critic = ready.steps(same, 0.4)
        optimizer.zero_grad()
        critic.loss.backward()
        optimizer.step()
    assert critic.loss.item() < 1.8
    torch.manual_seed(1)
    velocity, _ = ready.steps(same, 0.6)
    assert velocity.logs["fooled_64"].item() < 0
    ready.zero_grad()


def test_larger_pictures_are_told_apart_at_their_own_size(ready: Adversarial) -> None:
    velocity, critic = ready.steps(batch(1, 128), 0.6)
    names = {"velocity_128", "blended_velocity_64", "fooled_128"}
    assert velocity.logs.keys() == names
    assert critic.logs.keys() == {"critic_128"}


def test_it_trains_on_and_leaves_features_and_decoder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HELD_OUT", 2)
    monkeypatch.setattr(loop, "WARM_UP", 1)
    pictures = write_blocks(tmp_path / "pictures", 6)
    before = save_run("joint", tmp_path / "joint", width=16).state_dict()
    decoder = save_run("detail", tmp_path / "detail", features=str(tmp_path / "joint")).state_dict()
    begun = [f"{name}={tmp_path / 'joint'}" for name in ("start", "features")]
    options = [*begun, f"decoder={tmp_path / 'detail'}", "width=16", "batch_size=2", "alone=0"]
    train("adversarial", [pictures], tmp_path / "run", 0.06, False, options)
    task, facts = registry.load(tmp_path / "run")
    assert isinstance(task, Adversarial)
    assert facts["step"] >= 1
    after = task.state_dict()
    assert float(task.balance[0]) > 0  # the critic was heard
    moved = {
        name for name, value in before.items() if not torch.equal(value, after.get(name, value))
    }
    assert moved
    assert all(name.startswith("network.") for name in moved)
    assert all(torch.equal(value, after[name]) for name, value in decoder.items())
    assert "told_apart" in (tmp_path / "run" / "log.csv").read_text()
    # A mean with the run that it began from is a run of this kind, without that one's heads.
    mean = average.average(tmp_path / "mean", {tmp_path / "joint": 1.0, tmp_path / "run": 1.0})
    mixed, facts = registry.load(mean)
    assert facts["kind"] == "adversarial"
    assert [part["share"] for part in facts["mean_of"]] == [0.5, 0.5]
    name = "network.enter.weight"
    expected = (before[name] + after[name]) / 2
    assert torch.allclose(mixed.state_dict()[name], expected, atol=1e-6)
    plan = mixed.export_plan(mean)
    assert plan.manifest is not None
    assert plan.manifest.method == "flow"
    assert [g.name.split(".")[1] for g in plan.graphs] == ["condition", "velocity", "features"]


def test_its_samples_are_whole(tmp_path: Path) -> None:
    run = str(tmp_path / "joint")
    save_run("joint", tmp_path / "joint", width=16)
    settings = {"start": run, "features": run, "decoder": run}
    task = Adversarial(AdversarialConfig(width=16, drop=0.1, **settings))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="leave drop at 0"):
        task.begin()


@pytest.mark.parametrize("missing", ["start", "features", "decoder"])
def test_it_only_trains_on(missing: str, tmp_path: Path) -> None:
    save_run("joint", tmp_path / "joint", width=16)
    runs = {"start": "joint", "features": "joint", "decoder": "joint"}
    given = {k: str(tmp_path / v) for k, v in runs.items() if k != missing}
    task = Adversarial(AdversarialConfig(width=16, **given))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"add --set {missing}="):
        task.begin()


def test_its_decoder_is_a_decoder(tmp_path: Path) -> None:
    run = str(tmp_path / "joint")
    save_run("joint", tmp_path / "joint", width=16)
    task = Adversarial(AdversarialConfig(width=16, start=run, features=run, decoder=run))
    with pytest.raises(UsageError, match="no `detail` run"):
        task.begin()
    assert checkpoint.config_facts(task.config)["decoder"] == run
