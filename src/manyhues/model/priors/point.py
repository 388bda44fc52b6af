"""One answer instead of a distribution."""

from dataclasses import dataclass

import numpy as np

from manyhues.color.arrays import Array
from manyhues.model.checked import GraphFile
from manyhues.model.manifest import PriorSettings
from manyhues.model.priors.base import Draw, Prior
from manyhues.model.scene import Scene


@dataclass(frozen=True)
class PointSettings(PriorSettings, kind="point"):
    """The graph that answers."""

    graph: GraphFile


class Point(Prior, settings=PointSettings):
    """One regression answer, whatever the noise."""

    settings: PointSettings
    single_answer = True

    def draft(self, scene: Scene, draw: Draw) -> Array:
        """The answer, once for each sample."""
        code = self.engine.run(self.settings.graph, scene.levels[-1].inputs)["code"]
        return np.repeat(code, len(draw.indices), axis=0)
