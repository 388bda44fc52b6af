"""Dev and test: every held-out set is split once, by a fixed hash of a picture's id.

What is chosen (gains, grain, steps, which run to ship) is chosen on *dev*; what is reported is
measured on *test*. A hash, and not a place in a list: a picture stays on its side whatever is added
to a set or left out of it. Photographs have halves of their own:

- ``photos128`` (val) is dev, all of it, and so is what is held out of ``pool160``: a twentieth,
  by house and by camera where a place was photographed more than once. The rest of the pool is
  trained on, and on neither side.
- ``photos/colour`` is test, all of it.
"""

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import UsageError
from manyhues.training.data.pictures import load_square

Half = Literal["dev", "test"]
HALVES: tuple[Half, ...] = get_args(Half)
Rule = Callable[[str, str], Half | None]  # of a picture's id and label

# Sets that lie on one side, by the last parts of their path.
_WHOLE: dict[tuple[str, ...], Half] = {("photos128",): "dev", ("photos", "colour"): "test"}
_POOL = "pool160"
_POOL_SHARE = 20  # one picture of as many is held out
_PLACES = ("houses", "webcams")  # labels whose ids begin with the place: PLACE_number


def number(text: str) -> int:
    """The first 32 bits of a text's SHA-256: what all halves are drawn by."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def by_id(name: str, label: str = "") -> Half:
    """The half of a picture of most sets: even numbers are dev.

    >>> by_id("n02165456_4340"), by_id("n02165456_4341")
    ('test', 'dev')
    """
    return "test" if number(name) % 2 else "dev"


def of_pool(name: str, label: str) -> Half | None:
    """Whether a picture of ``pool160`` is held out (dev) or trained on (None)."""
    key = name.split("_")[0] if label in _PLACES else name
    return None if number(key) % _POOL_SHARE else "dev"


def rule_of(path: Path) -> Rule:
    """The rule that splits a set, told by its folder's name."""
    path = path.absolute()
    parts = (path.parent if path.suffix else path).parts
    for tail, half in _WHOLE.items():
        if parts[-len(tail) :] == tail:
            return lambda name, label: half
    return of_pool if parts[-1] == _POOL else by_id


def load(
    path: Path,
    size: int,
    limit: int | None = None,
    split: str | None = None,
    half: Half | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.uint8], list[str]]:
    """`load_square` of one half of a set; of the whole set for None.

    Returns the first `limit` pictures with colour, ``(N, size, size, 3)`` uint8, and their labels.
    Raises `UsageError` for a set that has nothing on that side, `DataError` where nothing is left.
    """
    if half is None:
        return load_square(path, size, limit, split, progress=progress)
    if half not in HALVES:
        raise UsageError(f"--half {half}: choose from {', '.join(HALVES)}")
    rule = rule_of(path)
    if rule not in (by_id, of_pool) and rule("", "") != half:
        raise UsageError(
            f"{path}: all of it is {rule('', '')}; photographs are chosen on photos128 and pool160 "
            "(dev) and reported on photos/colour (test)"
        )
    if rule is of_pool and half == "test":
        raise UsageError(f"{path}: what is not dev is trained on; report on photos/colour")

    def keep(name: str, label: str) -> bool:
        return rule(name, label) == half

    return load_square(path, size, limit, split, keep, progress)


def add_option(parser: argparse.ArgumentParser) -> None:
    """``--half`` of a benchmark; what it compares is chosen by it, so dev unless asked."""
    choices = (*HALVES, "all")
    parser.add_argument("--half", choices=choices, default="dev", help="default: %(default)s")


def chosen(option: str) -> Half | None:
    """The half that ``--half`` names; None for ``all``."""
    return next((half for half in HALVES if half == option), None)
