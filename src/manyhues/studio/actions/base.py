"""What every action has in common, and what it gives and takes.

An action reads a request into a `Drawing`, draws with the colorizer, and says how its results are
made again. It knows neither the store nor the queue.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel

from manyhues.colorization import Colorization
from manyhues.colorizer import Colorizer, Step
from manyhues.model.scene import Scene
from manyhues.sampling.options import Sampling

Body = TypeVar("Body", bound=BaseModel)
_Class = TypeVar("_Class", bound="type[Action[Any]]")
HintValue = tuple[int, int, str]  # x, y, colour
Options = Mapping[str, Any]

# What a recipe leaves out, because the command line and Python take it unasked.
_DEFAULTS = {option.name: option.default for option in fields(Sampling)}


@dataclass(frozen=True)
class Made:
    """One result's origin: result number `index` of an action with these options.

    of  ids of the results that it was made from
    """

    action: "Action[Any]"
    index: int = 0
    of: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)


class Origin(Protocol):
    """What an action needs to know of a result."""

    method: str
    made: Made


class Given(Protocol):
    """What an action needs to know of a session: its picture's (W, H), and its results by id."""

    size: tuple[int, int]

    def result(self, rid: str, /) -> Origin:
        """A result by its id. Raises `ManyhuesError` for one that is not there."""

    def palette(self, pid: str, /) -> tuple[str, bytes]:
        """Name and bytes of a picture given as palette. Raises as well."""


@dataclass(frozen=True)
class Drawing:
    """One drawing that was asked for.

    options  keywords of the colorizer's method
    method   whose colorizer draws; None is the default
    of       ids of the results that it starts from
    palette  the encoded picture of the option ``like``, which holds its name alone
    skip     how many results of the call are left out at either end
    """

    action: "Action[Any]"
    options: dict[str, Any]
    method: str | None = None
    of: tuple[str, ...] = ()
    palette: bytes | None = None
    skip: int = 0

    @property
    def total(self) -> int:
        """How many results will come."""
        return self.action.total(self.options) - 2 * self.skip


@dataclass(frozen=True)
class Command:
    """Options of `manyhues colorize` whose result `index` it is; `exact`: to the very pixel."""

    options: Options
    index: int
    exact: bool = True


class Action(ABC, Generic[Body]):
    """One thing that can be done. The docstring of a subclass is its line in the API's document.

    name     what the API calls its jobs and results (``kind``), as the method of `Colorizer`
    verb     the last part of its path, ``POST /api/sessions/{sid}/VERB``
    title    its heading in the API's document
    label    what its results are called on the contact sheet
    body     what its request holds
    revises  its result is its base's next version, under the base's number
    """

    name: ClassVar[str]
    verb: ClassVar[str]
    title: ClassVar[str]
    label: ClassVar[str]
    body: ClassVar[type[BaseModel]]
    revises: ClassVar[bool] = False

    @abstractmethod
    def read(self, body: Body, given: Given) -> Drawing:
        """The drawing that a request to a session asks for. Raises `UsageError`."""

    @abstractmethod
    def call(
        self, colorizer: Colorizer, scene: Scene, bases: Sequence[Colorization], drawing: Drawing
    ) -> Iterator[Step]:
        """The work, in steps of about one sample each; final ones are the results in order."""

    def total(self, options: Options) -> int:
        """How many results come of these options."""
        return int(options.get("n", 1))

    def command(self, made: Made, origins: Mapping[str, Origin]) -> Command | None:
        """The command line that makes a result; None where there is no such verb."""
        return None

    def python(self, made: Made, bases: Sequence[str]) -> str:
        """The Python expression that makes a result from the variables of its bases."""
        return f"{python_call(self.name, made.options, bases)}[{made.index}]"


REGISTERED: dict[str, Action[Any]] = {}


def register(action: _Class) -> _Class:
    """Make an action known by its name."""
    REGISTERED[action.name] = action()
    return action


def changed(options: Options) -> dict[str, Any]:
    """The options that differ from the defaults, and n and the seed, which one wants to see."""
    return {k: v for k, v in options.items() if k in ("n", "seed") or _DEFAULTS[k] != v}


def python_call(method: str, options: Options, bases: Sequence[str] = ()) -> str:
    """A call of a colorizer's method in Python."""
    keywords = [f"{name}={_plain(value)}" for name, value in options.items()]
    return f"colorizer.{method}({', '.join(['scene', *bases, *keywords])})"


def _plain(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
