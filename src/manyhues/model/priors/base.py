"""P(code | grey): what every kind of prior has in common. One class for each kind.

A code is a vector ``(K,)`` or a colour grid ``(2, h/4, w/4)`` in a, b / 25. So that choosing among
many candidates stays cheap, there are two ways of drawing: `draft` gives codes good enough to
choose by, `sample` the final codes of the same samples. For most kinds they are the same.

Sample k of a picture depends on (seed, k) and the picture's L* alone: noise is counter-based and
turned by L* (`Scene.turn`), and graphs run one sample at a time, because ONNX Runtime's results
may differ in the last bit between batch sizes. Drafts, whose number is fixed, run in batches.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from manyhues.color.arrays import Array
from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest, PriorSettings
from manyhues.model.noise import noise
from manyhues.model.scene import Scene
from manyhues.sampling.hints import Hint


@dataclass(frozen=True)
class Draw:
    """What to draw: samples `indices` of `seed`, with Gaussian noise scaled by `diversity`."""

    seed: int
    indices: Sequence[int]
    diversity: float = 1.0
    hints: Sequence[Hint] = ()

    def of(self, indices: Sequence[int]) -> "Draw":
        """The same draw of other samples."""
        return replace(self, indices=indices)


class Prior(ABC):
    """Draws codes for a scene. Gaussian kinds spread by `diversity` (standard deviation).

    A subclass names what it reads in a manifest: ``class Mine(Prior, settings=MySettings)``. Any
    module of this folder is found; there is no list to add it to.
    """

    kinds: ClassVar[dict[type[PriorSettings], type["Prior"]]] = {}
    single_answer = False

    def __init_subclass__(cls, *, settings: type[PriorSettings], **given: Any) -> None:
        super().__init_subclass__(**given)
        Prior.kinds[settings] = cls

    def __init__(self, engine: Engine, manifest: Manifest) -> None:
        self.engine, self.settings = engine, manifest.prior
        self.code_shape, self.is_grid = manifest.embedding.code, manifest.is_grid

    @abstractmethod
    def draft(self, scene: Scene, draw: Draw) -> Array:
        """Codes ``(n, ...)`` of the samples to draw, good enough to choose by."""

    def finish(self, scene: Scene, draw: Draw, drafts: Array) -> Array:
        """Final codes ``(n, ...)`` that keep to drafts, whosever they are."""
        return drafts

    def rough(self, scene: Scene, draft: Array) -> Array:
        """One draft in the shape of a final code, to look at before it is finished."""
        return draft

    def sample(self, scene: Scene, draw: Draw) -> Array:
        """Final codes ``(n, ...)`` of the samples to draw."""
        return self.finish(scene, draw, self.draft(scene, draw))

    def likely(self, scene: Scene, n: int) -> Array | None:
        """Up to n codes, most probable first, where the kind knows them; else None."""
        return None

    def vary(self, scene: Scene, draw: Draw, code: Array, amount: float) -> Array:
        """Codes near `code`: amount 0 is the code itself, 1 a fresh sample."""
        fresh = self.sample(scene, draw)
        return np.stack([self.mix(code, other, amount) for other in fresh])

    def vividness(self, scene: Scene, draw: Draw) -> Array:
        """How vivid samples are made by their numbers, ``(n,)`` float32: 1 in the mean."""
        return np.ones(len(draw.indices), np.float32)

    def mix(self, start: Array, end: Array, amount: float) -> Array:
        """A code on the way from one to another, amount in [0, 1]."""
        return ((1 - amount) * start + amount * end).astype(np.float32)


def turned_noise(scene: Scene, seed: int, k: int, shape: tuple[int, ...], stage: int = 0) -> Array:
    """Standard normal noise of sample k of this picture: two fields, mixed as its L* says."""
    still, turned = noise(seed, k, (2, *shape), stage)
    cosine, sine = (np.resize(part, shape) for part in scene.turn)  # repeated to fill the shape
    return np.asarray(cosine * still + sine * turned, np.float32)


def turned_noises(scene: Scene, draw: Draw, shape: tuple[int, ...], stage: int = 0) -> list[Array]:
    """`turned_noise` of all samples of a draw, scaled by its diversity."""
    scale = np.float32(draw.diversity)
    return [turned_noise(scene, draw.seed, k, shape, stage) * scale for k in draw.indices]
