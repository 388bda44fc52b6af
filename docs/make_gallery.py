"""Make the pictures of docs/gallery.md and docs/limits.md: good colourings, and real faults.

python docs/make_gallery.py

Faults were picked by eye from samples 0 to 47 of seed 0 of the shipped weights. With other weights
the same numbers are other colourings: look at every picture again, and pick anew.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

import manyhues
from manyhues.render.sheet import contact_sheet

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIDE = 250  # long side of a tile, pixels
QUALITY = 82

EXAMPLES, SOURCES = ROOT / "examples", IMAGES / "sources"
PICTURES = {
    **{name: EXAMPLES / f"{name}.jpg" for name in ("astronaut", "chelsea", "coffee", "rocket")},
    **{name: SOURCES / f"{name}.jpg" for name in ("camera", "hopper", "migrant-mother")},
}
SKIN = "#c69076"

# Name of the file: the picture, and what is done to it, tile by tile: label, options.
FAULTS: Mapping[str, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    "arm": (
        "migrant-mother",
        [
            ("faulty", {"k": [42]}),
            ("with a hint", {"k": [42], "hints": [(200, 480, SKIN), (188, 540, SKIN)]}),
            ("another sample", {"k": [37]}),
        ],
    ),
    "cast": (
        "astronaut",
        [
            ("faulty", {"k": [17], "diversity": 1.0}),
            ("calmer", {"k": [17]}),
            ("another sample", {"k": [10]}),
        ],
    ),
    "patch": (
        "migrant-mother",
        [
            ("faulty", {"k": [0], "diversity": 1.0}),
            ("calmer", {"k": [0]}),
            ("another sample", {"k": [7]}),
        ],
    ),
    "half": (
        "astronaut",
        [
            ("faulty", {"k": [44], "diversity": 1.0}),
            ("calmer", {"k": [44]}),
            ("with a hint", {"k": [44], "diversity": 1.0, "hints": [(150, 380, "#d0602c")]}),
        ],
    ),
    "neon": (
        "astronaut",
        [
            ("faulty", {"k": [38], "diversity": 1.5}),
            ("as trained", {"k": [38], "diversity": 1.0}),
            ("calm", {"k": [38]}),
        ],
    ),
    "wall": (
        "hopper",
        [
            ("faulty", {"k": [2], "diversity": 1.0}),
            ("calmer", {"k": [2], "diversity": 0.5}),
            ("the likeliest", {"pick": "likely"}),
        ],
    ),
    "skin": (
        "camera",
        [
            ("faulty", {"k": [20]}),
            ("paler", {"k": [20], "saturation": 0.6}),
            ("another sample", {"k": [28]}),
        ],
    ),
}


def options_of(options: Mapping[str, Any]) -> str:
    """What a tile says below itself."""
    said = [f"seed 0 · k {options['k'][0]}"] if "k" in options else []
    for name in ("pick", "diversity", "saturation"):
        if name in options:
            said.append(f"{name} {options[name]}")
    return ", ".join(said)


def small(image: Image.Image) -> Image.Image:
    """An image as it lies on the page."""
    image = image.convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return image


def faults(colorizer: manyhues.Colorizer, wanted: str) -> Iterator[tuple[str, Image.Image]]:
    """A strip for each fault: the input, the fault, and what helps."""
    for name, (picture, ways) in FAULTS.items():
        if not f"fault-{name}".startswith(wanted):
            continue
        scene = colorizer.encode(PICTURES[picture])
        grey = colorizer.sample(scene, 1, saturation=0).images[0]
        tiles = [(small(grey), "input", picture)]
        for label, options in ways:
            image = colorizer.sample(scene, 1, **options).images[0]
            tiles.append((small(image), label, options_of(options)))
        yield f"fault-{name}", strip(tiles, colorizer, picture, columns=4)


def good(colorizer: manyhues.Colorizer, wanted: str) -> Iterator[tuple[str, Image.Image]]:
    """A strip for each picture: what ``manyhues colorize`` gives with no options, first to last."""
    for name, path in PICTURES.items():
        if not f"gallery-{name}".startswith(wanted):
            continue
        scene = colorizer.encode(path)
        result = colorizer.sample(scene, 5)
        grey = colorizer.sample(scene, 1, saturation=0).images[0]
        tiles = [(small(grey), "input", name)]
        for number, image in enumerate(result.images, 1):
            tiles.append((small(image), str(number), result.labels[number - 1]))
        yield f"gallery-{name}", strip(tiles, colorizer, name, columns=3)


def strip(tiles: list[Any], colorizer: manyhues.Colorizer, title: str, columns: int) -> Image.Image:
    """All tiles under one title, small enough to be read on a telephone."""
    note = f"{manyhues.__version__}, {colorizer.method}, artificial colour"
    return contact_sheet(tiles, title=title, note=note, columns=columns)


def main(wanted: str = "") -> None:
    """Write the strips, or those whose name begins with `wanted`."""
    colorizer = manyhues.Colorizer.load("flow")
    for strips in (faults, good):
        for name, image in strips(colorizer, wanted):
            image.save(IMAGES / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
