"""The flow's differential equation, solved in a few steps; for arrays of NumPy and of PyTorch."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from manyhues.color.arrays import Array

State = TypeVar("State", bound=Any)


def schedule(steps: int) -> Array:
    """Times from 1 to 0, ``(steps + 1,)``, close together at both ends: a half wave of cosine.

    Near 1 the tint of the scene is settled; what is left of the noise near 0 is what the eye, and
    the Frechet distance, see first.
    """
    even = np.linspace(1, 0, steps + 1)
    return np.asarray((1 - np.cos(np.pi * even)) / 2, np.float32)


def integrate(velocity: Callable[[State, float], State], start: State, times: Array) -> State:
    """Follow dx/dt = velocity(x, t) from `start` through `times`.

    The second-order Adams-Bashforth rule for unequal steps: Euler's step, bent by how the velocity
    changed since the last one. It costs what Euler's does, one velocity a step, but few Euler
    steps shrink the colours. Measured in docs/model/sampling.md.
    """
    x, last, last_step = start, None, 1.0
    for now, after in pairwise(times.tolist()):
        v, step = velocity(x, now), after - now
        bend = 0.0 if last is None or last_step == 0 else step / (2 * last_step) * (v - last)
        x = x + step * (v + bend)
        last, last_step = v, step
    return x
