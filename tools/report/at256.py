"""The protocol of papers on colourizing: ImageNet's validation pictures at 256 x 256 pixels.

    python -m tools.report.at256 --imagenet VAL --grey GREY            # inputs for other programs
    python -m tools.report.at256 --imagenet VAL --coloured NAME=FOLDER --json at256.json

The pictures are the first 5,000 by number, ILSVRC2012_val_00000001 to ILSVRC2012_val_00005000,
below VAL; `--limit` takes the first so many. Each is turned by its EXIF, made sRGB, and resized to
256 x 256 without a crop (bicubic); what is coloured is the L* of that. Rows of this project are
made here: the first picture of the default choice, the most likely one, and a plain draw; the best
of eight plain draws knows the truth, and is no answer that one could give. Rows of others are
folders of their results, by the same stems, resized where they have another size.

Metrics, each a mean over pictures: PSNR on RGB; colourfulness (`evaluation.metrics`) and its
distance from the truth's mean; and the Frechet distance of the judge's features
(`evaluation.judge`) to those of the same true pictures. Papers take the latter from Inception:
their figures and these do not compare. Rows say who made them.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues import Colorizer
from manyhues.errors import DataError, UsageError
from manyhues.evaluation import metrics
from manyhues.image.picture import read_rgb
from tools.report.markdown import table

SIDE = 256
PICTURES = 5000
STEM = "ILSVRC2012_val_{:08d}"

Rgb = NDArray[np.uint8]  # (256, 256, 3)
Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def files(folder: Path, limit: int = PICTURES) -> list[Path]:
    """The pictures of the protocol, by number. Raises `DataError` where one is lacking."""
    there = {path.stem: path for path in sorted(folder.rglob("ILSVRC2012_val_*"))}
    wanted = [STEM.format(number) for number in range(1, limit + 1)]
    missing = [stem for stem in wanted if stem not in there]
    if missing:
        raise DataError(
            f"{folder}: lacks {len(missing)} of {limit} pictures, the first {missing[0]}; "
            "give ImageNet's validation folder, or a --limit"
        )
    return [there[stem] for stem in wanted]


def squared(path: Path) -> Rgb:
    """A picture at 256 x 256, without a crop."""
    image = Image.fromarray(read_rgb(path))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def psnr(rgb: Rgb, truth: Rgb) -> float:
    """Peak signal to noise ratio in dB, over pixels and channels together."""
    error = max(float(np.mean((rgb.astype(np.float64) - truth) ** 2)), 1e-10)
    return float(10 * np.log10(255**2 / error))


def ours(colorizer: Colorizer, truth: Rgb) -> dict[str, Rgb]:
    """This project's answers to one picture, by row."""
    scene = colorizer.encode(truth)
    plain = colorizer.sample(scene, 8, pick="random", diversity=1.0)
    draws = [plain.pixels(k) for k in range(8)]
    return {
        "grey": np.asarray(scene.grey().convert("RGB")),
        "first of the default": colorizer.sample(scene, 1).pixels(0),
        "most likely": colorizer.sample(scene, 1, pick="likely").pixels(0),
        "a plain draw": draws[0],
        "best of 8 plain draws": draws[int(np.argmax([psnr(rgb, truth) for rgb in draws]))],
    }


def theirs(coloured: Mapping[str, Path], stem: str) -> dict[str, Rgb]:
    """Others' answers to one picture, by the name that they are given. Raises `DataError`."""
    found = {}
    for name, folder in coloured.items():
        paths = sorted(folder.glob(f"{stem}.*"))
        if len(paths) != 1:
            raise DataError(f"{folder}: has {len(paths)} files {stem}.*; expected one")
        found[name] = squared(paths[0])
    return found


def measure(
    pictures: Sequence[Path],
    colorizer: Colorizer,
    coloured: Mapping[str, Path],
    features: Features,
) -> dict[str, dict[str, Any]]:
    """Every row and its metrics."""
    seen: dict[str, list[NDArray[np.float32]]] = {}
    values: dict[str, list[tuple[float, float]]] = {}
    for path in pictures:
        truth = squared(path)
        rows = {"truth": truth, **ours(colorizer, truth), **theirs(coloured, path.stem)}
        looks = features(np.stack(list(rows.values())))
        for (name, rgb), look in zip(rows.items(), looks, strict=True):
            seen.setdefault(name, []).append(look)
            colour = float(metrics.colourfulness(rgb / 255))
            values.setdefault(name, []).append((psnr(rgb, truth), colour))
    true_looks = np.stack(seen["truth"])
    true_colour = float(np.mean([colour for _, colour in values["truth"]]))

    def row(name: str) -> dict[str, Any]:
        ratio, colour = np.mean(values[name], axis=0)
        return {
            "by": "others" if name in coloured else "this project",
            "psnr": None if name == "truth" else float(ratio),
            "colourfulness": float(colour),
            "colourfulness_off": abs(float(colour) - true_colour),
            "frechet": metrics.frechet(np.stack(seen[name]), true_looks).distance,
        }

    return {name: row(name) for name in values}


def markdown(rows: Mapping[str, Mapping[str, Any]], count: int) -> str:
    """The table, and what it is of."""
    lines = [
        [
            name,
            row["by"],
            "" if row["psnr"] is None else f"{row['psnr']:.2f}",
            f"{row['colourfulness']:.1f}",
            f"{row['colourfulness_off']:.1f}",
            f"{row['frechet']:.1f}",
        ]
        for name, row in rows.items()
    ]
    head = ["row", "made by", "PSNR, dB", "colourfulness", "off by", "Fréchet distance (Lite2)"]
    return f"The first {count} of ImageNet val, {SIDE} x {SIDE}.\n\n{table(head, lines)}"


def write_grey(pictures: Sequence[Path], folder: Path) -> Iterator[Path]:
    """The inputs as grey PNG files, for programs that are run elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    colorizer = Colorizer.load()
    for path in pictures:
        target = folder / f"{path.stem}.png"
        colorizer.encode(squared(path)).grey().convert("L").save(target)
        yield target


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--imagenet", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--coloured", nargs="*", default=[], help="NAME=FOLDER of others' results")
    parser.add_argument("--grey", type=Path, help="write the inputs here, and end")
    parser.add_argument("--limit", type=int, default=PICTURES)
    parser.add_argument("--json", type=Path, help="write the rows")
    given = parser.parse_args(arguments)
    coloured = {}
    for text in given.coloured:
        name, equals, folder = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--coloured {text}: expected NAME=FOLDER")
        coloured[name] = Path(folder)
    pictures = files(given.imagenet, given.limit)
    if given.grey:
        print(f"{len(list(write_grey(pictures, given.grey)))} pictures in {given.grey}")
        return
    from manyhues.evaluation.judge import Judge

    rows = measure(pictures, Colorizer.load(), coloured, Judge().features)
    print(markdown(rows, len(pictures)))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
