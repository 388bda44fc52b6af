"""The velocity, trained on by what people fault: direct preference optimisation of a flow.

Somebody looked at sampled colourings and said which are faulty (`judged`). Of two samples of one
picture the better is to become likelier against the worse than it was to begin with (Rafailov et
al. 2023; for diffusion Wallace et al. 2024, equation 14). How likely a code is, a flow says by its
error: what it predicts well from noise, it draws often. That error is asked for where the worse
sample is at fault, and elsewhere the velocity is to stay as it was: a patch is unlearned, and not
the whole sample. No model of the judge is needed, and nothing is drawn while it trains, so it runs
on a CPU. (Samples come nearer to each other all the same: docs/model/faults.md.)
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from manyhues.errors import UsageError
from manyhues.training.data.cache import Batch, Cache
from manyhues.training.data.judged import Judged, JudgedBatch
from manyhues.training.methods.flow import LEAN, RENOISE, Flow, FlowConfig, velocity_errors
from manyhues.training.networks.grid import GridUNet, to_code
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step


@dataclass(frozen=True)
class PreferenceConfig(FlowConfig):
    """`--data` are folders of `judged`; `start` the flow that drew them, `features` what it read.

    `beta` is how dear it is to leave where it began, for each working size; `stay`, the weight of
    keeping the velocity as it was where nothing is at fault; `keep`, that of flow matching on the
    pictures' true colours. `drop` has to be 0; `film` and `hinted` do nothing.
    """

    beta: tuple[float, ...] = (75.0, 250.0)
    stay: float = 1.0
    keep: float = 0.3
    batch_size: int = 64
    learning_rate: float = 3e-5


@register(PreferenceConfig)
class Preference(Flow):
    """Trains the velocity network on pairs of a better and a worse sample."""

    kind = "preference"
    begins_with = ("start", "features")
    config: PreferenceConfig

    def __init__(self, config: PreferenceConfig) -> None:
        super().__init__(config)
        self.reference: GridUNet = copy.deepcopy(self.network).requires_grad_(False)

    def caches(self, data: Sequence[Path]) -> list[Cache]:
        levels = [Judged(data, level) for level in range(len(self.sizes))]
        return [levels[0], *(level for level in levels[1:] if len(level))]

    def begin(self) -> None:
        if self.config.drop or len(self.config.beta) != len(self.sizes):
            raise UsageError("preference wants a drop of 0, and a beta for each working size")
        super().begin()
        self.reference.load_state_dict(self.network.state_dict())

    def train(self, mode: bool = True) -> "Preference":
        super().train(mode)
        self.reference.eval()  # what it was does not forget
        return self

    def groups(self) -> list[list[Tensor]]:
        return [list(self.network.parameters())]

    def _errors(
        self, network: GridUNet, batch: Batch, codes: Sequence[Tensor], t: Tensor, noise: Tensor
    ) -> Tensor:
        """Errors (codes, B, 2, H, W) of a network's velocity at times t, for each of the codes."""
        hints = torch.zeros_like(noise[:, :1]).expand(-1, 3, -1, -1)
        condition = network.condition(batch.luminance, batch.f8, batch.f16, batch.f32, hints)
        return torch.stack([velocity_errors(network, code, noise, t, condition) for code in codes])

    def _compared(self, batch: JudgedBatch) -> tuple[Tensor, Tensor, Tensor]:
        """By how much each pair is told better than at the beginning (B,), how far the velocity
        has gone where there is no fault, and flow matching."""
        level = self.sizes.index(batch.luminance.shape[-1])
        t = torch.sigmoid(torch.randn(len(batch.better), device=batch.better.device) + LEAN[level])
        t = t.clamp_max(RENOISE) if level else t  # the second size starts there
        codes = (batch.better, batch.worse, to_code(batch.ab))
        noise = torch.randn_like(batch.better)
        with torch.no_grad():
            before = self._errors(self.reference, batch, codes[:2], t, noise)
        now, true = self._errors(self.network, batch, codes, t, noise).split((2, 1))
        gone = now - before  # both are off from the same velocity
        gained = (now**2 - before**2).mean(2, keepdim=True)
        fault = batch.fault
        better, worse = (gained * fault).sum((2, 3, 4)) / fault.sum((1, 2, 3)).clamp_min(1e-6)
        return (
            self.config.beta[level] * (worse - better),
            ((1 - fault) * gone**2).mean(),
            (true**2).mean(),
        )

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        assert isinstance(batch, JudgedBatch)
        size = batch.luminance.shape[-1]
        beta = self.config.beta[self.sizes.index(size)]
        margin, gone, matching = self._compared(batch)
        # Over beta, so that all parts are squared errors and none drowns the others.
        loss = -F.logsigmoid(margin).mean() / beta
        loss = loss + self.config.stay * gone + self.config.keep * matching
        right = (margin > 0).float().mean()
        yield Step(loss, {f"preferred_{size}": right, f"velocity_{size}": matching})

    def validate(self, batch: Batch) -> Logs:
        assert isinstance(batch, JudgedBatch)
        margin, gone, _ = self._compared(batch)
        figures = {
            "preferred": (margin > 0).float().mean(),
            "surprise": -F.logsigmoid(margin).mean(),
            "gone": gone,
        }
        return figures | super().validate(batch)
