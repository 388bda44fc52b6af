"""CONTRIBUTING's tree and table, and the drawing of the data flow, name what there is."""

import re
from pathlib import Path

import manyhues

PACKAGE = Path(manyhues.__file__).parent
ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
# Doors, not rooms: what starts the package and marks it as typed.
DOORS = {"__init__.py", "__main__.py", "py.typed", "__pycache__"}


def named() -> set[Path]:
    """Every folder and file of the tree, by the indentation of its lines."""
    tree = re.search(r"^```text\n(src/.*?)^```$", PAGE, re.S | re.M)
    assert tree is not None
    found, above = set(), [ROOT]
    for line in tree[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        path = above[depth] / line.split()[0]
        above[depth + 1 :] = [path]
        found.add(path)
    return found


def test_the_tree_names_what_there_is() -> None:
    assert not [path for path in named() if not path.exists()]
    assert len(named()) > 20


def test_the_tree_names_every_room() -> None:
    rooms = {path for path in PACKAGE.iterdir() if path.name not in DOORS}
    rooms |= {path.parent for path in PACKAGE.glob("*/*/__init__.py")}
    assert not sorted(path.name for path in rooms - named())


def test_every_line_of_the_tree_says_what_it_is() -> None:
    lines = [line for line in PAGE.splitlines() if re.match(r" +\S+[/y] {2,}", line)]
    assert len(lines) > 20
    assert all(len(line.split()) > 2 for line in lines)


def test_the_table_names_places_that_there_are() -> None:
    places = re.findall(r"^\| [a-z ]+ \|(.*?)\|", PAGE, re.M)
    assert len(places) == 6  # the heading and five kinds of change
    names = [name for place in places for name in re.findall(r"`([^`]+)`", place)]
    assert len(names) >= 7
    for name in names:
        path = PACKAGE / name
        new = path.stem.isupper()  # a file to be written: its folder is there
        assert (path.parent if new else path).exists(), name


def test_the_drawing_names_modules_that_there_are() -> None:
    drawing = (ROOT / "docs" / "images" / "dataflow.svg").read_text("utf-8")
    modules = re.findall(r'class="room"[^>]*>([^<]+)<', drawing)
    assert len(modules) == 14
    for module in modules:
        path = PACKAGE / module
        assert path.is_dir() or path.with_suffix(".py").is_file(), module
