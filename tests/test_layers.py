"""The house: which folder may import which, no circles, and PyTorch only where training is."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import manyhues

SOURCE = Path(manyhues.__file__).parent
REPOSITORY = SOURCE.parents[1]
# Data flows one way: what stands on a line may import what stands on the lines above it, and
# nothing beside it. A folder's own modules may import each other, without a circle.
ORDER = [
    {"errors", "language", "__version__"},
    {"memory"},
    {"color"},
    {"image", "render"},
    {"sampling"},
    {"model"},
    {"colorization"},
    {"colorizer"},
    {"augment", "science", "video"},
    {"batch", "studio", "training"},
    {"evaluation"},
    {"cli"},
    {"tools", "benchmarks"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
# Rooms of a room, in their order: each may import those before it.
INSIDE = {
    "studio": [
        *("limits", "examples", "memory", "place", "files", "archive", "lanes", "actions"),
        *(
            "recipe",
            "folder",
            "session",
            "cleaning",
            "store",
            "derived",
            "jobs",
            "guard",
            "monitoring",
        ),
        *("hub", "routes", "app", "server"),
    ]
}
TORCH = {"torch", "torchvision", "onnx", "onnxscript", "safetensors", "scipy", "skimage"}
MAY_TRAIN = ("training.", "evaluation.judge", "tools.", "benchmarks.")

Graph = dict[str, set[str]]


def name_of(path: Path, root: Path) -> str:
    """``color/lab.py`` as ``color.lab``, a package's ``__init__`` as the package."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache  # every test looks at every module
def imported(source: str) -> tuple[str, ...]:
    """Dotted names that a module imports, anywhere in it but for type checking."""
    tree = ast.parse(source)
    names: list[str] = []
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(names)


def graph_of(sources: dict[str, str]) -> Graph:
    """Which module of the house imports which, from their sources by name."""
    graph: Graph = {}
    for name, source in sources.items():
        found = set()
        for module in imported(source):
            inside = module.removeprefix("manyhues.") if module != "manyhues" else "manyhues"
            if not module.startswith(("manyhues", "tools", "benchmarks")):
                continue
            # `from manyhues.color import lab` names a module, `..lab import Array` what is in it.
            known = inside if inside in sources else inside.rpartition(".")[0]
            if known in sources:
                found.add(known)
            elif inside == "__version__":
                found.add(inside)
        graph[name] = found - {name}
    return graph


def sources() -> dict[str, str]:
    """All modules of the package, the tools and the benchmarks, by their dotted names."""
    found = {
        name_of(path, SOURCE): path.read_text("utf-8")
        for path in SOURCE.rglob("*.py")
        if path.parent != SOURCE or not path.stem.startswith("__")
    }
    for folder in ("tools", "benchmarks"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            found[name_of(path, REPOSITORY)] = path.read_text("utf-8")
    return found


def circles(graph: Graph) -> str:
    """The modules of a circle of imports; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " imports ".join(reversed(error.args[1]))
    return ""


def upward(graph: Graph) -> list[str]:
    """Imports that run against the order of rooms."""
    wrong = []
    for module, others in graph.items():
        room, *rest = module.split(".")
        for other in others:
            there, *other_rest = other.split(".")
            if there != room:
                if RANK[there] >= RANK[room]:
                    wrong.append(f"{module} imports {other}")
            elif room in INSIDE and rest and other_rest and rest[0] != other_rest[0]:
                order = INSIDE[room]
                if order.index(other_rest[0]) >= order.index(rest[0]):
                    wrong.append(f"{module} imports {other}")
    return sorted(wrong)


def untrained(all_sources: dict[str, str]) -> list[str]:
    """Modules of the runtime that import what only training may."""
    return sorted(
        f"{name} imports {module}"
        for name, source in all_sources.items()
        if not name.startswith(MAY_TRAIN)
        for module in imported(source)
        if module.split(".")[0] in TORCH
    )


def test_every_room_is_known() -> None:
    rooms = {name.split(".")[0] for name in sources()}
    assert rooms <= set(RANK)
    for room, order in INSIDE.items():
        inside = {name.split(".")[1] for name in sources() if name.startswith(f"{room}.")}
        assert inside == set(order)


def test_no_circle() -> None:
    assert not circles(graph_of(sources()))


def test_imports_go_one_way() -> None:
    assert not upward(graph_of(sources()))


def test_the_runtime_needs_no_training_libraries() -> None:
    assert not untrained(sources())


@pytest.mark.parametrize("inside", [True, False], ids=["in a verb", "at the top"])
def test_a_planted_circle_is_found(inside: bool) -> None:
    line = "from manyhues.studio import hub"
    planted = sources()
    planted["studio.store"] += f"\ndef verb():\n    {line}\n" if inside else f"\n{line}\n"
    assert "studio.hub" in circles(graph_of(planted))
    assert "studio.store imports studio.hub" in upward(graph_of(planted))


def test_a_planted_arrow_is_found() -> None:
    planted = sources()
    planted["color.lab"] += "\nfrom manyhues.cli.arguments import parse\nimport torch\n"
    planted["cli.arguments"] = ""
    assert upward(graph_of(planted)) == ["color.lab imports cli.arguments"]
    assert untrained(planted) == ["color.lab imports torch"]
