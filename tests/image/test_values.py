"""Values shown as greys, and read back."""

import numpy as np
import pytest

from manyhues.errors import PictureError, UsageError
from manyhues.image.values import Scale


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, -1024), (-2, 7)])
def test_the_whole_range_comes_back(
    bits: int, inverted: bool, slope: float, intercept: float
) -> None:
    stored = np.arange(2**bits).reshape(16, -1)
    values = stored * slope + intercept
    scale = Scale(values.min(), values.max(), slope, intercept, inverted)
    shares, cut = scale.shares(stored)
    assert cut == 0
    np.testing.assert_array_equal(scale.values(shares), values)
    assert {int(shares.min()), int(shares.max())} == {0, 65535}


def test_what_saturates_is_counted() -> None:
    shares, cut = Scale(0, 99).shares(np.array([[-5, 0, 50, 99, 100]]))
    assert cut == 2 / 5
    assert shares.tolist() == [[0, 0, 33098, 65535, 65535]]


def test_signed_values_keep_their_order() -> None:
    stored = np.array([[-1024, 0, 3071]], np.int16)
    shares, _ = Scale(-1024, 3071).shares(stored)
    assert (np.diff(shares.astype(int)) > 0).all()


@pytest.mark.parametrize("window", [(5, 5), (9, 1), (float("nan"), 1), (0, float("inf"))])
def test_windows_that_are_none(window: tuple[float, float]) -> None:
    with pytest.raises(PictureError):
        Scale(*window)


def test_a_scale_survives_as_facts() -> None:
    scale = Scale(-100, 300, 0.5, -7, True, "HU")
    assert Scale.of(scale.as_dict()) == scale
    with pytest.raises(UsageError, match="damaged"):
        Scale.of({"low": 1})
