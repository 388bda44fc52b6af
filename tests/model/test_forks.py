"""Forking while another thread colours: no child hangs on a lock that nobody will release."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import colourful

from manyhues.colorizer import Colorizer
from manyhues.model import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def ended(child: int, seconds: float) -> bool:
    """Whether a child ended well; one that does not end is ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def test_the_gate_is_closed_before_python_takes_its_own_locks() -> None:
    """Whoever has passed the gate may want them, to submit work or to log: it waited for ever."""
    code = (
        "import os; names = []; register = os.register_at_fork\n"
        "def spy(**hooks):\n"
        "    names.append(getattr(hooks.get('before'), '__qualname__', '')); register(**hooks)\n"
        "os.register_at_fork = spy\n"
        "import manyhues, manyhues.colorizer, concurrent.futures.thread, logging\n"
        "print(*names)"
    )
    names = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "lock.acquire" in names
    assert names[-1] == "_Gate.close"  # those without a name are not printed


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_children_of_a_process_that_samples_do_not_hang(weights: Path) -> None:
    colorizer = Colorizer.load("flow", weights)
    picture, stop = colourful(300, 400), threading.Event()

    def work() -> None:
        while not stop.is_set():
            result = colorizer.sample(colorizer.encode(picture), 3, hints=[(10, 10, "#ff0000")])
            assert result.images

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    children = []
    try:
        for seed in range(8):
            time.sleep(0.05)
            child = os.fork()
            if not child:
                scene = colorizer.encode(picture)
                made = colorizer.sample(scene, 2, seed=seed, hints=[(9, 9, "#00ff00")]).images
                os._exit(len(made) - 2)
            children.append(child)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [ended(child, 240) for child in children] == [True] * 8


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_the_work_of_others_and_not_for_its_own() -> None:
    begun, go, order = threading.Event(), threading.Event(), []

    @forks.whole
    def slow() -> None:
        begun.set()
        go.wait(240)
        order.append("work")

    @forks.whole
    def fork() -> None:
        child = os.fork()
        if not child:
            forks.whole(lambda: None)()  # the way is free in the child
            os._exit(0)
        order.append("fork")
        assert ended(child, 240)

    worker, forker = threading.Thread(target=slow), threading.Thread(target=fork)
    worker.start()
    begun.wait(240)
    forker.start()
    forker.join(0.2)
    assert not order
    go.set()
    forker.join(240)
    worker.join(240)
    assert order == ["work", "fork"]
