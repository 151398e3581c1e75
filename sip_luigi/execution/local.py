"""The node that is this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import ProgramError, TransportError
from sip_luigi.execution.connection import Completed, judge_answer, read_answer
from sip_luigi.execution.local_starter import LocalStarter
from sip_luigi.node.__main__ import function
from sip_luigi.node.files import written_whole
from sip_luigi.node.serve import IN_PROCESS


@dataclass(frozen=True)
class LocalConnection:
    """Run node commands on this machine.

    Attributes
    ----------
    name : str
        The node's name in the cluster description.
    starter : LocalStarter
        Starts the jobs; the nodes that are this machine may share one.
    """

    name: str
    starter: LocalStarter = field(default_factory=LocalStarter, compare=False, repr=False)

    def call(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a node command; see :meth:`sip_luigi.execution.connection.Connection.call`."""
        if command == "start":
            status, answer, said = self.starter.ask(command, request)
            return judge_answer(self.name, command, status, answer, said)
        if command not in IN_PROCESS:
            return self._run(command, request)
        try:
            return function(command)(request)
        except OSError as error:
            raise TransportError(f"{self.name}: {command}: {error}") from error

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.fetch`."""
        self._copy(Path(path), local)

    def put(self, local: Path, path: str) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.put`."""
        self._copy(local, Path(path))

    def _copy(self, source: Path, destination: Path) -> None:
        try:
            with written_whole(destination) as part:
                shutil.copyfile(source, part)
        except OSError as error:
            raise ProgramError(f"{self.name}: cannot copy {source} to {destination}: {error}") from error

    def _run(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        argv = (sys.executable, "-m", "sip_luigi.node", command)
        process = subprocess.run(
            argv, input=json.dumps(request).encode(), capture_output=True, cwd="/", check=False
        )
        # A signal is a negative number here.
        status = max(process.returncode, -1)
        return read_answer(self.name, command, Completed(status, process.stdout, process.stderr))
