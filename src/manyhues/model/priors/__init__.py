"""P(code | grey): grey features to samples of a code, one file a family of kinds."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from manyhues.errors import WeightsError
from manyhues.model.engine import Engine
from manyhues.model.priors.base import Draw, Prior

__all__ = ["Draw", "Prior", "make_prior"]


def make_prior(engine: Engine, manifest: dict[str, Any]) -> Prior:
    """The prior that a manifest asks for, of whichever module of this folder has its kind.

    Raises `WeightsError` for a kind that none has.
    """
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    kind = manifest["prior"].get("kind")
    if kind not in Prior.kinds:
        raise WeightsError(
            f"{manifest['method']}.json: prior of unknown kind {kind!r}; update manyhues"
        )
    return Prior.kinds[kind](engine, manifest)
