"""Arrays: products whose last bits do not depend on how many threads BLAS has."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from manyhues.color.arrays import product

DIGESTS = """
import hashlib

import numpy as np

from manyhues.color.arrays import product
from manyhues.model.non_local import non_local_means
from manyhues.sampling.candidates import distances

random = np.random.default_rng(0)


def normal(*shape):
    return random.standard_normal(shape, np.float32)


made = [product(normal(640, 43), normal(1764, 43).T), product(normal(640, 1764), normal(1764, 2))]
codes, lightness, features = normal(2, 2, 40, 44), normal(40, 44), normal(40, 40, 44)
made.append(non_local_means(codes, 50 + 20 * lightness, features, 0.8))
made.append(distances(25 * normal(96, 2, 20, 32)))
print(*(hashlib.sha256(one.tobytes()).hexdigest() for one in made))
"""


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (3, 5, 7), (640, 43, 1764), (640, 1764, 2), (2, 1764, 640), (48, 3000, 48)],
    ids=str,
)
def test_a_product_in_blocks_is_the_product(shape: tuple[int, int, int]) -> None:
    height, depth, width = shape
    random = np.random.default_rng(0)
    left = random.standard_normal((height, depth), np.float32)
    right = random.standard_normal((width, depth), np.float32).T
    exact = left.astype(np.float64) @ right
    made = product(left, right)
    assert made.dtype == np.float32
    assert np.abs(made - exact).max() < 1e-6 * depth
    assert np.abs(made[:, ::-1] - product(left, right[:, ::-1])).max() < 1e-6 * depth


@pytest.mark.parametrize("kernels", ["", "Haswell"], ids=["this machine's kernels", "Haswell's"])
def test_threads_do_not_show_in_the_last_bits(kernels: str) -> None:
    """OpenBLAS's other kernels cut elsewhere: what one machine hides shows on the next."""
    if kernels and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"no {kernels} kernels on {platform.machine()}")
    found = set()
    for threads in ("1", "2", "3"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads}
        if kernels:
            environment["OPENBLAS_CORETYPE"] = kernels
        done = subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1
