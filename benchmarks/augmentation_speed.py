"""What a worker of a data loader makes in a second: Recolor beside torchvision's ColorJitter.

    python benchmarks/augmentation_speed.py [PICTURE ...]      # examples/*.jpg by default

Contract: one thread, PIL images of 64 x 64 and 224 x 224 already decoded, every one transformed
(p = 1); milliseconds of the processor's time a picture, the median of five rounds after one that
does not count, so that other programs weigh little. A cache is warm; what filling it took, n = 8
colourings and the writing, stands beside it. torchvision's compiled operators are not needed, and
where it was built for another torch they are declared empty; without torchvision its jitter is
made of Pillow's ImageEnhance and a turn of HSV, as torchvision makes it of PIL images.
"""

import importlib.util
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance

from manyhues.augment import Recolor

SIZES, ROUNDS = (64, 224), 5
EXAMPLES = Path(__file__).parents[1] / "examples"


def enhanced(image: Image.Image) -> Image.Image:
    """ColorJitter(.4, .4, .4, .1) as torchvision makes it of PIL images, by its own steps."""
    kinds: list[Any] = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color, None]
    random.shuffle(kinds)
    for kind in kinds:
        if kind:
            image = kind(image).enhance(random.uniform(0.6, 1.4))
        else:
            h, s, v = image.convert("HSV").split()
            turned = np.asarray(h) + np.uint8(random.uniform(-0.1, 0.1) * 255 % 256)
            image = Image.merge("HSV", (Image.fromarray(turned), s, v)).convert("RGB")
    return image


def jitters() -> dict[str, Callable[[Any], Any]]:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return {"ColorJitter's steps in Pillow": enhanced}
    declared = (Path(spec.origin).parent / "_meta_registrations.py").read_text()
    stub = torch.library.Library("torchvision", "FRAGMENT")
    for name in set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', declared)):
        if not hasattr(torch.ops.torchvision, name):
            stub.define(f"{name}() -> ()")
    from torchvision.transforms import v2  # type: ignore[import-not-found]

    v2.stub = stub  # undone when it is collected
    jitter = v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
    return {"ColorJitter, PIL": jitter, "ColorJitter, uint8 tensor": jitter}


def milliseconds(transform: Callable[[Any], Any], pictures: Sequence[Any]) -> float:
    rounds = []
    for _ in range(ROUNDS + 1):
        begun = time.process_time()
        for picture in pictures:
            transform(picture)
        rounds.append(1000 * (time.process_time() - begun) / len(pictures))
    return statistics.median(rounds[1:])


def main(paths: Sequence[Path]) -> None:
    torch.set_num_threads(1)
    opened = [Image.open(path).convert("RGB") for path in paths]
    print("| transform | " + " | ".join(f"{size} x {size}, ms" for size in SIZES) + " |")
    print("|---|" + "---|" * len(SIZES))
    rows: dict[str, list[float]] = {}
    for size in SIZES:
        images = [image.resize((size, size)) for image in opened]
        for name, transform in jitters().items():
            if "tensor" in name:
                tensors = [torch.from_numpy(np.array(x)).permute(2, 0, 1) for x in images]
                rows.setdefault(name, []).append(milliseconds(transform, tensors))
            else:
                rows.setdefault(name, []).append(milliseconds(transform, images))
        for method in ("vae-mdn", "flow"):
            name = f"Recolor, {method}"
            rows.setdefault(name, []).append(milliseconds(Recolor(method=method), images))
            with tempfile.TemporaryDirectory() as folder:
                cached = Recolor(method=method, cache=folder)
                cached(images[0].transpose(Image.Transpose.ROTATE_180))  # opens the weights
                begun = time.process_time()
                for image in images:
                    cached(image)
                filling = 1000 * (time.process_time() - begun) / len(images)
                rows.setdefault(f"{name}, cache filling", []).append(filling)
                warm = milliseconds(cached, images)
                rows.setdefault(f"{name}, cache warm", []).append(warm)
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |")


if __name__ == "__main__":
    main([Path(path) for path in sys.argv[1:]] or sorted(EXAMPLES.glob("*.jpg")))
