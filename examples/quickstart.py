"""Colour a picture, then steer: neighbours of one result, a path between two, and a hint.

python examples/quickstart.py [PICTURE [FOLDER]]
"""

import sys
from pathlib import Path

import manyhues

HERE = Path(__file__).parent


def main(picture: Path, folder: Path) -> None:
    """Write a contact sheet of each step into `folder`, over those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    colorizer = manyhues.Colorizer.load()  # loads the weights, once
    scene = colorizer.encode(picture)  # reads the picture and its features, once
    width, height = scene.picture.size
    green = (width * 9 // 10, height // 10, "#5b7f4a")  # the background, upper right

    first = colorizer.sample(scene, n=6, seed=0)
    steps = {
        "samples": first,
        "neighbours": colorizer.vary(scene, first[1], amount=0.3, n=6),
        "path": colorizer.blend(scene, first[0], first[1], steps=6),
        "hint": colorizer.sample(scene, n=6, seed=0, hints=[green]),
    }
    for name, colourings in steps.items():
        path = folder / f"{picture.stem}.{name}.jpg"
        colourings.sheet().save(path, quality=92)
        print(path)


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:3]]
    main(*given, *[HERE / "chelsea.jpg", Path("out/quickstart")][len(given) :])
