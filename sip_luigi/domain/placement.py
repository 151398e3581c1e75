"""Which compute node each subband is given, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sip_luigi.domain.observation import Subband

ROOM_FACTOR = 2.5
"""Room that the chain of a subband takes, in sizes of its raw data: the copy and what is made from it."""


@dataclass(frozen=True)
class Place:
    """Where the chain of a subband runs.

    Attributes
    ----------
    node : str
        Compute node.
    reason : str
        Why there, in a few words.
    """

    node: str
    reason: str


@dataclass(frozen=True)
class ComputeNode:
    """A compute node that takes work.

    Attributes
    ----------
    name : str
        As in the cluster description.
    cores : int
        Processor cores.
    free_bytes : int
        Room on the disk where products are made.
    sees : frozenset of str
        Storage nodes of which it sees a disk as its own or mounted.
    memory_bytes : int
        Memory that it has; 0: not known.
    """

    name: str
    cores: int
    free_bytes: int
    sees: frozenset[str] = frozenset()
    memory_bytes: int = 0


def place_subbands(
    subbands: Sequence[Subband],
    nodes: Sequence[ComputeNode],
    kept: Mapping[str, Place],
) -> dict[str, Place]:
    """Give every subband a node: where its data lie, else where least is to do and there is room.

    Nodes that have the disk with the data mounted go before those that have not, as long as one has room.

    Parameters
    ----------
    subbands : sequence of Subband
        The observation.
    nodes : sequence of ComputeNode
        Those that take work, in the order of the cluster description; at least one.
    kept : mapping
        Places that hold already: the same on every run.

    Returns
    -------
    dict
        Place by the name of the subband.
    """
    known = {node.name: node for node in nodes}
    places = {subband.name: kept[subband.name] for subband in subbands if subband.name in kept}
    load = {node.name: 0 for node in nodes}
    room = {node.name: float(node.free_bytes) for node in nodes}
    for place in places.values():
        if place.node in known:
            load[place.node] += 1
    for subband in subbands:
        if subband.name in places:
            continue
        need = subband.size_bytes * ROOM_FACTOR
        place = _local(subband, known) or _balanced(subband.node, need, nodes, load, room)
        places[subband.name] = place
        load[place.node] += 1
        room[place.node] -= need
    return places


def lost_locality(
    places: Mapping[str, Place], subbands: Iterable[Subband], compute: Iterable[str]
) -> list[str]:
    """Subbands whose raw data lie on a compute node, but that are processed on another."""
    names = set(compute)
    return [s.name for s in subbands if s.node in names and places[s.name].node != s.node]


def _local(subband: Subband, nodes: Mapping[str, ComputeNode]) -> Place | None:
    if subband.node in nodes:
        return Place(subband.node, "its raw data lie there")
    return None


def _balanced(
    storage: str,
    need: float,
    nodes: Sequence[ComputeNode],
    load: Mapping[str, int],
    room: Mapping[str, float],
) -> Place:
    roomy = [node for node in nodes if room[node.name] >= need]
    if not roomy:
        best = max(nodes, key=lambda node: room[node.name])
        return Place(best.name, f"no node has {need / 1e9:.2f} GB free; this one has most room")
    near = [node for node in roomy if storage in node.sees]
    # Of equally loaded nodes the first: free space changes from run to run, the order does not.
    best = min(near or roomy, key=lambda node: (load[node.name] + 1) / node.cores)
    reason = f"least loaded: {load[best.name]} subbands on {best.cores} cores"
    if near:
        reason = f"the disk of {storage} is mounted there; {reason}"
    if len(roomy) < len(nodes):
        reason += f"; {len(nodes) - len(roomy)} nodes have no room for {need / 1e9:.2f} GB"
    return Place(best.name, reason)
