"""The options of a batch."""

from dataclasses import dataclass
from pathlib import Path

from manyhues.errors import ManyhuesError, UsageError
from manyhues.sampling.hints import hint_colour
from manyhues.sampling.palette import palette


@dataclass(frozen=True)
class Options:
    """The options of a batch, as `Colorizer.sample` and `Colorization.save` take them."""

    n: int = 6
    seed: int = 0
    pick: str = "diverse"
    diversity: float = 1.0
    saturation: float = 1.0
    hints: tuple[tuple[int, int, str], ...] = ()
    like: Path | None = None
    format: str = "keep"
    sheet: bool = True
    overwrite: bool = False


def check_steering(options: Options) -> None:
    """Of wrong options one hears once, before any work, and not with every picture."""
    if not -(2**63) <= options.seed < 2**63:
        raise UsageError(f"--seed {options.seed}: is too large; take one of at most 18 digits")
    for hint in options.hints:
        hint_colour(*hint)
    if options.like is None:
        return
    try:
        palette(options.like)
    except ManyhuesError as error:
        raise UsageError(f"--like {error}") from error
