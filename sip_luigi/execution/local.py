"""The node that is this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import BadData, ProgramError, TransportError
from sip_luigi.node.__main__ import function
from sip_luigi.node.supervise import EXIT_BAD_DATA

IN_PROCESS = frozenset({"look", "start", "poll", "cancel"})
"""Commands of the standard library alone; the others load casacore, which a process of its own keeps apart."""


@dataclass(frozen=True)
class LocalConnection:
    """Run node commands on this machine.

    Attributes
    ----------
    name : str
        The node's name in the cluster description.
    """

    name: str

    def call(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a node command; see :meth:`sip_luigi.execution.connection.Connection.call`."""
        if command not in IN_PROCESS:
            return self._run(command, request)
        try:
            return function(command)(request)
        except OSError as error:
            raise TransportError(f"{self.name}: {command}: {error}") from error

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.fetch`."""
        try:
            shutil.copyfile(path, local)
        except OSError as error:
            raise TransportError(f"{self.name}: cannot read {path}: {error}") from error

    def _run(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        argv = (sys.executable, "-m", "sip_luigi.node", command)
        process = subprocess.run(
            argv, input=json.dumps(request).encode(), capture_output=True, cwd="/", check=False
        )
        try:
            answer: dict[str, Any] = json.loads(process.stdout)
        except ValueError:
            tail = process.stderr.decode(errors="replace").strip().splitlines()[-5:]
            answer = {"error": f"no answer, exit status {process.returncode}: {' | '.join(tail)}"}
            raise ProgramError(f"{self.name}: {command}: {answer['error']}") from None
        if process.returncode == EXIT_BAD_DATA:
            raise BadData(f"{self.name}: {answer['error']}")
        if process.returncode:
            raise ProgramError(f"{self.name}: {command}: {answer['error']}")
        return answer
