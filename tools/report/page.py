"""The report as Markdown, from the content of ``results.json`` and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhues.errors import DataError
from manyhues.evaluation.protocol import Result
from manyhues.evaluation.table import references, show
from manyhues.image import files
from tools.report import calibration, paper
from tools.report.markdown import table

Content = Mapping[str, Any]

# Key, heading, format; the value in parentheses is half the width of the 95 % interval.
COLUMNS = (
    ("eob", "eob", ".4f", True),
    ("eob_variance", "eob variance", ".1e", False),
    ("best_of_8_pixel", "best of 8, pixel", ".2f", True),
    ("best_of_8_image", "best of 8, image", ".2f", True),
    ("best_of_1", "best of 1", ".2f", True),
    ("variance", "variance", ".5f", False),
    ("pairwise", "pairwise", ".2f", False),
    ("colourfulness", "colourfulness", ".1f", False),
    ("frechet", "Fréchet", ".1f", False),
    ("frechet_share", "Fréchet share", ".1%", True),
    ("frechet_colour_share", "colour share", ".1%", True),
    ("top1", "top-1", ".1%", True),
    ("ms_per_picture", "ms", ".1f", False),
)

READING = """\
All methods saw the same pictures and the same luminance; 8 samples a picture, at 64 x 64.

- **eob** and **eob variance** are the paper's: a, b in units of 128; for each picture the whole
  sample with the least error, its RMS over pixels and channels; and the variance of the samples.
- **best of 8** and **best of 1**: RMSE of RGB x 100. *Pixel* chooses among the samples at every
  pixel and channel (the published protocol; it rewards incoherent noise), *image* chooses a
  whole picture. **variance** over the 8 samples, RGB in [0, 1]. **pairwise**: mean RMS
  difference of two samples, x 100. The 8 samples of `flow` have antithetic noise
  (model/sampling.md), each of them plain; those of the other methods are independent.
- **colourfulness** of Hasler and Suesstrunk; to be read against that of the truth.
- **Fréchet** distance on pooled EfficientNet-Lite2 features at 128 px: the first sample of the
  first half of the pictures against the true second half. The row *truth* is the real-to-real
  floor, the row *grey* the ceiling; **share** is the way from grey (0 %) to the floor (100 %).
  The distance itself falls with the number of pictures, so compare only within a table.
  **colour share** is the same of a second judge that is no network: 38 raw statistics of a, b.
- **top-1** of the same network's ImageNet classifier, where the data set has its classes.
- **ms**: median time a picture for features and 8 samples, without reading and writing files;
  `flow` with weights before, whose graphs are as large, on the machine of the other methods
  (later runs were beside other work).
- ± is half of a 95 % interval over pictures: bootstrap, 1,000 resamples; for the Fréchet share
  the infinitesimal jackknife. `results.json` has the intervals of all the others.

A sample that differs from the photograph is no fault, so best of 1 is not a measure of quality:
a method that answers grey-brown to everything scores well there, and badly on the rest.
"""

# What was chosen on the pictures of a table, by their half.
CHOSEN = {
    "all": (
        "The whole set, measured before it was split into halves: `flow`'s gains, grain and steps "
        "were chosen on\npictures of ImageNet 64 val and on the photographs of `photos/colour`.\n"
    ),
    "test": "The test half, by id: nothing was chosen on it.\n",
    "dev": "The dev half, by id: gains, grain and steps are chosen on it.\n",
}

# Read in the comparison script that Ardizzone et al. 2019 published with their paper.
PUBLISHED = """\
Published numbers to stand beside: the same formulas on **other pictures** (5,120 of ImageNet val;
Ardizzone et al. 2019), so the tables agree in meaning and not to the digit.

| method | best of 8, pixel | best of 1 | variance |
| --- | ---: | ---: | ---: |
| conditional INN | 3.53 | 9.52 | .00352 |
| VAE-MDN, the paper's released model | 4.06 | 8.40 | .00210 |
| CNN (Iizuka 2016), one answer | 6.77 | 6.77 | – |
| cGAN | 9.75 | 9.75 | – |
"""


def write(content: Content, path: Path) -> None:
    """Write the page, whole or not at all, and beside it the figure that is drawn of numbers."""
    files.write(markdown(content).encode(), path, overwrite=True)
    if content.get("calibration"):
        figure = path.parent / calibration.FIGURE
        files.make_folder(figure.parent)
        files.write(calibration.draw(content["calibration"]).encode(), figure, overwrite=True)


def markdown(content: Content) -> str:
    """The whole page."""
    try:
        parts: list[str | None] = [_opening(content["made"]), READING]
        parts += [_data_set(key, part) for key, part in content["data_sets"].items()]
        for section, make in (("calibration", calibration.markdown), ("paper", paper.markdown)):
            parts += [make(content[section]) if content.get(section) else None]
        parts += [_reconstruction(content.get("reconstruction"))]
        parts += [_ablation(content.get("ablation"))]
    except KeyError as error:
        raise DataError(f"results.json: no {error} in it; measure again") from error
    return "\n".join(part for part in parts if part)


def _opening(made: Mapping[str, str]) -> str:
    return f"""\
# Results

Made on {made["date"]} ({made["machine"]}) by

    {made["command"]}

from `results.json`, which that run wrote beside this page; do not edit either by hand.
`python -m tools.report.results --out docs --from-json` writes the page again.
"""


def _data_set(key: str, part: Mapping[str, Any]) -> str:
    results: Mapping[str, Result] = part["results"]
    first = next(iter(results.values()))
    shown = [c for c in COLUMNS if any(result.get(c[0]) is not None for result in results.values())]
    rows = [
        [name, *(show(row.get(k), form) for k, _, form, _ in shown)]
        for name, row in references(first).items()
    ]
    for name, result in results.items():
        rows.append([f"**{name}**", *(_with_interval(result, *column) for column in shown)])
    eob = (
        f"; eob over {part['eob_samples']} samples of {part['eob_pictures']:,} pictures"
        if part["eob_samples"]
        else ""
    )
    lines = [
        f"## {part['title']}",
        "",
        f"{first['n']:,} pictures{eob}.",
        "",
        CHOSEN[part.get("half", "all")],
        table(["method", *(heading for _, heading, _, _ in shown)], rows),
        _comparison(results),
        f"![Rows: {part['title']}; columns: grey, truth and samples of each method]"
        f"({part['figure']})",
        "",
        "Rows are taken evenly over the set: by place, not by looks; the samples are the first 8.",
        "",
    ]
    if key == "imagenet64":
        lines.insert(-4, published(results))
    return "\n".join(line for line in lines if line is not None)


def published(results: Mapping[str, Result]) -> str:
    """The published rows, and ours of independent samples, which are theirs to compare with."""
    rows = []
    for name, result in results.items():
        apart = result.get("independent")
        if apart and apart["best_of_8_pixel"] is not None:
            cells = [show(apart["best_of_8_pixel"], ".2f"), show(result["best_of_1"], ".2f")]
            cells.append(f"{apart['variance']:.5f}".removeprefix("0"))
            rows.append(f"| {name}, ours, independent noise | {' | '.join(cells)} |\n")
    return PUBLISHED + "".join(rows)


def _with_interval(result: Result, key: str, _: str, form: str, interval: bool) -> str:
    value = result.get(key)
    if value is None or not interval:
        return show(value, form)
    low, high = result[f"{key}_ci"]
    return f"{format(value, form)} ± {format((high - low) / 2, form).removesuffix('%')}"


def _comparison(results: Mapping[str, Result]) -> str | None:
    """The paper's claim in numbers: how much more its method varies than the baselines."""
    ours = results.get("vae-mdn")
    if ours is None:
        return None
    lines = []
    for key, measure in (("variance", "RGB, 8 samples"), ("eob_variance", "a, b, 100 samples")):
        ratios = [
            f"{ours[key] / results[name][key]:,.1f} times that of {name}"
            for name in ("cvae", "cgan")
            if ours[key] and name in results and results[name][key]
        ]
        if ratios:
            lines.append(f"Variance of vae-mdn ({measure}): {' and '.join(ratios)}.\n")
    return "\n".join(lines) or None


def _reconstruction(found: Mapping[str, Mapping[str, float]] | None) -> str | None:
    if not found:
        return None
    columns = ["vae", "pca20"]
    rows = [[name, *(show(row.get(c), ".4f") for c in columns)] for name, row in found.items()]
    return f"""\
## Reconstruction

RMS of a, b (units of 128) left after encoding and decoding the true colours: the VAE with 64
numbers and the grey picture, against principal components of our own training set.

{table(["data set", *columns], rows)}"""


_ERRORS = ("rms", "weighted", "gradient")


def _ablation(found: Mapping[str, Mapping[str, Mapping[str, float]]] | None) -> str | None:
    if not found:
        return None
    columns = list(dict.fromkeys((s, m) for row in found.values() for s in row for m in _ERRORS))
    rows = [
        [variant, *(show(row.get(s, {}).get(m), ".4f") for s, m in columns)]
        for variant, row in found.items()
    ]
    return f"""\
## Ablation of the three losses

Reconstruction error of the VAE when its decoder is trained with some of its losses: plain (RMS),
weighted by the rarity of the colour, and of the gradients.

{table(["losses", *(f"{s}, {m}" for s, m in columns)], rows)}"""
