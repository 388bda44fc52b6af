"""``manyhues info``: the version, and which methods are present."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from manyhues import __version__
from manyhues.errors import WeightsError
from manyhues.language import spoken
from manyhues.model import manifest


def info(as_json: bool, weights: Path | None = None) -> int:
    """Print version, runtimes and methods to standard output; returns how many are damaged."""
    folder = manifest.folder_of(weights)
    methods: dict[str, Any] = {}
    damaged: dict[str, str] = {}
    for name in manifest.methods(weights):
        path = folder / f"{name}.json"
        try:
            found = manifest.Manifest.read(path)
            found.check(folder)
        except WeightsError as error:
            damaged[name] = str(error)
            continue
        size = sum(graph.stat().st_size for graph in found.files(folder))
        methods[name] = {"megabytes": round(size / 1e6, 2), **manifest.read_json(path)}
    facts: dict[str, Any] = {
        "version": __version__,
        "default": next(iter(methods), None),
        "weights": str(folder),
        "runtimes": {name: version(name) for name in ("onnxruntime", "numpy", "pillow")},
        "methods": methods,
        "damaged": damaged,
    }
    if as_json:
        print(json.dumps(facts))
        return len(damaged)
    console = Console(highlight=False)
    runtimes = ", ".join(f"{name} {number}" for name, number in facts["runtimes"].items())
    console.print(f"manyhues {__version__} ({runtimes})")
    heads = ("method", "embedding", "prior", "working sizes")
    table = Table(*map(spoken, heads), "MB")
    for name, facts_of in methods.items():
        sizes = ", ".join(str(size) for size in facts_of["working_sizes"])
        shown = spoken(f"{name} (default)") if name == facts["default"] else name
        kinds = facts_of["embedding"]["kind"], facts_of["prior"]["kind"]
        table.add_row(shown, *kinds, sizes, f"{facts_of['megabytes']:.1f}")
    console.print(table)
    for fault in damaged.values():
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            spoken(fault), style="red", markup=False
        )
    return len(damaged)
