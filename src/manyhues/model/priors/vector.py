"""Priors over codes that are vectors: the paper's and its baselines'."""

from dataclasses import dataclass

import numpy as np

from manyhues.color.arrays import Array
from manyhues.model.checked import GraphFile
from manyhues.model.manifest import PriorSettings
from manyhues.model.noise import noise
from manyhues.model.priors.base import Draw, Prior, turned_noise, turned_noises
from manyhues.model.scene import Scene


@dataclass(frozen=True)
class NormalSettings(PriorSettings, kind="normal"):
    """None: its noise is the code, whatever the picture."""

    codes = ("vector",)
    reads_features = False


@dataclass(frozen=True)
class BernoulliSettings(PriorSettings, kind="bernoulli"):
    """None, as of `NormalSettings`."""

    codes = ("vector",)
    reads_features = False


@dataclass(frozen=True)
class MixtureSettings(PriorSettings, kind="mixture"):
    """The graph that gives the mixture: log-weights, means, logarithms of the deviations."""

    codes = ("vector",)
    graph: GraphFile


class Normal(Prior, settings=NormalSettings):
    """Code ~ N(0, I)."""

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """Plain normal noise."""
        return np.stack(turned_noises(scene, draw, self.code_shape))

    def mix(self, start: Array, end: Array, amount: float) -> Array:
        """Spherical interpolation: codes of this many dimensions all lie near one sphere."""
        lengths = float(np.linalg.norm(start)), float(np.linalg.norm(end))
        cosine = float((start * end).sum()) / max(lengths[0] * lengths[1], 1e-12)
        angle = float(np.arccos(np.clip(cosine, -1, 1)))
        if angle < 1e-4 or angle > np.pi - 1e-4:
            return super().mix(start, end, amount)
        a, b = np.sin((1 - amount) * angle), np.sin(amount * angle)
        return np.asarray((a * start + b * end) / np.sin(angle), np.float32)


class Bernoulli(Prior, settings=BernoulliSettings):
    """Independent 0 or 1 with probability 1/2: the dropout noise of the cGAN."""

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """The signs of normal noise."""
        drawn = [turned_noise(scene, draw.seed, k, self.code_shape) > 0 for k in draw.indices]
        return np.stack(drawn).astype(np.float32)

    def mix(self, start: Array, end: Array, amount: float) -> Array:
        """Take a growing, fixed set of bits from the end."""
        order = np.argsort(noise(0, 0, start.shape, stage=9).ravel()).reshape(start.shape)
        return np.where(order < amount * start.size, end, start).astype(np.float32)


class Mixture(Prior, settings=MixtureSettings):
    """The paper's mixture density network: a Gaussian mixture read off the grey features."""

    settings: MixtureSettings

    def _mixture(self, scene: Scene) -> tuple[Array, Array, Array]:
        out = self.engine.run(self.settings.graph, scene.levels[-1].inputs)
        log_pi = out["log_pi"][0]
        pi = np.exp(log_pi - log_pi.max())
        return pi / pi.sum(), out["mean"][0], np.exp(out["log_sigma"][0])  # (M,), (M, K), (M, K)

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """Draw a component by its weight, then from its Gaussian.

        A race of exponential clocks, from a second stream of noise, picks the component.
        """
        pi, mean, sigma = self._mixture(scene)
        codes = []
        for k in draw.indices:
            generator_noise = turned_noise(scene, draw.seed, k, (len(pi), 2), stage=1)
            # |n1|^2 + |n2|^2 of two normals is exponential: a race that component i wins with
            # probability pi_i when its clock runs at that rate.
            clock = (generator_noise**2).sum(1) / np.maximum(pi, 1e-30)
            m = int(clock.argmin())
            spread = sigma[m] * turned_noise(scene, draw.seed, k, mean[m].shape)
            codes.append(mean[m] + spread * draw.diversity)
        return np.stack(codes).astype(np.float32)

    def likely(self, scene: Scene, n: int) -> Array | None:
        """The components' means, most probable first: the authors' way at test time."""
        pi, mean, _ = self._mixture(scene)
        return mean[np.argsort(-pi, kind="stable")[:n]]
