"""P(code | grey): grey features to samples of a code, one file a family of kinds."""

from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest
from manyhues.model.priors.base import Draw, Prior

__all__ = ["Draw", "Prior", "make_prior"]


def make_prior(engine: Engine, manifest: Manifest) -> Prior:
    """The prior that a manifest asks for."""
    return Prior.kinds[type(manifest.prior)](engine, manifest)
