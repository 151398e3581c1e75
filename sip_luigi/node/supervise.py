"""The process that watches over one job: runs its steps, verifies, publishes, or says why not."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sip_luigi.domain.errors import BadData, SipError
from sip_luigi.domain.product import Manifest, Product
from sip_luigi.node.copy import copy
from sip_luigi.node.files import write_atomically
from sip_luigi.node.look import look_at_product
from sip_luigi.node.process import GRACE_S, process_start_time, resources_used
from sip_luigi.node.publish import append_record, measure, publish, remove_parts
from sip_luigi.node.serve import EXIT_BAD_DATA

FULL_BYTES = 4_000_000
"""A disk with less room was too full for the program that failed on it."""

LIGHT: Mapping[str, Callable[[dict[str, Any]], Any]] = {"copy": copy}
"""Commands of the standard library alone that take no time: no process is started for them.

Nothing is imported in a supervisor: it is a fork, and a lock of an import that its parent had begun is never released.
"""

TAIL_LINES = 20
TICK_S = 0.5


class JobEnded(Exception):
    """A job that will not be published.

    Parameters
    ----------
    outcome : str
        ``failed``, ``bad_data``, ``bad_product``, ``disk_full``, ``timeout``, ``expired`` or ``cancelled``.
    message : str
        What happened, in one line.
    """

    def __init__(self, outcome: str, message: str, argv: Sequence[str] = (), status: int | None = None):
        super().__init__(message)
        self.outcome, self.message, self.argv, self.status = outcome, message, tuple(argv), status


@dataclass
class Watch:
    """Limits of a running job: its lease, its time and the wish of others that it end."""

    lease: Path
    lease_s: float
    timeout_s: float
    started: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)
    last_mtime_ns: int = 0
    cancelled: bool = False

    def check(self) -> None:
        """Raise :class:`JobEnded` when the job has to end."""
        now = time.monotonic()
        try:
            mtime_ns = self.lease.stat().st_mtime_ns
        except OSError:
            mtime_ns = self.last_mtime_ns
        # Renewal is seen as a change of the time stamp, so that a clock set back does not end a job.
        if mtime_ns != self.last_mtime_ns:
            self.last_mtime_ns, self.renewed = mtime_ns, now
        if self.cancelled:
            raise JobEnded("cancelled", "cancelled")
        if now - self.renewed > self.lease_s:
            raise JobEnded("expired", f"nobody watched for {self.lease_s:g} s: the lease was not renewed")
        if self.timeout_s and now - self.started > self.timeout_s:
            raise JobEnded("timeout", f"took longer than the time limit of {self.timeout_s:g} s")


def supervise(directory: Path, lock: int, tools: Mapping[str, str]) -> None:
    """Run the job described in ``directory/spec.json`` while holding its inherited lock.

    Parameters
    ----------
    directory : Path
        Of the job.
    lock : int
        Descriptor that holds its lock.
    tools : mapping
        Variables that every program needs, see :func:`sip_luigi.programs.environment.tool_environment`.
    """
    # Whoever started it may have been killed before writing this.
    record_process(directory, os.getpid())
    spec = json.loads((directory / "spec.json").read_text(encoding="utf-8"))
    watch = Watch(directory / "lease", spec["lease_s"], spec["timeout_s"])
    signal.signal(signal.SIGTERM, lambda *_: setattr(watch, "cancelled", True))
    started = time.monotonic()
    try:
        environment = {**os.environ, **tools, **spec["environment"]}
        status = _make(directory, spec, environment, watch, lock)
    except JobEnded as ended:
        status = _failure(directory, spec, ended)
    except (OSError, SipError, ValueError, KeyError) as error:
        status = _failure(directory, spec, JobEnded("failed", f"{type(error).__name__}: {error}"))
    status["elapsed_s"] = time.monotonic() - started
    if status["outcome"] != "done":
        remove_parts(Path(spec["product"]["path"]))
    write_atomically(directory / "status.json", json.dumps(status), durable=False)


def record_process(directory: Path, pid: int) -> None:
    """Write down which process, and group, a job is."""
    entry = {"pid": pid, "group": pid, "started": process_start_time(pid)}
    write_atomically(directory / "pid.json", json.dumps(entry), durable=False)


def _make(
    directory: Path, spec: dict[str, Any], environment: dict[str, str], watch: Watch, lock: int
) -> dict[str, Any]:
    product = Product("", spec["product"]["path"], spec["product"]["kind"])
    path, part = Path(product.path), Path(spec["part"])
    present = look_at_product(spec["product"])
    if present and _fingerprint(present) == spec["fingerprint"]:
        return {"outcome": "done", "made": False}
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_parts(path)
    _require_space(path.parent, spec["min_free_bytes"])
    if product.kind == "directory":
        part.mkdir()
    started = time.monotonic()
    measures, commands = _run_steps(directory, spec, environment, watch, lock)
    measures["resources"] = resources_used()
    n_files, size = measure(part)
    manifest = Manifest(
        key=spec["key"],
        stage=spec["stage"],
        version=spec["version"],
        inputs=spec["inputs"],
        n_files=n_files,
        size_bytes=size,
        measures=measures,
        commands=tuple(commands),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        host=socket.gethostname(),
        elapsed_s=round(time.monotonic() - started, 3),
    )
    publish(product, part, manifest)
    if spec.get("record"):
        entry = {"made": manifest.made, "stage": manifest.stage, "key": manifest.key, "path": product.path}
        append_record(Path(spec["record"]), entry)
    return {"outcome": "done", "made": True}


def _run_steps(
    directory: Path, spec: dict[str, Any], environment: dict[str, str], watch: Watch, lock: int
) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    measures: dict[str, Any] = {}
    commands: list[tuple[str, ...]] = []
    with (directory / "log").open("ab", buffering=0) as log:
        for step in spec["steps"]:
            if "write" in step:
                Path(step["write"]).write_text(step["text"], encoding="utf-8")
            elif "note" in step:
                measures[step["name"]] = step["note"]
            elif "argv" in step:
                commands.append(_argv(step))
                _run_program(commands[-1], log, environment, watch, lock, spec["part"])
            else:
                try:
                    answer = (
                        _call_here(step)
                        if step["call"] in LIGHT
                        else _call(step, directory, log, environment, watch, lock)
                    )
                except JobEnded as ended:
                    # What the programs were given had passed; what is bad after them, they have made.
                    if ended.outcome == "bad_data" and commands:
                        ended.outcome = "bad_product"
                    raise
                measures[step.get("name", step["call"])] = answer
    return measures, commands


def _argv(step: dict[str, Any]) -> tuple[str, ...]:
    """Command of a step, which may be another one where something is there already."""
    other = step.get("if_there")
    return tuple(other["argv"] if other and Path(other["path"]).exists() else step["argv"])


def _call_here(step: dict[str, Any]) -> Any:
    try:
        return LIGHT[step["call"]](step["request"])
    except BadData as error:
        raise JobEnded("bad_data", str(error)) from error


def _run_program(
    argv: Sequence[str], log: BinaryIO, environment: dict[str, str], watch: Watch, lock: int, part: str
) -> None:
    log.write(f"$ {' '.join(argv)}\n".encode())
    cwd = part if Path(part).is_dir() else None
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=cwd,
            pass_fds=(lock,),
        )
    except FileNotFoundError as error:
        raise JobEnded("failed", f"program not found: {argv[0]}", argv, 127) from error
    status = _wait(process, watch)
    if status:
        watch.check()
        raise JobEnded("failed", f"{Path(argv[0]).name} ended with exit status {status}", argv, status)


def _call(
    step: dict[str, Any],
    directory: Path,
    log: BinaryIO,
    environment: dict[str, str],
    watch: Watch,
    lock: int,
) -> Any:
    argv = (sys.executable, "-m", "sip_luigi.node", step["call"])
    request, answer = directory / "request.json", directory / "answer.json"
    request.write_text(json.dumps(step["request"]), encoding="utf-8")
    with request.open("rb") as stdin, answer.open("wb") as stdout:
        process = subprocess.Popen(
            argv, stdin=stdin, stdout=stdout, stderr=log, env=environment, pass_fds=(lock,)
        )
        status = _wait(process, watch)
    try:
        value = json.loads(answer.read_text(encoding="utf-8"))
    except ValueError:
        value = {"error": f"{step['call']} gave no answer (exit status {status})"}
    if status == EXIT_BAD_DATA:
        raise JobEnded("bad_data", value["error"], argv, status)
    if status:
        raise JobEnded("failed", value["error"], argv, status)
    return value


def _wait(process: subprocess.Popen[bytes], watch: Watch) -> int:
    # A pidfd wakes up the moment the program ends: no time is lost between steps.
    descriptor = os.pidfd_open(process.pid)
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    try:
        while not poller.poll(TICK_S * 1000):
            watch.check()
    except JobEnded:
        _end_children(process)
        raise
    finally:
        os.close(descriptor)
    return process.wait()


def _end_children(process: subprocess.Popen[bytes]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(directory: Path, spec: dict[str, Any], ended: JobEnded) -> dict[str, Any]:
    tail = _tail(directory / "log")
    outcome, message = ended.outcome, ended.message
    folder = Path(spec["product"]["path"]).parent
    # DP3 says "Success" when a disk is full: what is left of the disk is asked as well.
    full = "no space left on device" in f"{message}{tail}".lower() or _free_bytes(folder) < FULL_BYTES
    if outcome in ("failed", "bad_product") and full:
        outcome, message = "disk_full", f"{message}: no space left on device for {folder}"
    return {
        "outcome": outcome,
        "message": message,
        "argv": list(ended.argv),
        "exit_status": ended.status,
        "tail": tail,
        "host": socket.gethostname(),
    }


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 16384))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-TAIL_LINES:])


def _require_space(directory: Path, needed: int) -> None:
    free = _free_bytes(directory)
    if free < needed:
        message = f"disk of {directory} has {free / 1e9:.2f} GB free, {needed / 1e9:.2f} GB are needed"
        raise JobEnded("disk_full", message)


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _fingerprint(manifest: dict[str, Any]) -> str:
    return Manifest.from_json(manifest).fingerprint
