"""Jobs on a node: started detached, locked for their product, leased, adoptable.

A job's directory holds ``lock`` (held with flock as long as anything of the job runs), ``spec.json``,
``pid.json``, ``lease`` (touched by whoever watches), ``log`` and ``status.json``. Whoever starts a product
that is being made adopts the running job. A lease that nobody renews ends the whole process group.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sip_luigi.node.files import write_atomically
from sip_luigi.node.process import GRACE_S, process_start_time
from sip_luigi.node.supervise import FULL_BYTES, record_process, supervise
from sip_luigi.programs.environment import casarc_text, tool_environment

CHUNK = 1 << 18
"""Most bytes of a log that one poll returns."""


def start(spec: dict[str, Any]) -> dict[str, Any]:
    """Start a job, or adopt the one that is already making the same product.

    Parameters
    ----------
    spec : dict
        See :class:`sip_luigi.execution.jobs.JobSpec`.

    Returns
    -------
    dict
        ``{"state": "started" | "adopted"}``, or ``"busy"`` when a running job that makes another version of
        the product could not be ended; otherwise that job is replaced.
    """
    directory = Path(spec["directory"])
    directory.mkdir(parents=True, exist_ok=True)
    lock = _take_lock(directory)
    if lock is None:
        if _is_adoptable(directory, spec):
            _renew(directory)
            return {"state": "adopted"}
        cancel({"directory": str(directory)})
        lock = _take_lock(directory, wait_s=GRACE_S)
        if lock is None:
            return {"state": "busy"}
    try:
        for name in ("status.json", "log", "pid.json"):
            (directory / name).unlink(missing_ok=True)
        for leftover in directory.glob("*.part-*"):
            leftover.unlink()
        write_atomically(directory / "spec.json", json.dumps(spec), durable=False)
        _renew(directory)
        _spawn(directory, lock, _tools(directory))
    finally:
        os.close(lock)
    return {"state": "started"}


def poll(request: dict[str, Any]) -> dict[str, Any]:
    """Renew the lease of a job and tell how it stands.

    Parameters
    ----------
    request : dict
        ``directory`` of the job, ``offset`` in its log up to which it has been read, the ``fingerprint``
        of the product that is waited for, and ``wait_s``: how long the answer may wait for the job's end.

    Returns
    -------
    dict
        ``state``: ``running`` (also as long as there is more of its log), ``finished``, ``gone`` (it ended without
        saying how) or ``replaced`` (by a job that makes another version); ``status``: what it said when it
        finished, or that there was no room for saying it; ``log``: the text since ``offset``; ``offset``: where that
        ends.
    """
    directory = Path(request["directory"])
    _wait(directory, float(request.get("wait_s", 0.0)))
    # Asked before the status is read: a job that ends in between is then seen as running once more.
    running = _is_locked(directory)
    status = read_json(directory / "status.json")
    if running and not has_supervisor(directory):
        # A program of the job goes on without anybody who could verify and publish what it makes.
        cancel(request)
        running = _is_locked(directory)
        status = read_json(directory / "status.json")
    if running:
        _renew(directory)
    text, offset, more = read_log(directory / "log", int(request.get("offset", 0)))
    state = "running" if running or more else "finished" if status else "gone"
    if "fingerprint" in request and request["fingerprint"] != read_json(directory / "spec.json").get(
        "fingerprint"
    ):
        state = "replaced"
    if state == "gone" and shutil.disk_usage(directory).free < FULL_BYTES:
        status = _no_room(directory)
    return {"state": state, "status": status, "log": text, "offset": offset}


def _no_room(directory: Path) -> dict[str, Any]:
    """What a job would have said at its end if there had been room for saying it."""
    message = f"it could not even say how it ended: no space left on device for {directory}"
    host = socket.gethostname()
    return {
        "outcome": "disk_full",
        "message": message,
        "argv": [],
        "exit_status": None,
        "tail": "",
        "host": host,
    }


def _wait(directory: Path, wait_s: float) -> None:
    """Wait for a job to end, so that whoever asks need not ask often."""
    pid = read_json(directory / "pid.json").get("pid", 0)
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # The pid may be that of another process by now: only a supervisor is waited for.
        if has_supervisor(directory):
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            poller.poll(1e3 * wait_s)
    finally:
        os.close(descriptor)


def cancel(request: dict[str, Any]) -> dict[str, Any]:
    """End a job and everything it started."""
    directory = Path(request["directory"])
    group = read_json(directory / "pid.json").get("group")
    if not group or not _is_locked(directory):
        return {"state": "gone"}
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + GRACE_S
        while _is_locked(directory) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _is_locked(directory):
            break
    return {"state": "cancelled"}


def _tools(directory: Path) -> dict[str, str]:
    """Variables that every program needs; found out here, in the process that stays and knows them from then on."""
    casarc, text = directory / "casarc", casarc_text()
    if not casarc.exists() or casarc.read_text(encoding="utf-8") != text:
        write_atomically(casarc, text, durable=False)
    return tool_environment(str(casarc))


def _spawn(directory: Path, lock: int, tools: dict[str, str]) -> None:
    """Fork the process that sees to the job: twice, so that whoever started it has no child to wait for."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        os.setsid()
        grandchild = os.fork()
        if grandchild:
            # Here as well as there: whoever reads of the group, and ends it, must find it.
            with contextlib.suppress(ProcessLookupError):
                os.setpgid(grandchild, grandchild)
            record_process(directory, grandchild)
        else:
            _detach(directory, lock)
            supervise(directory, lock, tools)
    finally:
        # Whatever happened: this is a copy of the caller, and must not go on as one.
        os._exit(0)


def _detach(directory: Path, lock: int) -> None:
    """Leave everything of the caller behind but the lock, which is held without a gap."""
    os.setpgid(0, 0)
    os.chdir("/")
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGCHLD"):
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.closerange(3, lock)
    os.closerange(lock + 1, os.sysconf("SC_OPEN_MAX"))


def is_alive(directory: Path) -> bool:
    """Whether anything of a job runs: its supervisor, or a program that was left behind."""
    return has_supervisor(directory) or _is_locked(directory)


@contextmanager
def product_locked(directory: Path) -> Iterator[bool]:
    """Keep jobs from making a product for the length of a ``with`` block; false where one is making it."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = _take_lock(directory)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def has_supervisor(directory: Path) -> bool:
    """Whether the process that watches over a job is there; no lock is touched."""
    entry = read_json(directory / "pid.json")
    return bool(entry) and process_start_time(entry["pid"]) == entry["started"]


def _is_adoptable(directory: Path, spec: dict[str, Any]) -> bool:
    return (
        has_supervisor(directory)
        and read_json(directory / "spec.json").get("fingerprint") == spec["fingerprint"]
    )


def _take_lock(directory: Path, wait_s: float = 0.0) -> int | None:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.05)


def _is_locked(directory: Path) -> bool:
    try:
        lock = _take_lock(directory)
    except FileNotFoundError:
        return False
    if lock is None:
        return True
    os.close(lock)
    return False


def _renew(directory: Path) -> None:
    (directory / "lease").touch()


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file; empty where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_log(path: Path, offset: int) -> tuple[str, int, bool]:
    """Text of a log since an offset, where that ends, and whether there may be more."""
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            chunk = stream.read(CHUNK)
    except FileNotFoundError:
        return "", offset, False
    return chunk.decode("utf-8", errors="replace"), offset + len(chunk), len(chunk) == CHUNK
