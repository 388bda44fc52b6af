"""How many processors this process may use: fewer than the machine has, where it is so bound."""

import os
from pathlib import Path, PurePosixPath

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cores() -> int:
    """Processors by the process's affinity and its container's share of time; 1 at least."""
    free = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS, nor on Windows
        free = len(os.sched_getaffinity(0))
    return max(1, min(free, _quota(free)))


def _quota(most: int) -> int:
    """Processors' worth of time that the container gives, rounded up; `most` without a limit."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:  # not Linux
        return most
    shares = [float(most)]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        inside = PurePosixPath(path.lstrip("/"))
        # Inside a container the path may be the host's: the root there is the container's own.
        for folder in (inside, *inside.parents):
            if not controllers:
                shares.append(_share(_CGROUPS / folder / "cpu.max"))
            elif "cpu" in controllers.split(","):
                quota = _CGROUPS / "cpu" / folder / "cpu.cfs_quota_us"
                shares.append(_share(quota, quota.with_name("cpu.cfs_period_us")))
    return -int(-min(shares) // 1)


def _share(*files: Path) -> float:
    """Quota over period; infinite where there is none."""
    try:
        quota, period = (float(word) for file in files for word in file.read_text().split())
    except (OSError, ValueError):  # no such file, or the quota is "max"
        return float("inf")
    return quota / period if quota > 0 and period > 0 else float("inf")
