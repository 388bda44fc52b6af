"""The paper's own row: what of its table 2 comes back when its method is trained as it was.

One network for the faces of LFW alone. As there, `vae-mdn` answers with the means of its eight
components, decoded, and `cvae` with the eight k-means centres of 100 samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.evaluation.protocol import Method, Result
from tools.report.markdown import table

ANSWERS = 8
_SAMPLES = 100  # of which centres are taken
_ROUNDS = 20
# eob and variance of the paper's table for LFW. From memory: the unit is not stated in what we
# could read, so both are given.
PUBLISHED = {"cvae": (0.031, 1.0e-4), "vae-mdn": (0.030, 1.1e-3), "cgan": (0.047, 8.4e-6)}
_UNITS = (128.0, 255.0)
_NEAR = 1.25  # an error within this factor is reproduced
_NEAR_RATIO = 2.0  # a variance, or a ratio of two


@dataclass(frozen=True)
class _Measure:
    """A figure that the paper gives: how it is called, bounded and written, and its unit's sign."""

    name: str
    key: str
    power: int
    near: float
    form: str
    published: str
    sign: str = ""

    def claim(
        self, method: str, there: float, here: NDArray[np.float64]
    ) -> tuple[str, str, str, bool]:
        """What the paper says of a method, and what came back, in both units."""
        ours = [here * (_UNITS[0] / unit) ** self.power for unit in _UNITS]
        means = [float(values.mean()) for values in ours]
        same = any(max(mean / there, there / mean) <= self.near for mean in means)
        shown = ", ".join(
            f"{_shown(values, self.form)} (/ {unit:g}{self.sign})"
            for values, unit in zip(ours, _UNITS, strict=True)
        )
        return f"{self.name} of {method}", format(there, self.published), shown, same


_MEASURES = (
    _Measure("eob", "eob", 1, _NEAR, ".4f", ".3f"),
    _Measure("variance", "eob_variance", 2, _NEAR_RATIO, ".1e", ".1e", "²"),
)


@dataclass(frozen=True)
class Means:
    """A mixture's method whose samples are its components' means, most probable first."""

    colorizer: Colorizer

    def encode_luminance(self, luminance: NDArray[np.float32], /) -> Any:
        """As the colorizer's."""
        return self.colorizer.encode_luminance(luminance)

    def sample_ab(
        self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0
    ) -> NDArray[np.float32]:
        """Means start .. start + n - 1, whatever the seed."""
        codes = self.colorizer.prior.likely(scene, start + n)
        if codes is None or len(codes) < start + n:
            raise UsageError(f"{self.colorizer.method}: has no {start + n} means")
        return self.colorizer.decode(scene, codes[start:])


@dataclass(frozen=True)
class Centres:
    """A method whose samples are k-means centres of many of its samples, the largest first."""

    method: Method

    def encode_luminance(self, luminance: NDArray[np.float32], /) -> Any:
        """As the method's."""
        return self.method.encode_luminance(luminance)

    def sample_ab(
        self, scene: Any, n: int, /, seed: int = 0, *, start: int = 0
    ) -> NDArray[np.float32]:
        """Centres start .. start + n - 1 of as many as are asked for in all."""
        drawn = self.method.sample_ab(scene, _SAMPLES, seed)
        return centres(drawn, start + n)[start:]


def centres(fields: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """k-means centres (count, ...) of fields (K, ...), those of the largest clusters first.

    Begun from fields that are far from one another (the first, then always the farthest).
    """
    flat = fields.reshape(len(fields), -1).astype(np.float64)
    chosen = [0]
    while len(chosen) < count:
        chosen.append(int(_squared(flat, flat[chosen]).min(1).argmax()))
    found = flat[chosen]
    nearest = _squared(flat, found).argmin(1)
    for _ in range(_ROUNDS):
        found = np.stack(
            [flat[nearest == i].mean(0) if (nearest == i).any() else found[i] for i in range(count)]
        )
        before, nearest = nearest, _squared(flat, found).argmin(1)
        if (before == nearest).all():
            break
    order = np.argsort(-np.bincount(nearest, minlength=count), kind="stable")
    return found[order].reshape(count, *fields.shape[1:]).astype(np.float32)


def _squared(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances (K, M) of points (K, D) to others (M, D)."""
    own, theirs = (points**2).sum(1), (others**2).sum(1)
    return np.asarray(own[:, None] + theirs - 2 * points @ others.T)


def part(
    runs: Sequence[Mapping[str, Result]], before: Mapping[str, Sequence[Result]] | None = None
) -> dict[str, Any]:
    """What the page shows: of each method measured a result for each seed of training.

    After those of seeds measured `before`, as this gave them.
    """
    before = before or {}
    keys = ("n", "eob_samples", "data", "version", "eob", "eob_ci", "eob_variance")
    return {
        name: [
            *before.get(name, ()),
            *({key: result[name][key] for key in keys} for result in runs if name in result),
        ]
        for name in dict.fromkeys([*before, *(name for result in runs for name in result)])
    }


def claims(found: Mapping[str, Sequence[Result]]) -> list[tuple[str, str, str, bool]]:
    """What the paper's row says, what came back, and whether that is the same."""
    seeds = {measure: _by_seed(found, measure.key) for measure in _MEASURES}
    out = [
        measure.claim(name, there, seeds[measure][name])
        for name, published in PUBLISHED.items()
        if name in found
        for measure, there in zip(_MEASURES, published, strict=True)
    ]
    eob, variance = seeds.values()
    for name in ("cvae", "cgan"):
        if name in found:
            there = PUBLISHED["vae-mdn"][1] / PUBLISHED[name][1]
            count = min(len(variance["vae-mdn"]), len(variance[name]))
            here = variance["vae-mdn"][:count] / np.maximum(variance[name][:count], 1e-12)
            ratio = float(np.exp(np.log(here).mean()))
            same = (
                max(ratio / there, there / ratio) <= _NEAR_RATIO if name == "cvae" else ratio > 10
            )
            what = f"variance of vae-mdn over that of {name}"
            out.append((what, f"{there:,.0f}", _shown(here, ",.1f"), same))
    if "cvae" in found:
        good = bool(eob["vae-mdn"].mean() <= _NEAR * eob["cvae"].mean())
        out.append(("vae-mdn at an eob no worse than cvae's", "yes", "yes" if good else "no", good))
    return out


def _by_seed(found: Mapping[str, Sequence[Result]], key: str) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([result[key] for result in results]) for name, results in found.items()}


def _shown(values: NDArray[np.float64], form: str) -> str:
    """The mean over seeds of training, and how far they go."""
    if len(values) == 1:
        return format(float(values[0]), form)
    mean, low, high = (format(float(x), form) for x in (values.mean(), values.min(), values.max()))
    return f"{mean} [{low} to {high}]"


def markdown(found: Mapping[str, Sequence[Result]]) -> str:
    """The section of the page."""
    first = next(iter(found.values()))[0]
    rows = [
        [what, there, here, "reproduced" if same else "not reproduced"]
        for what, there, here, same in claims(found)
    ]
    seeds = ", ".join(f"{name} {len(results)}" for name, results in found.items())
    return f"""\
## The paper's own row

One network for the faces of LFW alone, components of a fixed deviation of .1, the winner takes
all; `vae-mdn` answers with its eight means, `cvae` with the eight k-means centres of {_SAMPLES}
samples, as there. {first["n"]:,} test pictures. The paper's figures are given from memory, and
their unit is not stated in what we could read, so each stands in two units of a, b. An eob is
*reproduced* within a factor of {_NEAR:g} in one of them, a variance or a ratio of two within
a factor of {_NEAR_RATIO:g}.

{table(["what", "the paper", "here", ""], rows)}
Seeds of training: {seeds}. Of several, the mean stands first, the least and the most in brackets.
"""
