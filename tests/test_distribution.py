"""What is handed out: the wheel has the package and nothing else, and the sdist builds it."""

import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MOST = 95 * 2**20  # bytes of the wheel, as promised


def built(folder: Path, source: Path, kind: str) -> Path:
    """One distribution, by the backend that pyproject.toml names, without a network."""
    code = f"import hatchling.build as b; print(b.build_{kind}({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("hatchling") is None or find_spec("hatch_fancy_pypi_readme") is None:
        needed = "hatchling hatch-fancy-pypi-readme"
        pytest.skip(f"NO HATCHLING: distributions are not built; pip install {needed}")
    return built(tmp_path_factory.mktemp("wheel"), ROOT, "wheel")


def test_the_wheel_is_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} <= {
        "manyhues",
        f"{wheel.name.split('-py3')[0]}.dist-info",
    }
    for name in (
        "manyhues/py.typed",
        "manyhues/weights/flow.json",
        "manyhues/weights/MODEL_CARD.md",
        "manyhues/studio/static/index.html",
        "manyhues/studio/examples/coffee.jpg",
    ):
        assert name in names
    assert not [name for name in names if "test" in name.lower().replace("latest", "")]
    assert wheel.stat().st_size < MOST


def test_metadata_tell_versions_and_terms(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(name).decode()
    for line in ("License-Expression: Apache-2.0", "Requires-Python: >=3.11", "Python :: 3.13"):
        assert line in text


def test_the_description_leads_into_no_repository(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(name).decode().split("\n\n", 1)[1]
    assert text.startswith("# manyhues")
    leads = re.findall(r"\]\(([^)]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))
    assert not [lead for lead in leads if not lead.startswith("https://")]


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = built(tmp_path, ROOT, "sdist")
    safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", **safely)
    (source,) = (tmp_path / "source").iterdir()
    again = zipfile.ZipFile(built(tmp_path, source, "wheel"))
    first = zipfile.ZipFile(wheel)
    assert sorted(again.namelist()) == sorted(first.namelist())
    for name in first.namelist():
        assert again.read(name) == first.read(name), name
