"""The calibration part of docs/results.md: energy scores, rank histograms, spread by scale."""

from collections.abc import Mapping, Sequence
from typing import Any

from manyhues.evaluation.calibration import SCALES, STATISTICS
from manyhues.evaluation.protocol import RANKS, Result
from manyhues.evaluation.table import show
from tools.report.markdown import table

FIGURE = "images/calibration.svg"
KEPT = ("n", "draws", "draw_pictures", "seed", "size", "data", "half", "version", "energy")
_SPREADS = tuple(f"spread_{scale}" for scale in SCALES)
_TITLES = {"mean_a": "mean a", "mean_b": "mean b", "chroma": "chroma", "spread_a": "spread of a"}

READING = """\
This part is for {draws} independent draws of each of {pictures} pictures ({data}, {half}),
at 64 x 64 and in Lab units. The coupled draws that the product shows are not used.
`python -m tools.report.add calibration` measures it.

- **energy score** (Gneiting & Raftery 2007): the mean L2 distance of the draws' a, b field from
  the true one, less half the mean distance of two draws. It is proper: the true distribution
  scores lowest.
- **spread over needed**: the variance of the draws over the variance that the true colours ask
  for; 1 is right. The columns are for the whole field's mean, for what 4 x 4 cells add to it, for
  what 16 x 16 cells add to those, and for what is finer.
- The figure's histograms count how many of the draws lie below the truth, by the mean of a, the
  mean of b, the mean chroma, and the spread of a over the picture. Calibrated samples give even
  bars (the dashed line). Heaps at both ends mean too little spread. A heap at the right means that
  the truth has more than any draw.
"""


def part(results: Mapping[str, Result]) -> dict[str, Any]:
    """What the page shows of results that have calibration, by method."""
    keys = (*KEPT, *RANKS, "energy_ci", *_SPREADS, *(f"{key}_ci" for key in _SPREADS))
    return {
        name: {key: result[key] for key in keys}
        for name, result in results.items()
        if result.get("draw_pictures")
    }


def markdown(found: Mapping[str, Result]) -> str:
    """The section of the page."""
    first = next(iter(found.values()))
    half = "all" if first["half"] == "all" else f"{first['half']} half"
    text = READING.format(
        draws=first["draws"],
        pictures=first["draw_pictures"],
        data=", ".join(first["data"]),
        half=half,
    )
    rows = []
    for name, result in found.items():
        low, high = result["energy_ci"]
        cells = [f"{result['energy']:.0f} ± {(high - low) / 2:.0f}"]
        cells += [show(result[key], ".2f") for key in _SPREADS]
        rows.append([f"**{name}**", *cells])
    head = ["method", "energy score", *(f"spread, {scale}" for scale in SCALES)]
    picture = f"![Rank histograms, and spread over needed by scale, of each method]({FIGURE})"
    return f"## Calibration\n\n{text}\n{table(head, rows)}\n{picture}\n"


# The figure: a row of histograms for each method, and the scales beside it.
_WIDTH, _BAR, _HIGH, _GAP, _LEFT, _TOP = 760, 11, 64, 24, 76, 44
_INK, _PALE, _FILL, _RULE = "#26262a", "#77777f", "#4a7ab5", "#c2c2c8"


def draw(found: Mapping[str, Result]) -> str:
    """The figure as SVG."""
    rows = [
        _row(name, result, _TOP + index * (_HIGH + _GAP))
        for index, (name, result) in enumerate(found.items())
    ]
    height = _TOP + len(rows) * (_HIGH + _GAP) + 8
    titles = [_text(_column(i), 22, _TITLES[name]) for i, name in enumerate(STATISTICS)]
    titles.append(_text(_column(len(STATISTICS)) + 8, 22, "spread over needed"))
    body = "\n".join([*titles, *rows])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _column(index: int) -> int:
    return _LEFT + index * (9 * _BAR + _GAP)


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{more}>{text}</text>'


def _row(name: str, result: Result, top: int) -> str:
    parts = [_text(8, top + _HIGH / 2, name, ' font-weight="bold"')]
    for index, key in enumerate(RANKS):
        counts: Sequence[int] = result[key]
        even = sum(counts) / len(counts)
        width, left = 9 * _BAR / len(counts), _column(index)
        for place, count in enumerate(counts):
            high = _HIGH * min(1.0, count / (3 * even))  # even bars reach a third of the height
            parts.append(
                f'<rect x="{left + place * width:.1f}" y="{top + _HIGH - high:.1f}" '
                f'width="{width - 1:.1f}" height="{high:.1f}" fill="{_FILL}"/>'
            )
        parts.append(_line(left, top + 2 * _HIGH / 3, 9 * _BAR, ' stroke-dasharray="3 2"'))
        parts.append(_line(left, top + _HIGH, 9 * _BAR))
    left = _column(len(RANKS)) + 8
    for place, (scale, key) in enumerate(zip(SCALES, _SPREADS, strict=True)):
        y, full = top + place * _HIGH / 4, 90
        value = result[key]
        parts.append(_text(left, y + 12, scale, f' fill="{_PALE}" font-size="10"'))
        parts.append(
            f'<rect x="{left + 38}" y="{y + 3:.1f}" width="{full * min(1.2, value):.1f}" '
            f'height="10" fill="{_FILL}"/>'
        )
        parts.append(_text(left + 38 + 1.2 * full + 4, y + 12, f"{value:.2f}", ' font-size="10"'))
    parts.append(
        f'<line x1="{left + 128}" y1="{top}" x2="{left + 128}" y2="{top + _HIGH}" '
        f'stroke="{_PALE}" stroke-dasharray="3 2"/>'
    )
    return "\n".join(parts)


def _line(x: float, y: float, width: float, more: str = "") -> str:
    return f'<line x1="{x:g}" y1="{y:.1f}" x2="{x + width:g}" y2="{y:.1f}" stroke="{_RULE}"{more}/>'
