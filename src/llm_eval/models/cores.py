"""How many cores are free just now.

Threads that work in step wait for the slowest: where other processes hold the cores, two threads
are not twice as fast as one but several times slower (measured: 0.1 samples/s instead of 0.5).
"""

import os
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_LOOK_S = 0.2


def free_cores() -> int:
    """Cores that this process may use and that nobody else is using, at least 1."""
    allowed = _allowed()
    before = _busy_and_total()
    if before is None or allowed == 1:
        return allowed
    time.sleep(_LOOK_S)
    after = _busy_and_total()
    assert after is not None
    busy, total = (new - old for new, old in zip(after, before, strict=True))
    cores = os.cpu_count() or 1
    idle = cores * (1 - busy / total) if total else cores
    return max(1, min(allowed, round(idle)))


def _allowed() -> int:
    """Cores by affinity, which containers and taskset set."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _busy_and_total() -> tuple[int, int] | None:
    """Ticks since the machine started; None where the system does not tell."""
    try:
        ticks = [int(n) for n in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)
