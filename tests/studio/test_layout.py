"""The studio's files: short ones, and the examples that a wheel brings."""

from pathlib import Path

from manyhues.studio import examples, server

FOLDER = Path(server.__file__).parent


def test_modules_are_short() -> None:
    for path in [*FOLDER.rglob("*.py"), *FOLDER.glob("static/*")]:
        if path.suffix == ".png":
            continue
        assert len(path.read_text("utf-8").splitlines()) <= 400, path.name


def test_examples_are_those_of_the_repository() -> None:
    """A wheel carries them inside; `pyproject.toml` names each."""
    root = Path(__file__).parents[2]
    project = (root / "pyproject.toml").read_text("utf-8")
    assert examples.names() == sorted(path.name for path in (root / "examples").glob("*.jpg"))
    for name in examples.names():
        assert f'"examples/{name}" = "manyhues/studio/examples/{name}"' in project
