"""A node that is reached through SSH."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from sip_luigi.domain.errors import ProgramError, SipError, TransportError
from sip_luigi.execution.connection import Completed, judge_answer
from sip_luigi.execution.ssh_agent import Agent
from sip_luigi.execution.ssh_connection import ConnectionLost, Deadline, Link, connect
from sip_luigi.execution.ssh_exchange import exchange
from sip_luigi.execution.ssh_pool import Pool
from sip_luigi.node.files import written_whole

T = TypeVar("T")


@dataclass(frozen=True)
class SshOptions:
    """How nodes are reached.

    Attributes
    ----------
    config : str
        Path of an ``ssh_config`` file; empty: ``~/.ssh/config`` if there is one.
    python : str
        Python on the nodes that has sip_luigi.
    connect_timeout_s : float
        Time for each step of connecting, unless the configuration has a ``ConnectTimeout``.
    answer_timeout_s : float
        Longest time without a byte from or to a command, and for connecting with all attempts.
    attempts : int
        How often a connection is tried.
    keepalive_s : float
        Time between signs of life on a connection that is not in use.
    max_channels : int
        Most commands at a time on the connection of a process to a node.
    """

    config: str = ""
    python: str = sys.executable
    connect_timeout_s: float = 15.0
    answer_timeout_s: float = 60.0
    attempts: int = 4
    keepalive_s: float = 15.0
    max_channels: int = 8


class SshConnection:
    """Run node commands and programs on a node.

    All threads of a process share one connection; a forked process opens its own.

    Parameters
    ----------
    name : str
        The node's name in the cluster description, which the ssh configuration may know more of.
    options : SshOptions, optional
        How it is reached.
    """

    def __init__(self, name: str, options: SshOptions | None = None) -> None:
        self._name, self.options = name, options or SshOptions()
        # By process: locks and connections of a parent are of no use to its child.
        self._pools: dict[int, Pool] = {}
        self._agents: dict[int, Agent] = {}

    @property
    def name(self) -> str:
        """The node's name in the cluster description."""
        return self._name

    def call(self, command: str, request: dict[str, Any], timeout_s: float | None = None) -> dict[str, Any]:
        """Run a node command; see :meth:`sip_luigi.execution.connection.Connection.call`.

        Parameters
        ----------
        command : str
            Its name.
        request : dict
            What it is asked.
        timeout_s : float, optional
            Time for the answer, instead of :attr:`SshOptions.answer_timeout_s`.
        """
        # Every node command may be repeated: a second `start` adopts what the first has started.
        limit_s = (timeout_s or self.options.answer_timeout_s) + float(request.get("wait_s", 0.0))
        status, answer, said = self._repeat(lambda: self._agent().ask(command, request, limit_s))
        return judge_answer(self.name, command, status, answer, Completed(status, b"", said.encode()).tail)

    def run(
        self,
        argv: tuple[str, ...],
        stdin: bytes = b"",
        timeout_s: float | None = None,
        on_output: Callable[[bytes], object] | None = None,
    ) -> Completed:
        """Run a program on the node, whatever its exit status.

        Parameters
        ----------
        argv : tuple of str
            Program and arguments, which reach it as they are: the node's login shell, a POSIX one, changes nothing.
        stdin : bytes
            What it reads.
        timeout_s : float, optional
            Longest time without a byte in either direction, instead of :attr:`SshOptions.answer_timeout_s`.
        on_output : callable, optional
            Gets the standard output piece by piece as it comes; it is not kept then.

        Raises
        ------
        TransportError
            The connection failed; the program may have begun, and is not started a second time if so.
        ConfigurationError
            An argument holds a NUL, the node refuses our keys, or the ssh configuration is wrong.
        HostKeyError
            The node is not known to be the one it is named for.
        """
        return self._repeat(lambda: self._run(argv, io.BytesIO(stdin), timeout_s, on_output), started=False)

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.fetch`."""
        try:
            self._repeat(lambda: self._fetch(path, local))
        except OSError as error:
            raise ProgramError(f"{self.name}: cannot copy {path} to {local}: {error}") from error

    def put(self, local: Path, path: str) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.put`."""
        try:
            self._repeat(lambda: self._put(local, path))
        except OSError as error:
            raise ProgramError(f"{self.name}: cannot copy {local} to {path}: {error}") from error

    def close(self) -> None:
        """End the connection; the next call opens a new one."""
        self._agent().close()
        self._pool().close()

    def _fetch(self, path: str, local: Path) -> None:
        with written_whole(local) as part:
            with part.open("wb") as stream:
                self._must(("cat", "--", path), f"cannot read {path}", on_output=stream.write)
            self._require_size(path, path, part.stat().st_size)

    def _put(self, local: Path, path: str) -> None:
        part = f"{path}.part-{uuid.uuid4().hex[:12]}"
        what = f"cannot write {path}"
        with local.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            try:
                self._must(("dd", f"of={part}", "bs=64K", "conv=fsync", "status=none"), what, stream)
                self._require_size(path, part, size)
                self._must(("mv", "-fT", "--", part, path), what)
            except BaseException:
                with contextlib.suppress(SipError):
                    self._run(("rm", "-f", "--", part))
                raise

    def _require_size(self, path: str, file: str, size: int) -> None:
        answer = self._must(("stat", "-Lc", "%s", "--", file), f"cannot look at {file}")
        if answer.stdout.split()[-1:] != [str(size).encode()]:
            found = answer.stdout.decode(errors="replace").strip()
            raise TransportError(
                f"{self.name}: {path} was not copied whole: {size} bytes here, {found} there"
            )

    def _must(
        self,
        argv: tuple[str, ...],
        what: str,
        stdin: BinaryIO | None = None,
        on_output: Callable[[bytes], object] | None = None,
    ) -> Completed:
        done = self._run(argv, stdin, on_output=on_output)
        if done.status:
            raise ProgramError(f"{self.name}: {what}: {done.tail or f'exit status {done.status}'}")
        return done

    def _run(
        self,
        argv: tuple[str, ...],
        stdin: BinaryIO | None = None,
        timeout_s: float | None = None,
        on_output: Callable[[bytes], object] | None = None,
    ) -> Completed:
        deadline = Deadline(timeout_s or self.options.answer_timeout_s)
        stdout = bytearray()
        with self._pool().link(deadline) as link:
            done = exchange(link, argv, stdin or io.BytesIO(), on_output or stdout.extend, deadline)
        return Completed(done.status, bytes(stdout), done.stderr)

    def _repeat(self, action: Callable[[], T], started: bool = True) -> T:
        """Do something once more where the connection was lost; `started`: even if it had begun."""
        try:
            return action()
        except ConnectionLost as error:
            if error.started and not started:
                raise
        return action()

    def _pool(self) -> Pool:
        pid = os.getpid()
        if pid not in self._pools:
            # Of several threads that get here one wins.
            self._pools.setdefault(pid, Pool(self.name, self._connect, self.options.max_channels))
        return self._pools[pid]

    def _agent(self) -> Agent:
        pid = os.getpid()
        if pid not in self._agents:
            argv = (self.options.python, "-m", "sip_luigi.node", "serve")
            self._agents.setdefault(pid, Agent(self.name, self._pool(), argv))
        return self._agents[pid]

    def _connect(self, deadline: Deadline) -> Link:
        options = self.options
        return connect(
            self.name,
            options.config,
            options.attempts,
            options.connect_timeout_s,
            options.keepalive_s,
            deadline,
        )
