"""A new method is one file in training/methods, and one in model/priors for a new kind of code."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import colourful, write_blocks

from manyhues.cli import main as cli
from manyhues.colorizer import Colorizer
from manyhues.model import priors
from manyhues.model.manifest import Manifest, PriorSettings
from manyhues.model.priors.base import Prior
from manyhues.training import methods, registry

METHOD = """
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from manyhues.model.checked import GraphFile
from manyhues.model.priors.tinted import TintedSettings
from manyhues.training.data.cache import Batch
from manyhues.training.export.plan import Plan, code_decoder, vector_manifest
from manyhues.training.registry import register
from manyhues.training.task import Logs, Step, Task


@dataclass(frozen=True)
class TintConfig:
    batch_size: int = 4
    learning_rate: float = 0.1


class Tint(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.ones(2))

    def forward(self, code: Tensor, luminance: Tensor) -> Tensor:
        tint = (self.mean + 20 * code)[:, :, None, None]
        return tint * (1 + 0 * luminance)


@register(TintConfig)
class Tinted(Task[TintConfig]):
    kind = "wash"
    needs_features = False

    def __init__(self, config: TintConfig) -> None:
        super().__init__(config)
        self.tint = Tint()

    def steps(self, batch: Batch, progress: float) -> Iterator[Step]:
        loss = ((self.tint.mean[:, None, None] - batch.ab) ** 2).mean()
        yield Step(loss, {"squared": loss})

    def validate(self, batch: Batch) -> Logs:
        return {"squared": ((self.tint.mean[:, None, None] - batch.ab) ** 2).mean()}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return {"wash": self.tint(torch.zeros(len(batch.ab), 2), batch.luminance)}

    def export_plan(self, run: Path) -> Plan:
        decoder = code_decoder("wash", self.tint, 2, bits=False)
        return Plan([decoder], vector_manifest("wash", decoder, 2, TintedSettings(spread=0.5)))
"""
PRIOR = """
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from manyhues.color.arrays import Array
from manyhues.model.checked import Range
from manyhues.model.manifest import PriorSettings
from manyhues.model.priors.base import Draw, Prior, turned_noises
from manyhues.model.scene import Scene


@dataclass(frozen=True)
class TintedSettings(PriorSettings, kind="tinted"):
    codes = ("vector",)
    reads_features = False
    spread: Annotated[float, Range(0, 1)] = 1.0


class Tinted(Prior, settings=TintedSettings):
    settings: TintedSettings

    def draft(self, scene: Scene, draw: Draw) -> Array:
        noises = np.stack(turned_noises(scene, draw, self.code_shape))
        return np.asarray(self.settings.spread * noises, np.float32)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Both files in folders that are looked through like the package's own."""
    for package, name, text in ((methods, "wash", METHOD), (priors, "tinted", PRIOR)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    monkeypatch.setattr(PriorSettings, "kinds", dict(PriorSettings.kinds))
    monkeypatch.setattr(Prior, "kinds", dict(Prior.kinds))
    yield tmp_path
    for name in ("manyhues.training.methods.wash", "manyhues.model.priors.tinted"):
        sys.modules.pop(name, None)


def run(*arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    assert ended.value.code == 0


def test_two_files_train_export_and_colour(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = toy / "run"
    pictures = write_blocks(toy / "pictures", 4)
    run("train", "wash", "--data", pictures, "--out", out, "--minutes", "0.002")
    run("export", out)
    assert f"--weights {out / 'weights'}" in capsys.readouterr().err
    manifest = Manifest.load(weights=out / "weights")
    assert (manifest.method, manifest.prior.kind) == ("wash", "tinted")
    colorizer = Colorizer.load(weights=out / "weights")
    ab = colorizer.sample_ab(colorizer.encode(colourful(60, 80)), 3)
    assert ab.std(0).mean() > 1
    with pytest.raises(SystemExit) as ended:
        cli.main(["export", str(out)])
    assert ended.value.code == 1
    assert "exists already; add --overwrite" in capsys.readouterr().err
    run("export", out, "--overwrite")
