"""How many CPU threads this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_CGROUP_V1_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def cpu_threads() -> int:
    """Count the CPU cores that are really available, at least 1.

    The smallest of: the process's CPU affinity, the container's CPU quota (cgroup version 2 or 1,
    rounded up), and the ``LOUPE_THREADS`` environment variable where it is a positive number.
    ``os.cpu_count()`` alone is wrong in containers: a process with a quota of two cores on a
    64-core host would start 64 threads that wait for each other.

    Returns
    -------
    int
        Threads to start for work that is bound by the CPU.
    """
    counts = [_affinity()]
    quota = _cgroup_quota()
    if quota is not None:
        counts.append(max(1, math.ceil(quota)))
    asked = os.environ.get("LOUPE_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        counts.append(int(asked))
    return max(1, min(counts))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows have no affinity call in the standard library


def _cgroup_quota() -> float | None:
    """Cores that the container may use, as a number that can be a fraction, or None without a limit."""
    try:
        quota, period = _CGROUP_V2.read_text().split()[:2]
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        limit, length = int(_CGROUP_V1_QUOTA.read_text()), int(_CGROUP_V1_PERIOD.read_text())
        return limit / length if limit > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
