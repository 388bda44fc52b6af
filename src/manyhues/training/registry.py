"""The kinds of model that can be trained, by name."""

import dataclasses
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from manyhues.errors import TrainingError, UsageError, WeightsError
from manyhues.training import checkpoint, methods
from manyhues.training.task import Task

TaskT = TypeVar("TaskT", bound=type[Task[Any]])
_REGISTERED: dict[str, tuple[type[Task[Any]], type[Any]]] = {}


def register(config: type[Any]) -> Callable[[TaskT], TaskT]:
    """Make a task known by its `kind`, with the dataclass of its settings.

    It stands in ``training/methods/KIND.py``, where it is found::

        @register(MineConfig)
        class Mine(Task[MineConfig]):
            kind = "mine"
    """

    def add(task: TaskT) -> TaskT:
        _REGISTERED[task.kind] = task, config
        return task

    return add


def _classes(kind: str) -> tuple[type[Task[Any]], type[Any]]:
    if kind not in methods.kinds():
        raise UsageError(
            f"unknown kind of model `{kind}`; choose from {', '.join(methods.kinds())}"
        )
    importlib.import_module(f"{methods.__name__}.{kind}")
    return _REGISTERED[kind]


def make_config(kind: str, options: dict[str, str]) -> Any:
    """The configuration of `kind` with `options` (``key`` to text) over its defaults."""
    _, config_class = _classes(kind)
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    values: dict[str, Any] = {}
    for key, text in options.items():
        if key not in fields:
            own = config_class()
            known = ", ".join(f"{name}={_written(getattr(own, name))}" for name in sorted(fields))
            raise UsageError(f"`{kind}` has no setting `{key}`; it has {known}")
        values[key] = _setting(key, text, getattr(config_class(), key))
    return config_class(**values)


def _setting(key: str, text: str, default: Any) -> Any:
    """A setting's value, of the kind that its default has."""
    if isinstance(default, str):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{key}={text}: expected true or false")
    elif isinstance(default, tuple):
        value = tuple(value) if isinstance(value, list) else (value,)
        if not all(map(_is_number, value)):
            raise UsageError(f"{key}={text}: expected numbers, such as {list(default)}")
    elif isinstance(default, int):
        if not (isinstance(value, int) and _is_number(value) and value > 0):
            raise UsageError(f"{key}={text}: expected a whole number, 1 or more")
    elif not _is_number(value):
        raise UsageError(f"{key}={text}: expected a number, 0 or more")
    return value


def _written(value: Any) -> str:
    """A setting's value as `_setting` reads it."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_number(value: Any) -> bool:
    """Whether it is one that settings may have: neither below 0 nor without an end."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < float("inf")


def build(kind: str, config: Any) -> Task[Any]:
    """A fresh model of `kind`."""
    task, _ = _classes(kind)
    return task(config)


def check_colours(run: Path) -> None:
    """Raise `UsageError` where a run is of a kind that is of use to training alone."""
    kind = checkpoint.read_facts(run / checkpoint.MODEL).get("kind")
    if kind in methods.kinds() and not _classes(kind)[0].exports():
        raise UsageError(f"a `{kind}` run colours nothing by itself; export what was trained on it")


def load(run: Path) -> tuple[Task[Any], dict[str, Any]]:
    """The averaged model of a run, in evaluation mode, with the checkpoint's facts."""
    tensors, facts = checkpoint.read_tensors(run / checkpoint.MODEL)
    try:
        _, config_class = _classes(facts["kind"])
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["config"].items()}
        task = build(facts["kind"], config_class(**values))
        task.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError, UsageError) as error:
        summary = str(error).splitlines()[0]
        raise WeightsError(
            f"{run / checkpoint.MODEL}: made by another version ({summary}); train it again"
        ) from error
    except TrainingError as error:
        raise WeightsError(str(error)) from error
    return task.eval().requires_grad_(False), facts
