"""The one seam between the pipeline and the place where a node's commands run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


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
        ProgramError
            The command failed.
        TransportError
            The node could not be asked: nothing is known.
        """
        ...

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file of the node to a file on this machine."""
        ...
