"""The one training loop: every kind of model is a `Task` that it drives."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from manyhues.errors import TrainingError
from manyhues.language import spoken
from manyhues.training import checkpoint
from manyhues.training.batches import Pieces, batches
from manyhues.training.data.cache import Batch, Cache
from manyhues.training.log import State, Write, writers
from manyhues.training.preview import save_sheet
from manyhues.training.processes import Processes, mixed_precision
from manyhues.training.task import Logs, Step, Task

EMA = 0.999
HELD_OUT = 256  # examples of the first cache, at the most, that are never trained on
LOG_EVERY = 50
LOG_SECONDS = 15.0  # on a slow machine a row comes before its 50 steps
REPORT_EVERY = 180.0  # seconds between validations and sheets
CHECKPOINT_MINUTES = 1.0  # what a run loses, at the most, that is killed
WARM_UP = 100  # steps; a run that has not come past them is no model


def learning_rate(base: float, step: int, progress: float) -> float:
    """Warm up, stay for the first half of the run, then fall linearly to a hundredth."""
    decay = 1.0 if progress < 0.5 else max(0.01, 2.0 * (1.0 - progress))
    return base * min(1.0, (step + 1) / WARM_UP) * decay


class Loop:
    """Trains `task` on `caches` into the folder `out`.

    `minutes` counts the whole run, resumes included, so a run that was cut goes on along the same
    schedule; a larger figure prolongs it. Ctrl-C (or SIGTERM, see `manyhues.training.run`) saves
    before it stops. `report` is told the progress in 0..1 and a line to
    show. Raises `TrainingError` when a loss is not finite: the last checkpoint stays.

    A batch is the configuration's whatever the number of `processes`, each of which takes a part,
    in `accumulate` pieces one after the other. So a run may go on in another number of processes.

    The first step is logged and the second saved, so that a run shows within seconds that it works;
    then it is saved every `checkpoint_minutes`, which is what a kill costs.
    """

    def __init__(
        self,
        task: Task[Any],
        caches: list[Cache],
        out: Path,
        *,
        minutes: float,
        seed: int = 0,
        report: Callable[[float, str], None] = lambda progress, line: None,
        processes: Processes | None = None,
        accumulate: int = 1,
        checkpoint_minutes: float = CHECKPOINT_MINUTES,
    ) -> None:
        self.processes = processes or Processes()
        self.accumulate, self.checkpoint_minutes = accumulate, checkpoint_minutes
        self.task = task.to(  # type: ignore[call-overload]
            device=self.processes.device, memory_format=torch.channels_last
        )
        self.caches, self.out, self.minutes, self.seed, self.report = (
            caches,
            out,
            minutes,
            seed,
            report,
        )
        if self.processes.device.type == "cuda" and not task.needs_features:
            for cache in caches:
                cache.hold(self.processes.device)
        groups = self.task.groups()
        self._next_step = self.processes.wrap(_NextStep(self.task), partial=len(groups) > 1)
        self.average = copy.deepcopy(self.task).requires_grad_(False).eval()
        rate = task.config.learning_rate
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(group, lr=rate, betas=task.betas, weight_decay=0.01)
            for group in groups
        ]
        self.state = State()

    # Checkpoints

    def save(self) -> None:
        """Write both checkpoint files; the first process does."""
        if not self.processes.first:
            return
        facts = {
            "kind": self.task.kind,
            "config": checkpoint.config_facts(self.task.config),
            "step": self.state.step,
            "seconds": self.state.seconds,
            "pictures": sum(len(cache) for cache in self.caches),
            "seed": self.seed,
        }
        # What a restart needs comes first: a run that is killed between the two goes on from it.
        tensors = {f"model.{k}": v for k, v in checkpoint.state_of(self.task).items()}
        tensors |= checkpoint.optimizer_tensors(self.optimizers)
        checkpoint.write_tensors(self.out / checkpoint.RESUME, tensors, facts)
        checkpoint.write_tensors(
            self.out / checkpoint.MODEL, checkpoint.state_of(self.average), facts
        )

    def resume(self) -> None:
        """Go on from the checkpoint in `out`, at the task's learning rate, which may be another."""
        tensors, facts = checkpoint.read_tensors(self.out / checkpoint.RESUME)
        check_same(self.task, self.out, facts)
        self.task.load_state_dict(
            {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        )
        checkpoint.load_optimizers(self.optimizers, tensors)
        if (self.out / checkpoint.MODEL).exists():
            average, _ = checkpoint.read_tensors(self.out / checkpoint.MODEL)
            self.average.load_state_dict(average)
        else:  # killed in its first save
            self.average.load_state_dict(self.task.state_dict())
        self.state = State(facts["step"], facts["seconds"])
        self.seed = facts.get("seed", self.seed)

    # Training

    def run(self) -> Logs:
        """Train until the minutes are used up; return the last validation figures."""
        total = self.minutes * 60.0
        self.task.train()
        torch.manual_seed(self.seed + self.state.step + 1_000_003 * self.processes.rank)
        drawn = self._batches()
        logged: list[dict[str, float]] = []
        started, before = time.monotonic(), self.state.seconds
        reported = logged_at = saved = started
        first = self.state.step == 0
        count = sum(len(cache) for cache in self.caches)
        self.report(self._done(), spoken(f"examples to train on: {count:,}"))
        with writers(self.out if self.processes.first else None) as (write, board):
            try:
                while self.state.seconds < total:
                    progress = self.state.seconds / total
                    logged.append(self._step(next(drawn), progress))
                    now = started + self.processes.agree(time.monotonic() - started)
                    self.state.seconds = before + now - started
                    due = self.state.step % LOG_EVERY == 0 or now - logged_at > LOG_SECONDS
                    if due or self.state.step == 1:
                        self._log(logged, now - logged_at, write, board)
                        logged, logged_at = [], now
                    if now - reported > REPORT_EVERY:
                        reported = now
                        self._validate(write, board)
                    # The second step's gradient is finite where the first did no harm.
                    proved = first and self.state.step == 2
                    if proved or now - saved > 60 * self.checkpoint_minutes:
                        saved = now
                        self.save()
                figures = self._validate(write, board)
                self.save()
            except KeyboardInterrupt:
                self.save()
                raise
        self.report(1.0, spoken("done"))
        return figures

    def _done(self) -> float:
        return min(1.0, self.state.seconds / (60 * self.minutes))

    def _log(
        self, logged: list[dict[str, float]], seconds: float, write: Write, board: Any
    ) -> None:
        rate = sum(entry.pop("pictures") for entry in logged) / seconds  # of all processes
        # A model of several working sizes logs each size's figures under a name of its own.
        names = dict.fromkeys(name for entry in logged for name in entry)
        means = {k: float(np.mean([e[k] for e in logged if k in e])) for k in names}
        means = self.processes.mean(means)
        if not all(math.isfinite(v) for v in means.values()):
            raise self._diverged("loss")
        write("train", self.state, means | {"pictures_per_second": rate})
        for name, value in means.items():
            board.add_scalar(f"train/{name}", value, self.state.step)
        shown = "  ".join(f"{k} {v:.4g}" for k, v in means.items())
        said = spoken(f"{rate:.{0 if rate >= 10 else 1}f} pictures/s")
        self.report(self._done(), f"{said}  {shown}")

    def _batches(self) -> Iterator[Pieces]:
        return batches(
            self.caches,
            self.task.config.batch_size,
            held_out=HELD_OUT,
            processes=self.processes,
            accumulate=self.accumulate,
            seed=self.seed + 1000 * self.state.step,  # a resumed run sees another order
            load=self._load,
        )

    def _load(self, cache: Cache, rows: NDArray[np.int64], flip: bool = False) -> Batch:
        return cache.batch(
            rows, flip=flip, features=self.task.needs_features, device=self.processes.device
        )

    def _step(self, pieces: Pieces, progress: float) -> dict[str, float]:
        rate = learning_rate(self.task.config.learning_rate, self.state.step, progress)
        logs: dict[str, float] = {}
        running = [(self.task.steps(batch, progress), weight) for batch, weight in pieces]
        # Forward passes run inside autocast; tasks bring their outputs to float32 for the losses.
        # Without its cache of cast weights, which would go stale between an adversary's steps.
        with mixed_precision(self.processes.device, cache_enabled=False):
            for _ in self.optimizers:
                optimizer = self.optimizers[self._descend(running, logs)]
                parameters = [p for g in optimizer.param_groups for p in g["params"]]
                norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                for settings in optimizer.param_groups:
                    settings["lr"] = rate * settings.get("pace", 1.0)
                # A step that is not finite would poison the weights and their average.
                if not torch.isfinite(norm):
                    raise self._diverged("gradient")
                optimizer.step()
        self.state.step += 1
        self._update_average()
        pictures = sum(len(batch.ab) for batch, _ in pieces) * self.processes.count
        return logs | {"pictures": pictures}

    def _descend(self, running: list[tuple[Iterator[Step], float]], logs: dict[str, float]) -> int:
        """Gradients of the next step of all pieces, summed; returns the step's group."""
        whole = sum(weight for _, weight in running)
        for number, (steps, weight) in enumerate(running):
            # Gradients are averaged over processes with the last piece's.
            with nullcontext() if number == len(running) - 1 else _apart(self._next_step):
                step: Step = self._next_step(steps)
                if number == 0:
                    self.optimizers[step.group].zero_grad(set_to_none=True)
                (step.loss * weight).backward()
            for name, value in (step.logs | {f"loss{step.group or ''}": step.loss}).items():
                before = logs[name] if number else 0.0
                logs[name] = before + weight / whole * float(value.detach())
        return step.group

    def _diverged(self, what: str) -> TrainingError:
        begun = (self.out / checkpoint.RESUME).exists()
        rate = self.task.config.learning_rate
        if begun:
            return TrainingError(
                f"{self.out}: the {what} is not finite at step {self.state.step}; "
                f"lower the learning rate from {rate:g} (--set learning_rate=...) "
                "and --resume from the last checkpoint"
            )
        return TrainingError(
            f"{self.out}: the {what} is not finite at step {self.state.step}; "
            f"lower the learning rate from {rate:g} (--set learning_rate=...) and start again"
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(EMA, self.state.step / (self.state.step + 10))
        pairs = zip(self.average.parameters(), self.task.parameters(), strict=True)
        means, latest = zip(*((m, n) for m, n in pairs if n.requires_grad), strict=True)
        get_ema_multi_avg_fn(decay)(list(means), list(latest), self.state.step)
        for mean, now in zip(self.average.buffers(), self.task.buffers(), strict=True):
            if mean.is_floating_point() and self.state.step > 1:
                mean.lerp_(now, 1.0 - decay)
            else:
                mean.copy_(now)

    @torch.no_grad()
    def _validate(self, write: Write, board: Any) -> Logs:
        if not self.processes.first:
            return {}
        cache, device = self.caches[0], self.processes.device
        held = cache.held_out(HELD_OUT)
        gpus = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(gpus), mixed_precision(device):
            torch.manual_seed(0)  # the same noise every time, so that curves compare
            batch = self._load(cache, np.arange(held))
            few = self._load(cache, np.arange(min(8, held)))
            figures = self.average.validate(batch)
            columns = self.average.pictures(few)
        values = {name: float(value) for name, value in figures.items()}
        write("validation", self.state, values)
        for name, value in values.items():
            board.add_scalar(f"validation/{name}", value, self.state.step)
        save_sheet(self.out / "sheets" / f"{self.state.step:07d}.png", few, columns)
        shown = "  ".join(f"{k} {v:.4g}" for k, v in values.items())
        self.report(self._done(), f"{spoken('validation')}  {shown}")
        return figures


def check_same(task: Task[Any], out: Path, facts: dict[str, Any]) -> None:
    """Raise `TrainingError` where a run's `facts` are not of this task, but for learning rates."""
    mine = checkpoint.config_facts(task.config)
    # A run from before a setting existed had what is now its default.
    theirs = checkpoint.config_facts(type(task.config)()) | facts["config"]
    changed = sorted(
        k for k in mine if k != "learning_rate" and _plain(mine[k]) != _plain(theirs.get(k))
    )
    if facts["kind"] != task.kind or changed:
        differs = "kind" if facts["kind"] != task.kind else ", ".join(changed)
        raise TrainingError(
            f"{out}: holds a `{facts['kind']}` run that differs in "
            f"{differs}; use another --out, or its own settings"
        )


def lack(facts: dict[str, Any]) -> str:
    """What to say of a run that has not even come through its warm-up; empty where it has.

    One that was a model when it began is one.
    """
    step = facts.get("step", WARM_UP)
    if step >= WARM_UP or facts.get("recovered") or facts["config"].get("start"):
        return ""
    return f"still at step {step}: not a model; give it more --minutes, --resume goes on from here"


class _NextStep(nn.Module):
    """Goes on with a task's steps: what `DistributedDataParallel` takes for the forward pass."""

    def __init__(self, task: Task[Any]) -> None:
        super().__init__()
        self.task = task

    def forward(self, steps: Iterator[Step]) -> Step:
        return next(steps)


def _apart(module: nn.Module) -> AbstractContextManager[None]:
    """Gradients stay in this process until a later backward pass."""
    if isinstance(module, nn.parallel.DistributedDataParallel):
        return module.no_sync()
    return nullcontext()


def _plain(value: Any) -> Any:
    """A value as JSON gives it back: tuples become lists."""
    return list(value) if isinstance(value, tuple) else value
