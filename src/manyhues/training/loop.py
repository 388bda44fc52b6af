"""The one training loop: every kind of model is a `Task` that it drives."""

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manyhues.errors import TrainingError
from manyhues.training import checkpoint
from manyhues.training.data import Batch, Cache
from manyhues.training.sheet import save_sheet
from manyhues.training.task import Logs, Task

EMA = 0.999
HELD_OUT = 256  # pictures of the first cache that are never trained on
LOG_EVERY = 50
REPORT_EVERY = 180.0  # seconds between checkpoints, validations and sheets
WARM_UP = 100  # steps


Write = Callable[[str, "State", dict[str, float]], None]


@dataclass
class State:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0  # of training, over all resumes


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
    ) -> None:
        self.task = task.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.caches, self.out, self.minutes, self.seed, self.report = (
            caches,
            out,
            minutes,
            seed,
            report,
        )
        self.average = copy.deepcopy(self.task).requires_grad_(False).eval()
        rate = task.config.learning_rate
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(group, lr=rate, betas=task.betas, weight_decay=0.01)
            for group in self.task.groups()
        ]
        self.state = State()

    # Checkpoints

    def save(self) -> None:
        """Write both checkpoint files."""
        facts = {
            "kind": self.task.kind,
            "config": checkpoint.config_facts(self.task.config),
            "step": self.state.step,
            "seconds": self.state.seconds,
            "pictures": sum(len(cache) for cache in self.caches),
        }
        checkpoint.write_tensors(
            self.out / checkpoint.MODEL, checkpoint.state_of(self.average), facts
        )
        tensors = {f"model.{k}": v for k, v in checkpoint.state_of(self.task).items()}
        tensors |= checkpoint.optimizer_tensors(self.optimizers)
        checkpoint.write_tensors(self.out / checkpoint.RESUME, tensors, facts)

    def resume(self) -> None:
        """Go on from the checkpoint in `out`."""
        tensors, facts = checkpoint.read_tensors(self.out / checkpoint.RESUME)
        mine = checkpoint.config_facts(self.task.config)
        # A run from before a setting existed had what is now its default.
        theirs = checkpoint.config_facts(type(self.task.config)()) | facts["config"]
        changed = sorted(k for k in mine if _plain(mine[k]) != _plain(theirs.get(k)))
        if facts["kind"] != self.task.kind or changed:
            raise TrainingError(
                f"{self.out}: holds a `{facts['kind']}` run that differs in "
                f"{', '.join(changed) or 'kind'}; use another --out, or its own settings"
            )
        self.task.load_state_dict(
            {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        )
        checkpoint.load_optimizers(self.optimizers, tensors)
        average, _ = checkpoint.read_tensors(self.out / checkpoint.MODEL)
        self.average.load_state_dict(average)
        self.state = State(facts["step"], facts["seconds"])

    # Training

    def run(self) -> Logs:
        """Train until the minutes are used up; return the last validation figures."""
        total = self.minutes * 60.0
        self.task.train()
        torch.manual_seed(self.seed + self.state.step)
        batches = self._batches()
        logged: list[dict[str, float]] = []
        started, before = time.monotonic(), self.state.seconds
        reported = logged_at = started
        with _Writers(self.out) as (write, board):
            try:
                while self.state.seconds < total:
                    progress = self.state.seconds / total
                    batch = next(batches)
                    logged.append(self._step(batch, progress) | {"pictures": len(batch.ab)})
                    now = time.monotonic()
                    self.state.seconds = before + now - started
                    if self.state.step % LOG_EVERY == 0:
                        self._log(logged, now - logged_at, write, board)
                        logged, logged_at = [], now
                    if now - reported > REPORT_EVERY:
                        reported = now
                        self._validate(write, board)
                        self.save()
            except KeyboardInterrupt:
                self.save()
                raise
            figures = self._validate(write, board)
        self.save()
        self.report(1.0, "done")
        return figures

    def _log(
        self, logged: list[dict[str, float]], seconds: float, write: Write, board: Any
    ) -> None:
        rate = sum(entry.pop("pictures") for entry in logged) / seconds
        # A model of several working sizes logs each size's figures under a name of its own.
        names = dict.fromkeys(name for entry in logged for name in entry)
        means = {k: float(np.mean([e[k] for e in logged if k in e])) for k in names}
        if not all(math.isfinite(v) for v in means.values()):
            raise self._diverged("loss")
        write("train", self.state, means | {"pictures_per_second": rate})
        for name, value in means.items():
            board.add_scalar(f"train/{name}", value, self.state.step)
        shown = "  ".join(f"{k} {v:.4g}" for k, v in means.items())
        self.report(self.state.seconds / (60 * self.minutes), f"{rate:.0f} pictures/s  {shown}")

    def _batches(self) -> Iterator[Batch]:
        # Equal work a step: a batch of a larger working size holds fewer pictures.
        least = min(cache.size for cache in self.caches)
        sizes = [
            max(1, self.task.config.batch_size * least**2 // cache.size**2) for cache in self.caches
        ]
        seeds = self.seed + 1000 * self.state.step  # a resumed run sees another order
        streams = []
        for number, cache in enumerate(self.caches):
            streams.append(
                cache.epochs(sizes[number], seeds + number, skip=HELD_OUT if number == 0 else 0)
            )
        generator = np.random.default_rng(seeds)
        share = np.array([len(cache) for cache in self.caches], float)
        share /= share.sum()
        while True:
            number = int(generator.choice(len(self.caches), p=share))
            rows: NDArray[np.int64] = next(streams[number])
            yield self.caches[number].batch(
                rows, flip=bool(generator.integers(2)), features=self.task.needs_features
            )

    def _step(self, batch: Batch, progress: float) -> dict[str, float]:
        rate = learning_rate(self.task.config.learning_rate, self.state.step, progress)
        logs: dict[str, float] = {}
        # Forward passes run inside autocast; tasks bring their outputs to float32 for the losses.
        # Without its cache of cast weights, which would go stale between an adversary's steps.
        with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
            for step in self.task.steps(batch, progress):
                optimizer = self.optimizers[step.group]
                optimizer.zero_grad(set_to_none=True)
                step.loss.backward()
                parameters = [p for g in optimizer.param_groups for p in g["params"]]
                norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                # A step that is not finite would poison the weights and their average.
                if not torch.isfinite(norm):
                    raise self._diverged("gradient")
                optimizer.step()
                logs |= {k: float(v.detach()) for k, v in step.logs.items()}
                logs[f"loss{step.group or ''}"] = float(step.loss.detach())
        self.state.step += 1
        self._update_average()
        return logs

    def _diverged(self, what: str) -> TrainingError:
        return TrainingError(
            f"{self.out}: the {what} is not finite at step {self.state.step}; "
            "lower the learning rate and --resume from the last checkpoint"
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(EMA, self.state.step / (self.state.step + 10))
        for mean, now in zip(self.average.parameters(), self.task.parameters(), strict=True):
            mean.lerp_(now, 1.0 - decay)
        for mean, now in zip(self.average.buffers(), self.task.buffers(), strict=True):
            if mean.is_floating_point() and self.state.step > 1:
                mean.lerp_(now, 1.0 - decay)
            else:
                mean.copy_(now)

    @torch.no_grad()
    def _validate(self, write: Write, board: Any) -> Logs:
        cache = self.caches[0]
        batch = cache.batch(np.arange(min(HELD_OUT, len(cache))), features=self.task.needs_features)
        random = torch.get_rng_state()
        torch.manual_seed(0)  # the same noise every time, so that curves compare
        with torch.autocast("cpu", dtype=torch.bfloat16):
            figures = self.average.validate(batch)
            few = cache.batch(np.arange(8), features=self.task.needs_features)
            columns = self.average.pictures(few)
        torch.set_rng_state(random)
        values = {name: float(value) for name, value in figures.items()}
        write("validation", self.state, values)
        for name, value in values.items():
            board.add_scalar(f"validation/{name}", value, self.state.step)
        save_sheet(self.out / "sheets" / f"{self.state.step:07d}.png", few, columns)
        shown = "  ".join(f"{k} {v:.4g}" for k, v in values.items())
        self.report(min(1.0, self.state.seconds / (60 * self.minutes)), f"validation  {shown}")
        return figures


class _Writers:
    """The CSV file and the TensorBoard log of a run, closed together."""

    def __init__(self, out: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        (out / "sheets").mkdir(parents=True, exist_ok=True)
        self._file = (out / "log.csv").open("a", newline="")
        self._csv = csv.writer(self._file)
        self._board: Any = SummaryWriter(str(out / "tensorboard"))

    def __enter__(self) -> tuple[Write, Any]:
        def write(part: str, state: State, values: dict[str, float]) -> None:
            for name, value in values.items():
                self._csv.writerow([part, state.step, f"{state.seconds:.1f}", name, f"{value:.6g}"])
            self._file.flush()

        return write, self._board

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._board.close()


def _plain(value: Any) -> Any:
    """A value as JSON gives it back: tuples become lists."""
    return list(value) if isinstance(value, tuple) else value
