"""Which process a job is."""

from __future__ import annotations

import resource
from pathlib import Path

GRACE_S = 5.0
"""Time between SIGTERM and SIGKILL for a group that has to go."""


def process_start_time(pid: int) -> str:
    """Start time of a process in clock ticks after boot; empty when it does not run.

    With the pid it names a process for good: pids are used again. Field 22 of ``/proc/<pid>/stat``.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie has ended; its parent has not asked yet.
    return "" if fields[0] == "Z" else fields[19]


def resources_used() -> dict[str, float]:
    """Processor time and largest memory of this process and the programs that it has run.

    Returns
    -------
    dict
        ``cpu_s``, and ``max_rss_bytes`` of the largest single process.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(entry.ru_utime + entry.ru_stime for entry in used)
    return {"cpu_s": round(cpu_s, 3), "max_rss_bytes": max(entry.ru_maxrss for entry in used) * 1024}
