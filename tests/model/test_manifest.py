"""Manifests of weights folders: typed, checked, and written as they are read."""

import copy
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import METHODS, colourful

from manyhues.cli import main as cli
from manyhues.colorizer import Colorizer
from manyhues.errors import WeightsError
from manyhues.model.manifest import WEIGHTS, Manifest, methods
from manyhues.model.priors.flow import FlowSettings

HOSTILE: list[Any] = [
    *(
        None,
        True,
        -1,
        0,
        1e400,
        float("nan"),
        10**400,
        0.5,
        "",
        "a\0b",
        "\ud800",
        "../../etc/passwd",
    ),
    *([], {}, [[]], [None], ["flow"], [0], [-64, 64], [64, 64], [1e9], {"kind": "flow"}, "grid"),
]
SHIPPED = sorted(path.stem for path in WEIGHTS.glob("*.json"))


@pytest.mark.parametrize("method", SHIPPED)
def test_what_is_read_is_written_to_the_same_bytes(method: str, tmp_path: Path) -> None:
    path = WEIGHTS / f"{method}.json"
    written = Manifest.read(path).write(tmp_path)
    assert written.name == path.name
    assert written.read_bytes() == path.read_bytes()


def test_a_manifest_is_typed() -> None:
    flow = Manifest.load("flow")
    assert isinstance(flow.prior, FlowSettings)
    assert flow.prior.steps == (8, 2)
    assert flow.working_sizes == (64, 128)
    assert flow.is_grid
    assert flow.features_graph == "flow.features.onnx"
    cvae = Manifest.load("cvae")
    assert not cvae.is_grid
    assert cvae.features_graph is None  # the paper's baselines see the picture alone
    assert [path.name for path in cvae.files()] == ["cvae.decoder.onnx"]
    assert Manifest.load("mean").features_graph == "features.onnx"


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in a JSON, objects and lists included, but what is told of training."""
    yield at
    if isinstance(value, dict | list) and at[:1] != ("trained",):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*at, key))


def mutants(manifest: Any, generator: random.Random) -> Iterator[Any]:
    """A manifest with each of its values taken out, or replaced by each of the hostile ones."""
    for place in places(manifest):
        for value in ["gone", *HOSTILE]:
            whole = copy.deepcopy(manifest)
            inside = whole
            for key in place[:-1]:
                inside = inside[key]
            if not place:
                whole = value
            elif value == "gone":
                del inside[place[-1]]
            else:
                inside[place[-1]] = value
            yield whole
    text = json.dumps(manifest)
    for _ in range(20):
        cut = generator.randrange(len(text))
        yield text[:cut] + chr(generator.randrange(0x3000)) + text[cut + generator.randrange(3) :]


@pytest.mark.parametrize("method", METHODS)
def test_hostile_manifests_stay_in_the_tree_of_errors(
    method: str, weights: Path, tmp_path: Path
) -> None:
    """A few hundred of each method: each loads, or is a `WeightsError` of one line."""
    folder = shutil.copytree(weights, tmp_path / "weights")
    path = folder / f"{method}.json"
    manifest = json.loads(path.read_text()) | {"look": 2, "finer": [0.0, 0.5]}
    if method == "flow":
        manifest["prior"] |= {"gain": [1.1, 1.2], "grain": 0.1, "alike": 0.5}
    tried = refused = 0
    for mutant in mutants(manifest, random.Random(method)):
        text = mutant if isinstance(mutant, str) else json.dumps(mutant)
        path.write_text(text, "utf-8", errors="surrogatepass")
        tried += 1
        try:
            Colorizer.load(method, folder)
        except WeightsError as error:
            refused += 1
            said = str(error)
            assert "\n" not in said
            said.encode()
            assert "again" in said or "update" in said or "present are" in said
    assert tried > 300
    assert refused > 0.7 * tried


@pytest.mark.parametrize("part", ["embedding", "prior"])
def test_graphs_that_take_or_give_other_things_are_faults_of_the_weights(
    part: str, weights: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(weights, tmp_path / "weights")
    for method, key in (("flow", "velocity"), ("mean", "graph"), ("vae-mdn", "graph")):
        manifest = json.loads((weights / f"{method}.json").read_text())
        manifest[part]["graph" if part == "embedding" else key] = "features.onnx"
        (folder / f"{method}.json").write_text(json.dumps(manifest))
        colorizer = Colorizer.load(method, folder)
        scene = colorizer.encode(colourful(64, 64))
        with pytest.raises(WeightsError, match=r"features\.onnx: (gives no|cannot be run)"):
            colorizer.sample(scene, 1, pick="random")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"working_sizes": [64, 32]}, "working_sizes: expected rising multiples of 16, not "),
        ({"working_sizes": [1e9]}, "working_sizes: expected a whole number from 16 to 1024"),
        ({"look": True}, "look: expected a whole number from 1 to 16, not True"),
        ({"square": 1}, "square: expected true or false, not 1"),
        ({"features": "../f.onnx"}, "features: expected the name of a file in this folder"),
        ({"method": "other"}, "method: expected 'flow', as the file is called"),
        ({"embedding": {"kind": "cube", "graph": "a"}}, "embedding.kind: expected 'grid' or 'vec"),
        ({"embedding": {"kind": "vector", "graph": "a"}}, "expected one number as `code`"),
        ({"embedding": {"kind": "vector", "graph": "a", "code": 3}}, "draws no vector"),
    ],
)
def test_faults_name_the_place_and_what_was_expected(
    change: dict[str, Any], said: str, weights: Path, tmp_path: Path
) -> None:
    manifest = json.loads((weights / "flow.json").read_text())
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(manifest | change))
    with pytest.raises(WeightsError) as caught:
        Manifest.read(path)
    assert str(caught.value).startswith(f"{path}: not a readable manifest (")
    assert said in str(caught.value)
    assert str(caught.value).endswith("; export the run again, or give another folder of weights")


def test_a_json_that_is_no_manifest_is_no_method(weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "weights")
    (folder / "results.json").write_text('{"psnr": 3}')
    (folder / "list.json").write_text("[1, 2]")
    (folder / ".flow.json").write_text("{")
    (folder / "folder.json").mkdir()
    assert methods(folder) == methods(weights)
    (folder / "cvae.json").write_text("{")  # damaged, and to be told of
    assert methods(folder) == methods(weights)


def test_a_folder_without_methods_is_an_error_at_every_door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], photo: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.json").write_text("{}")
    said = "empty: no weights inside; export the run again, or give another folder of weights"
    for door in (Colorizer.load, Colorizer.methods):
        with pytest.raises(WeightsError, match=said):
            door(weights=tmp_path / "empty")
    out = ["-o", str(tmp_path / "out"), "--weights", str(tmp_path / "empty")]
    for arguments in (
        ["colorize", str(photo), *out],
        ["colorize", str(photo), "--method", "flow", *out],
        ["info", *out[2:]],
        ["evaluate", "--data", str(photo.parent), *out[2:]],
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 1
        assert said in capsys.readouterr().err
