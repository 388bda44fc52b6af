"""Variants of the flow at equal time: each trains for the same minutes of one core, then samples.

    OMP_NUM_THREADS=1 python benchmarks/bakeoff.py --data IMAGENET64 --detail RUN [--tuned RUN]
        [--out bakeoff] [--minutes 20] [--variants shipped data ...] [--limit 500] [-n 8]

Contract: working size 64 alone; minutes are of processor time, so that other work on the machine
does not matter much; the caches of features, the regression and the learned code are made before
the clock starts (their own minutes are printed). All see the same order of pictures. Figures are
of the validation pictures' first `--limit`, `-n` samples each, drawn with the same noise. Rows are
added to OUT/results.json, and what stands there already is not trained again.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.color.lab import rgb_to_lab
from manyhues.evaluation import halves, metrics
from manyhues.evaluation.fields import greyed, render, to_uint8
from manyhues.evaluation.judge import Judge
from manyhues.evaluation.truth import features_of
from manyhues.model.solver import integrate, schedule
from manyhues.training import registry
from manyhues.training.data.cache import Batch, Cache, build_cache, grey_of
from manyhues.training.loop import Loop
from manyhues.training.methods.detail import DetailConfig, DetailDecoder
from manyhues.training.methods.flow import LEAN, STEPS, Flow, FlowConfig
from manyhues.training.methods.mean import Mean, MeanConfig
from manyhues.training.networks.grey import GreyFeatures
from manyhues.training.networks.grid import CELL, CODE_SCALE, to_code
from manyhues.training.processes import mixed_precision
from manyhues.training.task import Logs, Step, Task

VARIANTS: dict[str, dict[str, Any]] = {
    "shipped": {},  # raw colour grid, velocity, width 96, frozen features
    "data instead of velocity": {"data": True},
    "regression as a condition": {},
    "learned code": {},
    "width 64": {"width": 64},
    "width 144": {"width": 144},
    "tuned features": {},
    "usual training times": {"late": False},
}
CODE_MINUTES = 7.0  # of the learned code and of the regression, as the shipped detail decoder had


class MixedDecoder(DetailDecoder):
    """A decoder of a code of more `channels`, which is first mixed down to colours."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__(width)
        self.coarse[0] = nn.Conv2d(CELL + channels + 16, width, 3, 1, 1)
        self.mix = nn.Conv2d(channels, 2, 1)

    def colours(self, code: Tensor) -> Tensor:
        out: Tensor = self.mix(code)
        return out


class Code(Task[DetailConfig]):
    """A learned code on the colour grid's cells, and its decoder: trained on the same loss."""

    kind = "detail"

    def __init__(self, config: DetailConfig, channels: int = 4) -> None:
        super().__init__(config)
        self.encoder = nn.Sequential(
            nn.Conv2d(3 * CELL**2, 96, 3, 1, 1), nn.SiLU(), nn.Conv2d(96, channels, 3, 1, 1)
        )
        self.channels, self.decoder = channels, MixedDecoder(config.width, channels)

    def encode(self, batch: Batch) -> Tensor:
        seen = torch.cat([batch.luminance, batch.ab / CODE_SCALE], 1)
        code: Tensor = self.encoder(F.pixel_unshuffle(seen, CELL)).float()
        return code

    def decode(self, code: Tensor, batch: Batch) -> Tensor:
        out: Tensor = self.decoder(code, batch.luminance, batch.f8)
        return out.float()

    def steps(self, batch: Batch, progress: float) -> Any:
        code = self.encode(batch)
        error = self.decode(code + self.config.noise * torch.randn_like(code), batch) - batch.ab
        # A small price on its size: without one it would grow to drown the noise.
        yield Step((error**2 + 0.5).sqrt().mean() + 0.02 * (code**2).mean(), {})

    def validate(self, batch: Batch) -> Logs:
        return {}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return {}


class Variant(Flow):
    """The flow at one working size, with one thing changed."""

    sizes = (64,)

    def __init__(
        self,
        *,
        width: int = 96,
        data: bool = False,
        code: Code | None = None,
        mean: Mean | None = None,
        late: bool = True,
    ) -> None:
        super().__init__(FlowConfig(width=width, hinted=0.0))
        self.data, self.lean = data, LEAN[0] if late else 0.0
        self.others = [code, mean]  # in a list: they are not trained
        self.unit, self.channels = 1.0, 2 if code is None else code.channels
        if code is not None:
            self.network.enter = nn.Conv2d(self.channels, width, 3, 1, 1)
            self.network.leave = nn.Conv2d(width, self.channels, 3, 1, 1)
        if mean is not None:
            self.network.hints = nn.Conv2d(2, width, 3, 1, 1)

    def codes(self, batch: Batch) -> Tensor:
        code = self.others[0]
        if code is None:
            return to_code(batch.ab)
        with torch.no_grad():  # at the raw grid's spread, where the training times were chosen
            return self.unit * code.encode(batch)  # type: ignore[no-any-return, operator]

    def known(self, batch: Batch) -> Tensor:
        mean = self.others[1]
        if mean is None:
            grid = (batch.luminance.shape[2] // CELL, batch.luminance.shape[3] // CELL)
            return batch.luminance.new_zeros(len(batch.luminance), 3, *grid)
        with torch.no_grad():
            return mean.predict(batch.luminance, batch.f8, batch.f16, batch.f32)  # type: ignore[no-any-return, operator]

    def steps(self, batch: Batch, progress: float) -> Any:
        code = self.codes(batch)
        noise = torch.randn_like(code)
        t = torch.sigmoid(torch.randn(len(code)) + self.lean)
        at = t[:, None, None, None]
        condition = self._condition(batch, self.known(batch))
        out = self.network((1 - at) * code + at * noise, t, *condition).float()
        loss = ((out - (code if self.data else noise - code)) ** 2).mean()
        yield Step(loss, {})

    def sample(self, batch: Batch, noise: Tensor) -> Tensor:
        condition = self._condition(batch, self.known(batch))

        def velocity(x: Tensor, t: float) -> Tensor:
            out = self.network(x, x.new_full((len(x),), t), *condition).float()
            return (x - out) / max(t, 1e-3) if self.data else out

        return integrate(velocity, noise, schedule(STEPS[0]))


def train(task: Any, cache: Cache, out: Path, minutes: float) -> tuple[Any, int, float]:
    """Train for minutes of processor time; the averaged task, its steps, its pictures a second."""
    torch.manual_seed(0)
    loop = Loop(task, [cache], out, minutes=1.0)
    task.train()
    batches = loop._batches()
    start, pictures = time.process_time(), 0.0
    while (spent := time.process_time() - start) < 60 * minutes:
        pictures += loop._step(next(batches), spent / (60 * minutes))["pictures"]
    return loop.average, loop.state.step, pictures / spent


class Exam:
    """The validation pictures, and how near samples come to them."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.rgb, labels = halves.load(folder, 64, 2 * limit, "val", "dev")
        self.limit = limit
        lab = rgb_to_lab(self.rgb / np.float32(255))
        self.luminance, self.ab = lab[..., 0], lab[..., 1:].transpose(0, 3, 1, 2)
        self.judge = Judge()
        self.classes = self.judge.class_indices(labels[:limit])
        real = features_of(self.judge, self.rgb)
        grey = features_of(self.judge, np.stack([greyed(picture) for picture in self.rgb[:limit]]))
        self.rest = real[limit:]
        self.floor = metrics.frechet(real[:limit], self.rest).distance
        self.grey = metrics.frechet(grey, self.rest).distance

    def pictures(self, ab: Any) -> Any:
        """a, b ``(pictures, n, 2, 64, 64)`` to 8-bit RGB ``(pictures, n, 64, 64, 3)``."""
        return np.stack(
            [to_uint8(render(lum, x)) for lum, x in zip(self.luminance, ab, strict=False)]
        )

    def batches(self, tuned: Path | None, size: int = 50) -> Any:
        network = GreyFeatures(tuned)
        for i in range(0, self.limit, size):
            lum = torch.from_numpy(self.luminance[i : i + size].copy())[:, None]
            maps = network(torch.from_numpy(grey_of(lum.numpy())))
            ab = torch.from_numpy(self.ab[i : i + size].copy())
            yield Batch(lum / 50 - 1, ab, *maps)

    def figures(self, samples: Any) -> dict[str, float | None]:
        """Of a, b ``(limit, n, 2, 64, 64)``."""
        n = samples.shape[1]
        shown = self.pictures(samples)
        rows = [(s / 255.0, t / 255.0) for s, t in zip(shown, self.rgb, strict=False)]
        features = features_of(self.judge, shown[:, 0])
        distance = metrics.frechet(features, self.rest).distance
        assert self.classes is not None
        colour = metrics.colourfulness(shown[:, 0]), metrics.colourfulness(self.rgb[: self.limit])
        return {
            "share": metrics.frechet_share(distance, self.floor, self.grey),
            f"best_of_{n}_pixel": float(np.mean([metrics.best_of_k_pixel(*r) for r in rows])),
            f"best_of_{n}_image": float(np.mean([metrics.best_of_k_image(*r) for r in rows])),
            "best_of_1": float(np.mean([metrics.best_of_1(*r) for r in rows])),
            "variance": float(np.mean([metrics.variance(s) for s, _ in rows])),
            "colourfulness": float(colour[0].mean() / colour[1].mean()),
            "top1": float(self.judge.top1(features, self.classes).mean()),
        }


def examine(task: Variant, detail: Any, exam: Exam, n: int) -> dict[str, float | None]:
    samples = []
    torch.manual_seed(0)
    decoder = task.others[0] or detail
    with torch.no_grad(), mixed_precision(torch.device("cpu")):
        for batch in exam.batches(task.tuned):
            shape = (len(batch.ab), task.channels, 16, 16)
            draws = [task.sample(batch, torch.randn(shape)) / task.unit for _ in range(n)]
            samples.append(torch.stack([decoder.decode(x, batch) for x in draws], 1).numpy())  # type: ignore[operator]
    return exam.figures(np.concatenate(samples))


def prepare(name: str, cache: Cache, out: Path) -> Variant:
    """A variant by name, with what it builds on trained."""
    if name == "learned code":
        code, steps, _ = train(Code(DetailConfig()), cache, out, CODE_MINUTES)
        print(f"learned code: {steps} steps in {CODE_MINUTES} minutes")
        variant = Variant(code=code)
        batch = cache.batch(np.arange(256))
        with torch.no_grad():
            variant.unit = float(to_code(batch.ab).std() / code.encode(batch).std())
        return variant
    if name == "regression as a condition":
        mean, steps, _ = train(Mean(MeanConfig()), cache, out, CODE_MINUTES)
        print(f"regression: {steps} steps in {CODE_MINUTES} minutes")
        return Variant(mean=mean)
    return Variant(**VARIANTS[name])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--detail", type=Path, required=True, help="run of the detail decoder")
    parser.add_argument("--tuned", type=Path, help="run of tuned features")
    parser.add_argument("--cache", type=Path, help="folder of the features' caches")
    parser.add_argument("--out", type=Path, default=Path("bakeoff"))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("-n", type=int, default=8)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    detail, _ = registry.load(args.detail)
    exam = Exam(args.data, args.limit)
    for name in args.variants:
        if name in results:
            continue
        tuned = args.tuned if name == "tuned features" else None
        if name == "tuned features" and tuned is None:
            parser.error("the variant `tuned features` needs --tuned RUN")
        root = args.cache or args.out / "cache"
        cache = Cache([build_cache(args.data, root, split="train", tuned=tuned)])
        variant = prepare(name, cache, args.out)
        trained, steps, rate = train(variant, cache, args.out, args.minutes)
        trained.tuned = tuned
        trained.eval()
        figures = examine(trained, detail, exam, args.n)
        results[name] = {"steps": steps, "pictures_per_second": rate, **figures}
        print(name, json.dumps(results[name]), flush=True)
        path.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
