"""Compute nodes counted and put in quarantine, after every observation."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from sip_luigi.domain.observation import JobLayout
from sip_luigi.domain.product import Loss
from sip_luigi.execution.nodestates import FOR_GOOD, QUARANTINED, UNFIT, UNREACHABLE, NodeStates
from sip_luigi.execution.placement import PlacementRecord
from sip_luigi.nightly.quarantine import count, failed_nodes, to_quarantine
from sip_luigi.nightly.site import Site
from sip_luigi.nightly.state import StateFile

logger = logging.getLogger("sip_luigi")


@dataclass(frozen=True)
class NodeJudge:
    """Judges the compute nodes by what became of observations; observations take turns.

    Attributes
    ----------
    site : Site
        The cluster.
    states : NodeStates
        Which nodes take no new work.
    file : StateFile
        How often nodes have failed.
    after : int
        How many observations one after the other a node may fail in.
    """

    site: Site
    states: NodeStates
    file: StateFile
    after: int
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def judge(self, layout: JobLayout, losses: Mapping[str, Loss]) -> list[str]:
        """Count what failed in an observation; return the nodes that go into quarantine for it."""
        places = PlacementRecord(layout.directory / "placement.json").read()
        with self._turn:
            out = self.states.read()
            silent = {
                name: s.reason for name, s in out.items() if s.silent or s.state in (UNREACHABLE, UNFIT)
            }
            node_of = {name: place.node for name, place in places.items()}
            failed = failed_nodes(node_of, losses, silent)
            with self.file.changed() as state:
                state.failing = count(state.failing, {*node_of.values(), *failed}, failed)
                counts = dict(state.failing)
            compute = [node.name for node in self.site.cluster.compute]
            working = [name for name in compute if name not in out or out[name].state not in FOR_GOOD]
            worst = to_quarantine(counts, self.after, working, len(compute))
            for node in worst:
                self._put_away(node, counts[node], failed.get(node, ""))
            return worst

    def _put_away(self, node: str, times: int, reason: str) -> None:
        self.states.keep_out(
            node, QUARANTINED, f"failed in {times} observations one after the other: {reason}"
        )
        logger.error("%s is put in quarantine: %s", node, reason)
        with self.file.changed() as state:
            state.failing.pop(node, None)
