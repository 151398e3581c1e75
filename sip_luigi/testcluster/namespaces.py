"""Namespaces with a first process that keeps them, and the way into them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.testcluster.processes import children, living, pid_namespace, send
from sip_luigi.testcluster.requirements import program

# Only the standard library, and nothing that the user's environment or directory slips in.
_PYTHON = (sys.executable, "-I", "-S", "-X", "utf8")
_PROGRAMS = Path(__file__).parent


@dataclass(frozen=True)
class Init:
    """The running first process of a set of namespaces.

    Attributes
    ----------
    name : str
        For messages.
    outside : Popen
        The chain of parents that waits for it.
    pid : int
        Its process id outside.
    namespace : str
        Its PID namespace.
    """

    name: str
    outside: subprocess.Popen[bytes]
    pid: int
    namespace: str

    def pids(self) -> list[int]:
        """Processes inside, this one left out."""
        return [pid for pid in living(self.namespace) if pid != self.pid]

    def enter(self, argv: Sequence[str | Path], directory: str) -> tuple[str, ...]:
        """Arguments that run a command inside."""
        return (*_PYTHON, str(_PROGRAMS / "launch.py"), str(self.pid), directory, *map(str, argv))

    def signal(self, pids: Sequence[int], number: int) -> None:
        """Send a signal to processes inside."""
        for pid in pids:
            send(pid, number, self.namespace)

    def kill(self) -> None:
        """End everything inside and wait for it."""
        # Its parents end when it has, which is when the kernel has ended all others.
        self.signal([self.pid], signal.SIGKILL)
        self.outside.wait()


@dataclass(frozen=True)
class Starting:
    """A first process that builds what it is to see."""

    name: str
    outside: subprocess.Popen[bytes]
    depth: int
    log: Path

    def ready(self) -> Init:
        """Wait until it has built everything.

        Raises
        ------
        ConfigurationError
            It could not; the message holds what it said.
        """
        assert self.outside.stdout  # noqa: S101 - it was asked for
        with self.outside.stdout as answer:
            said = answer.readline()
        if said != b"ready\n":
            self.outside.wait()
            reason = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise ConfigurationError(f"namespaces of {self.name} could not be made, see {self.log}: {reason}")
        pid = self.outside.pid
        for _ in range(self.depth):
            (pid,) = children(pid)
        return Init(self.name, self.outside, pid, pid_namespace(pid))


def start_holder(spec: Mapping[str, Any], log: Path) -> Starting:
    """Start the holder, which ends with the calling process however that ends."""
    # Not PR_SET_PDEATHSIG, which fires when the thread that started it ends, and not a pipe alone, whose other
    # end any child of the caller may hold: a handle of the process tells exactly what is asked.
    owner = os.pidfd_open(os.getpid())
    try:
        flags = ("--mount", "--pid", "--net", "--mount-proc")
        return _start((), flags, {**spec, "owner": owner}, "holder", log, pass_fds=(owner,))
    finally:
        os.close(owner)


def start_node(holder: Init, network: str, spec: Mapping[str, Any], log: Path) -> Starting:
    """Start a node inside a holder, with the network namespace of that file."""
    entered = (program("nsenter"), f"--target={holder.pid}", "--mount", "--pid", f"--net={network}", "--")
    flags = ("--mount", "--pid", "--uts", "--ipc")
    return _start(entered, flags, spec, spec["hostname"], log)


def _start(
    entered: Sequence[str],
    flags: Sequence[str],
    spec: Mapping[str, Any],
    name: str,
    log: Path,
    pass_fds: Sequence[int] = (),
) -> Starting:
    unshare = (program("unshare"), *flags, "--fork", "--kill-child", "--")
    with log.open("wb") as errors:
        outside = subprocess.Popen(
            (*entered, *unshare, *_PYTHON, str(_PROGRAMS / "init.py")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd="/",
            pass_fds=pass_fds,
            # Ctrl-C in a terminal is for the tests, which then close the cluster.
            start_new_session=True,
        )
    assert outside.stdin  # noqa: S101 - it was asked for
    with outside.stdin as question:
        question.write(json.dumps(spec).encode())
    return Starting(name, outside, depth=2 if entered else 1, log=log)
