"""What several verbs have in common."""

from pathlib import Path
from typing import Annotated

import typer

from manyhues.errors import UsageError
from manyhues.memory import need

Weights = Annotated[
    Path | None,
    typer.Option(help="Folder of graphs, as `export` writes them; the package's by default."),
]
_TORCH = 640  # megabytes of address space that it takes to be imported


def need_method(name: str, present: list[str]) -> None:
    """Raise `UsageError` for a method that is not among those present."""
    if name not in present:
        raise UsageError(f"--method {name}: not present; choose from {', '.join(present)}")


def present_methods() -> list[str]:
    """The package's own methods, for completion."""
    from manyhues.model import manifest

    return manifest.methods(None)


def need_torch(extra: str) -> None:
    """Raise `UsageError`, with how to install the extra, where PyTorch is absent."""
    from importlib.util import find_spec

    need(_TORCH)
    if find_spec("torch") is None:
        raise UsageError(
            f"this verb needs PyTorch; install it with: pip install 'manyhues[{extra}]'"
        )
