"""The true pictures of a run, and what judges say of them before any method is measured.

Frechet distances are of a generated set to a *disjoint* half of the real one. The first half of the
pictures, true and grey, against the same second half gives the real-to-real floor and the grey
ceiling; a method's share of the way between them is `metrics.frechet_share`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manyhues.evaluation import colour_judge, metrics
from manyhues.evaluation.fields import greyed
from manyhues.evaluation.metrics import Floats, Frechet

Advance = Callable[[int], object]
Pixels = NDArray[np.uint8]

JUDGE_BATCH = 128
NETWORK, COLOUR = "frechet", "frechet_colour"  # how the two judges' keys begin
MIN_FRECHET = 16  # pictures; below it a half says nothing about a covariance


class JudgeLike(Protocol):
    """What is needed of `judge.Judge`."""

    name: str

    def features(self, pictures: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Pictures (N, H, W, 3) uint8 to features (N, D)."""

    def class_indices(self, labels: Sequence[str], /) -> NDArray[np.intp] | None:
        """Labels (N) to classes (N,), or None where the classifier does not know them."""

    def top1(self, features: NDArray[np.float32], truth: NDArray[np.intp], /) -> Floats:
        """Features (N, D) and classes (N,) to 1 where the classifier is right, else 0: (N,)."""


@dataclass(frozen=True)
class Gauge:
    """A Frechet distance's reference (features of the true second half), floor and ceiling."""

    second_half: NDArray[np.float32]
    floor: Frechet
    ceiling: Frechet

    @classmethod
    def prepare(cls, true: NDArray[np.float32], grey: NDArray[np.float32]) -> "Gauge":
        """From features (N, D) of the true and of the grey pictures, in the same order."""
        half = len(true) // 2
        second = true[half:]
        floor, ceiling = (metrics.frechet(part[:half], second) for part in (true, grey))
        return cls(second, floor, ceiling)

    def measure(self, generated_half: NDArray[np.float32], name: str) -> dict[str, Any]:
        """Distance, floor, ceiling and share, with intervals, under keys that begin with `name`.

        Where the ceiling is no further than the floor there is no share, but ``<name>_note``.
        """
        generated = metrics.frechet(generated_half, self.second_half)
        part: dict[str, Any] = {}
        parts = {"": generated, "_real": self.floor, "_grey": self.ceiling}
        for key, value in parts.items():
            part[name + key] = value.distance
            part[f"{name}{key}_ci"] = metrics.frechet_interval(value)
        distances = generated.distance, self.floor.distance, self.ceiling.distance
        share = metrics.frechet_share(*distances)
        if share is None:
            judge = "colour" if name == COLOUR else "Fréchet"
            part[f"{name}_note"] = (
                f"no {judge} share: grey ({distances[2]:.1f}) is no further than the real-to-real "
                f"floor ({distances[1]:.1f}); {len(generated_half)} pictures a half are too few"
            )
        else:
            part[f"{name}_share"] = share
            interval = metrics.frechet_share_interval(generated, self.floor, self.ceiling)
            part[f"{name}_share_ci"] = interval
        return part


@dataclass(frozen=True)
class Truth:
    """The true pictures, and all that is known of them before any method runs.

    `pictures` (N, H, W, 3) uint8; per-picture values are (N,). `network` is None without a judge,
    `colour` is the second judge's (`colour_judge`); both are None for too few pictures. What needs
    labels that the judge knows is None without.
    """

    pictures: Pixels
    colourfulness: Floats
    judge: JudgeLike | None = None
    network: Gauge | None = None
    colour: Gauge | None = None
    classes: NDArray[np.intp] | None = None
    top1: Floats | None = None
    top1_grey: Floats | None = None

    @classmethod
    def prepare(
        cls,
        pictures: Pixels,
        labels: Sequence[str] = (),
        judge: JudgeLike | None = None,
        advance: Advance = lambda n: None,
    ) -> "Truth":
        """Judge the true and the grey pictures once, for all methods.

        `advance` is told of every picture judged: two times N in all.
        """
        colourfulness = np.array([float(metrics.colourfulness(p / 255.0)) for p in pictures])
        grey = np.stack([greyed(picture) for picture in pictures])
        enough = len(pictures) >= MIN_FRECHET
        colour = None
        if enough:
            colour = Gauge.prepare(colour_judge.features(pictures), colour_judge.features(grey))
        if judge is None:
            return cls(pictures, colourfulness, colour=colour)
        true_features = features_of(judge, pictures, advance)
        grey_features = features_of(judge, grey, advance)
        classes = judge.class_indices(labels)
        return cls(
            pictures,
            colourfulness,
            judge,
            Gauge.prepare(true_features, grey_features) if enough else None,
            colour,
            classes,
            None if classes is None else judge.top1(true_features, classes),
            None if classes is None else judge.top1(grey_features, classes),
        )

    @property
    def judged(self) -> int:
        """How many pictures of each method the judge has to see."""
        if self.classes is not None:
            return len(self.pictures)
        return 0 if self.network is None else len(self.pictures) // 2


def features_of(
    judge: JudgeLike, pictures: Pixels, advance: Advance = lambda n: None
) -> NDArray[np.float32]:
    """Features of pictures (N, H, W, 3), in batches so that progress can be seen."""
    out = []
    for start in range(0, len(pictures), JUDGE_BATCH):
        out.append(judge.features(pictures[start : start + JUDGE_BATCH]))
        advance(len(out[-1]))
    return np.concatenate(out)
