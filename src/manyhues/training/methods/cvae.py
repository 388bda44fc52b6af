"""The conditional VAE that the paper compares with: the code is drawn from its prior, N(0, I)."""

from dataclasses import dataclass
from pathlib import Path

from manyhues.model.priors.vector import NormalSettings
from manyhues.training.export.plan import Plan, code_decoder, vector_manifest
from manyhues.training.methods.vae import Vae, VaeConfig
from manyhues.training.registry import register


@dataclass(frozen=True)
class CvaeConfig(VaeConfig):
    """The evidence bound with a unit-variance Gaussian on fields in -1..1: squared error + KL.

    2 x the bound: the squared error has weight 1 and the KL weight 2. No other loss, as in the
    paper's comparison. A smaller KL weight says that the decoder is more precise.
    """

    specificity: float = 0.0
    colourfulness: float = 0.0
    gradient: float = 0.0
    squared: float = 1.0
    kl: float = 2.0


@register(CvaeConfig)
class Cvae(Vae):
    """The VAE of `manyhues.training.methods.vae` whose encoder sees the grey picture too."""

    kind = "cvae"
    encoder_sees_grey = True

    def export_plan(self, run: Path) -> Plan:
        decoder = code_decoder("cvae", self.decoder, self.config.code, bits=False)
        manifest = vector_manifest("cvae", decoder, self.config.code, NormalSettings())
        return Plan([decoder], manifest)
