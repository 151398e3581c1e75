"""The one seam between the pipeline and the place where a node's commands run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sip_luigi.domain.errors import BadData, DiskFull, ProgramError
from sip_luigi.node.serve import EXIT_BAD_DATA

NO_SPACE = "no space left on device"
"""What the system says of a full disk, in lower case."""

TAIL_LINES = 5
"""Lines of what a command said on standard error that go into a message."""


class Connection(Protocol):
    """A way to one node."""

    @property
    def name(self) -> str:
        """The node's name in the cluster description."""
        ...

    def call(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a node command (:mod:`sip_luigi.node`) and return its answer.

        Raises
        ------
        BadData
            The command says that the data are at fault.
        DiskFull
            It could not write.
        ProgramError
            The command failed.
        TransportError
            The node could not be asked: nothing is known.
        """
        ...

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file of the node to a file on this machine, which appears whole or not at all.

        Raises
        ------
        ProgramError
            It could not be read or written.
        TransportError
            It did not arrive whole, or the node could not be asked.
        """
        ...

    def put(self, local: Path, path: str) -> None:
        """Copy a file of this machine to a file of the node, which appears whole or not at all.

        Raises
        ------
        ProgramError
            One of the two could not be read or written.
        TransportError
            It did not arrive whole, or the node could not be asked.
        """
        ...


@dataclass(frozen=True)
class Completed:
    """A program that has ended.

    Attributes
    ----------
    status : int
        Exit status; -1 when a signal ended it.
    stdout, stderr : bytes
        What it wrote.
    """

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def tail(self) -> str:
        """The last lines of standard error, as one line."""
        lines = self.stderr.decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-TAIL_LINES:])


def read_answer(node: str, command: str, done: Completed) -> dict[str, Any]:
    """Answer of a node command that ran as a process of its own.

    Raises
    ------
    BadData, DiskFull, ProgramError
        By exit status and what was said; see :meth:`Connection.call`.
    """
    ended = f"exit status {done.status}" if done.status >= 0 else "ended by a signal"
    answer = _parse(done.stdout)
    if answer is None:
        raise ProgramError(
            f"{node}: {command}: no answer, {ended}: {done.tail or 'nothing on standard error'}"
        )
    return judge_answer(node, command, done.status, answer, done.tail)


def judge_answer(
    node: str, command: str, status: int, answer: dict[str, Any], said: str = ""
) -> dict[str, Any]:
    """The answer of a node command, or the error that its exit status stands for."""
    if status == EXIT_BAD_DATA:
        raise BadData(f"{node}: {answer.get('error', 'bad data')}")
    if status:
        ended = f"exit status {status}" if status >= 0 else "ended by a signal"
        said = f": {said}" if said else ""
        error = str(answer.get("error", "failed"))
        kind = DiskFull if NO_SPACE in error.lower() else ProgramError
        raise kind(f"{node}: {command}: {error} ({ended}{said})")
    return answer


def _parse(stdout: bytes) -> dict[str, Any] | None:
    # The answer is the last line: the shell of a node may have greeted before it.
    try:
        answer = json.loads(stdout.strip().rpartition(b"\n")[2])
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
