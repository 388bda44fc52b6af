"""The palette of another picture, taken over in a, b at fixed L*."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from manyhues.color.arrays import Array
from manyhues.color.lab import rgb_to_lab
from manyhues.errors import UsageError
from manyhues.image.picture import Picture, PictureLike, read_small_rgb


def palette(source: PictureLike) -> tuple[Array, Array]:
    """Mean (2,) and covariance (2, 2) of a picture's a, b. Raises `UsageError` for a grey one."""
    if isinstance(source, Picture):
        raise UsageError(f"{source.name}: a Picture holds no colours; give its file as palette")
    ab = rgb_to_lab(read_small_rgb(source) / np.float32(255))[..., 1:].reshape(-1, 2)
    if np.hypot(*ab.T).mean() < 1:
        name = f"{source}: " if isinstance(source, (str, Path)) else ""
        raise UsageError(f"{name}the picture given as palette is grey; give one with colour")
    # Divisor N: one pixel is a palette too.
    return ab.mean(0), np.cov(ab.T, bias=True).astype(np.float32)


def digest(palette: tuple[Array, Array]) -> str:
    """What tells a palette from others in a file's recipe, without a name of its picture."""
    numbers = b"".join(part.tobytes() for part in palette)
    return f"sha256 of its palette: {hashlib.sha256(numbers).hexdigest()}"


def apply_palette(ab: Array, mean: Array, covariance: Array) -> Array:
    """Samples ``(n, 2, h, w)`` with the palette's mean and covariance of a, b, at fixed L*.

    The linear Monge-Kantorovich map (Pitie and Kokaram 2007): of all linear maps that give the
    covariance, the one that moves colours least. Gains are limited to 4, so that a nearly grey
    sample is not blown up into noise.
    """
    out = np.empty_like(ab)
    for i, sample in enumerate(ab):
        flat = sample.reshape(2, -1)
        own = np.cov(flat) + np.eye(2) * 0.25
        root = _power(own, 0.5)
        inverse = _power(own, -0.5)
        gain = inverse @ _power(root @ covariance @ root, 0.5) @ inverse
        values, vectors = np.linalg.eigh(gain)
        gain = (vectors * np.minimum(values, 4)) @ vectors.T
        moved = gain @ (flat - flat.mean(1, keepdims=True)) + mean[:, None]
        out[i] = moved.reshape(sample.shape)
    return out


def _power(matrix: Any, exponent: float) -> Any:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 1e-6) ** exponent) @ vectors.T
