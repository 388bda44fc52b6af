"""The studio under load: clients that colour, look and download, on this machine alone.

    python benchmarks/studio.py [--seconds 60] [--clients 8] [--method vae-mdn] [--json FILE]
    python benchmarks/studio.py --requests 2000
    python benchmarks/studio.py --large

Starts a studio of its own, warms it up, and lets every client do what a person's page does: upload
a picture (n colourings, as drawn), follow the events, fetch each preview, and one colouring at
full size. A client that is told to come back (429) waits as long as it was told. Reported: answers
by status, requests per second, pictures per minute, latency of each kind of request, the time to
the first colouring, and the process' resident memory in ten stages. Exit status 1 for a 5xx.

`--large`: six pictures of 40 megapixels, one after the other, each coloured, looked at and one
fetched at full size, and the memory after each; then a ZIP of the last one, and beside it previews,
screen-sized views and a small picture's first colouring.
"""

import argparse
import io
import json
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image


@dataclass
class Tally:
    """What the clients saw; shared between their threads."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    def note(self, kind: str, seconds: float, status: int | None = None) -> None:
        with self.lock:
            self.seconds[kind].append(seconds)
            if status is not None:
                self.statuses[status] += 1


class Client:
    """One person's page: a connection of its own, a picture of its own."""

    def __init__(self, url: str, tally: Tally, form: dict[str, Any], seed: int, side: int) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self._tally, self._form, self._seed = tally, form, seed
        noise = np.random.default_rng(seed).normal(0, 1, (side // 16, side * 3 // 32))
        image = Image.fromarray((noise * 40 + 128).clip(0, 255).astype(np.uint8))
        out = io.BytesIO()
        image.resize((side * 3 // 2, side), Image.Resampling.BICUBIC).save(out, "JPEG")
        self._picture = out.getvalue()

    def _ask(self, kind: str, method: str, path: str, **options: Any) -> httpx.Response:
        start = time.perf_counter()
        answer = self._http.request(method, path, **options)
        self._tally.note(kind, time.perf_counter() - start, answer.status_code)
        return answer

    def round(self) -> None:
        """Upload, follow, look, download."""
        start = time.perf_counter()
        self._seed += 1000
        form = {**self._form, "seed": self._seed, "wait": "false"}
        files = {"image": ("load.jpg", self._picture)}
        begun = self._ask("upload", "POST", "/api/colorize", files=files, data=form)
        if begun.status_code == 429:
            time.sleep(int(begun.headers["retry-after"]))
            return
        if begun.status_code != 202:
            return
        results = []
        with self._http.stream("GET", begun.json()["job"]["events"]) as stream:
            for line in stream.iter_lines():
                if not (line.startswith("data: ") and '"type":"result"' in line):
                    continue
                if not results:
                    self._tally.note("first colouring", time.perf_counter() - start)
                results.append(json.loads(line[6:])["result"])
                self._ask("preview", "GET", results[-1]["preview"])
        self._tally.note("events", time.perf_counter() - start, stream.status_code)
        if results:
            self._ask("full size", "GET", results[0]["url"])

    def close(self) -> None:
        self._http.close()


def memory(url: str) -> float:
    """The studio's resident memory in MB; 0 where the system does not tell."""
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        if line.startswith("process_resident_memory_bytes"):
            return float(line.split()[1]) / 1e6
    return 0.0


def load(
    url: str, *, clients: int, form: dict[str, Any], side: int, seconds: float, requests: int
) -> Tally:
    """Run clients for so long, or until so many requests where that is not 0."""
    tally = Tally()
    begun = time.perf_counter()

    def going() -> bool:
        if requests:
            return tally.requests < requests
        return time.perf_counter() - begun < seconds

    def work(seed: int) -> None:
        client = Client(url, tally, form, seed, side)
        while going():
            client.round()
        client.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    while going():
        share = tally.requests / requests if requests else (time.perf_counter() - begun) / seconds
        if share * 10 >= len(tally.memory):
            tally.memory.append(memory(url))
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    tally.memory.append(memory(url))
    return tally


def grey_jpeg(width: int, height: int, seed: int) -> bytes:
    """A soft picture with some grain."""
    random = np.random.default_rng(seed)
    soft = Image.fromarray(random.integers(0, 256, (height // 400, width // 400), np.uint8))
    grain = random.normal(0, 4, (512, 512)).astype(np.float32)
    tiled = np.tile(grain, (height // 512 + 1, width // 512 + 1))[:height, :width]
    pixels = np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC), np.float32) + tiled
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def large(url: str, form: dict[str, Any], pictures: int = 6) -> dict[str, Any]:
    """What large pictures cost: memory when they are done, and others' waiting meanwhile."""
    http = httpx.Client(base_url=url, timeout=600)
    after = []
    session: dict[str, Any] = {}
    for seed in range(pictures):
        files = {"image": ("large.jpg", grey_jpeg(7744, 5168, seed))}
        session = http.post("/api/colorize", files=files, data=form).raise_for_status().json()
        first = session["results"][0]
        for link in (session["picture"]["grey"], first["view"], first["download"]):
            http.get(link).raise_for_status()
        after.append(round(memory(url)))
    small = http.post(
        "/api/colorize", files={"image": ("small.jpg", grey_jpeg(1200, 800, 99))}, data=form
    ).json()
    seconds: dict[str, list[float]] = defaultdict(list)
    zipped = threading.Event()

    def archive() -> None:
        start = time.perf_counter()
        httpx.get(f"{url}{session['zip']}", timeout=600).raise_for_status()
        seconds["zip"].append(time.perf_counter() - start)
        zipped.set()

    thread = threading.Thread(target=archive)
    thread.start()
    while not zipped.is_set():
        drawn: dict[str, Any] = {}
        for kind, link in (("preview", "preview"), ("view, made anew", "view")):
            if kind == "view, made anew":
                path = f"/api/sessions/{small['session']}/vary"
                wish = {"result": small["results"][0]["id"], "n": 1, "seed": len(seconds[kind])}
                start = time.perf_counter()
                job = http.post(path, json=wish).json()
                with http.stream("GET", job["events"]) as stream:
                    for line in stream.iter_lines():
                        if line.startswith("data: ") and '"type":"result"' in line:
                            drawn = json.loads(line[6:])["result"]
                seconds["colouring"].append(time.perf_counter() - start)
            target = drawn.get(link) or small["results"][0][link]
            for _ in range(1 if drawn else 5):
                start = time.perf_counter()
                http.get(target).raise_for_status()
                seconds[kind].append(time.perf_counter() - start)
    thread.join()
    time.sleep(1)
    return {
        "memory_mb_after_each": after,
        "memory_mb_after_the_zip": round(memory(url)),
        "seconds_beside_a_zip": {
            kind: {"n": len(all_), **{f"p{p}": round(float(np.percentile(all_, p)), 3)
                                      for p in (50, 95)}}
            for kind, all_ in seconds.items()
        },
    }  # fmt: skip


def summary(tally: Tally, seconds: float) -> dict[str, Any]:
    latency = {
        kind: {f"p{p}": round(float(np.percentile(values, p)), 3) for p in (50, 95)}
        for kind, values in sorted(tally.seconds.items())
    }
    return {
        "seconds": round(seconds, 1),
        "requests": tally.requests,
        "requests_per_second": round(tally.requests / seconds, 2),
        "pictures_per_minute": round(len(tally.seconds["events"]) / seconds * 60, 1),
        "statuses": {str(status): n for status, n in sorted(tally.statuses.items())},
        "latency_seconds": latency,
        "memory_mb": [round(value, 1) for value in tally.memory],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=0, help="instead of --seconds")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--method", default="")
    parser.add_argument("-n", type=int, default=2)
    parser.add_argument("--side", type=int, default=512, help="short side of the pictures")
    parser.add_argument("--large", action="store_true", help="instead of the load")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    form: dict[str, Any] = {"n": options.n, "pick": "random"}
    if options.method:
        form["method"] = options.method
    command = [sys.executable, "-m", "manyhues", "studio", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[3]
        for _ in range(300):  # until the weights are loaded
            try:
                httpx.get(f"{url}/healthz", timeout=10)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        if options.large:
            text = json.dumps(large(url, form), indent=1)
            print(text)
            if options.json:
                options.json.write_text(text + "\n", "utf-8")
            return
        warm = Client(url, Tally(), form, 99, options.side)
        for _ in range(2 * options.clients):
            warm.round()
        warm.close()
        start = time.perf_counter()
        tally = load(
            url,
            clients=options.clients,
            form=form,
            side=options.side,
            seconds=options.seconds,
            requests=options.requests,
        )
        found = summary(tally, time.perf_counter() - start)
    finally:
        process.terminate()
        process.wait(90)
    text = json.dumps(found, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    raise SystemExit(any(status >= 500 for status in tally.statuses))


if __name__ == "__main__":
    main()
