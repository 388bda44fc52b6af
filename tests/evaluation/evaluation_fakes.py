"""Methods and a judge whose every answer is known, and pictures for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.color import lab as color

SIDE = 16


def pictures(count: int = 20, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth coloured pictures, all well inside the gamut."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(60, 200, (count, 2, 2, 3)).astype(np.float32)
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)
    weights = np.stack([1 - ramp, ramp])
    blend = np.einsum("ri,nrsc,sj->nijc", weights, corners, weights)
    return np.asarray(np.rint(blend), np.uint8)


class Noise:
    """Random colour of a given spread (Lab units); sample k depends on seed and k alone."""

    def __init__(self, spread: float = 20.0, side: int = SIDE) -> None:
        self.spread, self.side = spread, side
        self.seen: list[tuple[int, int, int]] = []

    def encode_luminance(self, luminance: NDArray[np.float32], /) -> NDArray[np.float32]:
        assert luminance.dtype == np.float32
        return luminance

    def sample_ab(
        self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0
    ) -> NDArray[np.float32]:
        self.seen.append((seed, start, n))
        draws = [
            np.random.Generator(np.random.Philox(key=(seed, k))).normal(
                size=(2, self.side, self.side)
            )
            for k in range(start, start + n)
        ]
        return (self.spread * np.stack(draws)).astype(np.float32)


class Oracle(Noise):
    """Knows the true colours of the pictures it was made with, and looks them up by L*."""

    def __init__(self, known: NDArray[np.uint8]) -> None:
        super().__init__()
        self.known = color.rgb_to_lab(known / 255.0)

    def sample_ab(
        self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0
    ) -> NDArray[np.float32]:
        match = np.abs(self.known[..., 0] - scene).max((1, 2)).argmin()
        ab = self.known[match, ..., 1:].transpose(2, 0, 1)
        return np.repeat(ab[None], n, axis=0)


class ColourJudge:
    """Features are a picture's mean and spread of colour; the class is 'redder than green'."""

    name = "a fake"

    def features(self, pictures: NDArray[np.uint8], /) -> NDArray[np.float32]:
        x = pictures.astype(np.float32) / 255
        lab = color.rgb_to_lab(x)[..., 1:]
        return np.concatenate([lab.mean((1, 2)), lab.std((1, 2))], 1).astype(np.float32)

    def class_indices(self, labels: Sequence[str], /) -> NDArray[np.intp] | None:
        return np.array([label == "red" for label in labels], np.intp) if labels else None

    def top1(
        self, features: NDArray[np.float32], truth: NDArray[np.intp], /
    ) -> NDArray[np.float64]:
        return np.asarray((features[:, 0] > 0) == truth, np.float64)


def labels(rgb: NDArray[np.uint8]) -> list[str]:
    return ["red" if lab[..., 1].mean() > 0 else "green" for lab in color.rgb_to_lab(rgb / 255.0)]
