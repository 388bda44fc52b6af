"""Colour maps: a value's share of its window to a colour, one for one, and back.

The maps are those of the library `cmap` (extra ``dicom``) and DICOM's own palettes (PS3.6, Annex
B), which pydicom carries. First come maps in perceptual order, whose lightness grows with the
value: they can be read in grey and with any colour vision (Crameri, Shephard and Heron 2020,
doi 10.1038/s41467-020-19160-7). Rainbows come last: they show edges where the values have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import UsageError

LEVELS = 65536
_STEPPED = 64  # of 256: a map of fewer colours than this has steps on purpose
ORDERED = {  # the name here: the library's
    **{name: name for name in ("viridis", "cividis", "magma", "inferno", "plasma")},
    **{name: f"crameri:{name}" for name in ("batlow", "oslo", "lapaz", "davos", "lajolla")},
}
DICOM = {  # their UIDs end so; PS3.6, table A-1
    name: f"1.2.840.10008.1.5.{number}"
    for number, name in enumerate(
        ("HOT_IRON", "PET", "HOT_METAL_BLUE", "PET_20_STEP", "SPRING", "SUMMER", "FALL", "WINTER"),
        start=1,
    )
}
RAINBOW = {"turbo": "turbo", "jet": "jet"}
RAINBOW_WARNING = (
    "a rainbow shows edges where the values have none, and cannot be read in grey; "
    "viridis or batlow are safer"
)
_MISSING = "colour maps need {name}; install it with: pip install 'manyhues[dicom]'"

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class ColorMap:
    """A map by name. `colours` is sRGB, ``(65536, 3)`` float64 in [0, 1], black end first."""

    name: str
    colours: NDArray[np.float64]

    def table(self, bits: int) -> Pixels:
        """The colours at a depth of 8 or 16 bits, ``(65536, 3)``."""
        if bits == 8:
            return np.rint(self.colours * 255).astype(np.uint8)
        return np.rint(self.colours * 65535).astype(np.uint16)

    @property
    def distinct(self) -> int:
        """How many of 256 even steps have a colour of their own: 256 for a one-to-one map."""
        return len(np.unique(self.table(16)[:: (LEVELS - 1) // 255], axis=0))

    def apply(self, shares: NDArray[np.uint16], bits: int) -> Pixels:
        """Shares of the window ``(H, W)``, 0 to 65535, to sRGB ``(H, W, 3)`` of 8 or 16 bits."""
        return self.table(bits)[shares]

    def invert(self, pixels: Pixels) -> NDArray[np.uint16]:
        """The shares ``(H, W)`` that sRGB ``(H, W, 3)`` stands for: in the middle of its like.

        Raises `UsageError` for a map that is not one to one, and for colours that it has not.
        """
        if self.distinct < 256:
            raise UsageError(
                f"map {self.name}: has {self.distinct} colours for 256 steps, so values cannot be "
                f"read back; take one that is one to one, such as {next(iter(ORDERED))}"
            )
        packed = _packed(self.table(8 if pixels.dtype == np.uint8 else 16))
        order = np.argsort(packed, kind="stable")
        keys = packed[order]
        asked, where = np.unique(_packed(pixels.reshape(-1, 3)), return_inverse=True)
        first = np.searchsorted(keys, asked)
        last = np.searchsorted(keys, asked, side="right") - 1
        if (last < first).any():
            raise UsageError(
                f"these pixels have colours that the map {self.name} has not: "
                "they were changed or compressed after colouring"
            )
        middle = (order[first] + order[last]) // 2
        return middle[where].reshape(pixels.shape[:2]).astype(np.uint16)


def _packed(colours: Pixels) -> NDArray[np.uint64]:
    wide = colours.astype(np.uint64)
    return np.asarray((wide[..., 0] << 32) | (wide[..., 1] << 16) | wide[..., 2])


def names() -> Iterator[tuple[str, str]]:
    """Name and kind of the maps to offer, in the order to offer them."""
    for kind, maps in (("ordered", ORDERED), ("DICOM", DICOM), ("rainbow", RAINBOW)):
        for name in maps:
            yield name, kind


@lru_cache(maxsize=8)
def color_map(name: str) -> ColorMap:
    """A map by its name, in any case. Raises `UsageError` for one that nobody knows.

    Example::

        >>> color_map("viridis").apply(np.array([[0, 65535]], np.uint16), 8).tolist()
        [[[68, 1, 84], [253, 231, 37]]]
    """
    known = {key.lower().replace("-", "_"): key for key, _ in names()}
    key = known.get(name.strip().lower().replace("-", "_"))
    if key is None:
        raise UsageError(f"map {name!r}: is unknown; choose from {', '.join(known.values())}")
    stops = _palette(key) if key in DICOM else _library({**ORDERED, **RAINBOW}[key])
    positions, even = np.linspace(0, 1, len(stops)), np.linspace(0, 1, LEVELS)
    if len(np.unique(stops, axis=0)) < _STEPPED:  # colours between its steps are not the map's
        return ColorMap(key, stops[np.rint(even * (len(stops) - 1)).astype(int)])
    return ColorMap(key, np.stack([np.interp(even, positions, c) for c in stops.T], axis=-1))


def _library(name: str) -> NDArray[np.float64]:
    try:
        from cmap import Colormap
    except ModuleNotFoundError as error:
        raise UsageError(_MISSING.format(name="cmap")) from error
    return np.asarray(Colormap(name).lut(256)[:, :3], np.float64)


def _palette(name: str) -> NDArray[np.float64]:
    """A standard palette of DICOM: 256 colours of 8 bits."""
    try:
        from pydicom.pixels.processing import apply_color_lut
    except ModuleNotFoundError as error:
        raise UsageError(_MISSING.format(name="pydicom")) from error
    stored: NDArray[np.uint8] = np.arange(256, dtype=np.uint8)[None]
    return np.asarray(apply_color_lut(stored, palette=DICOM[name])[0], np.float64) / 255


def legend(color: ColorMap, low: float, high: float, count: int = 5) -> list[tuple[float, str]]:
    """Values and their colours, ``#rrggbb``, evenly over the window: what a file or sheet says."""
    table = color.table(8)
    places = np.linspace(0, LEVELS - 1, count).round().astype(int)
    values = np.linspace(low, high, count)
    return [
        (float(value), "#{:02x}{:02x}{:02x}".format(*table[place].tolist()))
        for value, place in zip(values, places, strict=True)
    ]


def is_rainbow(name: str) -> bool:
    """Whether a map is one of those that are offered last."""
    return name in RAINBOW
