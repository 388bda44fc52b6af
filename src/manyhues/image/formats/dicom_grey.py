"""What the grey of DICOM means: units, windows, tables (PS3.3, C.7.6.16, C.11.1 and C.11.2).

The attributes of a frame are looked up here as plain values, since files of several frames may
give each of them its own. Tables are looked up here, too: pydicom 3.0 refuses depths between 8 and
16 bits in modality tables, and in VOI tables of 8 bits takes each value's lowest 8.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhues.errors import PictureError
from manyhues.image.values import WHITE, Ends, Shares, full

if TYPE_CHECKING:
    from pydicom import Dataset

Facts = Mapping[str, Any]
_NAMES = (
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "Modality"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
)
_GROUPS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
_STRAIGHT = ("LINEAR", "LINEAR_EXACT")
_CURVE = "SIGMOID"
_TABLE = "its values are those of its modality table"
CURVED = "shown through its own curve: values cannot be read back; --window full can"


def facts_of(dataset: "Dataset", index: int) -> dict[str, Any]:
    """What a file says of the grey of one frame, by name; what it leaves empty is not there.

    Of enhanced objects (PS3.3, C.7.6.16) what all frames share lies over the data set's own, and
    what the frame says for itself over both.
    """
    shared = dataset.get("SharedFunctionalGroupsSequence") or ()
    own = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    groups = (*shared[:1], *own[index : index + 1])
    items = [item for group in groups for kind in _GROUPS for item in (group.get(kind) or ())[:1]]
    found: dict[str, Any] = {}
    for item in (dataset, *items):
        found |= {name: item.get(name) for name in _NAMES if name in item}
    return {
        name: value
        for name, value in found.items()
        if not (name.endswith("Sequence") and not value)
    }


def in_units(
    facts: Facts, stored: NDArray[Any], name: str
) -> tuple[NDArray[Any], float, float, str, tuple[str, ...]]:
    """Stored values, slope and intercept to their units, the unit, and notes.

    A modality table takes the place of the line; the values are its entries then.
    """
    slope, intercept = _rescale(facts, name)
    notes: tuple[str, ...] = ()
    if table := facts.get("ModalityLUTSequence"):
        stored, slope, intercept = looked_up(table[0], stored)[0], 1.0, 0.0
        notes = (_TABLE,)
    unit = str(facts.get("RescaleType") or "")
    if not unit and facts.get("Modality") == "CT" and (slope, intercept) != (1, 0):
        unit = "HU"
    return stored, slope, intercept, unit, notes


def _rescale(facts: Facts, name: str) -> tuple[float, float]:
    """Slope and intercept of the modality's units (PS3.3, C.11.1); 1 and 0 where it has none."""
    try:
        slope = float(facts.get("RescaleSlope", 1) or 0)
        intercept = float(facts.get("RescaleIntercept", 0) or 0)
    except (TypeError, ValueError):
        slope = intercept = float("nan")
    if not (np.isfinite(slope) and np.isfinite(intercept) and slope):
        raise PictureError(
            f"{name}: its rescale (slope {facts.get('RescaleSlope')}, intercept "
            f"{facts.get('RescaleIntercept')}) is no line; correct the file's header"
        )
    return slope, intercept


def looked_up(item: "Dataset", values: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Values of any shape through a table (PS3.3, C.11.1.1), and the bits of its entries.

    What lies before the table's first value gets its first entry, what lies behind its last.
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 65536
    data: Any = item.LUTData
    if isinstance(data, bytes):  # entries of 8 bits may lie side by side
        order = ">" if item.original_encoding[1] is False else "<"
        kind = f"{order}u2" if len(data) >= 2 * entries else "u1"
        table = np.frombuffer(data, kind, entries).astype(np.uint16)
    else:
        table = np.atleast_1d(np.asarray(data, np.uint16))
    if len(table) < entries:
        raise ValueError("a table shorter than it says")
    places = np.clip(values.astype(np.float64) - first, 0, entries - 1)
    return table[places.astype(np.intp)], bits


def curved(facts: Facts, values: NDArray[Any]) -> Shares | None:
    """Shares of values in their units by the file's own table or curve; None with neither."""
    if table := facts.get("VOILUTSequence"):
        looked, bits = looked_up(table[0], values)
        shown = looked / float(2**bits - 1)
    elif _function(facts) == _CURVE and (window := _own(facts)):
        centre, width = window
        with np.errstate(over="ignore"):  # PS3.3, C.11.2.1.3.1
            shown = 1 / (1 + np.exp(-4 * (values.astype(np.float64) - centre) / width))
    else:
        return None
    return np.asarray(np.rint(np.clip(shown, 0, 1) * WHITE), np.uint16)


def own_ends(
    facts: Facts, stored: NDArray[Any], slope: float, intercept: float
) -> tuple[Ends, tuple[str, ...]]:
    """The values that the file's own window shows as black and white, and notes.

    All its values, where it has no window or an empty one.
    """
    window, function = _own(facts), _function(facts)
    if window is None:
        said = [facts.get(key) for key in ("WindowCenter", "WindowWidth")]
        notes = () if None in map(_first, said) else (_empty(*said),)
        return full(seen(facts, stored), slope, intercept), notes
    centre, width = window
    if function != "LINEAR_EXACT" and width >= 1:  # C.11.2.1.2.1: over w - 1 steps, 1 a threshold
        centre, width = centre - 0.5, max(width - 1, 0.01)
    known = function in (*_STRAIGHT, _CURVE)
    notes = () if known else (f"the curve of its window, {function}, is unknown: shown straight",)
    return (centre - width / 2, centre + width / 2), notes


def _empty(centre: Any, width: Any) -> str:
    return f"its own window (centre {centre}, width {width}) is empty: all its values are shown"


def _own(facts: Facts) -> Ends | None:
    """Centre and width of the file's first window; None where it has none, or an empty one."""
    centre, width = (_first(facts.get(key)) for key in ("WindowCenter", "WindowWidth"))
    return None if centre is None or width is None or width <= 0 else (centre, width)


def _function(facts: Facts) -> str:
    return str(facts.get("VOILUTFunction") or _STRAIGHT[0]).upper()


def seen(facts: Facts, stored: NDArray[Any]) -> NDArray[Any]:
    """Stored values without those that pad the picture (PS3.3, C.7.5.1.1.2)."""
    padding, limit = (facts.get(f"PixelPadding{key}") for key in ("Value", "RangeLimit"))
    if not isinstance(padding, int):
        return stored
    low, high = sorted((padding, limit if isinstance(limit, int) else padding))
    kept = (stored < low) | (stored > high)
    return np.asarray(stored[kept]) if kept.any() else stored


def _first(value: Any) -> float | None:
    """The first of one or several numbers; None where there is none that is finite."""
    try:
        number = float(value if isinstance(value, (int, float, str)) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if np.isfinite(number) else None
