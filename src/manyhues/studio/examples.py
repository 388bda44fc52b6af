"""Pictures to begin with: those of the repository's `examples/`, which a wheel carries inside."""

from pathlib import Path

_HERE = Path(__file__).parent


def folder() -> Path:
    """Where the example pictures lie: in the package, or in the clone that it is used from."""
    inside = _HERE / "examples"
    return inside if inside.is_dir() else _HERE.parents[2] / "examples"


def names() -> list[str]:
    """File names of the examples; none where neither folder is there."""
    return sorted(path.name for path in folder().glob("*.jpg"))
