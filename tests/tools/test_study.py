from pathlib import Path

import numpy as np
import pytest
from conftest import write_blocks

from manyhues.training import registry
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.methods.vae import Vae, VaeConfig
from tools.report import study


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    folder = write_blocks(tmp_path_factory.mktemp("pictures"), 40, seed=1, cells=3)
    return Cache([build_cache(folder, folder / "cache")])


def test_component_residual_agrees_with_numpy(cache: Cache) -> None:
    components = study.principal_components(cache, 5)
    fields = cache.array("ab", np.arange(len(cache))).reshape(len(cache), -1) / 128.0
    centred = fields - fields.mean(0)
    values = np.linalg.svd(centred, compute_uv=False)
    left = np.sqrt((values[5:] ** 2).sum() / centred.size)
    assert study.residual_rms(components, cache) == pytest.approx(left, rel=0.02)


def test_errors_are_those_of_the_reconstruction(cache: Cache) -> None:
    vae = Vae(VaeConfig()).eval().requires_grad_(False)
    errors = study.errors_of(vae, cache)
    ab = cache.array("ab", np.arange(len(cache))) / 128.0
    # An untrained decoder answers near neutral, so the error is about the field itself.
    assert errors["rms"] == pytest.approx(np.sqrt((ab**2).mean()), rel=0.25)
    assert errors["n"] == len(cache)


def test_every_variant_is_a_valid_setting() -> None:
    for options in study.VARIANTS.values():
        settings = dict(option.split("=") for option in options)
        registry.make_config("vae", settings)


def test_split_is_found(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no such file"):
        study.split_cache(tmp_path / "nowhere", tmp_path, ("test",))
