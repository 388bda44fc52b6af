import numpy as np

from manyhues.color.arrays import Array
from manyhues.video.motion import motion, pyramid
from video.films import moved


def levels(name: str = "coffee", step: int = 3) -> list[list[Array]]:
    lumas = moved(name, 3, (224, 128), step)
    return [pyramid(np.asarray(luma * np.float32(100 / 255))) for luma in lumas]


def test_a_known_path_is_found() -> None:
    first, second, _ = levels(step=5)
    found = motion(second, first)
    inside = found.shift[:, 12:-12, 12:-12]
    assert np.median(inside[1]) == 5 or abs(float(np.median(inside[1])) - 5) < 0.3
    assert abs(float(np.median(inside[0]))) < 0.3
    assert found.sure.mean() > 0.9


def test_fields_are_brought_along() -> None:
    first, second, _ = levels(step=4)
    brought = motion(second, first).bring(first[-1][None])[0]
    near = np.abs(brought - second[-1])[12:-12, 12:-12].mean()
    assert near < 0.25 * np.abs(first[-1] - second[-1])[12:-12, 12:-12].mean()


def test_what_rests_has_no_motion_under_grain_and_flickering_light() -> None:
    still = levels(step=0)[0][-1]
    grain = np.random.default_rng(0).normal(0, 0.5, still.shape).astype(np.float32)
    found = motion(pyramid(still + grain + 6), pyramid(still))
    assert not found.shift.any()
    assert found.sure.min() > 0.95


def test_what_is_not_there_is_not_found() -> None:
    found = motion(levels("coffee")[0], levels("rocket")[0])
    assert found.sure.mean() < 0.5
