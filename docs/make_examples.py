"""Make docs/images/examples.jpg: the example pictures and four plain draws of each, at diversity 1.

python docs/make_examples.py [method]
"""

import sys
from pathlib import Path

import manyhues
from manyhues.render.sheet import contact_sheet

ROOT = Path(__file__).resolve().parent.parent
ROW = 230  # height of a tile, pixels
SAMPLES = 4


def main(method: str | None = None) -> None:
    """Draw samples 0 to 3 of seed 0, unpicked, so that the page shows what a draw looks like."""
    colorizer = manyhues.Colorizer.load(method)
    tiles = []
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        scene = colorizer.encode(ROOT / "examples" / f"{name}.jpg")
        result = colorizer.sample(scene, SAMPLES, seed=0, pick="random", diversity=1)
        grey = colorizer.sample(scene, 1, saturation=0).images[0]
        for k, image in enumerate([grey, *result.images]):
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            tile = image.convert("RGB").crop((left, top, left + side, top + side))
            label = ("input" if k == 0 else str(k), name if k == 0 else f"seed 0 · k {k - 1}")
            tiles.append((tile.resize((ROW, ROW)), *label))
    note = f"{colorizer.method}, diversity 1"
    sheet = contact_sheet(tiles, title="Plain draws", note=note, columns=SAMPLES + 1)
    (ROOT / "docs" / "images").mkdir(exist_ok=True)
    sheet.save(ROOT / "docs" / "images" / "examples.jpg", quality=90)


if __name__ == "__main__":
    main(*sys.argv[1:2])
