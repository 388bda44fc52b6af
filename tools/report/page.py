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
All methods saw the same pictures and the same luminance. Each drew 8 samples a picture at 64 x 64.
They are plain draws at a diversity of 1, as trained; `manyhues colorize` is calmer by default.

- **eob** and **eob variance** are the paper's metrics, with a, b in units of 128. For each picture,
  eob is the RMS error, over pixels and channels, of the whole sample that has the least error. eob
  variance is the variance of the samples.
- **best of 8** and **best of 1** are RMSE of RGB x 100. *Pixel* chooses the best sample at every
  pixel and channel. This is the published protocol, and it rewards incoherent noise. *Image*
  chooses the best whole picture.
- **variance** is that of the 8 samples, RGB in [0, 1]. **pairwise** is the mean RMS difference of
  two samples, x 100. The 8 samples of `flow` have
  [antithetic noise](model/sampling.md#eight-samples-that-keep-apart), though each alone is a plain
  draw. The samples of the other methods are independent.
- **colourfulness** is that of Hasler and Suesstrunk. Compare it with that of the truth.
- **Fréchet** is the distance on pooled EfficientNet-Lite2 features at 128 px, between the first
  sample of the first half of the pictures and the true second half. The row *truth* is the
  real-to-real floor, the row *grey* the ceiling. **share** goes from 0 % (grey) to 100 % (floor).
  The distance falls with the number of pictures, so compare it only within a table. **colour
  share** is the same for a second judge that is no network: 38 raw statistics of a, b.
- **top-1** is the accuracy of the same network's ImageNet classifier, where the data set has its
  classes.
- **ms** is the median time of a picture for features and 8 samples, without reading and writing
  files. For `flow` it was measured with earlier weights, whose graphs are as large, on the machine
  of the other methods. Other work ran beside later runs.
- ± is half of a 95 % interval over pictures, by bootstrap with 1,000 resamples; for the Fréchet
  share, by the infinitesimal jackknife. `results.json` has the intervals of all other figures.

A sample that differs from the photograph is no fault, so best of 1 does not measure quality. A
method that answers grey-brown to everything scores well there, and badly on the rest.
"""

# What was chosen on the pictures of a table, by their half.
CHOSEN = {
    "all": (
        "The whole set, measured before sets were split into halves. The gains, grain and steps of "
        "`flow` were\nchosen on pictures of ImageNet 64 val and on the photographs of "
        "`photos/colour`.\n"
    ),
    "test": "The test half, by id. Nothing was chosen on it.\n",
    "dev": "The dev half, by id. Gains, grain and steps are chosen on it.\n",
}

# Read in the comparison script that Ardizzone et al. 2019 published with their paper.
PUBLISHED = """\
Published figures, *quoted* from Ardizzone et al. 2019. The formulas are the same, the **pictures
are not** (5,120 of ImageNet val), so digits of the two tables cannot be compared.

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

from `results.json`, which that run wrote beside this page. Do not edit either by hand:
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
        "Rows are taken evenly over the set, by place, not by looks. The samples are the first 8.",
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

RMS of a, b (units of 128) that is left after encoding and decoding the true colours. The VAE has 64
numbers and the grey picture; *pca20* has 20 principal components of our own training set.

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

Reconstruction error of the VAE when its decoder is trained with only some of its losses. *rms* is
the plain error, *weighted* weights it by the rarity of the colour, *gradient* is that of gradients.

{table(["losses", *(f"{s}, {m}" for s, m in columns)], rows)}"""
