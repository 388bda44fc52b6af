"""The Ray engine against the local one, and what happens when its processes are killed.

    python benchmarks/scale.py [--pictures 300] [--method vae-mdn] [--repeat 2] [--workers 1 2]
    python benchmarks/scale.py --kill [--pictures 300]

Contract: pictures of 4:3 are invented, so that nothing has to be downloaded, and each is coloured
twice (`--pick random`), with a sheet. Engines take turns `repeat` times in one run. `total` is the
whole command, Ray's start included; `work` is from the first picture's start to the last one's end;
`cpu` is what all processes of the command used, which other loads disturb least (Linux only).
Outputs are compared byte by byte. The machine and its load are named in the first line; figures
of different machines or loads do not compare.

``--kill`` kills a worker after a quarter and the driver after half of the pictures, starts again,
and checks that outputs are complete and equal to the local engine's, none made twice, none
partial, and that the manifest is true. One picture kills every worker that opens it.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

OPTIONS = "from manyhues.batch.options import Options; options = Options(n=2, pick='random');"
LOCAL = (
    f"import sys; from pathlib import Path; from manyhues.cli.progress import watch; {OPTIONS}"
    "from manyhues.batch.local import colorize;"
    "batch = colorize([Path(sys.argv[1])], Path(sys.argv[2]), sys.argv[3], options);"
    "watch(batch, sys.argv[2], True)"
)
RAY = (
    f"import sys; from manyhues.cli.progress import watch; {OPTIONS}"
    "from manyhues.batch.ray.run import colorize;"
    "batch = colorize([sys.argv[1]], sys.argv[2], sys.argv[3], options,"
    " workers=int(sys.argv[4]));"
    "sys.exit(watch(batch, sys.argv[2], True))"
)
# Python imports this module by itself, in the workers too: a stand-in for a decoder that crashes.
POISON = """
import os, sys
def _look(event, arguments):
    if event == "open" and str(arguments[0]).endswith("poison.jpg"):
        with open("/proc/self/cmdline") as file:
            if "MapWorker" in file.read():
                os._exit(139)
sys.addaudithook(_look)
"""


def make_pictures(folder: Path, count: int, width: int) -> None:
    folder.mkdir()
    y, x = np.mgrid[0 : 1 : width * 0.75j, 0 : 1 : width * 1j]
    for number in range(count):
        random = np.random.default_rng(number)
        a, b, c, d = random.uniform(3, 30, 4)
        grey = 127 + 50 * (np.sin(a * x + b * y) + np.sin(c * y - d * x))
        grey += random.normal(0, 6, grey.shape)
        image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
        image.save(folder / f"p{number:05d}.jpg", quality=90)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("p*.jpg")}


class Cpu(threading.Thread):
    """Adds up the processor seconds of all processes of a session, by looking now and then."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session, self._ended = str(session), threading.Event()
        self._ticks: dict[str, int] = {}

    def run(self) -> None:
        while not self._ended.wait(0.2):
            for entry in Path("/proc").glob("[0-9]*/stat"):
                with contextlib.suppress(OSError):
                    fields = entry.read_text().rpartition(") ")[2].split()
                    if fields[3] == self._session:
                        self._ticks[entry.parent.name] = int(fields[11]) + int(fields[12])

    def seconds(self) -> float:
        self._ended.set()
        self.join()
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")


def timed(code: str, *arguments: object) -> tuple[float, float, float]:
    """Seconds of the whole command and of its work, from its JSON lines; and of processors."""
    start = time.perf_counter()
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    cpu = Cpu(process.pid)
    cpu.start()
    begun = ended = 0.0
    assert process.stdout is not None
    for line in process.stdout:
        ended = time.perf_counter()
        begun = begun or ended - json.loads(line)["seconds"]
    assert process.wait() == 0
    total, used = time.perf_counter() - start, cpu.seconds()
    manifest = Path(str(arguments[1])) / "manifest.parquet"
    if manifest.exists():  # rows come in batches, their times are in the manifest
        rows = pq.read_table(manifest, columns=["finished", "seconds"]).to_pylist()
        ends: list[datetime] = [row["finished"] for row in rows]
        first = min(range(len(rows)), key=lambda i: ends[i])
        return total, (max(ends) - ends[first]).total_seconds() + rows[first]["seconds"], used
    return total, ended - begun, used


def compare(scratch: Path, given: argparse.Namespace) -> None:
    source = scratch / "in"
    make_pictures(source, given.pictures, given.width)
    print("engine       total s   work s    cpu s  pictures/s of work  per cpu s   same bytes")
    for turn in range(given.repeat):
        local = scratch / f"local{turn}"
        runs: list[tuple[str, Path, str, list[int]]] = [("local", local, LOCAL, [])]
        runs += [
            (f"ray, {workers}", scratch / f"ray{turn}-{workers}", RAY, [workers])
            for workers in given.workers
        ]
        for name, out, code, more in runs:
            total, work, cpu = timed(code, source, out, given.method, *more)
            same = contents(out) == contents(local)
            rate, each = given.pictures / work, given.pictures / cpu
            print(
                f"{name:10} {total:9.1f} {work:8.1f} {cpu:8.1f} {rate:19.2f} {each:10.2f}   {same}",
                flush=True,
            )


def wait(done: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        time.sleep(0.1)


def workers() -> set[int]:
    """Ray's workers on this machine, whoever's they are."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if "MapWorker" in entry.read_text(errors="replace"):
                found.add(int(entry.parent.name))
    return found


def kill(scratch: Path, given: argparse.Namespace) -> None:
    source, out, count = scratch / "in", scratch / "out", given.pictures
    make_pictures(source, count - 1, given.width)
    (source / "poison.jpg").write_bytes((source / "p00000.jpg").read_bytes())
    (scratch / "sitecustomize.py").write_text(POISON)
    paths = [str(scratch), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    command = [sys.executable, "-c", RAY, str(source), str(out), given.method, "2"]

    others = workers()

    def written() -> int:
        return len(list(out.glob("p*.sheet.jpg")))

    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, process_group=0
    ) as driver:
        wait(lambda: written() >= count // 4)
        os.kill(min(workers() - others), signal.SIGKILL)
        print(f"worker killed with {written()} of {count} pictures done")
        wait(lambda: written() >= count // 2)
        driver.kill()
    print(f"driver killed with {written()} of {count} pictures done")
    wait(lambda: workers() <= others)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(driver.pid, signal.SIGKILL)  # agents of Ray's, which take a minute to notice
    before = {path: path.stat().st_mtime_ns for path in out.glob("p*.jpg")}
    again = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    told = [json.loads(line) for line in again.stdout.splitlines()]
    skipped = sum(report["skipped"] for report in told)
    print(
        f"started again: {skipped} there already, {count - skipped} to do; exit {again.returncode}"
    )
    failed = [report for report in told if report["error"]]
    print(f"failed: {[report['error'] for report in failed]}")
    few, local = scratch / "few", scratch / "local"
    few.mkdir()
    for path in sorted(source.glob("p0*.jpg"))[::10]:
        (few / path.name).symlink_to(path)
    timed(LOCAL, few, local, given.method)
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    named = [name for row in rows for name in (*row["outputs"], row["sheet"]) if name]
    whole = contents(out)
    print("complete:", len(whole) == 3 * (count - 1))
    print("every tenth has the local engine's bytes:", contents(local).items() <= whole.items())
    print(
        "none made twice:",
        all(path.stat().st_mtime_ns == stamp for path, stamp in before.items()),
    )
    left = [path.name for path in out.iterdir() if path.suffix not in (".jpg", ".parquet")]
    print("nothing partial, no journal left:", not left, left)
    inputs = [row["input"] for row in rows]
    print(
        "one row for each input, naming just the files there:",
        sorted(inputs) == sorted(map(str, source.iterdir()))
        and sorted(named) == sorted(path.name for path in out.glob("*.jpg")),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--width", type=int, default=640, help="of a picture, in pixels")
    parser.add_argument("--method", default="vae-mdn")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args()
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, load {load}")
    with tempfile.TemporaryDirectory() as scratch:
        (kill if given.kill else compare)(Path(scratch), given)


if __name__ == "__main__":
    main()
