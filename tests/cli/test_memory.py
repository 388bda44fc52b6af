"""Under a limit of memory (`ulimit -v`) the work is done, or one line says memory; nothing hangs.

At which size a machine's Python, numpy and ONNX Runtime fail is theirs. So the sizes here are
merely many, and each may end either way.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINUX = sys.platform == "linux"
pytestmark = pytest.mark.skipif(not LINUX, reason="NO LIMIT of address space but on Linux")
PEAK = "print(next(line for line in open('/proc/self/status') if line.startswith('VmPeak')))"
# What each of these may still have beside what Python itself takes, in megabytes.
EARLY = (6, 12, 40, 90, 150)
LATE = (200, 300, 420, 520, 700)


@pytest.fixture(scope="module")
def python() -> int:
    """Megabytes of address space that Python takes by itself."""
    said = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[1]) >> 10


def limited(
    arguments: Sequence[str], megabytes: int, kind: str = "RLIMIT_AS"
) -> subprocess.CompletedProcess[str]:
    """The command under a limit; one that hangs is killed, and fails the test."""
    import resource

    def limit() -> None:
        resource.setrlimit(getattr(resource, kind), (megabytes << 20, megabytes << 20))

    command = [sys.executable, "-m", "manyhues", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, preexec_fn=limit, timeout=600, check=False
    )


def check(done: subprocess.CompletedProcess[str]) -> None:
    """Success, or exit status 1 and one line that says memory and what helps."""
    if done.returncode == 0:
        assert "memory" not in done.stderr
        return
    assert done.returncode == 1, done.stderr
    (fault,) = done.stderr.splitlines()
    assert "not enough memory" in fault
    assert "`ulimit -v`" in fault
    assert "unexpected" not in fault


def colorize(out: Path, n: int) -> list[str]:
    """Arguments that colour a picture, and say nothing but errors."""
    picture = ROOT / "examples" / "chelsea.jpg"
    return ["colorize", str(picture), "-n", str(n), "--quiet", "-o", str(out)]


@pytest.mark.parametrize("more", EARLY)
@pytest.mark.parametrize("verb", ["--help", "info"])
def test_what_draws_nothing(verb: str, more: int, python: int) -> None:
    check(limited([verb], python + more))


@pytest.mark.parametrize("more", EARLY[1::2] + LATE)
def test_colourings(more: int, python: int, tmp_path: Path) -> None:
    done = limited(colorize(tmp_path, 2), python + more)
    check(done)
    made = sorted(path.name for path in tmp_path.iterdir())
    results = ["chelsea.1.jpg", "chelsea.2.jpg", "chelsea.sheet.jpg"]
    assert made == (results if done.returncode == 0 else []), done.stderr


def test_a_limit_of_data_is_one_as_well(python: int, tmp_path: Path) -> None:
    check(limited(colorize(tmp_path, 1), 250, "RLIMIT_DATA"))
