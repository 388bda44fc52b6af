import numpy as np
import pytest

from manyhues.model.solver import integrate, schedule


def test_schedule() -> None:
    np.testing.assert_allclose(
        schedule(4), [1, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5, 0], atol=1e-7
    )


def test_two_steps_by_hand() -> None:
    # v = x: 8 - .5 * 8 = 4; then v = 4, bent by half of its change (4 - 8): 4 - .5 * (4 - 2) = 3
    assert integrate(lambda x, t: x, 8.0, np.array([1.0, 0.5, 0.0])) == pytest.approx(3.0)


def test_unequal_steps_are_exact_for_a_velocity_that_is_linear_in_time() -> None:
    # Once it has a last step: dx/dt = 2t from t = 1 to 0 takes 1; Euler's first step misses.
    times = np.array([1.0, 0.999999, 0.7, 0.1, 0.0])
    assert integrate(lambda x, t: 2 * t, 1.0, times) == pytest.approx(0.0, abs=1e-5)


def test_error_falls_with_the_square_of_the_step() -> None:
    # dx/dt = t - x has the solution x(t) = t - 1 + 2 e^(1 - t) through x(1) = 2.
    exact = -1 + 2 * np.e
    miss = [abs(float(integrate(lambda x, t: t - x, 2.0, schedule(n))) - exact) for n in (20, 40)]
    assert miss[0] / miss[1] == pytest.approx(4, rel=0.15)
