"""The kinds of model that can be trained, by name."""

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

from manyhues.errors import TrainingError, UsageError, WeightsError
from manyhues.training import checkpoint
from manyhues.training.task import Task

# kind: (module, task class, configuration class); imported when asked for.
KINDS = {
    "vae": ("vae", "Vae", "VaeConfig"),
    "mdn": ("mdn", "Mdn", "MdnConfig"),
    "cvae": ("cvae", "Cvae", "CvaeConfig"),
    "cgan": ("cgan", "Cgan", "CganConfig"),
    "mean": ("mean", "Mean", "MeanConfig"),
    "detail": ("detail", "Detail", "DetailConfig"),
    "flow": ("flow", "Flow", "FlowConfig"),
    "joint": ("joint", "Joint", "JointConfig"),
    "adversarial": ("adversarial", "Adversarial", "AdversarialConfig"),
    "preference": ("preference", "Preference", "PreferenceConfig"),
    "features": ("features", "Tune", "TuneConfig"),
}


def _classes(kind: str) -> tuple[type[Task[Any]], type[Any]]:
    if kind not in KINDS:
        raise UsageError(f"unknown kind of model `{kind}`; choose from {', '.join(KINDS)}")
    module, task, config = KINDS[kind]
    loaded = importlib.import_module(f"manyhues.training.methods.{module}")
    return getattr(loaded, task), getattr(loaded, config)


def make_config(kind: str, options: dict[str, str]) -> Any:
    """The configuration of `kind` with `options` (``key`` to text) over its defaults."""
    _, config_class = _classes(kind)
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    values: dict[str, Any] = {}
    for key, text in options.items():
        if key not in fields:
            raise UsageError(f"`{kind}` has no setting `{key}`; it has {', '.join(sorted(fields))}")
        default = getattr(config_class(), key)
        try:
            values[key] = text if isinstance(default, str) else json.loads(text)
        except json.JSONDecodeError:
            raise UsageError(f"{key}={text}: not a number, true, false or null") from None
        if isinstance(default, tuple):
            values[key] = tuple(values[key]) if isinstance(values[key], list) else (values[key],)
    if values.get("batch_size", 1) < 1:
        raise UsageError(f"batch_size={values['batch_size']}: expected 1 or more")
    return config_class(**values)


def build(kind: str, config: Any) -> Task[Any]:
    """A fresh model of `kind`."""
    task, _ = _classes(kind)
    return task(config)


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
