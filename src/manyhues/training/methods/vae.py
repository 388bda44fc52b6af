"""The colour-field VAE of the paper: 64 numbers for the colours of a picture (section 3.1).

The encoder sees a, b only. The decoder sees the code and, through skip connections at 32, 16 and
8 pixels, the grey picture, so that the code need not say where the edges are.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.training.data.cache import Batch, Cache
from manyhues.training.networks import losses
from manyhues.training.networks.losses import AB_SCALE, PrincipalComponents
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task

SIZE = 64  # the paper's networks work on squares of this side


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class GreyEncoder(nn.Module):
    """Skips of the grey picture: luminance (B, 1, 64, 64) to maps at 32, 16 and 8 pixels."""

    channels = (32, 64, 128)

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, *self.channels)
        self.stages = nn.ModuleList(_block(a, b, stride=2) for a, b in itertools.pairwise(sizes))

    def forward(self, luminance: Tensor) -> list[Tensor]:
        maps = []
        x = luminance
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class FieldDecoder(nn.Module):
    """Seed (B, 256, 4, 4) and grey skips to a colour field (B, 2, 64, 64), in -1..1.

    Bilinear upsampling between convolutions leaves no checkerboard. `masks` multiply the maps
    of the first stages: the dropout of the cGAN, which is its only noise.
    """

    seed_channels = 256
    channels = (160, 96, 48)  # at 8, 16 and 32 pixels

    def __init__(self) -> None:
        super().__init__()
        inputs = (self.seed_channels, *self.channels)
        skips = GreyEncoder.channels[::-1]
        self.stages = nn.ModuleList(
            _block(a + skip, b) for a, skip, b in zip(inputs, skips, self.channels, strict=False)
        )
        # At full size the picture's own edges are added to few channels: widths that are not
        # multiples of 16 cost bfloat16 convolutions dearly, and this is the largest map.
        self.narrow = nn.Conv2d(self.channels[-1], 16, 1, bias=False)
        self.edges = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.join = nn.Sequential(nn.BatchNorm2d(16), nn.ReLU(inplace=True), _block(16, 16))
        self.out = nn.Conv2d(16, 2, 3, 1, 1)

    def forward(
        self,
        seed: Tensor,
        skips: list[Tensor],
        luminance: Tensor,
        masks: list[Tensor] | None = None,
    ) -> Tensor:
        x = seed
        for index, stage in enumerate(self.stages):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = stage(torch.cat([x, skips[-1 - index]], 1))
            if masks is not None and index < len(masks):
                x = x * masks[index]
        x = F.interpolate(self.narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.tanh(self.out(self.join(x + self.edges(luminance))))


class CodeDecoder(nn.Module):
    """Code (B, K) and luminance (B or 1, 1, 64, 64) to a, b (B, 2, 64, 64) in Lab units."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.grey = GreyEncoder()
        self.seed = nn.Sequential(
            nn.Linear(code, 16 * FieldDecoder.seed_channels), nn.ReLU(inplace=True)
        )
        self.field = FieldDecoder()

    def forward(self, code: Tensor, luminance: Tensor) -> Tensor:
        count = code.shape[0]
        # The grey half runs once for all samples of a picture.
        skips = [m.expand(count, -1, -1, -1) for m in self.grey(luminance)]
        seed = self.seed(code).view(-1, FieldDecoder.seed_channels, 4, 4)
        field = self.field(seed, skips, luminance.expand(count, -1, -1, -1))
        return field * AB_SCALE


class FieldEncoder(nn.Module):
    """a, b (B, 2, 64, 64) in Lab units to mean and log-variance of the code, (B, K) each."""

    def __init__(self, code: int, *, grey: bool = False, width: int = 64) -> None:
        super().__init__()
        inputs = 3 if grey else 2
        self.stages = nn.Sequential(
            _block(inputs, width, 2),
            _block(width, 2 * width, 2),
            _block(2 * width, 4 * width, 2),
            _block(4 * width, 8 * width, 2),
        )
        self.out = nn.Linear(16 * 8 * width, 2 * code)
        nn.init.normal_(self.out.weight, std=0.01)

    def forward(self, ab: Tensor, luminance: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = ab / AB_SCALE
        if luminance is not None:
            x = torch.cat([x, luminance], 1)
        mean, log_variance = self.out(self.stages(x).flatten(1)).float().chunk(2, 1)
        return mean, log_variance.clamp(-12.0, 6.0)


@dataclass(frozen=True)
class VaeConfig:
    """`specificity`, `colourfulness`, `gradient` and `squared` weigh the decoder's losses.

    `kl` is the weight that the KL term reaches after the first `anneal` of the run: twice the
    noise variance that the decoder is held to, in network units.
    """

    code: int = 64
    specificity: float = 0.1
    colourfulness: float = 1.0
    gradient: float = 1e-3
    squared: float = 0.0
    kl: float = 0.02
    anneal: float = 0.3
    batch_size: int = 128
    learning_rate: float = 1e-3


@register(VaeConfig)
class Vae(Task[VaeConfig]):
    """Trains encoder and decoder; its code is what the mixture density network predicts."""

    kind = "vae"
    needs_features = False
    encoder_sees_grey = False

    pc_mean: Tensor
    pc_directions: Tensor
    pc_variances: Tensor
    rarity: Tensor

    def __init__(self, config: VaeConfig) -> None:
        super().__init__(config)
        self.encoder = FieldEncoder(config.code, grey=self.encoder_sees_grey)
        self.decoder = CodeDecoder(config.code)
        dimension = 2 * SIZE * SIZE
        self.register_buffer("pc_mean", torch.zeros(dimension))
        self.register_buffer("pc_directions", torch.zeros(20, dimension))
        self.register_buffer("pc_variances", torch.ones(20))
        self.register_buffer("rarity", torch.ones(23 * 23))

    def prepare(self, cache: Cache) -> None:
        """Principal components and colour frequencies of the training set, once a run."""
        generator = torch.Generator().manual_seed(0)
        count = min(8000, len(cache))
        rows = torch.randperm(len(cache), generator=generator)[:count].numpy()
        ab = torch.from_numpy(cache.array("ab", rows)).float()
        components = PrincipalComponents.fit(ab / AB_SCALE)
        self.pc_mean.copy_(components.mean)
        self.pc_directions.copy_(components.directions)
        self.pc_variances.copy_(components.variances)
        self.rarity.copy_(losses.rarity_weights(ab))

    @property
    def components(self) -> PrincipalComponents:
        """The principal components of the training set."""
        return PrincipalComponents(self.pc_mean, self.pc_directions, self.pc_variances)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the code of a batch, (B, K) each."""
        return self.encoder(batch.ab, batch.luminance if self.encoder_sees_grey else None)

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        config = self.config
        mean, log_variance = self.encode(batch)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        output = self.decoder(code, batch.luminance).float()
        target = batch.ab
        error = (output - target) / AB_SCALE
        kl = losses.kl_to_standard_normal(mean, log_variance)
        logs: Logs = {"kl": kl, "squared": losses.squared(error)}
        loss = config.kl * min(1.0, progress / config.anneal) * kl
        if config.specificity:
            logs["specificity"] = losses.specificity(error, self.components)
            loss = loss + config.specificity * logs["specificity"]
        if config.colourfulness:
            logs["colourfulness"] = losses.colourfulness(error, target, self.rarity)
            loss = loss + config.colourfulness * logs["colourfulness"]
        if config.gradient:
            logs["gradient"] = losses.gradient(output / AB_SCALE, target / AB_SCALE)
            loss = loss + config.gradient * logs["gradient"]
        if config.squared:
            loss = loss + config.squared * logs["squared"]
        yield Step(loss, logs)

    def reconstruct(self, batch: Batch) -> Tensor:
        """The batch through the mean of its code: a, b (B, 2, 64, 64) in Lab units."""
        return self.decoder(self.encode(batch)[0], batch.luminance).float()

    def validate(self, batch: Batch) -> Logs:
        error = (self.reconstruct(batch) - batch.ab) / AB_SCALE
        residual = self.components.residual(batch.ab / AB_SCALE)
        return {
            "rms": (error**2).mean().sqrt(),
            "rms_20_components": (residual**2).mean().sqrt(),
            "weighted": losses.colourfulness(error, batch.ab, self.rarity) / error[0].numel(),
        }

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        random = torch.randn(len(batch.ab), self.config.code, device=batch.ab.device)
        return {
            "reconstruction": self.reconstruct(batch),
            "random code": self.decoder(random, batch.luminance).float(),
        }
