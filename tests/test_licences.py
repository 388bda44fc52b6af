"""docs/licences.md against what is asked for, and against what is installed."""

import re
import tomllib
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "licences.md").read_text("utf-8")
# Extras that make the project and its pages; nothing that users install.
TOOLS = {"dev"}
# Libraries of copyleft by the names of their binaries, and as the page calls them.
COPYLEFT = {
    "x264": "x264",
    "x265": "x265",
    "heif": "libheif",
    "de265": "libde265",
    "mp3lame": "LAME",
    "gnutls": "GnuTLS",
    "nettle": "Nettle",
    "hogweed": "Nettle",
    "gmp": "GMP",
    "unistring": "libunistring",
    "asound": "libasound",
    "gfortran": "libgfortran",
    "quadmath": "libquadmath",
    "gomp": "libgomp",
}
CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
}
SPELT = {"Apache 2.0": "Apache-2.0", "Apache": "Apache-2.0", "MIT License": "MIT"}


def rows() -> dict[str, tuple[set[str], str, str]]:
    """Of each package: who asks for it, its licence, what its wheels bundle."""
    table = PAGE.partition("| package |")[2]
    found = {}
    row = r"^\| ([a-z0-9][a-z0-9-]*) \| (.+?) \| (.+?) \| (.*?) ?\|$"
    for name, asked, licence, bundled in re.findall(row, table, re.M):
        found[name] = (set(asked.split(", ")), licence, bundled)
    return found


def asked_for() -> dict[str, set[str]]:
    """Of each dependency of pyproject.toml: the extras that ask for it, or ``always``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = defaultdict(set)
    groups = {"always": project["dependencies"], **project["optional-dependencies"]}
    for group, wanted in groups.items():
        for text in wanted if group not in TOOLS else ():
            name = re.match(r"[A-Za-z0-9._-]+", text)
            assert name is not None
            found[re.sub(r"[._]", "-", name[0].lower())].add(group)
    return dict(found)


def told(name: str) -> set[str]:
    """The licences that an installed package names, as SPDX calls them; empty for none."""
    given = metadata.metadata(name)
    for expression in given.get_all("License-Expression") or ():
        return set(re.split(r" (?:AND|OR) |[()]", expression))
    lines = (given.get_all("License") or [""])[0].splitlines() or [""]
    found = {SPELT.get(lines[0].strip(), lines[0].strip())}
    for classifier in given.get_all("Classifier") or ():
        if classifier.startswith("License ::"):
            last = classifier.rpartition(" :: ")[2]
            found.add(CLASSIFIERS.get(last, last))
    return found - {"", "UNKNOWN"}


def test_every_dependency_has_a_row_and_every_row_a_dependency() -> None:
    assert {name: asked for name, (asked, _, _) in rows().items()} == asked_for()


@pytest.mark.parametrize("name", sorted(asked_for()))
def test_the_licence_is_what_the_package_says(name: str) -> None:
    try:
        said = told(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"NOT INSTALLED: {name}'s licence is not compared")
    licence = rows()[name][1]
    if not said:
        assert "the package names none" in licence
    else:
        assert licence in said


@pytest.mark.parametrize("name", sorted(asked_for()))
def test_copyleft_in_binary_form_is_named(name: str) -> None:
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        pytest.skip(f"NOT INSTALLED: {name}'s binaries are not looked at")
    inside = {path.name for path in files if re.search(r"\.(so|dll|dylib)\b", path.name)}
    bundled = rows()[name][2]
    for binary, called in COPYLEFT.items():
        if any(re.match(rf"(lib)?{binary}[-.\d]", one) for one in inside):
            assert called in bundled, binary


def test_the_checks_see_something() -> None:
    """A page or a package that is read wrongly would pass everything above."""
    assert len(rows()) > 25
    assert told("numpy") >= {"BSD-3-Clause"}
    assert rows()["av"][2].count("GPL") >= 3
