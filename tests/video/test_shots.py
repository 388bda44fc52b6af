from collections.abc import Sequence
from itertools import chain

import numpy as np

from manyhues.video.shots import EVERY, Seen, Stretch, see, stretches
from manyhues.video.source import Frame
from video.films import Luma, moved


def seen(lumas: Sequence[Luma]) -> list[Seen]:
    grid = (128, 192) if lumas[0].shape[0] >= 128 else (64, 96)
    return [see(i, Frame(i, luma), grid, full=True) for i, luma in enumerate(lumas)]


def numbers(found: Sequence[Stretch]) -> list[list[int]]:
    return [[one.number for one in stretch.frames] for stretch in found]


def test_keys_come_every_few_frames_and_all_frames_once() -> None:
    found = list(stretches(seen(moved("coffee", 15, step=0))))
    assert numbers(found)[:2] == [[0], list(range(1, EVERY + 1))]
    assert list(chain(*numbers(found))) == list(range(15))


def test_no_stretch_goes_across_a_cut() -> None:
    names = ("coffee", "rocket", "chelsea")
    lumas = [luma for name in names for luma in moved(name, 9, (288, 192))]
    found = list(stretches(seen(lumas)))
    assert [one.key.number for one in found if one.start is None] == [0, 9, 18]
    for stretch in found:
        if stretch.start is not None:
            assert stretch.start.number // 9 == stretch.key.number // 9


def test_a_flash_of_light_is_no_cut() -> None:
    lumas = moved("coffee", 12, step=0)
    lumas[5] = np.clip(lumas[5].astype(int) + 12, 0, 255).astype(np.uint8)
    assert [one.key.number for one in stretches(seen(lumas)) if one.start is None] == [0]


def test_what_is_asked_for_is_a_key() -> None:
    found = stretches(seen(moved("coffee", 9, step=0)), keys=lambda one: one.number == 3)
    assert [one.key.number for one in found] == [0, 3, 8]


def test_the_rest_is_the_same_from_any_key() -> None:
    all_seen = seen(moved("coffee", 20))
    whole = numbers(list(stretches(all_seen)))
    rest = list(stretches(all_seen[EVERY + 1 :], start=all_seen[EVERY]))
    assert numbers(rest) == whole[2:]
