"""The load test of benchmarks/studio.py, short and on the tiny weights."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from studio.conftest import Serve

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "studio.py"


@pytest.fixture
def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location("load_of_studio", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_load(serve: Serve, benchmark: Any) -> None:
    """Eight clients and a queue of four: some are told to come back, nothing breaks or grows."""
    server = serve(jobs=4, sessions=20)
    options = {"clients": 8, "form": {"n": 2, "pick": "random"}, "side": 128, "seconds": 0}
    benchmark.load(server.url, requests=80, **options)  # warms up
    tally = benchmark.load(server.url, requests=160, **options)
    found = benchmark.summary(tally, 1.0)
    assert set(found["statuses"]) <= {"200", "202", "429"}
    assert found["statuses"]["200"] > 50
    assert server.studio.store.count <= 21
    if tally.memory[0]:
        assert tally.memory[-1] - tally.memory[0] < 25, found["memory_mb"]  # MB
    assert not server.studio.drawing.jobs
    assert not server.studio.rendering.jobs
