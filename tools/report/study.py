"""What the paper says of its own parts, measured on ours.

The ablation of the three losses (paper, table 1), and the VAE against 20 principal components.

    python -m tools.report.study ablation --train lfw96 --test lfw96 --out runs/ablation
    python -m tools.report.study reconstruction --run runs/vae --train A B --test A B \
        --out runs/reconstruction.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyhues.cli import exit as command
from manyhues.errors import UsageError
from manyhues.training import checkpoint, registry
from manyhues.training.data.cache import Cache, build_cache
from manyhues.training.methods.vae import Vae
from manyhues.training.networks import losses
from manyhues.training.networks.losses import AB_SCALE, PrincipalComponents
from manyhues.training.processes import mixed_precision
from manyhues.training.run import train

# Settings of each variant: the weights of VaeConfig's defaults, switched on one by one.
VARIANTS: dict[str, list[str]] = {
    "squared error": ["squared=1", "specificity=0", "colourfulness=0", "gradient=0"],
    "specificity": ["specificity=0.1", "colourfulness=0", "gradient=0"],
    "specificity + colourfulness": ["specificity=0.1", "colourfulness=1", "gradient=0"],
    "all three": ["specificity=0.1", "colourfulness=1", "gradient=0.001"],
}
_COMPONENT_ROWS = 8000  # training pictures that principal components are fitted to


def split_cache(path: Path, root: Path, names: tuple[str, ...]) -> Cache:
    """The cache at 64 of the first of a folder's splits in `names` that is there, or of all."""
    split = next((n for n in names if path.is_dir() and any(path.glob(f"{n}*.parquet"))), None)
    return Cache([build_cache(path, root, split=split)])


@torch.no_grad()
def errors_of(vae: Vae, cache: Cache, limit: int | None = None) -> dict[str, float]:
    """Reconstruction errors over a picture set, in units of Lab / 128.

    `rms` of a, b; `weighted`: RMS with the pixels weighted by their colour's rarity; `gradient`:
    RMS of the difference of gradients.
    """
    count = min(len(cache), limit or len(cache))
    squares: list[float] = []
    weighted: list[float] = []
    gradients: list[float] = []
    for start in range(0, count, 128):
        batch = cache.batch(np.arange(start, min(start + 128, count)), features=False)
        with mixed_precision(torch.device("cpu")):
            output = vae.reconstruct(batch)
        error = (output - batch.ab) / AB_SCALE
        squares += (error**2).mean((1, 2, 3)).tolist()
        weights = losses.pixel_weights(batch.ab, vae.rarity)
        weighted += (weights * error**2).mean((1, 2, 3)).tolist()
        across = error[..., :, 1:] - error[..., :, :-1]
        down = error[..., 1:, :] - error[..., :-1, :]
        gradients += ((across**2).mean((1, 2, 3)) + (down**2).mean((1, 2, 3))).tolist()
    return {
        "rms": float(np.sqrt(np.mean(squares))),
        "weighted": float(np.sqrt(np.mean(weighted))),
        "gradient": float(np.sqrt(np.mean(gradients))),
        "n": float(count),
    }


def principal_components(cache: Cache, count: int = 20) -> PrincipalComponents:
    """Principal components of a training set's colour fields."""
    rows = np.random.default_rng(0).permutation(len(cache))[:_COMPONENT_ROWS]
    return PrincipalComponents.fit(
        torch.from_numpy(cache.array("ab", rows)).float() / AB_SCALE, count
    )


def residual_rms(components: PrincipalComponents, cache: Cache) -> float:
    """RMS of a, b / 128 that the components leave of a picture set."""
    total: list[Tensor] = []
    for start in range(0, len(cache), 256):
        rows = np.arange(start, min(start + 256, len(cache)))
        fields = torch.from_numpy(cache.array("ab", rows)).float() / AB_SCALE
        total.append((components.residual(fields) ** 2).mean((1, 2, 3)))
    return float(torch.cat(total).mean().sqrt())


def reconstruction(run: Path, pairs: list[tuple[Path, Path]], root: Path) -> dict[str, Any]:
    """For every (training set, test set): what the VAE leaves, and what 20 components leave.

    The components are fitted to that training set alone, which favours them: the VAE is one for
    all sets.
    """
    vae, _ = registry.load(run)
    if not isinstance(vae, Vae):
        raise UsageError(f"{run}: not a VAE run; name one that `manyhues train vae` made")
    table: dict[str, Any] = {}
    for training, test in pairs:
        held = split_cache(test, root, ("test", "val"))
        components = principal_components(split_cache(training, root, ("train",)))
        table[test.name] = {
            "vae": errors_of(vae, held)["rms"],
            "pca20": residual_rms(components, held),
            "n": len(held),
        }
    return table


def _is_finished(run: Path, minutes: float) -> bool:
    model = run / checkpoint.MODEL
    return model.exists() and checkpoint.read_facts(model)["seconds"] >= 60 * minutes


def ablation(training: Path, test: Path, out: Path, minutes: float) -> dict[str, Any]:
    """Train every variant for `minutes` on one set and measure it on another."""
    table: dict[str, Any] = {}
    held = split_cache(test, out / "cache", ("test", "val"))
    for name, options in VARIANTS.items():
        run = out / name.replace(" ", "-").replace("+", "and")
        if not _is_finished(run, minutes):  # one that was interrupted goes on
            train("vae", [training], run, minutes, (run / checkpoint.RESUME).exists(), options)
        vae, facts = registry.load(run)
        if not isinstance(vae, Vae):
            raise UsageError(f"{run}: not a VAE run; name one that `manyhues train vae` made")
        table[name] = {test.name: errors_of(vae, held) | {"minutes": facts["seconds"] / 60}}
    return table


def main() -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(prog="python -m tools.report.study")
    parser.add_argument("what", choices=["ablation", "reconstruction"])
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--test", type=Path, nargs="+", required=True)
    parser.add_argument("--run", type=Path, default=Path("runs/vae"))
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.what == "ablation":
        table = ablation(given.train[0], given.test[0], given.out, given.minutes)
        path = given.out.with_suffix(".json")
    else:
        pairs = list(zip(given.train, given.test, strict=True))
        table = reconstruction(given.run, pairs, given.out.parent / "cache")
        path = given.out
    path.write_text(json.dumps(table, indent=2))
    print(json.dumps(table, indent=2))


if __name__ == "__main__":
    command.run(main)
