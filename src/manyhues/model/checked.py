"""JSON objects to frozen dataclasses: every value's type and range is checked.

A field's annotation says what it takes: ``bool``, ``int``, ``float``, ``str``, ``GraphFile``, a
``Literal``, a tuple ``tuple[int, ...]``, another dataclass, or one of these or None. Numbers have
their range beside them: ``Annotated[float, Range(0, 1)]``. For a tuple a bare item stands for one.
"""

import dataclasses
import reprlib
import types
from collections.abc import Mapping
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

GraphFile = NewType("GraphFile", str)  # the name of a file in the weights folder, without a path
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Range:
    """Least and largest of a number; of a tuple, of each of its items."""

    least: float
    most: float


class FaultError(ValueError):
    """What is wrong with a value, and where it stands; `remedy` where there is a special one."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class LackingError(ValueError):
    """Keys that are not there, by their places."""

    def __init__(self, places: set[str]) -> None:
        super().__init__(", ".join(sorted(places)))
        self.places = places


def build(cls: type[T], values: Any, place: str = "") -> T:
    """A dataclass of a JSON object's values; keys that it has no field for are passed over.

    Raises `LackingError` for fields without a default that are not there, and `FaultError` for
    values of another type or range.
    """
    if not isinstance(values, Mapping):
        raise FaultError(_wrong(place or "the file", "an object", values))
    variant = getattr(cls, "variant", None)
    if variant is not None:  # a family, whose values say which of it they are
        cls = variant(values, place)
    hints = get_type_hints(cls, include_extras=True)
    given: dict[str, Any] = {}
    lacking: set[str] = set()
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        where = f"{place}.{field.name}" if place else field.name
        if field.name in values:
            try:
                given[field.name] = _value(hints[field.name], values[field.name], where)
            except LackingError as error:
                lacking |= error.places
        elif field.default is field.default_factory is dataclasses.MISSING:
            lacking.add(where)
    if lacking:
        raise LackingError(lacking)
    try:
        return cls(**given)
    except FaultError as error:  # of values that do not go together
        raise FaultError(f"{place}: {error}" if place else str(error), error.remedy) from None


def _value(hint: Any, value: Any, place: str, span: Range | None = None) -> Any:
    """A JSON value as a field takes it."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _value(inside[0], value, place, inside[1])
    if origin in (Union, types.UnionType):
        (some,) = (one for one in inside if one is not types.NoneType)
        return None if value is None else _value(some, value, place, span)
    if origin is tuple:
        items = value if isinstance(value, list) else [value]
        return tuple(_value(inside[0], item, place, span) for item in items)
    if origin is Literal:
        if value not in inside:
            raise FaultError(_wrong(place, " or ".join(map(repr, inside)), value))
        return value
    if dataclasses.is_dataclass(hint):
        return build(hint, value, place)  # type: ignore[arg-type]
    return _plain(hint, value, place, span)


def _plain(hint: Any, value: Any, place: str, span: Range | None) -> Any:
    if hint in (int, float):
        allowed = (int, float) if hint is float else (int,)
        # Written so that NaN is in no range; and bool is an int to Python, but not to people.
        good = isinstance(value, allowed) and not isinstance(value, bool)
        if not good or (span is not None and not span.least <= value <= span.most):
            what = "a number" if hint is float else "a whole number"
            bounds = f" from {span.least:g} to {span.most:g}" if span else ""
            raise FaultError(_wrong(place, what + bounds, value))
        return hint(value)
    if hint is GraphFile:
        if not isinstance(value, str) or not _is_file_name(value):
            raise FaultError(_wrong(place, "the name of a file in this folder", value))
        return value
    wanted = get_origin(hint) or hint
    if not isinstance(value, wanted):
        names = {bool: "true or false", str: "text", Mapping: "an object"}
        raise FaultError(_wrong(place, names.get(wanted, wanted.__name__), value))
    return value


def _is_file_name(name: str) -> bool:
    return name.isprintable() and name.strip(". ") != "" and not {*name} & {*"/\\:"}


def _wrong(place: str, expected: str, value: Any) -> str:
    return f"{place}: expected {expected}, not {ascii(reprlib.repr(value))[1:-1]}"
