"""``manyhues export``: a trained run to ONNX graphs and a manifest that the runtime reads."""

import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from manyhues.errors import OutputError, UsageError
from manyhues.image import files
from manyhues.language import say
from manyhues.model.checked import GraphFile
from manyhues.model.manifest import FEATURES, Manifest
from manyhues.training import checkpoint, registry
from manyhues.training.export.graph import halve, write_graph
from manyhues.training.export.plan import Plan, features_graph
from manyhues.training.networks.grid import CODE_SCALE

WEIGHTS = "weights"  # of a run, in its folder
# Where a run lay is nobody's business but its owner's.
_PATHS = ("vae", "features", "start", "decoder")


def _provenance(facts: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of its training; of a mean, also what it is the mean of.

    Of one that trained on, the same of what it began with, where that is still there.
    """
    parts = {"mean_of": facts["mean_of"]} if "mean_of" in facts else {}
    start = Path(facts["config"].get("start", "")) / checkpoint.MODEL
    if facts["config"].get("start") and start.exists():
        parts["start"] = _provenance(checkpoint.read_facts(start))
    return parts | {
        "minutes": round(facts["seconds"] / 60, 1),
        "steps": facts["step"],
        "pictures": facts["pictures"],
        "config": {k: v for k, v in facts["config"].items() if k not in _PATHS},
    }


def export(
    run: Path, weights: Path | None = None, int8: Path | None = None, *, overwrite: bool = False
) -> list[Path]:
    """Write a run's graphs and manifest into `weights` (default: ``weights`` in the run's folder).

    Args:
        run: folder of a run.
        weights: folder for the files; those of several runs may lie in one.
        int8: a picture set: the flow's velocity is written in 8 bits, after the activations that
            samples of those pictures meet.
        overwrite: replace files that are there.

    Returns:
        The files written.

    Raises:
        WeightsError: a checkpoint that cannot be read.
        UsageError: a run that colours nothing by itself, or wants a graph or a method that is not
            there.
        OutputError: a file that is there already.
        TrainingError: the exported graphs do not do what PyTorch does.

    Example::

        export(Path("runs/mean"), Path("runs/weights"))
        Colorizer.load("mean", "runs/weights")
    """
    folder = run / WEIGHTS if weights is None else weights
    if weights is not None:  # where nothing can be written, no run needs to be read
        files.check_folder(folder)
    registry.check_colours(run)  # recovered features lack their head, and cannot be loaded
    task, facts = registry.load(run)
    plan = task.float().export_plan(run)
    manifest, graphs = plan.manifest, list(plan.graphs)
    made_here = {graph.name for graph in graphs}
    for name in [*made_here, *([f"{manifest.method}.json"] if manifest else [])]:
        if not overwrite and files.exists(folder / name):
            raise OutputError(
                f"{folder / name}: exists already; add --overwrite, or use another --weights"
            )
    joined = _joined(folder, plan, facts)
    shared = manifest.embedding.graph if manifest else None
    if shared and shared not in made_here and not (folder / shared).exists():
        assert manifest is not None
        raise UsageError(
            f"{manifest.method} wants {shared} in {folder}; "
            "export a `detail` run with the same features into it first: "
            f"manyhues export RUN --weights {shlex.quote(str(folder))}"
        )
    if not (folder / FEATURES).exists():
        graphs.append(features_graph())
    files.make_folder(folder)
    # All graphs are made before the first old one is replaced: graphs of two runs do not mix.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export") as scratch:
        made = Path(scratch)
        parity = {graph.name: write_graph(graph, made) for graph in graphs}
        written = list(parity)
        if plan.joins and joined:
            trained = {plan.joins[1]: {**_provenance(facts), "parity": parity}}
            whole = replace(joined, trained={**joined.trained, **trained})
            written.append(whole.write(made).name)
        if manifest is not None:
            trained = {**_provenance(facts), "parity": parity, **_told(plan)}
            path = replace(manifest, trained=trained).write(made)
            written.append(path.name)
            if int8 is not None and plan.activations:
                parity[plan.activations] |= _quantised(made, folder, plan, int8)
                replace(manifest, trained=trained).write(made)
        return [(made / name).replace(folder / name) for name in written]


def _joined(folder: Path, plan: Plan, facts: dict[str, Any]) -> Manifest | None:
    """The manifest of the method that a plan's graph joins, if any, with the graph in it."""
    if plan.joins is None:
        return None
    (method, setting), (graph,) = plan.joins, plan.graphs
    if not (folder / f"{method}.json").exists():
        raise UsageError(
            f"{graph.name} is a part of {method}, which {folder} lacks; "
            f"export a `{method}` run with the same features into it first: "
            f"manyhues export RUN --weights {shlex.quote(str(folder))}"
        )
    manifest = Manifest.load(method, folder)
    if bool(facts["config"].get("features")) != (manifest.features is not None):
        raise UsageError(
            f"{graph.name} reads other features than the {method} in {folder}; "
            "train it with --set features= of the same run"
        )
    prior = replace(manifest.prior, **{setting: GraphFile(graph.name)})
    return replace(manifest, prior=prior)


def _told(plan: Plan) -> dict[str, Any]:
    """Where the parts of a method come from; None for a run that is no longer where it was."""
    paths = {name: run / checkpoint.MODEL for name, run in plan.parts.items()}
    return {
        name: _provenance(checkpoint.read_facts(path)) if path.exists() else None
        for name, path in paths.items()
    }


def _quantised(made: Path, folder: Path, plan: Plan, pictures: Path) -> dict[str, float]:
    """Replace a graph in `made` by its int8 version; return by how much that differs."""
    from manyhues.training.export.quantize import PICTURES, quantize

    say(f"{pictures}: up to {PICTURES} are sampled to measure activations, a minute or two")
    assert plan.manifest is not None
    for shared in (FEATURES, plan.manifest.embedding.graph):
        if not (made / shared).exists():
            shutil.copy(folder / shared, made / shared)
    data, difference = quantize(made, plan.manifest.method, plan.activations, pictures)
    model = onnx.load_from_string(data)
    halve(model)
    files.write(model.SerializeToString(), made / plan.activations, overwrite=True)
    return {"int8_rms": round(CODE_SCALE * difference, 4)}
