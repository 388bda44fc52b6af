"""benchmarks/peers.py, short: with a checkout that stands in for a peer's, and with none."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peers.py"
NETWORK = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 2, 3, padding=1)
    def forward(self, light):
        return self.layer(light)
def eccv16(pretrained=True):
    assert not pretrained
    return Net()
"""
UTIL = """
import numpy as np, torch
def preprocess_img(rgb, HW):
    full = torch.from_numpy(rgb[..., :1].copy()).permute(2, 0, 1)[None].float()
    return full, torch.nn.functional.interpolate(full, HW)
def postprocess_tens(full, ab):
    assert ab.shape[1:] == (2, 256, 256)
    return np.repeat(full[0].numpy().transpose(1, 2, 0) / 255, 3, axis=2)
"""


def test_what_is_there_is_measured_and_what_is_not_or_fails_is_said(tmp_path: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("NO PYTORCH: peers cannot be built")
    code = tmp_path / "code" / "colorization" / "colorizers"
    code.mkdir(parents=True)
    (code / "eccv16.py").write_text(NETWORK, "utf-8")
    (code / "util.py").write_text(UTIL, "utf-8")
    (code / "__init__.py").write_text("from .eccv16 import *\nfrom . import util\n", "utf-8")
    kept = tmp_path / "out.json"
    command = [sys.executable, SCRIPT, "--rounds", "1", "--megapixels", "0.05", "--threads", "1"]
    command += ["--code", tmp_path / "code", "--json", kept]
    command += ["--only", "Zhang 2016", "Zhang 2017", "DDColor tiny"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "NO DDColor tiny: " in done.stdout
    assert "clone https://github.com/piddnad/DDColor there" in done.stdout
    assert "FAILED: Zhang 2017: AttributeError" in done.stderr  # the stand-in has no such network
    results = json.loads(kept.read_text("utf-8"))
    assert set(results) == {"manyhues", "Zhang 2016"}
    for result in results.values():
        (found,) = result["rounds"]
        assert all(value > 0 for value in found.values())
        assert found["first"] > found["one_core"]
        assert result["install"] > 50
    zhang, ours = results["Zhang 2016"], results["manyhues"]
    assert zhang["rounds"][0]["eight_core"] == 8 * zhang["rounds"][0]["one_core"]
    assert zhang["weights"] < 0.1 < ours["weights"]
    assert zhang["install"] > 2 * ours["install"]  # PyTorch
    assert f"| Zhang 2016 | {zhang['rounds'][0]['one']:.2f} |" in done.stdout
