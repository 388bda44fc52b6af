"""The studio's own layers: a module may import those before it, and none after."""

import ast
from pathlib import Path

from manyhues.studio import examples, server

FOLDER = Path(server.__file__).parent
ORDER = [
    "limits",
    "examples",
    "recipe",
    "lanes",
    "models",
    "store",
    "render",
    "work",
    "guard",
    "metrics",
    "hub",
    "present",
    "draw",
    "results",
    "app",
    "server",
]


def test_imports_go_one_way() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {"__init__", *ORDER}
    for place, name in enumerate(ORDER):
        for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                full = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                parts = [one.split(".")[2] for one in full if one.startswith("manyhues.studio.")]
                assert not set(parts) & set(ORDER[place:]), f"{name} imports {parts}"


def test_modules_are_short() -> None:
    for path in [*FOLDER.glob("*.py"), *FOLDER.glob("static/*")]:
        assert len(path.read_text("utf-8").splitlines()) <= 400, path.name


def test_examples_are_those_of_the_repository() -> None:
    """A wheel carries them inside; `pyproject.toml` names each."""
    root = Path(__file__).parents[2]
    project = (root / "pyproject.toml").read_text("utf-8")
    assert examples.names() == sorted(path.name for path in (root / "examples").glob("*.jpg"))
    for name in examples.names():
        assert f'"examples/{name}" = "manyhues/studio/examples/{name}"' in project
