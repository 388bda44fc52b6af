"""Does recolouring help a classifier? A matrix of small ones, trained from scratch.

    python benchmarks/augmentation.py run   --data IMAGENET64 --out FOLDER [--seeds 5]
    python benchmarks/augmentation.py grey  --data IMAGENET64 --out FOLDER
    python benchmarks/augmentation_table.py FOLDER [--keep]

The matrix, written down before the first result:

pictures   imagenet64 at 64 x 64: the first 20 WordNet ids in alphabetical order, 150 labelled
           pictures each; tested on all of val of these classes (about 490). The shipped networks
           were trained on the training pictures, without their labels: to them these are not new.
labelled   20, 50 and 150 a class; which ones, the seed says, the same for every arm
classifier a residual network of four stages, .31 M parameters, 48 x 48 crops
training   300 steps of 64 pictures, whatever the number of pictures; SGD with momentum .9, a tenth
           of the steps to warm up to a rate of .1, cosine to 0, weight decay .0005, label
           smoothing .1. These were set on `crop` alone, by a seed that is not counted.
arms       crop         a flip for half, a square crop of .5 to 1 of the area; all others add to it
           jitter       brightness, contrast, saturation .4 and hue .1 in random order, for .8
           grey         L* alone, for .5
           jitter+grey  both: what is done without this package, and so what is to be beaten
           vae-mdn      Recolor, for .5
           flow         Recolor with the flow, for .5
           grey+vae     one or the other, for .25 each
           jitter+vae   Recolor for .5, then jitter
colourings 4 of every picture and method, drawn once beforehand: 4 and not more since the flow takes
           .3 s of a core for 8. A recoloured picture is one of these four.
seeds      5; a seed gives the first weights and the order of pictures too, so that arms are
           compared in pairs
tests      plain; hue: a, b turned by 60 to 300 degrees; grey: L* alone; tint: L* with one colour of
           chroma up to 30, as a toned print; film: `filmed`, as old film saw it, grey; balance:
           linear red and blue multiplied by 1.3 to 1.8 and its inverse, or the other way round.
           Each picture once, changed by numbers drawn from a fixed seed.
judged by  top-1 in per cent, mean over seeds, and its difference to `crop` and to `jitter+grey`,
           with 95 % intervals by 4,000 bootstrap draws over seeds and over pictures at once.

Second, grey pictures shown to a classifier of colour pictures: the `crop` arm at 150 a class, shown
the test pictures grey, coloured once, coloured 8 times with the mean of the logits, and true.

(What followed the first commit of this text changed the order of the runs, and the precision of
training: bfloat16 where the processor computes it natively, float32 elsewhere. With AVX-512 a step
takes 49 ms of a core instead of 69. Tests are in float32.)
`run` appends a line a run to FOLDER/runs.jsonl, `grey` to FOLDER/grey.jsonl, and both go on where
they were stopped. Seeds come one after another, so that a stop leaves rows of whole seeds.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from manyhues import Colorizer
from manyhues.color.lab import rgb_to_lab
from manyhues.training.data import film
from manyhues.training.data.pictures import open_pictures
from manyhues.training.processes import mixed_precision

CLASSES, SIZE, CROP = 20, 64, 48
LABELLED = (20, 50, 150)
ARMS = ("crop", "jitter", "grey", "jitter+grey", "vae-mdn", "grey+vae", "jitter+vae", "flow")
COLOURINGS, TRIES = 4, 8  # of a training picture, of a test picture
STEPS, BATCH, RATE = 300, 64, 0.1
Pixels = NDArray[np.uint8]


# --- pictures ------------------------------------------------------------------------------------


def read(data: Path, split: str) -> tuple[Pixels, NDArray[np.int64]]:
    """Pictures (N, 64, 64, 3) of the classes, sorted by class, and their numbers (N,)."""
    pictures = open_pictures(data, split)
    names = sorted(set(pictures.labels))[:CLASSES]
    rows = [i for name in names for i, label in enumerate(pictures.labels) if label == name]
    labels = np.array([names.index(pictures.labels[i]) for i in rows])
    return np.stack([pictures[i] for i in rows]), labels


def colourings(method: str, pictures: Pixels, n: int, path: Path, rows: Iterable[int]) -> Pixels:
    """n colourings of every picture (N, n, 64, 64, 3), in a file; those of `rows` are there."""
    known = path.with_suffix(".done.npy")
    if not known.exists():
        np.lib.format.open_memmap(path, "w+", np.uint8, (len(pictures), n, *pictures.shape[1:]))
        np.lib.format.open_memmap(known, "w+", np.bool_, (len(pictures),))
    pixels, done = np.load(path, mmap_mode="r+"), np.load(known, mmap_mode="r+")
    missing = [row for row in rows if not done[row]]
    colorizer = Colorizer.load(method, threads=1) if missing else None
    for row in missing:
        assert colorizer
        scene = colorizer.encode(pictures[row])
        drawn = colorizer.sample(scene, n, seed=row, pick="random", diversity=1)  # as `Recolor`
        for k in range(n):
            pixels[row, k] = drawn.pixels(k)
        done[row] = True
    return np.asarray(pixels)


def as_tensor(pixels: Pixels) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) in 0..1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def lab_of(pixels: Pixels) -> tuple[Tensor, Tensor]:
    lab = torch.from_numpy(rgb_to_lab(pixels / np.float32(255)).transpose(0, 3, 1, 2).copy())
    return lab[:, :1], lab[:, 1:]


def from_lab(luminance: Tensor, ab: Tensor) -> Tensor:
    return film.srgb(film.linear(luminance, ab))


def tests(pixels: Pixels) -> dict[str, Tensor]:
    """The test pictures as they are and changed in each way, (N, 3, 48, 48) in 0..1."""
    random = torch.Generator().manual_seed(0)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(pixels), 1, 1, generator=random)

    light, ab = lab_of(pixels)
    grey = torch.zeros_like(ab)
    angle = torch.deg2rad(uniform(60, 300))
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack([cos * ab[:, 0] - sin * ab[:, 1], sin * ab[:, 0] + cos * ab[:, 1]], 1)
    hue = torch.deg2rad(uniform(0, 360))
    middle = 1 - (light[:, 0] / 50 - 1).square()  # black and white take no tint
    tint = 30 * middle[:, None] * torch.stack([hue.cos(), hue.sin()], 1)
    seen = 50 * (film.filmed(light / 50 - 1, ab, 1.0, random) + 1)
    gain = uniform(1.3, 1.8) ** torch.where(uniform(0, 1) < 0.5, 1.0, -1.0)
    gains = torch.stack([gain, torch.ones_like(gain), 1 / gain], 1)
    changed = {
        "plain": as_tensor(pixels),
        "hue": from_lab(light, turned),
        "grey": from_lab(light, grey),
        "tint": from_lab(light, tint),
        "film": from_lab(seen, grey),
        "balance": film.srgb((film.linear(light, ab) * gains).clamp(0, 1)),
    }
    return {name: whole(x) for name, x in changed.items()}


# --- augmentation, of a whole batch (B, 3, H, W) in 0..1 ------------------------------------------


def cropped(x: Tensor) -> Tensor:
    """Square crops of .5 to 1 of the area, at 48 x 48, half of them flipped."""
    n = len(x)
    side = (0.5 + 0.5 * torch.rand(n)).sqrt()
    place = (2 * torch.rand(n, 2) - 1) * (1 - side)[:, None]
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    turn = torch.zeros(n, 2, 3)
    turn[:, 0, 0], turn[:, 1, 1], turn[:, :, 2] = side * flip, side, place
    grid = F.affine_grid(turn, [n, 3, CROP, CROP], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def whole(x: Tensor) -> Tensor:
    return F.interpolate(x, (CROP, CROP), mode="bilinear", antialias=True)


def luma(x: Tensor) -> Tensor:
    return (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)


def turned_hue(x: Tensor, share: Tensor) -> Tensor:
    """Hue of HSV moved by `share` (B, 1, 1) of the circle, as torchvision's `adjust_hue`."""
    high, low = x.amax(1), x.amin(1)
    span = (high - low).clamp_min(1e-6)
    r, g, b = x.unbind(1)
    sixth = torch.where(
        high == r, (g - b) / span, torch.where(high == g, 2 + (b - r) / span, 4 + (r - g) / span)
    )
    sixth = sixth + 6 * share
    planes = []
    for shift in (5, 3, 1):  # f(n) = V - (V - low) max(0, min(k, 4 - k, 1)), k = (n + H / 60) mod 6
        k = (shift + sixth) % 6
        planes.append(high - (high - low) * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(planes, 1)


def jittered(x: Tensor) -> Tensor:
    """torchvision's ColorJitter(.4, .4, .4, .1), its order drawn once a batch, for .8 of it."""
    n = len(x)

    def factor() -> Tensor:
        return 1 + 0.4 * (2 * torch.rand(n, 1, 1, 1) - 1)

    def toward(y: Tensor, other: Tensor | float) -> Tensor:
        share = factor()
        return (share * y + (1 - share) * other).clamp(0, 1)

    ways: list[Callable[[Tensor], Tensor]] = [
        lambda y: toward(y, 0.0),
        lambda y: toward(y, luma(y).mean((2, 3), keepdim=True)),
        lambda y: toward(y, luma(y)),
        lambda y: turned_hue(y, 0.2 * torch.rand(n, 1, 1) - 0.1),
    ]
    y = x
    for way in torch.randperm(4).tolist():
        y = ways[way](y)
    return torch.where(torch.rand(n, 1, 1, 1) < 0.8, y, x)


class Views:
    """Batches of training pictures as an arm sees them."""

    def __init__(self, arm: str, true: Pixels, grey: Pixels, other: Pixels | None) -> None:
        self.true, self.grey, self.other = true, grey, other
        parts = arm.split("+")
        self.jitter = "jitter" in parts
        recolour = other is not None
        mixed = recolour and "grey" in parts
        self.grey_share = (0.25 if mixed else 0.5) if "grey" in parts else 0.0
        self.new_share = (0.25 if mixed else 0.5) if recolour else 0.0

    def batch(self, rows: Tensor) -> Tensor:
        numbers, which = rows.numpy(), torch.randint(COLOURINGS, (len(rows),)).numpy()
        chance = torch.rand(len(rows)).numpy()
        pixels = self.true[numbers]
        if self.other is not None:
            new = chance < self.new_share
            pixels[new] = self.other[numbers[new], which[new]]
        grey = chance > 1 - self.grey_share
        pixels[grey] = self.grey[numbers[grey]]
        x = cropped(as_tensor(pixels))
        return jittered(x) if self.jitter else x


# --- the classifier ------------------------------------------------------------------------------


class Block(nn.Module):
    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(out), nn.BatchNorm2d(out)])
        self.skip: nn.Module = nn.Identity()
        if stride > 1:
            self.skip = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inside, out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norms[0](self.first(x)))
        return F.relu(self.norms[1](self.second(y)) + self.skip(x))


def network() -> nn.Sequential:
    widths = (16, 32, 64, 128)
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    for before, width in zip((16, *widths), widths, strict=False):
        layers.append(Block(before, width, 1 if before == width else 2))
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES))
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def orders(count: int, seed: int) -> Iterator[Tensor]:
    """Endless batches of numbers below `count`; a round ends before the next begins."""
    random = torch.Generator().manual_seed(seed)
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < BATCH:
            waiting = torch.cat([waiting, torch.randperm(count, generator=random)])
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


def train(views: Views, rows: Tensor, labels: Tensor, seed: int) -> nn.Sequential:
    """A classifier trained on the pictures `rows`, whose classes are `labels` (N,) of all."""
    torch.manual_seed(seed)
    model = network()
    optimiser = torch.optim.SGD(
        model.parameters(), RATE, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, STEPS, pct_start=0.1, cycle_momentum=False, final_div_factor=1e4
    )
    for _, order in zip(range(STEPS), orders(len(rows), seed), strict=False):
        some = rows[order]
        x = ((views.batch(some) - 0.45) / 0.25).contiguous(memory_format=torch.channels_last)
        with mixed_precision(x.device):
            logits = model(x)
        loss = F.cross_entropy(logits.float(), labels[some], label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    return model.eval()


@torch.inference_mode()
def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """Of pictures (N, 3, 48, 48) in 0..1; in float32, where two classes hardly ever tie."""
    parts = ((x - 0.45) / 0.25).contiguous(memory_format=torch.channels_last).split(128)
    return torch.cat([model(part) for part in parts])


def hits(logits: Tensor, labels: Tensor) -> str:
    """A digit a picture: 1 where the first guess is right."""
    return "".join(map(str, (logits.argmax(1) == labels).int().tolist()))


# --- the runs ------------------------------------------------------------------------------------


def chosen(labelled: int, per_class: NDArray[np.int64], seed: int) -> Tensor:
    """Numbers of `labelled` training pictures of each class."""
    random, rows, start = np.random.default_rng(seed), [], 0
    for count in per_class.tolist():
        rows.append(start + random.permutation(count)[:labelled])
        start += count
    return torch.from_numpy(np.concatenate(rows))


def run(data: Path, out: Path, seeds: range, arms: list[str], labelled: list[int]) -> None:
    torch.set_num_threads(1)
    pixels, classes = read(data, "train")
    shown, truth = read(data, "val")
    labels, truth_labels = torch.from_numpy(classes), torch.from_numpy(truth)
    tested = tests(shown)
    light, ab = lab_of(pixels)
    grey = (255 * from_lab(light, 0 * ab)).round().byte().permute(0, 2, 3, 1).numpy()
    results = out / "runs.jsonl"
    lines = results.read_text().splitlines() if results.exists() else []
    done = {(d["arm"], d["labelled"], d["seed"]) for d in map(json.loads, lines)}
    for seed, arm, count in itertools.product(seeds, arms, labelled):
        if (arm, count, seed) in done:
            continue
        method = "flow" if arm == "flow" else "vae-mdn" if "vae" in arm else None
        rows = chosen(count, np.bincount(classes), seed)
        other = None
        if method:
            path = out / f"train-{method}.npy"
            other = colourings(method, pixels, COLOURINGS, path, rows.tolist())
        begun = time.process_time()
        model = train(Views(arm, pixels, grey, other), rows, labels, seed)
        line: dict[str, Any] = {"arm": arm, "labelled": count, "seed": seed}
        for name, x in tested.items():
            line[name] = hits(logits_of(model, x), truth_labels)
        if arm == "crop":
            (out / "models").mkdir(exist_ok=True)
            torch.save(model.state_dict(), out / "models" / f"{count}-{seed}.pt")
        line["seconds"] = round(time.process_time() - begun, 1)
        with results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        top = "  ".join(f"{n} {100 * line[n].count('1') / len(truth):.1f}" for n in tested)
        print(f"{arm} {count} a class, seed {seed}, {line['seconds']} s: {top}", flush=True)


def grey_inputs(data: Path, out: Path) -> None:
    """Appends to FOLDER/grey.jsonl what the `crop` classifiers make of the test pictures."""
    torch.set_num_threads(1)
    shown, truth = read(data, "val")
    labels = torch.from_numpy(truth)
    tested = tests(shown)
    drawn = {
        method: colourings(method, shown, TRIES, out / f"val-{method}.npy", range(len(shown)))
        for method in ("vae-mdn", "flow")
    }
    results = out / "grey.jsonl"
    lines = results.read_text().splitlines() if results.exists() else []
    done = {(d["labelled"], d["seed"]) for d in map(json.loads, lines)}
    for path in sorted((out / "models").glob("*.pt"), key=lambda path: path.stem.split("-")[::-1]):
        labelled, seed = map(int, path.stem.split("-"))
        if (labelled, seed) in done:
            continue
        model = network()
        model.load_state_dict(torch.load(path, weights_only=True))
        model.eval()
        line: dict[str, Any] = {"labelled": labelled, "seed": seed}
        line["true"] = hits(logits_of(model, tested["plain"]), labels)
        line["grey"] = hits(logits_of(model, tested["grey"]), labels)
        for method, pixels in drawn.items():
            each = [logits_of(model, whole(as_tensor(pixels[:, k]))) for k in range(TRIES)]
            line[f"{method} once"] = hits(each[0], labels)
            line[f"{method} {TRIES} times"] = hits(torch.stack(each).mean(0), labels)
        with results.open("a") as file:
            file.write(json.dumps(line) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("run", "grey"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5], help="N, or FIRST END")
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--labelled", type=int, nargs="+", default=list(LABELLED))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "run":
        run(args.data, args.out, range(*args.seeds), args.arms, args.labelled)
    else:
        grey_inputs(args.data, args.out)


if __name__ == "__main__":
    main()
