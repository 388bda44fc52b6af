"""What the package exports, and that its doors open at once."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import manyhues

SOURCE = Path(manyhues.__file__).parent
HEAVY = {"numpy", "PIL", "onnxruntime", "rich", "torch", "scipy", "onnx"}


def imported(path: Path, *, top_only: bool = False) -> set[str]:
    """Dotted names of all modules that a file imports."""
    tree = ast.parse(path.read_text("utf-8"))
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_exported_names() -> None:
    assert manyhues.__all__ == sorted(manyhues.__all__)
    for name in [*manyhues.__all__, "__version__"]:
        assert getattr(manyhues, name) is not None
    assert {"Colorization", "Colorizer", "colorize", "ManyhuesError"} <= set(manyhues.__all__)
    assert set(dir(manyhues)) >= set(manyhues.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = manyhues.nonsense


def test_the_doors_import_nothing_heavy() -> None:
    for name in ("__init__", "cli/main"):
        tops = {module.split(".")[0] for module in imported(SOURCE / f"{name}.py", top_only=True)}
        assert not tops & HEAVY
    for module in ("manyhues", "manyhues.cli.main"):
        code = f"import sys, {module}; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert not HEAVY & set(done.stdout.split()), module


def test_the_wheel_has_the_package_and_no_tools() -> None:
    """What makes the documents is run from a clone: ``python -m tools.report.results``."""
    config = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))
    targets = config["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["packages"] == ["src/manyhues"]
    assert all(name.startswith("examples/") for name in targets["wheel"]["force-include"])
    assert "tools" in targets["sdist"]["include"]  # whose tests import them
    inside = {path.stem for path in (SOURCE / "evaluation").glob("*.py")}
    assert inside == {"__init__", "judge", "metrics", "protocol", "report"}
    assert not (SOURCE / "training" / "study.py").exists()
    assert not [path for path in SOURCE.rglob("*.py") if "from tools" in path.read_text("utf-8")]
