"""Runs on disk: a folder whose checkpoint holds its own configuration.

``model.safetensors`` has the averaged weights, and in its metadata the kind of model and its
configuration: it alone rebuilds the model. ``resume.safetensors`` has what else a restart needs.
Both are written beside their name and renamed, so that a kill leaves the last whole ones.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from manyhues.errors import OutputError, WeightsError

MODEL = "model.safetensors"
RESUME = "resume.safetensors"


def write_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and a JSON-able dictionary of facts, whole or not at all.

    Raises `OutputError`, say for a full disk: the last whole ones are still there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        partial.touch()
        mode = partial.stat().st_mode  # as other files get it; safetensors lets nobody else read
        save_file(whole, partial, metadata={"manyhues": json.dumps(facts)})
        partial.chmod(mode)
        partial.replace(path)
    except (SafetensorError, OSError) as error:
        reason = str(error).rpartition("I/O error: ")[2]  # of safetensors, which names its own file
        reason = getattr(error, "strerror", None) or reason.partition(" (os error")[0]
        raise OutputError(
            f"{path}: cannot be written ({reason}); check the folder's permissions and the free "
            "space; what was saved before is still there"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def remove_partial(run: Path) -> None:
    """Remove what a killed process left half-written beside a run's checkpoints."""
    for name in (MODEL, RESUME):
        for partial in run.glob(f".{name}.*"):
            partial.unlink(missing_ok=True)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote. Raises `WeightsError` when it is missing or corrupt."""
    with _opened(path) as (file, facts):
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118


def read_facts(path: Path) -> dict[str, Any]:
    """As `read_tensors`, the facts alone, which takes no time."""
    with _opened(path) as (_, facts):
        return facts


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file, json.loads((file.metadata() or {})["manyhues"])
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path}: no checkpoint here; train first, or check the run's folder"
        ) from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path}: corrupt checkpoint ({error}); delete the run's folder and train again, "
            "or restore the file from a copy"
        ) from error


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """The shape of each tensor: what two runs have to share to fit each other."""
    return {name: value.shape for name, value in tensors.items()}


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, each stored once."""
    return {name: tensor.contiguous() for name, tensor in model.state_dict().items()}


def optimizer_tensors(optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The optimizers' moments under names that a restart finds again."""
    return {
        f"optimizer.{i}.{index}.{key}": value
        for i, optimizer in enumerate(optimizers)
        for index, entry in optimizer.state_dict()["state"].items()
        for key, value in entry.items()
    }


def load_optimizers(optimizers: list[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` took out."""
    for i, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            parts = name.split(".")
            if parts[0] == "optimizer" and int(parts[1]) == i:
                state.setdefault(int(parts[2]), {})[parts[3]] = value
        whole = optimizer.state_dict()
        whole["state"] = state
        optimizer.load_state_dict(whole)


def config_facts(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON values."""
    return dataclasses.asdict(config)
