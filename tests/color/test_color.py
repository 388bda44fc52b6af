import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from manyhues.color import lab as color


def cube(steps: int = 17) -> np.ndarray:
    axis = np.linspace(0, 1, steps)
    return np.stack(np.meshgrid(axis, axis, axis), -1).astype(np.float32)


def test_lab_agrees_with_scikit_image() -> None:
    rgb = cube()
    np.testing.assert_allclose(color.rgb_to_lab(rgb), rgb2lab(rgb), atol=2e-3)
    lab = rgb2lab(rgb).astype(np.float32)
    np.testing.assert_allclose(color.lab_to_rgb(lab), lab2rgb(lab), atol=1e-3)


def test_luminance_is_lab_first_channel() -> None:
    rgb = cube()
    np.testing.assert_allclose(
        color.rgb_to_luminance(rgb), color.rgb_to_lab(rgb)[..., 0], atol=1e-4
    )


def test_luminance_to_grey_inverts() -> None:
    luminance = np.linspace(0, 100, 101, dtype=np.float32)
    grey = color.luminance_to_grey(luminance)
    back = color.rgb_to_luminance(np.repeat(grey[:, None], 3, axis=1))
    np.testing.assert_allclose(back, luminance, atol=1e-3)
    assert grey[0] == 0
    assert grey[-1] == pytest.approx(1, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 100), st.floats(-128, 128), st.floats(-128, 128))
def test_clamp_keeps_luminance_and_hue(lightness: float, a: float, b: float) -> None:
    lab = np.array([[lightness, a, b]], np.float32)
    clamped = color.clamp_to_gamut(lab)
    linear = color.lab_to_linear(clamped)
    assert linear.min() > -1e-3
    assert linear.max() < 1 + 1e-3
    assert clamped[0, 0] == lab[0, 0]
    assert clamped[0, 1] * b == pytest.approx(clamped[0, 2] * a, abs=1e-2)  # same hue
    assert np.hypot(*clamped[0, 1:]) <= np.hypot(a, b) + 1e-4
    shown = rgb2lab(color.lab_to_rgb(clamped)[None])[0]
    assert shown[0, 0] == pytest.approx(lightness, abs=0.2)


def test_clamp_leaves_what_is_inside() -> None:
    lab = color.rgb_to_lab(cube())
    np.testing.assert_array_equal(color.clamp_to_gamut(lab), lab)


def test_clamp_is_near_the_border() -> None:
    clamped = color.clamp_to_gamut(np.array([[60.0, 120.0, 0.0]], np.float32))
    linear = color.lab_to_linear(clamped)
    assert min(abs(linear.max() - 1), abs(linear.min())) < 0.02
