"""The flow's velocity, trained on through its own few steps to colour as photographs are coloured.

Flow matching learns one time at a time, by squared error: what a sample looks like when its steps
are done, nothing asks. Here whole samples are drawn, decoded, and shown to a critic in colour, and
the velocity learns what the critic misses (as one-step and few-step models are distilled: Sauer et
al. 2023), while it goes on learning flow matching, which keeps it a velocity and its samples
varied. For a GPU; the features stay as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from manyhues.errors import UsageError
from manyhues.model.solver import schedule
from manyhues.training.data.cache import Batch
from manyhues.training.looking import Looking, LookingConfig
from manyhues.training.methods.detail import Detail, DetailConfig, DetailDecoder
from manyhues.training.methods.flow import RENOISE, STEPS
from manyhues.training.networks.critic import Critic, hinge, in_colour, told_apart
from manyhues.training.networks.grid import to_code
from manyhues.training.registry import load, register
from manyhues.training.task import Logs, Step

ZOOM = (3.0, 2.0)  # times each working size, for the critic: about what its networks were made for
MEASURED_EVERY = 8  # batches between measurements of the gradients' norms
PACE = 6.0  # the critic's learning rate, times the flow's


@dataclass(frozen=True)
class AdversarialConfig(LookingConfig):
    """`decoder` is the `detail` run that samples are decoded with.

    The critic's gradient has `ratio` times the norm of flow matching's; for a share `alone` of the
    run the critic learns and its verdict counts for nothing. The decoder is to be one that was
    trained on these features. `drop` has to be 0: samples are drawn as they will be.
    """

    decoder: str = ""
    ratio: float = 2.0
    alone: float = 0.15
    crops: float = 0.5
    whole: float = 0.4
    film: float = 0.3
    batch_size: int = 192
    learning_rate: float = 5e-5


@register(AdversarialConfig)
class Adversarial(Looking):
    """Trains velocity and critic in turn."""

    kind = "adversarial"
    begins_with = ("start", "features", "decoder")
    config: AdversarialConfig
    balance: Tensor
    heard: Tensor

    def __init__(self, config: AdversarialConfig) -> None:
        super().__init__(config)
        self.features.requires_grad_(False)
        self.decoder = DetailDecoder(DetailConfig.width).requires_grad_(False)
        self.critic = Critic()
        # Of each working size: flow matching's norm over the critic's; 0 before it was measured.
        self.register_buffer("balance", torch.zeros(len(self.sizes)))
        self.register_buffer("heard", torch.zeros((), dtype=torch.long))  # verdicts that counted

    def begin(self) -> None:
        super().begin()
        if self.config.drop:
            raise UsageError("adversarial draws samples as they will be drawn; leave drop at 0")
        run = Path(self.config.decoder)
        trained, _ = load(run)
        if not isinstance(trained, Detail) or trained.config.width != DetailConfig.width:
            raise UsageError(f"{run}: no `detail` run of a width of {DetailConfig.width}")
        self.decoder.load_state_dict(trained.decoder.state_dict())

    def groups(self) -> list[list[Any]]:
        critic = {"params": list(self.critic.parameters()), "pace": PACE, "betas": (0.0, 0.99)}
        return [[{"params": list(self.network.parameters()), "betas": (0.5, 0.99)}], [critic]]

    def _levels(self, seen: Batch) -> list[Batch]:
        """A batch as every working size up to its own reads it."""
        larger = seen.ab.shape[-1] != self.sizes[0]
        return [self._coarser(seen), seen] if larger else [seen]

    def _drawn(self, levels: Sequence[Batch]) -> Tensor:
        """Codes drawn coarse to fine, in the steps of the runtime (`prior.Flow`).

        Without what it does to codes that are done (gain, grain, non-local means): that is
        measured, and set, for the velocity that comes out.
        """
        code: Tensor | None = None
        for level, steps in zip(levels, STEPS, strict=False):
            noise = torch.randn_like(to_code(level.ab))
            start, times = noise, schedule(steps)
            if code is not None:
                grown = F.interpolate(code, scale_factor=2.0, mode="bilinear")
                start, times = torch.lerp(grown, noise, RENOISE), np.float32(RENOISE) * times
            code = self._follow(level, start, times)
        assert code is not None
        return code

    def _shown(self, code: Tensor, part: Batch, seen: Batch) -> list[Tensor]:
        """What the critic sees of codes: decoded, under the picture as it is (not on film)."""
        ab = self.decoder(code, part.luminance, seen.f8)
        return self.critic.look(in_colour(part.luminance, ab), self._zoom(part))

    def _zoom(self, part: Batch) -> float:
        return ZOOM[self.sizes.index(part.ab.shape[-1])]

    def _context(self, part: Batch, seen: Batch) -> tuple[list[Tensor], list[Tensor]]:
        """Maps of true colours, through grid and decoder as samples are, and of grey."""
        with torch.no_grad():
            grey = in_colour(part.luminance, torch.zeros_like(part.ab))
            true = self._shown(to_code(part.ab), part, seen)
            return true, self.critic.look(grey, self._zoom(part))

    def _weight(self, fooled: Tensor, flow: Tensor, level: int) -> Tensor:
        """What the critic's verdict counts, from time to time by the gradients' norms.

        As Esser et al. 2021 (VQGAN, equation 7), but over all of the network and smoothed.
        """
        before = float(self.balance[level])
        if int(self.heard) % MEASURED_EVERY == 0 or not before:
            parameters = list(self.network.parameters())
            norms = []
            for loss in (flow, fooled):
                parts = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
                norms.append(torch.cat([p.flatten() for p in parts if p is not None]).norm())
            change = float(norms[0] / norms[1].clamp_min(1e-12)) / (before or 1.0)
            if before:  # a ratio is smoothed by its logarithm, or chance would raise it
                change = min(max(change, 1 / 3), 3.0) ** 0.15
            self.balance[level] = (before or 1.0) * change
        self.heard += 1
        return self.config.ratio * self.balance[level]

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        with torch.no_grad():
            part, seen = self._cut(batch)
            levels = self._levels(seen)
            true, grey = self._context(part, seen)
        size, ready = part.ab.shape[-1], progress >= self.config.alone
        with torch.set_grad_enabled(ready):
            drawn = self._shown(self._drawn(levels), part, seen)
        # The velocity's step first: what is kept for the critic's has no way back to keep.
        shown = [m.detach() for m in drawn]
        yield self._velocity_step(levels, drawn if ready else None, grey, progress)
        del drawn
        caught = hinge(self.critic(true, grey), self.critic(shown, grey))
        yield Step(caught, {f"critic_{size}": caught}, group=1)

    def _velocity_step(
        self,
        levels: Sequence[Batch],
        drawn: Sequence[Tensor] | None,
        grey: Sequence[Tensor],
        progress: float,
    ) -> Step:
        """Flow matching at every level and, of samples that were `drawn`, the critic's verdict."""
        matching = [next(super(Adversarial, self).steps(each, progress)) for each in levels]
        loss = torch.stack([step.loss for step in matching]).sum()
        size = levels[-1].ab.shape[-1]
        logs = matching[-1].logs
        if len(matching) > 1:  # by names of their own: the first size logs what has 64 pixels
            logs = logs | {f"blended_{k}": v for k, v in matching[0].logs.items()}
        if drawn is not None:
            fooled = torch.stack([verdict.mean() for verdict in self.critic(drawn, grey)]).mean()
            weight = self._weight(-fooled, loss, len(levels) - 1).detach()
            loss, logs = loss - weight * fooled, logs | {f"fooled_{size}": fooled}
        return Step(loss, logs)

    def validate(self, batch: Batch) -> Logs:
        seen = self._look(batch)
        true, grey = self._context(batch, seen)
        drawn = self._shown(self._sample(seen), batch, seen)
        apart = told_apart(self.critic(true, grey), self.critic(drawn, grey))
        return super().validate(seen) | {"told_apart": apart}
