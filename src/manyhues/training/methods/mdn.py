"""The mixture density network of the paper: P(z | G) as eight Gaussians (section 3.2).

Sampling draws a component, then a code from it; the ordered means, most probable first, are the
authors' own way to a few colourings.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manyhues.errors import UsageError
from manyhues.model.checked import GraphFile
from manyhues.model.priors.vector import MixtureSettings
from manyhues.training.data.cache import Batch
from manyhues.training.export.graph import Graph
from manyhues.training.export.plan import Plan, code_decoder, maps, vector_manifest
from manyhues.training.methods.vae import Vae, VaeConfig
from manyhues.training.networks.grey import CHANNELS, FEATURE_SCALE
from manyhues.training.registry import load, register
from manyhues.training.task import Logs, Step, Task


@dataclass(frozen=True)
class MdnConfig:
    """`vae` is the run whose code is predicted; it is needed to start, not to load.

    `sigma` fixes the components' standard deviation, as the paper does (.1); 0 learns one for
    every component and number. `winner_takes_all` trains the nearest component alone, as the
    authors' code does, instead of the mixture's likelihood.
    """

    vae: str = ""
    code: int = 64
    components: int = 8
    sigma: float = 0.0
    winner_takes_all: bool = False
    width: int = 256
    dropout: float = 0.3
    batch_size: int = 128
    learning_rate: float = 5e-4


class Mixture(nn.Module):
    """f16 (B, 112, 8, 8) and f32 (B, 320, 4, 4) to the mixture.

    Out: log-weights (B, M), means (B, M, K), logarithms of the standard deviations (B, M, K).
    """

    def __init__(self, config: MdnConfig) -> None:
        super().__init__()
        width, self.config = config.width, config
        self.middle = nn.Conv2d(CHANNELS[1], width, 3, 2, 1)
        self.deep = nn.Conv2d(CHANNELS[2], width, 1)
        self.mix = nn.Sequential(
            nn.GroupNorm(16, width), nn.SiLU(), nn.Conv2d(width, width // 2, 3, 1, 1), nn.SiLU()
        )
        self.hidden = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(8 * width, 2 * width),
            nn.SiLU(),
            nn.Dropout(config.dropout),
        )
        learned = 2 if config.sigma == 0 else 1
        self.out = nn.Linear(2 * width, config.components * (1 + learned * config.code))

    def forward(self, f16: Tensor, f32: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        components, code = self.config.components, self.config.code
        x = self.hidden(self.mix(self.middle(FEATURE_SCALE * f16) + self.deep(FEATURE_SCALE * f32)))
        logits, rest = (
            self.out(x).float().split([components, self.out.out_features - components], dim=1)
        )
        if self.config.sigma == 0:
            mean, log_sigma = rest.view(-1, 2, components, code).unbind(1)
            log_sigma = log_sigma.clamp(-5.0, 2.0)
        else:
            mean = rest.view(-1, components, code)
            log_sigma = torch.full_like(mean, math.log(self.config.sigma))
        return F.log_softmax(logits, dim=1), mean, log_sigma


def component_log_likelihood(code: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """log N(code; mean_m, sigma_m) of codes (B, K) under M components (B, M, K): (B, M)."""
    standard = (code[:, None] - mean) * (-log_sigma).exp()
    constant = 0.5 * math.log(2.0 * math.pi) * code.shape[1]
    return -(0.5 * standard**2 + log_sigma).sum(2) - constant


def mixture_loss(
    code: Tensor, log_pi: Tensor, mean: Tensor, log_sigma: Tensor, *, winner_takes_all: bool
) -> Tensor:
    """Negative log-likelihood of `code` (B, K), in nats, averaged over the batch.

    The winner takes all (paper, section 3.2): only the component whose mean is nearest to the code
    is blamed, which keeps the others from being drawn to the average.
    """
    each = log_pi + component_log_likelihood(code, mean, log_sigma)
    if winner_takes_all:
        nearest = ((code[:, None] - mean) ** 2).sum(2).argmin(1, keepdim=True)
        return -each.gather(1, nearest).mean()
    return -torch.logsumexp(each, dim=1).mean()


@register(MdnConfig)
class Mdn(Task[MdnConfig]):
    """Trains the mixture on codes of a frozen VAE, which it carries along for its decoder."""

    kind = "mdn"

    def __init__(self, config: MdnConfig) -> None:
        super().__init__(config)
        self.mixture = Mixture(config)
        self.vae = Vae(VaeConfig(code=config.code)).requires_grad_(False)

    def begin(self) -> None:
        if not self.config.vae:
            raise UsageError("mdn predicts the code of a VAE; add --set vae=runs/NAME")
        trained, _ = load(Path(self.config.vae))
        if not isinstance(trained, Vae) or trained.config.code != self.config.code:
            raise UsageError(f"{self.config.vae}: not a VAE run with a code of {self.config.code}")
        self.vae.load_state_dict(trained.state_dict())

    def train(self, mode: bool = True) -> "Mdn":
        super().train(mode)
        self.vae.eval()
        return self

    def _loss(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            mean, log_variance = self.vae.encode(batch)
            code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return mixture_loss(
            code,
            *self.mixture(batch.f16, batch.f32),
            winner_takes_all=self.config.winner_takes_all,
        )

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        loss = self._loss(batch)
        yield Step(loss, {"nats": loss})

    def validate(self, batch: Batch) -> Logs:
        log_pi, _, log_sigma = self.mixture(batch.f16, batch.f32)
        return {
            "nats": self._loss(batch),
            "entropy": -(log_pi.exp() * log_pi).sum(1).mean(),
            "sigma": log_sigma.exp().mean(),
        }

    def sample(self, batch: Batch) -> Tensor:
        """One draw for every picture: a, b (B, 2, 64, 64) in Lab units."""
        log_pi, mean, log_sigma = self.mixture(batch.f16, batch.f32)
        which = torch.distributions.Categorical(logits=log_pi).sample()
        rows = torch.arange(len(which))
        code = mean[rows, which] + torch.randn_like(mean[:, 0]) * log_sigma[rows, which].exp()
        return self.vae.decoder(code, batch.luminance).float()

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return {f"sample {k + 1}": self.sample(batch) for k in range(6)}

    def export_plan(self, run: Path) -> Plan:
        maps64 = maps(64, 64, "f16", "f32")
        outputs = ("log_pi", "mean", "log_sigma")
        prior = Graph("vae-mdn.prior.onnx", self.mixture, maps64, outputs, {}, maps64)
        decoder = code_decoder("vae-mdn", self.vae.decoder, self.config.code, bits=False)
        settings = MixtureSettings(GraphFile(prior.name))
        manifest = vector_manifest("vae-mdn", decoder, self.config.code, settings)
        return Plan([prior, decoder], manifest, {"vae": Path(self.config.vae)})
