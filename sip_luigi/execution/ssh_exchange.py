"""One command on one channel: its input written while its output is read, every wait with an end."""

from __future__ import annotations

import contextlib
import random
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, Self

import paramiko  # type: ignore[import-untyped]

from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.execution.connection import Completed
from sip_luigi.execution.ssh_connection import ConnectionLost, Deadline, Link

CHUNK = 1 << 18
PACKET = 1 << 15
"""Bytes that one SSH packet takes."""
TICK_S = 0.5
"""How often a thread that waits for bytes looks at the deadline."""
FAIR_S = 2.0
"""Time that sshd has to begin a command, however late it is."""

_FAILURES = (paramiko.SSHException, OSError, EOFError)


def quote(argv: Sequence[str]) -> bytes:
    """The command line that makes a POSIX shell run a program with these very arguments.

    Raises
    ------
    ConfigurationError
        An argument that no program can be given: with a NUL, or no text.
    """
    try:
        # `exec`: what follows is a program, never an assignment, a keyword or something of the shell's own.
        line = f"exec {shlex.join(argv)}".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"command {list(argv)!r}: {error}") from error
    if not argv or b"\0" in line:
        raise ConfigurationError(
            f"command {list(argv)!r}: expected a program and arguments without NUL characters"
        )
    return line


def exchange(
    link: Link, argv: Sequence[str], stdin: BinaryIO, on_output: Callable[[bytes], object], deadline: Deadline
) -> Completed:
    """Run a program on a node.

    Parameters
    ----------
    link : Link
        Connection to the node.
    argv : sequence of str
        Program and arguments.
    stdin : binary stream
        What it reads.
    on_output : callable
        Gets its standard output, piece by piece.
    deadline : Deadline
        Time without a byte in either direction.

    Returns
    -------
    Completed
        Without its standard output.

    Raises
    ------
    ConnectionLost
        The connection ended before the program did.
    TransportError
        The deadline passed.
    """
    command = quote(argv)
    what = f"{link.node}: {argv[0]} {' '.join(argv[1:4])}".strip()
    channel = open_channel(link, command, deadline, what)
    with _Watch(link, deadline, what) as watch:
        watch.started = True
        feeder = Feeder(channel, stdin, deadline).begin()
    try:
        return _Listener(link, channel, feeder, deadline, what).listen(on_output)
    finally:
        with contextlib.suppress(*_FAILURES):
            channel.close()
        feeder.finish()


def open_channel(link: Link, command: bytes, deadline: Deadline, what: str) -> Any:
    """Begin a command; where the server has no room for one more (``MaxSessions``), wait until it has."""
    pause = 0.01
    while True:
        with _Watch(link, deadline, what) as watch:
            channel = _open(link)
            if channel is not None:
                channel.settimeout(min(TICK_S, deadline.seconds / 4))
                watch.started = True
                channel.exec_command(command)
                return channel
        if not deadline.left:
            raise TransportError(
                f"{what}: no room for another session (MaxSessions) for {deadline.seconds:g} s"
            )
        time.sleep(min(pause * random.uniform(0.5, 1.5), deadline.left))  # noqa: S311 - no secret
        pause = min(pause * 2, 0.25)


def _open(link: Link) -> Any:
    try:
        return link.transport.open_session()
    except paramiko.SSHException:
        if not link.alive:
            raise
    return None


class _Watch:
    """Ends the connection when the deadline passes: nothing else wakes a thread that waits for a silent sshd."""

    def __init__(self, link: Link, deadline: Deadline, what: str) -> None:
        self.link, self.deadline, self.what = link, deadline, what
        self.started = self.passed = False
        # Who waited long for a turn has little left; that is not the fault of the connection.
        limit_s = max(deadline.left, min(deadline.seconds, FAIR_S))
        self.timer = threading.Timer(limit_s, self._end)
        self.timer.daemon = True

    def __enter__(self) -> Self:
        self.timer.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.timer.cancel()
        if self.passed:
            raise TransportError(
                f"{self.what}: sshd has not answered for {self.deadline.seconds:g} s"
            ) from error
        if isinstance(error, _FAILURES):
            why = str(error) or type(error).__name__
            if self.link.lost():
                raise ConnectionLost(f"{self.what}: connection lost: {why}", self.started) from error
            raise TransportError(f"{self.what}: the server refuses to run it: {why}") from error

    def _end(self) -> None:
        self.passed = True
        self.link.close()


class Feeder(threading.Thread):
    """Writes a program's input: the first piece at once, what may have to wait for the program in a thread."""

    def __init__(self, channel: Any, stdin: BinaryIO, deadline: Deadline) -> None:
        super().__init__(daemon=True)
        self.channel, self.stdin, self.deadline = channel, stdin, deadline

    def begin(self) -> Self:
        """Write the first piece, and the rest in the background."""
        piece = self.stdin.read(CHUNK)
        # A program need not read its input, and that it has ended is seen elsewhere; here, and in `run`.
        with contextlib.suppress(*_FAILURES):
            self._write(piece)
            if len(piece) < CHUNK:
                self.channel.shutdown_write()
        if len(piece) == CHUNK:
            self.start()
        return self

    def run(self) -> None:
        """Write the rest."""
        with contextlib.suppress(ValueError, *_FAILURES):
            while piece := self.stdin.read(CHUNK):
                self._write(piece)
            self.channel.shutdown_write()

    def finish(self) -> None:
        """Wait for the end of the thread, if there is one."""
        if self.ident is not None:
            self.join(TICK_S)

    def _write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            # Whoever waits for the program gives up, and closes the channel.
            with contextlib.suppress(TimeoutError):
                rest = rest[self.channel.send(bytes(rest[:PACKET])) :]
                self.deadline.renew()


class _Listener:
    """Reads what a program writes, until it has ended."""

    def __init__(self, link: Link, channel: Any, feeder: Feeder, deadline: Deadline, what: str) -> None:
        self.link, self.channel, self.feeder = link, channel, feeder
        self.deadline, self.what = deadline, what
        self.stderr = bytearray()

    def listen(self, on_output: Callable[[bytes], object]) -> Completed:
        """Read all; see :func:`exchange`."""
        errors = threading.Thread(target=self._read_errors, daemon=True)
        errors.start()
        for piece in self._pieces(self.channel.recv):
            on_output(piece)
        # Its end is the same; what has arrived is still to be taken.
        errors.join(self.deadline.left)
        if not self.channel.status_event.wait(self.deadline.left):
            raise self._silent()
        status = self.channel.exit_status
        if status == -1 and self.link.lost():
            raise self._lost()
        return Completed(status, b"", bytes(self.stderr))

    def _read_errors(self) -> None:
        with contextlib.suppress(TransportError):
            for piece in self._pieces(self.channel.recv_stderr):
                self.stderr += piece

    def _pieces(self, receive: Callable[[int], bytes]) -> Iterator[bytes]:
        while True:
            try:
                piece = receive(CHUNK)
            except TimeoutError:
                if not self.deadline.left:
                    raise self._silent() from None
                continue
            except _FAILURES as error:
                raise self._lost() from error
            if not piece:
                return
            self.deadline.renew()
            yield piece

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"{self.what}: connection lost while it ran", started=True)

    def _silent(self) -> TransportError:
        # A command may be slow on a good connection, but nobody takes its input only on a dead one.
        if self.feeder.is_alive():
            self.link.close()
        return TransportError(f"{self.what}: no answer for {self.deadline.seconds:g} s")
