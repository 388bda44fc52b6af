"""Results of `manyhues evaluate` as a table for the terminal."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from manyhues.evaluation.protocol import Result
from manyhues.language import spoken

# Heading and format of the keys that the table shows; the JSON file has all of them.
COLUMNS = {
    "best_of_8_pixel": ("best\nof 8\npixel", ".2f"),
    "best_of_8_image": ("best\nof 8\nimage", ".2f"),
    "best_of_1": ("best\nof 1", ".2f"),
    "variance": ("variance", ".5f"),
    "eob": ("eob", ".4f"),
    "eob_variance": ("eob\nvariance", ".1e"),
    "colourfulness": ("colour-\nfulness", ".1f"),
    "frechet": ("Fréchet", ".1f"),
    "frechet_share": ("Fréchet\nshare", ".1%"),
    "frechet_colour_share": ("colour\nshare", ".1%"),
    "pairwise": ("pair-\nwise", ".2f"),
    "top1": ("top-1", ".1%"),
    "energy": ("energy\nscore", ".0f"),
    "ms_per_picture": ("ms", ".1f"),
}
TABLE_WIDTH = 120  # all columns and five methods


def table(results: Mapping[str, Result]) -> Table:
    """Results as a rich table of what the run could give; grey and true pictures lead it.

    A method whose independent draws were measured has them in a row of their own.
    """
    first = next(iter(results.values()))
    out = Table(title=title(first), box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    shown = {
        key: c
        for key, c in COLUMNS.items()
        if any(result[key] is not None for result in results.values())
    }
    out.add_column(spoken("method"))
    for heading, _ in shown.values():
        out.add_column(spoken(heading), justify="right")
    for name, row in references(first).items():
        cells = (show(row.get(key), f) for key, (_, f) in shown.items())
        out.add_row(spoken(name), *cells, style="dim")
    for name, row in results.items():
        out.add_row(name, *(show(row[key], f) for key, (_, f) in shown.items()))
        if row["independent"]:
            apart = row["independent"]
            cells = (show(apart.get(key), f) for key, (_, f) in shown.items())
            out.add_row(f"  {spoken('independent')}, {apart['n']}", *cells)
    return out


def title(result: Result) -> str:
    """What was measured, and on what: a line each."""
    lines = []
    if result["data"]:
        data = ", ".join(result["data"])
        half = result["half"]
        lines.append(data if half == "all" else spoken(f"{data} ({half} half)"))
    lines.append(spoken(f"pictures: {result['n']:,}, samples of each: {result['samples']}"))
    more = [spoken(f"{result['size']} pixels, seed {result['seed']}")]
    if count := result["eob_pictures"]:
        each = result["eob_samples"]
        more.append(spoken(f"eob (pictures: {count:,}, samples of each: {each})"))
    if count := result["draw_pictures"]:
        each = result["draws"]
        more.append(spoken(f"energy (pictures: {count:,}, draws of each: {each})"))
    if result["judge"]:
        more.append(result["judge"])
    return "\n".join([*lines, "; ".join(more)])


def print_table(results: Mapping[str, Result], console: Console) -> None:
    """Print the table uncut: a narrow terminal wraps its lines, a pipe gets them whole.

    Below it stands why a figure is missing.
    """
    wide = Console(file=console.file, width=max(console.width, TABLE_WIDTH))
    wide.print(table(results))
    for note in dict.fromkeys(note for result in results.values() for note in result["notes"]):
        wide.print(spoken(note), style="yellow", markup=False)


def references(result: Result) -> dict[str, Result]:
    """What any result says of the grey and of the true pictures, as rows of the table."""
    return {
        "grey": {
            "colourfulness": 0.0,
            "frechet": result["frechet_grey"],
            "frechet_share": _given(result, "frechet_share", 0.0),
            "frechet_colour_share": _given(result, "frechet_colour_share", 0.0),
            "top1": result["top1_grey"],
        },
        "truth": {
            "colourfulness": result["colourfulness_truth"],
            "frechet": result["frechet_real"],
            "frechet_share": _given(result, "frechet_share", 1.0),
            "frechet_colour_share": _given(result, "frechet_colour_share", 1.0),
            "top1": result["top1_truth"],
        },
    }


def _given(result: Result, key: str, value: float) -> float | None:
    """`value` where the result has the key's figure: an end of a scale that is there."""
    return None if result.get(key) is None else value


def show(value: float | None, form: str) -> str:
    """A number in its column's format; a dash for what a run could not give."""
    return "–" if value is None else format(value, form)
