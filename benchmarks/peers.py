"""What others take to colour the same picture on the same machine, beside this project.

    python benchmarks/peers.py --code FOLDER                 # checkouts below FOLDER
    python benchmarks/peers.py --code FOLDER --only "DDColor tiny" --rounds 1

Nothing is fetched. The reader clones what is to be measured below FOLDER; `--list` names the
repositories, and what is not there is left out aloud. PyTorch and what a peer's demo imports have
to be installed.

Contract: one synthetic photograph as a JPEG file; each peer goes from that file to JPEG files, as
its own demo goes, on the processor alone, with as many threads as PyTorch and ONNX Runtime take by
themselves. Weights of peers are random, written once and loaded as published ones would be: time
and memory are those of the published ones, the colours are not. Every round takes all of them in
turn, each in a process of its own, so that a change of the machine's load meets all; what is
printed are medians over the rounds. `seconds` are the clock's, and mean something where nothing
else runs (the first line tells the load); `core seconds` are the processor time of all threads, and
change little with load where `--threads 1` keeps threads from waiting for each other. The ratio is
of core seconds, in the same round. `first run` is a new process until its first picture is written,
in core seconds. `eight` of this project is a scene coloured in eight ways; peers have one answer,
so theirs is eight times it, by arithmetic. `peak` is the process's largest resident memory. Sizes
are of what is installed here, dependencies included: PyPI's own PyTorch for Linux is several times
as large as one without CUDA.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from peer_models import PEERS, Peer  # the folder of this file may have any name

OURS = "manyhues"
MIB = 2**20


def weights_of(peer: Peer, code: Path, folder: Path) -> Path:
    """A file of a peer's random weights, made at the first call."""
    import torch

    path = folder / f"{peer.name}.pth"
    if not path.exists():
        torch.manual_seed(0)
        torch.save(peer.build(code / peer.folder).state_dict(), path)
    return path


def measure(name: str, code: Path, scratch: Path, threads: int) -> dict[str, float]:
    """Seconds of one peer in this process, and its peak memory; the first picture first."""
    source, out = scratch / "photograph.jpg", scratch / "out"
    out.mkdir(exist_ok=True)
    if name == OURS:
        from manyhues import Colorizer

        colorizer = Colorizer.load(threads=threads)

        def colour(n: int) -> None:
            result = colorizer.sample(colorizer.encode(source), n)
            result.save(out, sheet=False, overwrite=True)

    else:
        import torch

        if threads:
            torch.set_num_threads(threads)
        peer = next(peer for peer in PEERS if peer.name == name)
        model = peer.build(code / peer.folder)
        model.load_state_dict(torch.load(weights_of(peer, code, scratch)))
        answer = peer.answer(model)

        def colour(n: int) -> None:
            with Image.open(source) as image:
                rgb = np.asarray(image.convert("RGB"))
            Image.fromarray(answer(rgb)).save(out / "answer.jpg", quality=95)

    colour(1)
    found = {"first": time.process_time()}  # of the whole process so far
    for key, n in (("one", 1), ("eight", 8)) if name == OURS else (("one", 1),):
        start, core = time.perf_counter(), time.process_time()
        colour(n)
        found[key] = time.perf_counter() - start
        found[f"{key}_core"] = time.process_time() - core
    for key in ("eight", "eight_core"):
        found.setdefault(key, 8 * found[key.replace("eight", "one")])
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def installed(names: Sequence[str]) -> float:
    """MiB of installed distributions and all that they ask for."""
    from packaging.requirements import Requirement

    seen: set[str] = set()
    size, left = 0, list(names)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            print(f"NOT INSTALLED: {name}; its size is not counted", file=sys.stderr)
            continue
        size += sum((file.size or 0) for file in found.files or ())
        wanted = map(Requirement, found.requires or ())
        left += [one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
    return size / MIB


def sizes(name: str, scratch: Path) -> dict[str, float]:
    """MiB of what has to be installed, and of weights."""
    if name != OURS:
        peer = next(peer for peer in PEERS if peer.name == name)
        weights = (scratch / f"{name}.pth").stat().st_size
        return {"install": installed(peer.needs), "weights": weights / MIB}
    from manyhues.model.manifest import WEIGHTS

    package = WEIGHTS.parent
    code = sum(path.stat().st_size for path in package.rglob("*.py"))
    weights = sum(path.stat().st_size for path in WEIGHTS.glob("flow.*.onnx"))
    wanted = metadata.requires(OURS) or []
    needs = [one.split(">")[0].split(";")[0].strip() for one in wanted if "extra ==" not in one]
    return {"install": installed(needs) + code / MIB, "weights": weights / MIB}


def child(name: str, given: argparse.Namespace, scratch: Path, extra: Sequence[str] = ()) -> Any:
    """Run this file for one peer; what it prints last, or None where it failed."""
    command = [sys.executable, "-W", "ignore", __file__, "--code", str(given.code)]
    command += ["--threads", str(given.threads)]
    command += ["--child", name, "--scratch", str(scratch), *extra]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        print(f"FAILED: {name}: {last}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def table(results: dict[str, dict[str, Any]]) -> str:
    """Medians over rounds, as Markdown."""
    lines = [
        "| | one answer, seconds | core seconds | × ours | eight, seconds | core seconds | × ours "
        "| first run, core seconds | peak, MiB | install, MiB | weights, MiB |",
        "| --- " + "| ---: " * 10 + "|",
    ]
    ours = results[OURS]["rounds"]
    for name, result in results.items():
        rounds = result["rounds"]
        middle = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        ratio = {
            key: statistics.median(
                one[key] / mine[key] for one, mine in zip(rounds, ours, strict=True)
            )
            for key in ("one_core", "eight_core")
        }
        lines.append(
            f"| {name} | {middle['one']:.2f} | {middle['one_core']:.2f} | {ratio['one_core']:.1f} "
            f"| {middle['eight']:.1f} | {middle['eight_core']:.1f} | {ratio['eight_core']:.1f} "
            f"| {middle['first']:.1f} | {middle['peak']:.0f} "
            f"| {result['install']:.0f} | {result['weights']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--code", type=Path, default=Path(), help="the folder of all checkouts")
    parser.add_argument("--only", nargs="+", help="names of peers; all that are there if absent")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megapixels", type=float, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as each takes by itself")
    parser.add_argument("--json", type=Path, help="write what was measured")
    parser.add_argument("--list", action="store_true", help="name the repositories and end")
    for hidden in ("--child", "--scratch", "--what"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.list:
        for peer in PEERS:
            print(f"{peer.name}: {peer.source} as {peer.folder}; {', '.join(peer.needs)}")
        return
    if given.child:
        warnings.simplefilter("ignore")
        scratch = Path(given.scratch)
        if given.what == "weights":
            peer = next(peer for peer in PEERS if peer.name == given.child)
            print(json.dumps(str(weights_of(peer, given.code, scratch))))
        else:
            found = measure(given.child, given.code, scratch, given.threads)
            print(json.dumps(found))
        return
    compare(given)


def compare(given: argparse.Namespace) -> None:
    """Measure all that are there, in turns."""
    from speed import photograph

    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    threads = f"threads {given.threads or 'by default'}, {given.megapixels:g} megapixels"
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, load {load}, {threads}"
    )
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        photograph(given.megapixels).save(scratch / "photograph.jpg", quality=92)
        names = [OURS]
        for peer in PEERS:
            if given.only and peer.name not in given.only:
                continue
            if missing := peer.missing(given.code):
                where = given.code / peer.folder
                print(f"NO {peer.name}: {where} lacks {missing[0]}; clone {peer.source} there")
            elif child(peer.name, given, scratch, ["--what", "weights"]):
                names.append(peer.name)
        results: dict[str, dict[str, Any]] = {name: {"rounds": []} for name in names}
        for turn in range(given.rounds):
            for name in names:
                if name in results and (found := child(name, given, scratch)):
                    results[name]["rounds"].append(found)
                    print(f"round {turn + 1}, {name}: {found}", file=sys.stderr, flush=True)
                else:
                    results.pop(name, None)
        for name, result in results.items():
            result |= sizes(name, scratch)
    print(table(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
