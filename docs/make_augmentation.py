"""Makes docs/images/augmentation.jpg: pictures as the arms of benchmarks/augmentation.py see them.

python docs/make_augmentation.py

The pictures are those of examples/, in colour, as scikit-image holds them (examples/README.md says
whose they are).
"""

import random
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from skimage import data_dir

from manyhues.augment import Recolor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
from augmentation_speed import enhanced  # noqa: E402  ColorJitter's steps

EXAMPLES = sorted((ROOT / "examples").glob("*.jpg"))
SIDE, EDGE, HEAD = 144, 3, 18


def main() -> None:
    """Draw the grid, with fixed seeds."""
    random.seed(0)
    vae, flow = Recolor(), Recolor(method="flow")
    columns: list[tuple[str, Callable[[Image.Image, int], Image.Image]]] = [
        ("as it is", lambda image, seed: image),
        *[("ColorJitter", lambda image, seed: enhanced(image))] * 2,
        ("grey", lambda image, seed: image.convert("L").convert("RGB")),
        *[("Recolor, vae-mdn", lambda image, seed: vae(image, seed=seed))] * 3,
        *[("Recolor, flow", lambda image, seed: flow(image, seed=seed))] * 3,
    ]
    paths = [next(Path(data_dir).glob(f"{path.stem}.*")) for path in EXAMPLES]
    step = SIDE + EDGE
    grid = Image.new("RGB", (step * len(columns), HEAD + step * len(paths)), "white")
    ink = ImageDraw.Draw(grid)
    for column, (name, transform) in enumerate(columns):
        ink.text((column * step + 2, 3), name, fill="black")
        for row, path in enumerate(paths):
            with Image.open(path) as opened:
                image = opened.convert("RGB")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
            tile = transform(image, 10 * row + column)
            grid.paste(tile, (column * step, HEAD + row * step))
    grid.save(ROOT / "docs/images/augmentation.jpg", quality=80)


if __name__ == "__main__":
    main()
