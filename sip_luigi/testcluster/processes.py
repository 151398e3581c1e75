"""Processes of a PID namespace, as seen from outside it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sip_luigi.domain.errors import ProgramError

PATIENCE_S = 10.0
"""How long anything that the kernel does at once may take on a busy machine."""
_STOPPED, _ENDED = frozenset("tT"), frozenset("ZX")


class Status(NamedTuple):
    """What ``/proc/<pid>/stat`` says: one letter for the state, and the parent."""

    state: str
    parent: int


def pid_namespace(pid: int) -> str:
    """Name of the PID namespace of a process; empty when it has ended."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def living(namespace: str) -> list[int]:
    """Processes of a namespace that have not ended, by pid of the caller's namespace."""
    return [pid for pid in _all_pids() if pid_namespace(pid) == namespace and status(pid).state not in _ENDED]


def children(parent: int) -> list[int]:
    """Direct children of a process."""
    return [pid for pid in _all_pids() if status(pid).parent == parent]


def status(pid: int) -> Status:
    """State and parent of a process; one that is gone has state ``X``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Status("X", 0)
    # The name of the program, in parentheses, may contain anything.
    state, parent = text.rpartition(")")[2].split()[:2]
    return Status(state, int(parent))


def arguments(pid: int) -> tuple[str, ...]:
    """Command line of a process; empty when it has ended."""
    try:
        text = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return ()
    return tuple(text.removesuffix("\0").split("\0")) if text else ()


def executable(pid: int) -> str:
    """Name of the program that a process runs; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""


def send(pid: int, number: int, namespace: str) -> None:
    """Send a signal to a process if it still is one of that namespace."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            # The handle keeps its process: a number used again cannot hit another one.
            if pid_namespace(pid) == namespace:
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def stop_all(namespace: str, spared: int) -> None:
    """Stop every process of a namespace but one, those born meanwhile too.

    Raises
    ------
    ProgramError
        Some still ran after ten seconds.
    """
    told: set[int] = set()
    calm = 0
    for _ in _attempts(f"stopping the processes of {namespace}"):
        running = [pid for pid in living(namespace) if pid != spared and not _stopped(pid, told)]
        for pid in running:
            send(pid, signal.SIGSTOP, namespace)
        told.update(running)
        # A listing is no snapshot: only the second one without a running process is believed.
        calm = 0 if running else calm + 1
        if calm == 2:
            return


def continue_all(namespace: str) -> None:
    """Continue every process of a namespace."""
    for _ in _attempts(f"continuing the processes of {namespace}"):
        there = living(namespace)
        stopped = [pid for pid in there if status(pid).state in _STOPPED]
        # All of them are told: one that waits in the kernel has its stop still before it.
        for pid in there:
            send(pid, signal.SIGCONT, namespace)
        if not stopped:
            return


def await_end(pids: Sequence[int], namespace: str) -> None:
    """Wait until processes of a namespace have ended."""
    for _ in _attempts(f"waiting for the end of processes {list(pids)}"):
        if not set(pids) & set(living(namespace)):
            return


def await_file(path: Path) -> None:
    """Wait until a file is there."""
    for _ in _attempts(f"waiting for {path}"):
        if path.exists():
            return


def _stopped(pid: int, told: set[int]) -> bool:
    state = status(pid).state
    # One that waits in the kernel, for a vfork child that is stopped for example, stops before it runs again.
    return state in _STOPPED | _ENDED or (state == "D" and pid in told)


def _attempts(what: str) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        yield
        time.sleep(0.002)
    raise ProgramError(f"{what} took more than {PATIENCE_S:.0f} s")


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
