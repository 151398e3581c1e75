"""The one program on a node that answers all node commands of a process: Python starts there once."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import paramiko  # type: ignore[import-untyped]

from sip_luigi.domain.errors import ProgramError, SipError, TransportError
from sip_luigi.execution.connection import Completed
from sip_luigi.execution.ssh_connection import ConnectionLost, Deadline, Link
from sip_luigi.execution.ssh_exchange import CHUNK, PACKET, open_channel, quote
from sip_luigi.execution.ssh_pool import Pool

Answer = tuple[int, dict[str, Any], str]
PATIENCE = 10.0
"""How much longer one answer may take than a node may be silent: a command reads data, on a busy disk."""
LAST_WORDS_S = 0.5
"""How long a program that has ended may take to say with which status."""
MAX_STDERR = 16384
_FAILURES = (paramiko.SSHException, OSError, EOFError)


@dataclass
class Question:
    """One that has been asked; answered by the thread that listens."""

    ready: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] | None = None


class Agent:
    """Asks the program, starting it when it does not run; threads may ask at the same time.

    Parameters
    ----------
    node : str
        The node's name.
    pool : Pool
        The way to it.
    argv : sequence of str
        The program, see :mod:`sip_luigi.node.serve`.
    """

    def __init__(self, node: str, pool: Pool, argv: Sequence[str]) -> None:
        self.node, self.pool, self.argv = node, pool, tuple(argv)
        self._lock = threading.Lock()
        self._session: Session | None = None

    def ask(self, command: str, request: dict[str, Any], timeout_s: float) -> Answer:
        """Exit status, answer and standard error of a node command.

        Raises
        ------
        ConnectionLost
            The connection ended before there was an answer.
        TransportError
            There is none in time.
        """
        deadline = Deadline(timeout_s)
        session = self._running(deadline)
        deadline.renew()
        answer = session.ask({"command": command, "request": request}, deadline)
        return answer["status"], answer["answer"], answer["said"]

    def close(self) -> None:
        """End the program; the next question starts a new one."""
        session = self._session
        if session is not None:
            session.end()

    def _running(self, deadline: Deadline) -> Session:
        if not self._lock.acquire(timeout=deadline.left):
            raise TransportError(
                f"{self.node}: a connection is still being tried, for {deadline.seconds:g} s"
            )
        try:
            if self._session is None or self._session.ended:
                self._session = Session(self.node, self.pool, self.argv, deadline)
            return self._session
        finally:
            self._lock.release()


class Session:
    """One run of the program.

    Parameters
    ----------
    node, pool, argv
        As of :class:`Agent`.
    deadline : Deadline
        For starting it.
    """

    def __init__(self, node: str, pool: Pool, argv: tuple[str, ...], deadline: Deadline) -> None:
        self.node, self.ended = node, False
        self._numbers, self._questions = itertools.count(1), dict[int, Question]()
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._heard = time.monotonic()
        self._held = contextlib.ExitStack()
        self._link: Link = self._held.enter_context(pool.link(deadline))
        try:
            self._channel = open_channel(self._link, quote(argv), deadline, f"{node}: {argv[0]}")
        except BaseException:
            self._held.close()
            raise
        self._stderr = bytearray()
        self._listener = threading.Thread(target=self._listen, name=f"listens to {node}", daemon=True)
        self._listener.start()

    def ask(self, question: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Answer to a question."""
        number, waiting, asked = next(self._numbers), Question(), time.monotonic()
        with self._lock:
            self._questions[number] = waiting
        try:
            if not self._say(json.dumps({"id": number, **question}).encode() + b"\n", deadline):
                raise self._error(question["command"])
            # Asked after it was noted down: an end before that has been seen, or wakes this.
            if not self.ended and not self._is_answered(waiting, deadline.seconds):
                self._silent(deadline.seconds)
                raise TransportError(
                    f"{self.node}: {question['command']}: no answer for {time.monotonic() - asked:.1f} s"
                )
        finally:
            with self._lock:
                del self._questions[number]
        if waiting.answer is None:
            raise self._error(question["command"])
        return waiting.answer

    def _is_answered(self, waiting: Question, seconds: float) -> bool:
        """Wait for an answer: for so long as the node is silent, and longer while it says that it is busy."""
        asked = time.monotonic()
        end = asked + seconds
        while not waiting.ready.wait(max(0.0, end - time.monotonic())):
            end = min(max(asked, self._heard) + seconds, asked + PATIENCE * seconds)
            if time.monotonic() >= end:
                return False
        return True

    def end(self) -> None:
        """Let go of the channel; whoever waits is told."""
        with self._lock:
            if self.ended:
                return
            self.ended = True
            waiting = list(self._questions.values())
        for question in waiting:
            question.ready.set()
        with contextlib.suppress(*_FAILURES):
            self._channel.close()
        self._held.close()

    def _silent(self, seconds: float) -> None:
        # One command may be slow; a node that says nothing at all is cut off, so that the next call starts anew.
        if time.monotonic() - self._heard >= seconds:
            self._link.close()
            self.end()

    def _error(self, command: str) -> SipError:
        """Why there will be no answer any more."""
        with contextlib.suppress(RuntimeError):
            self._listener.join(LAST_WORDS_S)
        status = self._channel.exit_status if self._channel.status_event.is_set() else -1
        if status < 0:
            return ConnectionLost(f"{self.node}: {command}: connection lost while it ran", started=True)
        said = Completed(status, b"", bytes(self._stderr)).tail or "nothing on standard error"
        return ProgramError(f"{self.node}: {command}: no answer, exit status {status}: {said}")

    def _say(self, line: bytes, deadline: Deadline) -> bool:
        if not self._turn.acquire(timeout=deadline.left):
            self._silent(deadline.seconds)
            raise TransportError(f"{self.node}: takes no question for {deadline.seconds:g} s")
        try:
            self._send(memoryview(line), deadline)
        except _FAILURES:
            self.end()
            return False
        finally:
            self._turn.release()
        return True

    def _send(self, rest: memoryview, deadline: Deadline) -> None:
        while rest:
            try:
                rest = rest[self._channel.send(bytes(rest[:PACKET])) :]
            except TimeoutError:
                if not deadline.left:
                    # Half a question has been said: nobody would understand the next one.
                    raise

    def _listen(self) -> None:
        begun = b""
        with contextlib.suppress(*_FAILURES):
            while not self.ended:
                try:
                    piece = self._channel.recv(CHUNK)
                except TimeoutError:
                    self._keep_stderr()
                    continue
                self._keep_stderr()
                if not piece:
                    self._channel.status_event.wait(LAST_WORDS_S)
                    break
                self._heard = time.monotonic()
                *lines, begun = (begun + piece).split(b"\n")
                for line in lines:
                    self._hear(line)
        self.end()

    def _keep_stderr(self) -> None:
        while self._channel.recv_stderr_ready():
            self._stderr = (self._stderr + self._channel.recv_stderr(CHUNK))[-MAX_STDERR:]

    def _hear(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            question = self._questions.get(answer["id"])
        except (ValueError, KeyError, TypeError):
            # The shell of a node may greet.
            return
        if question is not None:
            question.answer = answer
            question.ready.set()
