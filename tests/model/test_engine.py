"""The graphs of a weights folder: which are there, what is wrong with them, and want of memory."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful

from manyhues.colorizer import Colorizer
from manyhues.errors import WeightsError
from manyhues.model import engine
from manyhues.model.engine import Engine
from manyhues.model.manifest import Manifest


def test_methods_and_default(weights: Path, tmp_path: Path) -> None:
    assert Colorizer.methods(weights)[:2] == ["flow", "vae-mdn"]
    assert Colorizer.load(weights=weights).method == "flow"
    without = tmp_path / "w"
    shutil.copytree(weights, without)
    (without / "flow.json").unlink()
    assert Colorizer.load(weights=without).method == "vae-mdn"
    with pytest.raises(WeightsError, match="flow: no weights of that method; present are vae-mdn"):
        Colorizer.load("flow", weights=without)


def test_faulty_weights_name_the_file_and_the_remedy(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights inside; export the run again, or give"):
        Colorizer.load(weights=tmp_path)
    folder = tmp_path / "w"
    shutil.copytree(weights, folder)
    (folder / "features.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match=r"features\.onnx: not a readable ONNX graph"):
        Colorizer.load("flow", folder).encode(colourful(9, 9))
    (folder / "features.onnx").unlink()
    with pytest.raises(WeightsError, match=r"features\.onnx: the file is missing; export the run"):
        Colorizer.load("flow", folder)  # before any picture
    (folder / "cvae.json").write_text("{")
    with pytest.raises(WeightsError, match=r"cvae\.json: not a readable manifest"):
        Colorizer.load("cvae", folder)
    (folder / "cvae.json").write_text(json.dumps({"method": "cvae"}))
    with pytest.raises(WeightsError, match=r"cvae\.json: lacks embedding, prior, working_sizes"):
        Colorizer.load("cvae", folder)
    manifest = json.loads((weights / "cvae.json").read_text())
    (folder / "cvae.json").write_text(json.dumps(manifest | {"embedding": {}, "prior": {}}))
    lacking = r"cvae\.json: lacks embedding\.graph, embedding\.kind, prior\.kind"
    with pytest.raises(WeightsError, match=lacking):
        Manifest.load("cvae", folder)
    (folder / "cvae.json").write_text(json.dumps(manifest | {"prior": 3}))
    with pytest.raises(WeightsError, match=r"cvae\.json: not a readable manifest"):
        Colorizer.load("cvae", folder)
    manifest["prior"]["kind"] = "oracle"
    (folder / "cvae.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="unknown kind 'oracle'"):
        Colorizer.load("cvae", folder)


SAID = "not enough memory; close other programs, or raise the limit"


class Runtime:
    """ONNX Runtime without memory: its sessions cannot be made, or not be run."""

    SessionOptions = type("SessionOptions", (), {})

    def __init__(self, fault: Exception, *, opens: bool) -> None:
        self.fault, self.opens = fault, opens
        self.options: Any = None

    def InferenceSession(self, path: str, options: Any, providers: list[str]) -> "Runtime":  # noqa: N802
        self.options = options
        if not self.opens:
            raise self.fault
        return self

    def get_inputs(self) -> list[Any]:
        return []

    get_outputs = get_inputs

    def run(self, *_: Any) -> None:
        raise self.fault


@pytest.mark.parametrize("opens", [True, False], ids=["run", "opened"])
@pytest.mark.parametrize(
    ("fault", "expected", "said"),
    [
        (
            RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION\n std::bad_alloc"),
            MemoryError,
            SAID,
        ),
        (MemoryError(), MemoryError, SAID),
        (RuntimeError("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF\n more"), WeightsError, "INVALID"),
    ],
    ids=["C++", "Python", "damage"],
)
def test_a_graph_without_memory_is_not_called_damaged(
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,
    fault: Exception,
    expected: type[Exception],
    said: str,
) -> None:
    runtime = Runtime(fault, opens=opens)
    monkeypatch.setattr(engine, "runtime", lambda: runtime)
    with pytest.raises(expected, match=said) as caught:
        Engine(weights).run("features.onnx", {})
    assert "\n" not in str(caught.value)
    assert runtime.options.log_severity_level == 4  # what is raised is not printed as well


def test_a_colorizer_without_room_is_refused_at_once(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def need(megabytes: int) -> None:
        raise MemoryError(SAID)

    monkeypatch.setattr(engine, "need", need)
    with pytest.raises(MemoryError, match=SAID):
        Colorizer.load(weights=weights)
