"""Which process a job is."""

from __future__ import annotations

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
