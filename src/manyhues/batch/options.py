"""The options of a batch."""

from dataclasses import dataclass

from manyhues.errors import ManyhuesError, UsageError
from manyhues.image.encode import Format
from manyhues.image.picture import MAX_PIXELS
from manyhues.sampling.options import Sampling, whole


@dataclass(frozen=True)
class Options(Sampling):
    """What is asked of each picture's samples, and how `Colorization.save` writes them.

    Pictures of more than `max_pixels` are refused.
    """

    format: Format = "keep"
    sheet: bool = True
    overwrite: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("max_pixels", self.max_pixels, least=1)


def check_steering(options: Options) -> None:
    """Of wrong options one hears once, before any work, and not with every picture."""
    if not -(2**63) <= options.seed < 2**63:
        raise UsageError(f"--seed {options.seed}: is too large; take one of at most 18 digits")
    try:
        _ = options.palette  # read here, and kept for all pictures
    except ManyhuesError as error:
        raise UsageError(f"--like {error}") from error
