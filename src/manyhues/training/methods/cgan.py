"""The conditional GAN that the paper compares with: adversarial and L1 loss, noise by dropout.

After Isola et al. 2017 (pix2pix): the noise is dropout of the three deepest decoder maps that
stays on when sampling. The masks are an input here, so that a sample can be drawn again.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.model.priors.vector import BernoulliSettings
from manyhues.training.data.cache import Batch
from manyhues.training.export.plan import Plan, code_decoder, vector_manifest
from manyhues.training.methods.vae import FieldDecoder, GreyEncoder
from manyhues.training.networks.losses import AB_SCALE
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task


@dataclass(frozen=True)
class CganConfig:
    """`l1` weighs the mean absolute error against the adversarial loss (pix2pix: 100)."""

    l1: float = 100.0
    batch_size: int = 64
    learning_rate: float = 2e-4


class Generator(nn.Module):
    """Masks of 0 and 1 (B, 38912) and luminance (B or 1, 1, 64, 64) to a, b (B, 2, 64, 64), Lab."""

    # One bit for every number of the maps at 4, 8 and 16 pixels.
    masks = (
        (FieldDecoder.seed_channels, 4, 4),
        (FieldDecoder.channels[0], 8, 8),
        (FieldDecoder.channels[1], 16, 16),
    )
    code = sum(math.prod(shape) for shape in masks)

    def __init__(self) -> None:
        super().__init__()
        self.grey = GreyEncoder()
        self.bottom = nn.Sequential(
            nn.Conv2d(GreyEncoder.channels[-1], FieldDecoder.seed_channels, 3, 2, 1, bias=False),
            nn.BatchNorm2d(FieldDecoder.seed_channels),
            nn.ReLU(inplace=True),
        )
        self.field = FieldDecoder()

    def forward(self, code: Tensor, luminance: Tensor) -> Tensor:
        count = code.shape[0]
        skips = self.grey(luminance)
        parts = code.split([math.prod(shape) for shape in self.masks], dim=1)
        masks = [2.0 * m.view(-1, *shape) for m, shape in zip(parts, self.masks, strict=True)]
        seed = self.bottom(skips[-1]) * masks[0]
        skips = [m.expand(count, -1, -1, -1) for m in skips]
        return self.field(seed, skips, luminance.expand(count, -1, -1, -1), masks[1:]) * AB_SCALE


class Discriminator(nn.Module):
    """Real or generated, patch by patch: a, b in -1..1 and luminance to logits (B, 1, 8, 8)."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(4 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 3, 1, 1),
        )

    def forward(self, ab: Tensor, luminance: Tensor) -> Tensor:
        out: Tensor = self.layers(torch.cat([ab / AB_SCALE, luminance], 1))
        return out.float()


def _verdict(logits: Tensor, real: bool) -> Tensor:
    target = torch.full_like(logits, float(real))
    return F.binary_cross_entropy_with_logits(logits, target)


@register(CganConfig)
class Cgan(Task[CganConfig]):
    """Trains generator and discriminator in turn."""

    kind = "cgan"
    needs_features = False
    betas = (0.5, 0.999)  # pix2pix's: with more momentum the two networks chase each other

    def __init__(self, config: CganConfig) -> None:
        super().__init__(config)
        self.generator = Generator()
        self.discriminator = Discriminator()

    def groups(self) -> list[list[nn.Parameter]]:
        return [list(self.generator.parameters()), list(self.discriminator.parameters())]

    def _generate(self, luminance: Tensor) -> Tensor:
        code = (torch.rand(len(luminance), Generator.code, device=luminance.device) < 0.5).float()
        ab: Tensor = self.generator(code, luminance)
        return ab.float()

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        fake = self._generate(batch.luminance)
        judge = self.discriminator
        caught = 0.5 * (
            _verdict(judge(batch.ab, batch.luminance), True)
            + _verdict(judge(fake.detach(), batch.luminance), False)
        )
        yield Step(caught, {"discriminator": caught}, group=1)
        fooled = _verdict(judge(fake, batch.luminance), True)
        l1 = ((fake - batch.ab) / AB_SCALE).abs().mean()
        yield Step(fooled + self.config.l1 * l1, {"adversarial": fooled, "l1": l1})

    def validate(self, batch: Batch) -> Logs:
        fake = torch.stack([self._generate(batch.luminance) for _ in range(4)]) / AB_SCALE
        return {
            "rms": ((fake[0] - batch.ab / AB_SCALE) ** 2).mean().sqrt(),
            "sample_variance": fake.var(0).mean(),
        }

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return {f"sample {k + 1}": self._generate(batch.luminance) for k in range(4)}

    def export_plan(self, run: Path) -> Plan:
        decoder = code_decoder("cgan", self.generator, Generator.code, bits=True)
        return Plan(
            [decoder], vector_manifest("cgan", decoder, Generator.code, BernoulliSettings())
        )
