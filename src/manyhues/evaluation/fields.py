"""Colour fields and pictures: sizes, gamut, 8 bits."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.color import lab as color


def greyed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The neutral picture with the same L*, (H, W, 3) uint8: a method that answers a = b = 0."""
    luminance = color.rgb_to_luminance(picture / 255.0)
    return to_uint8(render(luminance, np.zeros((1, 2, *luminance.shape), np.float32))[0])


def to_uint8(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """[0, 1] to 0..255, rounded; shape kept."""
    return np.asarray(np.rint(np.asarray(rgb) * 255), np.uint8)


@lru_cache(maxsize=16)
def _resize_matrix(source: int, target: int) -> NDArray[np.float32]:
    """Rows of weights (target, source): bilinear up, area average down; pixel centres at .5."""
    scale = source / target
    if target >= source:
        centre = np.clip((np.arange(target) + 0.5) * scale - 0.5, 0, source - 1)
        weights = np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(source)))
    else:
        edges = np.arange(target)[:, None] * scale
        cells = np.arange(source)
        weights = np.minimum(edges + scale, cells + 1) - np.maximum(edges, cells)
        weights = np.maximum(weights, 0) / scale
    return np.asarray(weights, np.float32)


def resize_ab(ab: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Colour fields (..., h, w) to (..., height, width): bilinear up, area average down."""
    if ab.shape[-2:] == (height, width):
        return ab
    rows, columns = _resize_matrix(ab.shape[-2], height), _resize_matrix(ab.shape[-1], width)
    return np.asarray(rows @ ab @ columns.T, np.float32)


def render(luminance: NDArray[np.float32], ab: NDArray[np.float32]) -> NDArray[np.float32]:
    """L* (H, W) and a, b (K, 2, H, W) to RGB (K, H, W, 3) in [0, 1], in gamut at fixed L*."""
    layers = np.broadcast_to(luminance, (len(ab), *luminance.shape))
    lab = np.stack([layers, ab[:, 0], ab[:, 1]], axis=-1)  # (K, H, W, 3)
    return color.lab_to_rgb(color.clamp_to_gamut(lab))
