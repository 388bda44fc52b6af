"""What the package exports, and which module may import which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import manyhues

SOURCE = Path(manyhues.__file__).parent
# Data flows one way: a module may import those of the layers above its own, and none beside it
# unless it is named after them here.
LAYERS = [
    {"errors", "quiet"},
    {"color", "command"},
    {"icc", "deep", "metadata", "engine", "coupling", "likeness", "upsample", "show", "solver"},
    {"luminance", "tiff"},
    {"picture", "render", "select", "sheet", "dataset"},
    {"writer", "steer", "scene"},
    {"prior", "colorization"},
    {"colorizer"},
    {"folders", "augment"},
    {"batch_view"},
    {"cli"},
]
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


@pytest.mark.parametrize("layer", range(len(LAYERS)))
def test_imports_go_one_way(layer: int) -> None:
    allowed = {"", "__version__"}.union(*LAYERS[:layer])
    verbs = {
        "colorizer",
        "training",
        "evaluation",
        "scale",
        "studio",
    }  # reached from inside the command line's verbs
    for name in LAYERS[layer]:
        for module in imported(SOURCE / f"{name}.py"):
            if module.startswith("manyhues."):
                first = module.split(".")[1]
                assert first in allowed | (verbs if name == "cli" else set()), (
                    f"{name} imports {module}"
                )


def test_every_module_of_the_runtime_has_its_layer() -> None:
    known = set().union(*LAYERS) | {"__init__", "__main__"}
    assert {path.stem for path in SOURCE.glob("*.py")} <= known


def test_the_runtime_needs_no_training_libraries() -> None:
    for path in SOURCE.glob("*.py"):
        for module in imported(path):
            assert module.split(".")[0] not in {"torch", "onnx", "scipy", "skimage"}, path.name


def test_the_doors_import_nothing_heavy() -> None:
    for name in ("__init__", "cli"):
        tops = {module.split(".")[0] for module in imported(SOURCE / f"{name}.py", top_only=True)}
        assert not tops & HEAVY
    code = "import sys, manyhues; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(out.stdout.split())
