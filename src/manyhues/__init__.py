"""Many plausible colourings of one grey picture."""

from typing import TYPE_CHECKING, Any

from manyhues.errors import (
    DataError,
    ManyhuesError,
    OutputError,
    PictureError,
    TrainingError,
    UsageError,
    WeightsError,
)

if TYPE_CHECKING:
    from manyhues.colorization import Colorization
    from manyhues.colorizer import Colorizer, colorize

__version__ = "0.2.0"
__all__ = [
    "Colorization",
    "Colorizer",
    "DataError",
    "ManyhuesError",
    "OutputError",
    "PictureError",
    "TrainingError",
    "UsageError",
    "WeightsError",
    "colorize",
]


def __getattr__(name: str) -> Any:
    """Load numpy, Pillow and the runtime when they are first needed (PEP 562)."""
    if name in ("Colorization", "Colorizer", "colorize"):
        from manyhues import colorizer

        return getattr(colorizer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
