"""Results of `manyhues evaluate` as a table for the terminal."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from manyhues.evaluation.protocol import Result

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
    "pairwise": ("pair-\nwise", ".2f"),
    "top1": ("top-1", ".1%"),
    "ms_per_picture": ("ms", ".1f"),
}
TABLE_WIDTH = 100  # all columns and five methods


def table(results: Mapping[str, Result]) -> Table:
    """Results as a rich table of what the run could give; grey and true pictures lead it."""
    first = next(iter(results.values()))
    title = f"{first['n']:,} pictures, samples of each: {first['samples']}"
    out = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    shown = {
        key: c for key, c in COLUMNS.items() if any(r[key] is not None for r in results.values())
    }
    out.add_column("method")
    for heading, _ in shown.values():
        out.add_column(heading, justify="right")
    for name, row in references(first).items():
        out.add_row(name, *(show(row.get(key), f) for key, (_, f) in shown.items()), style="dim")
    for name, row in results.items():
        out.add_row(name, *(show(row[key], f) for key, (_, f) in shown.items()))
    return out


def print_table(results: Mapping[str, Result], console: Console) -> None:
    """Print the table uncut: a narrow terminal wraps its lines, a pipe gets them whole."""
    Console(file=console.file, width=max(console.width, TABLE_WIDTH)).print(table(results))


def references(result: Result) -> dict[str, Result]:
    """What any result says of the grey and of the true pictures, as rows of the table."""
    judged = result["frechet_real"] is not None
    return {
        "grey": {
            "colourfulness": 0.0,
            "frechet": result["frechet_grey"],
            "frechet_share": 0.0 if judged else None,
            "top1": result["top1_grey"],
        },
        "truth": {
            "colourfulness": result["colourfulness_truth"],
            "frechet": result["frechet_real"],
            "frechet_share": 1.0 if judged else None,
            "top1": result["top1_truth"],
        },
    }


def show(value: float | None, form: str) -> str:
    """A number in its column's format; a dash for what a run could not give."""
    return "–" if value is None else format(value, form)
