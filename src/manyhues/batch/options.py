"""The options of a batch."""

from dataclasses import dataclass

from manyhues.colorization import NAME, check_name
from manyhues.errors import ManyhuesError, UsageError
from manyhues.image.encode import Format
from manyhues.sampling.options import Sampling


@dataclass(frozen=True)
class Options(Sampling):
    """What is asked of each picture's samples, and how `Colorization.save` writes them.

    quality  of JPEG and AVIF, 1 to 100; None keeps L* (`image.encode`)
    name     pattern of the results' names; {stem} is the input's, {k} counts them from 1
    """

    format: Format = "keep"
    sheet: bool = True
    overwrite: bool = False
    quality: int | None = None
    name: str = NAME

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name(self.name)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"quality {self.quality}: expected 1 to 100")


def check_steering(options: Options) -> None:
    """Of wrong options one hears once, before any work, and not with every picture."""
    if not -(2**63) <= options.seed < 2**63:
        raise UsageError(f"--seed {options.seed}: is too large; take one of at most 18 digits")
    try:
        _ = options.palette  # read here, and kept for all pictures
    except ManyhuesError as error:
        raise UsageError(f"--like {error}") from error
