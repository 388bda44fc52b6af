"""The harness of benchmarks/fuzz.py, short: a few mutants of each file."""

import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


@pytest.mark.skipif(sys.platform != "linux", reason="NO /proc: memory is not measured")
def test_mutants_are_read_or_refused() -> None:
    done = subprocess.run(
        [sys.executable, HARNESS, "--mutants", "400", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "400 mutants" in done.stdout
