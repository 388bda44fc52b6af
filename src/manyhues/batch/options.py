"""The options of a batch."""

from dataclasses import dataclass
from pathlib import Path

from manyhues.color.maps import color_map
from manyhues.colorization import NAME
from manyhues.errors import ManyhuesError, UsageError
from manyhues.image import names
from manyhues.image.encode import Format
from manyhues.image.limits import MAX_PIXELS
from manyhues.image.picture import SUFFIXES
from manyhues.image.values import Window
from manyhues.sampling.options import Sampling, whole
from manyhues.video.hints import TimedHint


@dataclass(frozen=True)
class Options(Sampling):
    """What is asked of each picture's samples, and how `Colorization.save` writes them.

    map           a colour map instead of samples
    window        what of measured values to show; by default the file's own
    keep_patient  whether DICOM results name whom a DICOM file shows
    notice        whether sheets say that the colour is artificial
    max_pixels    pictures of more pixels are refused
    timed_hints   hints of films, each with a time
    quality  of JPEG, WebP and AVIF, 1 to 100; None keeps L* (`image.encode`)
    name     pattern of the results' names; {stem} is the input's, {k} counts them from 1
    """

    format: Format = "keep"
    sheet: bool = True
    overwrite: bool = False
    map: str | None = None
    window: Window | None = None
    keep_patient: bool = False
    notice: bool = True
    max_pixels: int = MAX_PIXELS
    timed_hints: tuple[TimedHint, ...] = ()
    quality: int | None = None
    name: str = NAME

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("max_pixels", self.max_pixels, least=1)
        check_name(self.name)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"quality {self.quality}: expected 1 to 100")

    @property
    def count(self) -> int:
        """How many results a picture has: a colour map gives one."""
        return 1 if self.map else self.n

    @property
    def of_film(self) -> list[TimedHint]:
        """Hints as films take them: those without a time are of the first frame."""
        return [*self.timed_hints, *(TimedHint(x, y, 0.0, c) for x, y, c in self.hints)]


def check_steering(options: Options) -> None:
    """Of wrong options one hears once, before any work, and not with every picture."""
    if not -(2**63) <= options.seed < 2**63:
        raise UsageError(f"--seed {options.seed}: is too large; take one of at most 18 digits")
    try:
        if options.map:
            _ = color_map(options.map)
    except ManyhuesError as error:
        raise UsageError(f"--map: {error}") from error
    try:
        _ = options.palette  # read here, and kept for all pictures
    except ManyhuesError as error:
        raise UsageError(f"--like {error}") from error


def check_name(pattern: str) -> None:
    """Raise `UsageError` for a pattern that does not give every result a name of its own."""
    pairs = [(stem, k) for stem in ("a", "b", "a1", "1a") for k in (1, 2, 11)]
    try:
        made = [pattern.format(stem=stem, k=k) for stem, k in pairs]
    except (ValueError, LookupError, AttributeError, TypeError):
        made = []
    few = [name for name, (stem, k) in zip(made, pairs, strict=False) if stem in "ab" and k < 11]
    if len(set(few)) < 4 or any("/" in name or "\\" in name for name in made):
        raise UsageError(
            f"name {pattern!r}: expected {{stem}} and {{k}} in it, such as {{stem}}.{{k}}, and no "
            "folders"
        )
    if len(set(made)) < len(pairs):  # 11 of scan, and 1 of scan1
        raise UsageError(
            f"name {pattern!r}: put a sign between {{stem}} and {{k}}, such as {{stem}}.{{k}}; "
            "results of two pictures could have one name"
        )
    if not all(map(str.isprintable, made)):
        raise UsageError(f"name {pattern!r}: has signs that cannot be printed; leave them out")
    if (suffix := Path(pattern).suffix).lower() in SUFFIXES:
        raise UsageError(f"name {pattern!r}: leave out {suffix}, which --format gives")
    if names.WINDOWS and any(names.portable(f"{name}.png") != f"{name}.png" for name in made):
        raise UsageError(f"name {pattern!r}: Windows takes no device's name, and none of <>:\"|?*")
