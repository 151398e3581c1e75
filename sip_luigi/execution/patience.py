"""A way to a node that outlives an outage."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sip_luigi.domain.errors import TransportError
from sip_luigi.execution.connection import Connection

logger = logging.getLogger("sip_luigi")

T = TypeVar("T")
PAUSE_S = 1.0


@dataclass(frozen=True)
class PatientConnection:
    """Asks again until a node answers or has been silent for too long; every node command may be repeated.

    Attributes
    ----------
    connection : Connection
        The way to the node.
    outage_s : float
        Silence after which the node counts as gone.
    """

    connection: Connection
    outage_s: float

    @property
    def name(self) -> str:
        """The node's name in the cluster description."""
        return self.connection.name

    def call(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a node command; see :meth:`sip_luigi.execution.connection.Connection.call`."""
        return self._insist(lambda: self.connection.call(command, request))

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.fetch`."""
        self._insist(lambda: self.connection.fetch(path, local))

    def put(self, local: Path, path: str) -> None:
        """Copy a file; see :meth:`sip_luigi.execution.connection.Connection.put`."""
        self._insist(lambda: self.connection.put(local, path))

    def _insist(self, action: Callable[[], T]) -> T:
        began = time.monotonic()
        warned = False
        while True:
            try:
                answer = action()
            except TransportError as error:
                silence = time.monotonic() - began
                if silence >= self.outage_s:
                    raise TransportError(
                        f"{self.name}: no answer for {silence:.0f} s ([cluster] outage_s): {error}",
                        node=self.name,
                    ) from error
                if not warned:
                    logger.warning("%s, asking again for up to %g s", error, self.outage_s)
                    warned = True
                time.sleep(min(PAUSE_S, self.outage_s))
            else:
                if warned:
                    logger.warning("%s answers again after %.0f s", self.name, time.monotonic() - began)
                return answer
