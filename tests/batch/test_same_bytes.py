"""The shipped flow gives the same files with any number of threads, and with either engine."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.model.manifest import WEIGHTS

# Less has no second working size, and no products large enough to be shared out among threads.
PICTURE = (130, 172)
# Which kernels OpenBLAS has depends on the processor; with these the cuts between threads show.
KERNELS = {"OPENBLAS_CORETYPE": "Haswell"} if platform.machine() in ("x86_64", "AMD64") else {}


def test_threads_and_engine_do_not_show_in_the_bytes(tmp_path: Path) -> None:
    if not (WEIGHTS / "flow.velocity.onnx").is_file():
        pytest.skip("NO WEIGHTS of flow are shipped here: its bytes are not compared")
    source = tmp_path / "in"
    source.mkdir()
    grey = colourful(*PICTURE)[..., 1].astype(np.uint16) * 257  # last bits show in 16 alone
    Image.fromarray(grey).save(source / "a.png")
    written = {}
    for threads, engine in (("1", "local"), ("2", "local"), ("2", "ray")):
        out = tmp_path / f"{engine}{threads}"
        command = [sys.executable, "-m", "manyhues", "colorize", str(source), "-o", str(out)]
        command += ["-n", "2", "--method", "flow", "--pick", "random", "--engine", engine]
        environment = {**os.environ, **KERNELS, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run(
            [*command, "--format", "png"], env=environment, check=True, capture_output=True
        )
        written[engine, threads] = [(out / f"a.{k}.png").read_bytes() for k in (1, 2)]
    first, *others = written.values()
    assert all(other == first for other in others)
