"""Whether two source trees of this package write the same files.

    python benchmarks/same_bytes.py OLD/src NEW/src                  # all cases, a table
    python benchmarks/same_bytes.py OLD/src NEW/src --case hints flow-tiff

Contract: every case is one call of `manyhues colorize`, in a process of its own that imports from
the tree, on pictures made here of examples/coffee.jpg: all methods; all formats; 8 and 16 bits,
alpha, a profile, a film scan's pages; each pick; hints, a palette, saturation and diversity; the
sheet; both engines. Both trees use the weights of the second. A file is compared by its bytes,
then by its decoded pixels: `most` is the largest difference of a value, in levels of its depth,
and `share` how many values differ. Exit status 1 where pixels or file names differ.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from manyhues.image import formats, source

ROOT = Path(__file__).parents[1]
PHOTOGRAPH = ROOT / "examples" / "coffee.jpg"  # grey
COLOURS = ROOT / "docs" / "images" / "examples.jpg"
FLOW = "--method flow -n 2"
CASES = {
    "flow": ("photo.jpg", f"{FLOW} --seed 3 --format png --sheet"),
    "flow-random": ("photo.jpg", f"{FLOW} --format png --pick random"),
    "flow-likely": ("photo.jpg", f"{FLOW} --format png --pick likely"),
    "flow-small": ("small.png", f"{FLOW} --format keep"),
    "flow-jpg": ("photo.jpg", f"{FLOW} --format jpg --pick random"),
    "flow-webp": ("photo.jpg", f"{FLOW} --format webp --pick random"),
    "flow-tiff": ("photo.jpg", f"{FLOW} --format tiff --pick random"),
    "flow-ray": ("photo.jpg", f"{FLOW} --format png --pick random --engine ray"),
    "16-bit-png": ("deep.png", f"{FLOW} --format keep --pick random"),
    "16-bit-tiff": ("deep.tif", f"{FLOW} --format keep --pick random"),
    "alpha": ("alpha.png", f"{FLOW} --format keep --pick random"),
    "profile": ("profile.jpg", f"{FLOW} --format keep --pick random"),
    "pages": ("pages.tif", f"{FLOW} --format keep --pick random"),
    "hints": ("photo.jpg", f"{FLOW} --format png --hint 120,80=#b03030 --hint 20,150=#3050a0"),
    "like": ("photo.jpg", f"{FLOW} --format png --pick random --like {COLOURS}"),
    "steered": ("photo.jpg", f"{FLOW} --format png --saturation 1.3 --diversity 0.7"),
    "vae-mdn": ("photo.jpg", "--method vae-mdn -n 2 --format png --sheet"),
    "vae-mdn-likely": ("photo.jpg", "--method vae-mdn -n 2 --format png --pick likely"),
    "vae-mdn-hints": ("photo.jpg", "--method vae-mdn -n 2 --format png --hint 120,80=#b03030"),
    "cvae": ("photo.jpg", "--method cvae -n 2 --format png"),
    "cgan": ("photo.jpg", "--method cgan -n 2 --format png"),
    "mean": ("photo.jpg", "--method mean -n 1 --format png"),
}


def make_pictures(folder: Path) -> None:
    """The inputs of all cases: one photograph, in grey, as what people have it in."""
    grey = Image.open(PHOTOGRAPH).resize((300, 200), Image.Resampling.LANCZOS)
    colour = Image.open(COLOURS).resize(grey.size)
    grey.save(folder / "photo.jpg", quality=92)
    grey.resize((72, 48)).save(folder / "small.png")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257 + 5)
    deep.save(folder / "deep.png")
    deep.save(folder / "deep.tif")
    veil = Image.linear_gradient("L").resize(grey.size)
    Image.merge("LA", (grey, veil)).save(folder / "alpha.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    colour.save(folder / "profile.jpg", quality=92, icc_profile=profile, dpi=(300, 300))
    turned = grey.transpose(Image.Transpose.ROTATE_90)
    grey.save(folder / "pages.tif", save_all=True, append_images=[turned])


def colorize(tree: Path, weights: Path, picture: Path, options: str, out: Path) -> None:
    """Run one case on one tree. Raises `CalledProcessError`."""
    command = [sys.executable, "-m", "manyhues", "colorize", str(picture), "-o", str(out)]
    command += [*options.split(), "--weights", str(weights)]
    if "--sheet" not in options:
        command.append("--no-sheet")
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    subprocess.run(command, env=environment, check=True, stderr=subprocess.PIPE)


def pixels(path: Path) -> NDArray[np.float64]:
    """All values of a file, as stored, by the reader of the tree that runs this script."""
    page = formats.pages(source.read(path))[0].decode()
    planes = [page.pixels] if page.alpha is None else [page.pixels, page.alpha]
    return np.concatenate([np.asarray(plane, np.float64).ravel() for plane in planes])


def compare(old: Path, new: Path) -> tuple[str, bool]:
    """How two folders of results differ, as a row's cells, and whether it shows."""
    # Ray's table of the run tells times.
    before, names = (
        sorted(path.name for path in folder.iterdir() if path.suffix not in (".parquet", ""))
        for folder in (old, new)
    )
    if names != before:
        return f"other files: {', '.join(names)}", True
    same = sum((old / name).read_bytes() == (new / name).read_bytes() for name in names)
    most, share = 0.0, 0.0
    for name in names:
        values, others = pixels(old / name), pixels(new / name)
        if values.shape != others.shape:
            return f"{name}: another size", True
        difference = np.abs(values - others)
        most, share = max(most, float(difference.max())), max(share, float((difference > 0).mean()))
    return f"{same:5d} of {len(names)}{most:7.0f}{share:9.3%}", most > 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    given = parser.parse_args()
    weights = given.new.resolve() / "manyhues" / "weights"
    print("case             same bytes   most    share")
    shows = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_pictures(folder)
        for case in given.case:
            picture, options = CASES[case]
            outs = [folder / case / name for name in ("old", "new")]
            for tree, out in zip((given.old, given.new), outs, strict=True):
                colorize(tree.resolve(), weights, folder / picture, options, out)
            cells, differs = compare(*outs)
            shows |= differs
            print(f"{case:16} {cells}", flush=True)
    return int(shows)


if __name__ == "__main__":
    sys.exit(main())
