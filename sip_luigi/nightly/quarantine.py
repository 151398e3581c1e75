"""Compute nodes that fail in one observation after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sip_luigi.domain.product import Loss

ON_STORAGE = frozenset({"describe"})
"""Stages that say nothing about the compute node of a subband."""


def failed_nodes(
    places: Mapping[str, str], losses: Mapping[str, Loss], silent: Mapping[str, str]
) -> dict[str, str]:
    """Nodes that failed in an observation, with the reason.

    Parameters
    ----------
    places : mapping
        Node by subband.
    losses : mapping
        What was lost, by subband.
    silent : mapping
        Nodes that were found to be away or unfit, with the reason.
    """
    failed = dict(silent)
    for subband, loss in losses.items():
        node = places.get(subband)
        if node and loss.cause not in ("data", "") and loss.stage not in ON_STORAGE:
            failed.setdefault(node, f"{subband} lost in {loss.stage}: {loss.reason}")
    return failed


def count(before: Mapping[str, int], used: Collection[str], failed: Collection[str]) -> dict[str, int]:
    """How many observations one after the other nodes have failed in, after one more.

    Where every node that was used failed, it is not the nodes: nothing is counted.
    """
    if failed and not set(used) - set(failed):
        return dict(before)
    counted = {node: number for node, number in before.items() if node not in used}
    return {**counted, **{node: before.get(node, 0) + 1 for node in failed}}


def to_quarantine(counts: Mapping[str, int], after: int, working: Collection[str], n_nodes: int) -> list[str]:
    """Nodes that go into quarantine: never so many that less than half of the nodes are left.

    Parameters
    ----------
    counts : mapping
        See :func:`count`.
    after : int
        From how many on; 0 for never.
    working : collection of str
        Nodes that are not kept out for good already.
    n_nodes : int
        All compute nodes.
    """
    worst = sorted((node for node in counts if node in working), key=lambda node: (-counts[node], node))
    room = len(working) - (n_nodes + 1) // 2
    return [node for node in worst if after and counts[node] >= after][: max(0, room)]
