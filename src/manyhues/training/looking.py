"""Flow tasks whose batches are cut anew and looked at there and then: for a GPU.

Features read from a cache are those of a few crops, made before. Here the grey network looks at
every batch, so that it never sees the same crop twice.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from manyhues.training.data.cache import Batch
from manyhues.training.export.plan import Plan
from manyhues.training.methods.features import LearningFeatures, TuneConfig, cropped, on_film
from manyhues.training.methods.flow import Flow, FlowConfig
from manyhues.training.networks.grey import blend_finer


@dataclass(frozen=True)
class LookingConfig(FlowConfig):
    """`features` and `start` are runs to begin with (default: as published, and from scratch).

    `network`, `zoom`, `crops` and `keep` are `TuneConfig`'s; `whole` is the share of pictures that
    are not cropped. `drop` counts for blocks of the features as well.
    """

    network: str = TuneConfig.network
    zoom: float = TuneConfig.zoom
    crops: float = TuneConfig.crops
    whole: float = 0.5
    keep: float = 1.0


class Looking(Flow):
    """A `flow` task with its features, which is therefore a run of features too."""

    needs_features = False
    config: LookingConfig

    def __init__(self, config: LookingConfig) -> None:
        super().__init__(config)
        self.tuned, self.film = None, 0.0  # caches hold pictures as they are
        self.features = LearningFeatures(config.network, config.zoom, config.drop)

    def begin(self) -> None:
        super().begin()
        if self.config.features:
            self.features.begin(Path(self.config.features), self.config.keep)

    def _look(self, batch: Batch) -> Batch:
        f8, f16, f32 = self.features(batch.luminance)
        return dataclasses.replace(batch, f8=f8, f16=f16, f32=f32)

    def _coarser(self, fine: Batch) -> Batch:
        """Pictures of the second working size as the first reads them (`Scene`).

        But for what a still larger picture would show at the second: here that is all there is.
        """
        height, width = (side // 2 for side in fine.luminance.shape[2:])
        own = self.features(fine.luminance, (height, width))
        f8, f16, f32 = blend_finer(own, (fine.f8, fine.f16, fine.f32))
        luminance, ab = F.avg_pool2d(fine.luminance, 2), F.avg_pool2d(fine.ab, 2)
        return dataclasses.replace(fine, luminance=luminance, ab=ab, f8=f8, f16=f16, f32=f32)

    def _cut(self, batch: Batch) -> tuple[Batch, Batch]:
        """Parts of a batch's pictures as they are, and as they are seen: some of them on film."""
        part = cropped(batch, self.config.crops, self.config.whole)
        return part, self._look(on_film(part, self.config.film))

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return super().pictures(self._look(batch))

    def export_plan(self, run: Path) -> Plan:
        self.tuned = run  # it brings its own features
        return super().export_plan(run)
