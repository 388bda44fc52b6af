"""What a weights folder holds: a manifest ``METHOD.json`` for each method, beside its graphs.

::

    weights = "runs/mine/weights"
    methods(weights)                           # ["flow", "mean"], the preferred first
    manifest = Manifest.load("flow", weights)  # read and checked
    manifest.prior                             # FlowSettings(condition=..., steps=(8, 2), ...)
    manifest.write(Path("elsewhere"))          # elsewhere/flow.json

Export writes what the runtime reads, by the same class.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any, ClassVar, Literal

from manyhues.errors import WeightsError
from manyhues.image import files
from manyhues.model.checked import FaultError, GraphFile, LackingError, Range, build

WEIGHTS = Path(__file__).parents[1] / "weights"
FEATURES = "features.onnx"  # the published grey features, which methods share
_PREFERRED = ("flow", "vae-mdn")
_LARGEST = 1 << 20  # bytes; a JSON beyond that is something else
_PARTS = ("embedding", "prior", "working_sizes")
Code = Literal["grid", "vector"]
Folder = Path | str | None


@dataclass(frozen=True)
class Embedding:
    """How a code becomes colours: the decoder's graph, and what kind of code it reads.

    A grid ``(2, h/4, w/4)`` is a small colour field itself; a vector of the shape `code` has to be
    decoded to be looked at.
    """

    kind: Code
    graph: GraphFile
    code: Annotated[tuple[int, ...], Range(1, 1_000_000)] = ()

    def __post_init__(self) -> None:
        if self.kind == "vector" and len(self.code) != 1:
            raise FaultError(f"expected one number as `code` of a vector, not {len(self.code)}")


@dataclass(frozen=True)
class PriorSettings:
    """What a kind of prior reads in its manifest: fields, each with its range where it has one.

    A kind has a subclass, ``class MySettings(PriorSettings, kind="mine")``, in the file of its
    prior in ``model/priors``, where it is found.
    """

    kinds: ClassVar[dict[str, type["PriorSettings"]]] = {}
    kind: ClassVar[str]
    codes: ClassVar[tuple[Code, ...]] = ("grid", "vector")  # the kinds of code that it draws
    reads_features: ClassVar[bool] = True

    def __init_subclass__(cls, *, kind: str, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.kind = kind
        PriorSettings.kinds[kind] = cls

    @classmethod
    def variant(cls, values: Mapping[str, Any], place: str) -> type["PriorSettings"]:
        """The settings of the kind that a manifest's values name: `build` asks for them."""
        for module in iter_modules(import_module("manyhues.model.priors").__path__):
            import_module(f"manyhues.model.priors.{module.name}")
        if "kind" not in values:
            raise LackingError({f"{place}.kind"})
        kind = values["kind"]
        if not isinstance(kind, str) or kind not in PriorSettings.kinds:
            raise FaultError(f"prior of unknown kind {kind!r:.40}", "update manyhues")
        return PriorSettings.kinds[kind]

    @property
    def graphs(self) -> list[str]:
        """The graphs that it runs."""
        of_graphs = (GraphFile, GraphFile | None)
        names = [f.name for f in dataclasses.fields(self) if f.type in of_graphs]
        return [graph for name in names if (graph := getattr(self, name)) is not None]


@dataclass(frozen=True)
class Manifest:
    """One method as its weights folder describes it.

    working_sizes  short sides that a picture is read at, coarse to fine, in pixels
    square         pictures are squeezed to squares
    features       graph of the grey features, where they are not the published ones
    look           times the working size, at most, that the features see of a larger picture
    finer          shares, of strides 8, 16 and 32, that a level takes of the next finer one's maps
    trained        where the weights come from, to be told
    """

    method: str
    working_sizes: Annotated[tuple[int, ...], Range(16, 1024)]
    embedding: Embedding
    prior: PriorSettings
    square: bool = False
    features: GraphFile | None = None
    look: Annotated[int, Range(1, 16)] = 1
    finer: Annotated[tuple[float, ...], Range(0, 1)] = ()
    trained: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = self.working_sizes
        if not sizes or any(size % 16 for size in sizes) or sorted({*sizes}) != list(sizes):
            raise FaultError(f"working_sizes: expected rising multiples of 16, not {list(sizes)}")
        if len(self.finer) > 3:
            raise FaultError(f"finer: expected 3 shares at most, not {len(self.finer)}")
        if self.embedding.kind not in self.prior.codes:
            raise FaultError(f"a prior of kind {self.prior.kind} draws no {self.embedding.kind}")

    @property
    def is_grid(self) -> bool:
        """Whether a code is a small colour field itself: no decoder is needed to judge it."""
        return self.embedding.kind == "grid"

    @property
    def features_graph(self) -> str | None:
        """The graph of the grey features; None where nothing reads any."""
        if not (self.prior.reads_features or self.is_grid):
            return None
        return self.features or FEATURES

    @property
    def graphs(self) -> list[str]:
        """All graphs that the method runs, its features first."""
        features = [] if self.features_graph is None else [self.features_graph]
        return [*features, self.embedding.graph, *self.prior.graphs]

    def files(self, weights: Folder = None) -> list[Path]:
        """The graphs' files in a weights folder, whether they are there or not."""
        return [folder_of(weights) / name for name in self.graphs]

    def check(self, weights: Folder = None) -> None:
        """Raise `WeightsError` for a graph whose file is not in a weights folder."""
        for path in self.files(weights):
            if not path.is_file():
                raise missing(path)

    @classmethod
    def load(cls, method: str | None = None, weights: Folder = None) -> "Manifest":
        """The manifest of a method in a weights folder; None is the best that is present.

        Raises `WeightsError`, which names the methods that are there.
        """
        folder, present = folder_of(weights), methods(weights)
        name = present[0] if method is None else method
        if name not in present:
            raise WeightsError(
                f"{name}: no weights of that method; present are {', '.join(present)}"
            )
        return cls.read(folder / f"{name}.json")

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """The manifest in a file, with the types and ranges of all it says checked.

        Raises `WeightsError`, which names the file, the fault and the remedy.
        """
        try:
            manifest = build(cls, read_json(path))
            if manifest.method != path.stem:
                raise FaultError(f"method: expected {path.stem!r}, as the file is called")
        except LackingError as error:
            fault = f"{path}: lacks {error}; it belongs to another version, install manyhues again"
            raise unusable(path, fault) from None
        except FaultError as error:
            remedy = error.remedy or "install manyhues again"
            fault = f"{path}: not a readable manifest ({error}); {remedy}"
            raise unusable(path, fault) from None
        return manifest

    def write(self, folder: Path) -> Path:
        """Write ``METHOD.json`` into a folder, over one that is there; returns its path."""
        path = folder / f"{self.method}.json"
        files.write(json.dumps(self._as_json(), indent=2).encode(), path, overwrite=True)
        return path

    def _as_json(self) -> dict[str, Any]:
        """As files have it: what says nothing is left out."""
        prior = {"kind": self.prior.kind} | dataclasses.asdict(self.prior)
        embedding = dataclasses.asdict(self.embedding)
        return {
            "method": self.method,
            "working_sizes": self.working_sizes,
            "square": self.square,
            "embedding": {k: v for k, v in embedding.items() if v != ()},
            "prior": {k: v for k, v in prior.items() if v is not None},
            **({"features": self.features} if self.features else {}),
            **({"look": self.look} if self.look != 1 else {}),
            **({"finer": self.finer} if self.finer else {}),
            "trained": dict(self.trained),
        }


def unusable(path: Path, fault: str) -> WeightsError:
    """What cannot be used of a weights folder: only the package's own is installed again."""
    if not path.absolute().is_relative_to(WEIGHTS.absolute()):
        own = "export the run again, or give another folder of weights"
        fault = fault.replace("install manyhues again", own)
    return WeightsError(fault)


def missing(path: Path) -> WeightsError:
    """A graph's file is not there."""
    return unusable(path, f"{path}: the file is missing; install manyhues again")


def folder_of(weights: Folder = None) -> Path:
    """A weights folder; the package's own for None."""
    return WEIGHTS if weights is None else Path(weights)


def methods(weights: Folder = None) -> list[str]:
    """Names of the methods in a weights folder, the preferred first.

    A damaged manifest counts, and a JSON that is something else does not. Raises `WeightsError`
    for a folder without any.
    """
    folder = folder_of(weights)
    names = sorted(path.stem for path in folder.glob("*.json") if _is_manifest(path))
    if not names:
        raise unusable(folder, f"{folder}: no weights inside; install manyhues again")
    preferred = [name for name in _PREFERRED if name in names]
    return preferred + [name for name in names if name not in preferred]


def read_json(path: Path) -> Any:
    """What a manifest's file says, unchecked. Raises `WeightsError` where it is no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unusable(
            path, f"{path}: not a readable manifest ({error}); install manyhues again"
        ) from error


def _is_manifest(path: Path) -> bool:
    """Whether a JSON file is, or before it was damaged may have been, a manifest."""
    if path.name.startswith(".") or not path.is_file() or path.stat().st_size > _LARGEST:
        return False
    try:
        given = read_json(path)
    except WeightsError:
        return True
    return isinstance(given, dict) and not given.keys().isdisjoint(("method", *_PARTS))
