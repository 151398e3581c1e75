"""Which nodes are kept out of the work, and why: a small file on the head node that every run reads."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sip_luigi.execution.lock import locked
from sip_luigi.node.files import write_atomically

DRAINED, QUARANTINED, UNREACHABLE, UNFIT = "drained", "quarantined", "unreachable", "unfit"
FOR_GOOD = frozenset({DRAINED, QUARANTINED})
"""States that only an operator ends."""


@dataclass(frozen=True)
class NodeState:
    """Why a node takes no new work.

    Attributes
    ----------
    state : {"drained", "quarantined", "unreachable", "unfit"}
        Whether an operator said so, it failed too often, it did not answer, or it lacks a program or a disk.
    reason : str
        In a few words.
    since : str
        ISO 8601 time (UTC).
    silent : bool
        Whether it does not answer, whatever else: what lies on it cannot be had.
    """

    state: str
    reason: str
    since: str
    silent: bool = False


@dataclass(frozen=True)
class NodeStates:
    """The record, one JSON file; writers take turns.

    Attributes
    ----------
    path : Path
        The file.
    """

    path: Path

    def read(self) -> dict[str, NodeState]:
        """Every node that is kept out."""
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: NodeState(**value) for name, value in values.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep_out(self, node: str, state: str, reason: str) -> None:
        """Give a node no new work; what an operator said is not overwritten by what was found."""
        with self._turn():
            states = self.read()
            before = states.get(node)
            silent = state == UNREACHABLE or (before is not None and before.silent)
            overrules = state == DRAINED or (state == QUARANTINED and before and before.state != DRAINED)
            if before and not overrules:
                after = replace(before, silent=silent)
            else:
                since = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
                after = NodeState(state, reason, since, silent)
            self._write({**states, node: after})

    def give_back(self, node: str, state: str = "") -> bool:
        """Let a node work again; with `state` only if it was kept out for that. Tell whether it was out."""
        with self._turn():
            states = self.read()
            before = states.pop(node, None)
            if before and state and before.state != state:
                if state != UNREACHABLE or not before.silent:
                    return False
                states[node] = replace(before, silent=False)
            if before:
                self._write(states)
            return before is not None

    def _turn(self) -> AbstractContextManager[None]:
        return locked(self.path)

    def _write(self, states: dict[str, NodeState]) -> None:
        values = {name: asdict(value) for name, value in states.items()}
        write_atomically(self.path, json.dumps(values, indent=1))


@dataclass(frozen=True)
class PretendedStates(NodeStates):
    """The same for a dry run: what is noted, this process alone knows."""

    _noted: list[dict[str, NodeState]] = field(default_factory=list, compare=False, repr=False)

    def read(self) -> dict[str, NodeState]:
        """Every node that is, or would be, kept out."""
        return dict(self._noted[-1]) if self._noted else super().read()

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _write(self, states: dict[str, NodeState]) -> None:
        self._noted[:] = [states]
