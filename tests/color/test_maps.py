"""Colour maps: known colours, monotone tables, values read back."""

import numpy as np
import pytest

from manyhues.color import maps
from manyhues.color.maps import color_map
from manyhues.errors import UsageError

pytest.importorskip("cmap", reason="NO CMAP: colour maps are not tested; pip install cmap")
pytest.importorskip("pydicom", reason="NO PYDICOM: DICOM's palettes are not tested")

ALL = [name for name, _ in maps.names()]
NOT_ONE_TO_ONE = {"PET_20_STEP": 20, "SUMMER": 192, "jet": 254}


def test_ordered_maps_come_first_and_rainbows_last() -> None:
    kinds = [kind for _, kind in maps.names()]
    assert kinds == sorted(kinds, key=["ordered", "DICOM", "rainbow"].index)
    assert ALL[0] == "viridis"
    assert maps.is_rainbow("jet")
    assert not maps.is_rainbow("viridis")


def test_known_colours() -> None:
    ends = np.array([[0, 65535]], np.uint16)
    assert color_map("viridis").apply(ends, 8).tolist() == [[[68, 1, 84], [253, 231, 37]]]
    assert color_map("HOT_IRON").apply(ends, 8).tolist() == [[[0, 0, 0], [255, 255, 255]]]
    assert color_map("hot-iron").name == "HOT_IRON"


@pytest.mark.parametrize("name", ALL)
def test_the_ordered_ones_grow_lighter(name: str) -> None:
    light = color_map(name).colours @ [0.2126, 0.7152, 0.0722]
    grows = bool((np.diff(light[::64]) > -1e-4).all())
    assert grows or name not in maps.ORDERED


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [256, 4096, 65536])
def test_values_are_read_back_within_a_step(name: str, steps: int) -> None:
    shares = np.rint(np.arange(steps) * (65535 / (steps - 1))).astype(np.uint16)[None]
    mapped = color_map(name)
    assert mapped.distinct == NOT_ONE_TO_ONE.get(name, 256)
    pixels = mapped.apply(shares, 16)
    if name in NOT_ONE_TO_ONE:
        with pytest.raises(UsageError, match="values cannot be read back"):
            mapped.invert(pixels)
        return
    off = np.abs(mapped.invert(pixels).astype(int) - shares)
    assert off.max() <= 1


def test_between_the_library_s_256_steps_colours_go_on() -> None:
    assert len(np.unique(color_map("magma").table(16), axis=0)) == 65536


def test_colours_of_no_map_are_refused() -> None:
    pixels = np.array([[[1, 2, 3]]], np.uint16)
    with pytest.raises(UsageError, match="colours that the map viridis has not"):
        color_map("viridis").invert(pixels)


def test_an_unknown_map_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="map 'viridi': is unknown; choose from viridis, cividis"):
        color_map("viridi")


def test_a_legend_goes_from_black_to_white() -> None:
    entries = maps.legend(color_map("viridis"), -1000, 1000, 3)
    assert entries == [(-1000.0, "#440154"), (0.0, "#21908c"), (1000.0, "#fde725")]
