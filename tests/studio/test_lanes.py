"""Queues: bounds, turns, stopping, failures; by themselves and through HTTP."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from manyhues.errors import UsageError
from manyhues.studio.lanes import BusyError, Event, Job, Lane
from studio.conftest import Serve, Server, until


def job(steps: Iterator[Event]) -> Job:
    return Job("test", "", steps)


async def ended(one: Job) -> list[str]:
    """Kinds of its events, to the last."""
    return [event["type"] async for _, event in one.watch()]


def test_jobs_take_turns_and_the_rest_waits() -> None:
    order: list[str] = []

    def steps(name: str) -> Iterator[Event]:
        for _ in range(3):
            order.append(name)
            yield {"type": "result"}

    async def main() -> None:
        lane = Lane("test", room=4, side_by_side=2)
        gate = threading.Event()

        def hold() -> Iterator[Event]:
            gate.wait(120)
            yield {"type": "result"}

        first = lane.submit(job(hold()))
        jobs = [lane.submit(job(steps(name))) for name in "abc"]
        with pytest.raises(BusyError) as busy:
            lane.submit(job(steps("d")))
        assert busy.value.seconds >= 1
        gate.set()
        for one in (first, *jobs):
            assert (await ended(one))[-1] == "done"
        await lane.close()
        assert not lane.jobs

    asyncio.run(main())
    assert sorted(order) == list("aaabbbccc")
    made = "".join(order)
    assert made.index("b") < made.rindex("a") < made.index("c")  # a and b take turns; c waits
    assert "bbb" not in made


def test_stopping() -> None:
    closed = threading.Event()
    going = threading.Event()

    def endless() -> Iterator[Event]:
        try:
            while True:
                going.set()
                time.sleep(0.01)
                yield {"type": "result"}
        finally:
            closed.set()

    async def main() -> None:
        lane = Lane("test", room=2)
        running, waiting = lane.submit(job(endless())), lane.submit(job(endless()))
        await asyncio.to_thread(going.wait, 120)
        lane.stop(waiting)
        assert waiting.state == "stopped"  # at once, and its place is free
        assert len(lane.jobs) == 1
        third = lane.submit(job(iter([{"type": "result"}])))
        lane.stop(running)
        assert (await ended(running))[-1] == "stopped"
        assert await ended(third) == ["result", "done"]
        assert await ended(waiting) == ["stopped"]
        await lane.close()

    asyncio.run(main())
    assert closed.wait(120)


def test_failures_end_the_job_and_not_the_lane(caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: Exception) -> Iterator[Event]:
        yield {"type": "result"}
        raise error

    async def main() -> None:
        lane = Lane("test", room=9)
        secret = "/home/someone/weights"
        for error, said in (
            (UsageError("n 0: expected 1 or more"), "n 0"),
            (MemoryError(), "not enough memory"),
            (RuntimeError("std::bad_alloc"), "not enough memory"),
            (RuntimeError(secret), "the work failed"),
        ):
            one = lane.submit(job(fail(error)))
            assert await ended(one) == ["result", "failed"]
            assert said in one.events[-1]["message"]
            assert secret not in one.events[-1]["message"]
        with pytest.raises(UsageError):
            await lane.run("test", lambda: next(fail_at_once()))
        assert await lane.run("test", lambda: 7) == 7
        await lane.close()

    def fail_at_once() -> Iterator[int]:
        raise UsageError("no")
        yield 1

    asyncio.run(main())
    assert "/home/someone/weights" in caplog.text  # the log has it


def test_full_queue_says_when_to_come_back(serve: Serve, picture: bytes, slow: list[float]) -> None:
    server = serve(jobs=2)
    slow[0] = 600.0  # whoever waited for what runs would wait too long
    begun = [server.colorize(picture, n=4, pick="random", wait="false") for _ in range(2)]
    refused = server.http.post("/api/colorize", files={"image": ("a.png", picture)})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    again = server.http.post(f"/api/sessions/{begun[0]['session']}/colorize", json={"n": 1})
    assert again.status_code == 429
    # Stopping frees the place, and what was drawn stays.
    slow[0] = 0.0
    assert server.http.delete(f"/api/jobs/{begun[1]['job']['id']}").status_code == 200
    until(lambda: len(server.studio.drawing.jobs) < 2)
    assert server.colorize(picture, n=1, pick="random")["results"]


def test_a_client_that_leaves_a_stream_stops_its_work(
    serve: Serve, picture: bytes, slow: list[float]
) -> None:
    server = serve(leave=0.3)
    begun = server.colorize(picture, n=24, pick="random", wait="false")
    with server.http.stream("GET", begun["job"]["events"]) as stream:
        next(stream.iter_lines())
    job = server.studio.job(begun["job"]["id"])
    until(lambda: job.state == "stopped")
    drawn = server.http.get(f"/api/sessions/{begun['session']}").json()["results"]
    assert 1 <= len(drawn) < 24


def test_a_client_that_comes_back_in_time_finds_its_work_going_on(
    serve: Serve, picture: bytes, slow: list[float]
) -> None:
    server = serve(leave=1.0)
    slow[0] = 0.2
    begun = server.colorize(picture, n=8, pick="random", wait="false")
    with server.http.stream("GET", begun["job"]["events"]) as stream:
        next(stream.iter_lines())
    time.sleep(0.2)
    assert server.http.get(f"/api/sessions/{begun['session']}").json()["groups"][0]["job"]
    assert server.events(begun["job"])[-1]["type"] == "done"


def test_who_watches_one_job_is_there_for_all_of_its_session(
    serve: Serve, picture: bytes, slow: list[float]
) -> None:
    server = serve(leave=0.3)
    slow[0] = 0.1
    begun = server.colorize(picture, n=6, pick="random", wait="false")
    path = f"/api/sessions/{begun['session']}/colorize"
    wish = {"n": 6, "pick": "random", "seed": 5}
    more = [server.http.post(path, json=wish).json() for _ in range(2)]
    for job in (begun["job"], *more):  # one stream at a time
        assert server.events(job)[-1]["type"] == "done"


def test_a_client_that_leaves_while_it_waits_stops_its_work(
    serve: Serve, picture: bytes, slow: list[float]
) -> None:
    server = serve()
    with pytest.raises(httpx.ReadTimeout):
        server.http.post(
            "/api/colorize",
            files={"image": ("a.png", picture)},
            data={"n": 24, "pick": "random"},
            timeout=0.8,
        )
    until(lambda: not server.studio.drawing.jobs, 5)
    until(lambda: server.studio.store.count == 0, 5)


def test_nobody_who_ever_listens(serve: Serve, picture: bytes, slow: list[float]) -> None:
    server = serve(leave=0.3)
    begun = server.colorize(picture, n=24, pick="random", wait="false")
    job = server.studio._jobs[begun["job"]["id"]]
    until(lambda: job.state == "stopped")


def test_previews_do_not_wait_for_full_size(
    serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manyhues.studio import derived

    server = serve()
    session = server.colorize(picture, n=1, pick="random")
    gate, begun = threading.Event(), threading.Event()
    full = derived.full

    def held(*arguments: Any) -> Path:
        begun.set()
        gate.wait(120)
        return full(*arguments)

    monkeypatch.setattr(derived, "full", held)
    link = f"{server.url}{session['results'][0]['url']}"
    thread = threading.Thread(target=lambda: httpx.get(link, timeout=300))
    thread.start()
    assert begun.wait(120)
    assert server.draw(session, "vary", result=session["results"][0]["id"], n=2)
    assert server.http.get(session["results"][0]["preview"]).status_code == 200
    assert thread.is_alive()  # the gate is shut: neither waited for it
    gate.set()
    thread.join()


SERVE = """
import sys, time
from manyhues.cli import main as cli
from manyhues.model import manifest
from manyhues.colorizer import Colorizer
from pathlib import Path
manifest.WEIGHTS = Path(sys.argv[1])
decode = Colorizer.decode
def slowly(self, *arguments, **options):
    time.sleep(0.2)
    return decode(self, *arguments, **options)
Colorizer.decode = slowly
cli.main(["studio", "--port", "0"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is not to be caught there")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_finishes_what_runs(
    weights: Path, picture: bytes, tmp_path: Path, stop: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE, str(weights)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[3]
        with httpx.Client(base_url=url, timeout=300) as client:
            until(lambda: _answers(client))
            form = {"n": 6, "pick": "random", "wait": "false"}
            begun = client.post("/api/colorize", files={"image": ("a.png", picture)}, data=form)
            with client.stream("GET", begun.json()["job"]["events"]) as stream:
                lines = stream.iter_lines()
                next(lines)
                process.send_signal(stop)
                rest = "".join(lines)
            assert rest.count("event: result") >= 5
            assert "event: done" in rest
        assert process.wait(120) == 0
        assert process.stderr.read() == ""
        assert not list(tmp_path.glob("manyhues-*"))  # no picture stays behind
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_one_model_for_all(server: Server, picture: bytes) -> None:
    """Clients side by side get what each would get alone, from one set of weights."""
    alone = [server.colorize(picture, n=2, pick="random", seed=s)["results"] for s in range(4)]
    found: dict[int, Any] = {}

    def ask(seed: int) -> None:
        with httpx.Client(base_url=server.url, timeout=300) as client:
            files = {"image": ("a.png", picture)}
            form = {"n": 2, "pick": "random", "seed": seed}
            links = client.post("/api/colorize", files=files, data=form).json()["results"]
            found[seed] = [client.get(link["url"]).content for link in links]

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        assert found[seed] == [server.http.get(link["url"]).content for link in alone[seed]]
    store = server.studio.store
    assert store.colorizer(None) is store.colorizer(store.methods[0])
