"""One look at every node before anything is dispatched: raw data, programs, disks, cores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sip_luigi.domain.clusterdesc import ClusterDesc, Node, match_filesystem
from sip_luigi.domain.errors import ConfigurationError, TransportError, UnknownObservation
from sip_luigi.domain.observation import Subband, subband_name
from sip_luigi.domain.placement import ComputeNode
from sip_luigi.execution.connection import Connection
from sip_luigi.execution.nodestates import UNFIT, UNREACHABLE, NodeStates
from sip_luigi.settings import Settings

logger = logging.getLogger("sip_luigi")

T = TypeVar("T")
Answer = dict[str, Any]
MAX_THREADS = 32


class Survey(NamedTuple):
    """What was found.

    Attributes
    ----------
    subbands : tuple of Subband
        The observation, in order of frequency.
    nodes : tuple of ComputeNode
        Compute nodes that answered, whether or not they take new work.
    """

    subbands: tuple[Subband, ...]
    nodes: tuple[ComputeNode, ...]


def survey(
    settings: Settings,
    cluster: ClusterDesc,
    connections: Mapping[str, Connection],
    states: NodeStates,
    obs_id: str,
) -> Survey:
    """Look at all nodes at once.

    A compute node that does not answer, or lacks something, is kept out of the work as long as that is so; a
    storage node that does not answer is an error, because its data would be taken for missing.

    Raises
    ------
    ConfigurationError
        A program or a disk is missing on every compute node, or the raw data are not one observation.
    UnknownObservation
        No raw data.
    TransportError
        A storage node, or no compute node, could be asked.
    """
    requests = _requests(settings, cluster, obs_id)
    answers = ask_all(requests, lambda name: connections[name].call("look", requests[name]))
    nodes = _compute_nodes(settings, cluster, answers, states)
    return Survey(_subbands(settings, cluster, answers, obs_id), nodes)


def ask_all(names: Iterable[str], ask: Callable[[str], T]) -> dict[str, T | TransportError]:
    """Ask nodes in parallel; the answer of one that could not be reached is the error."""

    def try_to(name: str) -> T | TransportError:
        try:
            return ask(name)
        except TransportError as error:
            return error

    names = list(names)
    with ThreadPoolExecutor(min(MAX_THREADS, max(1, len(names)))) as pool:
        return dict(zip(names, pool.map(try_to, names), strict=True))


def _requests(settings: Settings, cluster: ClusterDesc, obs_id: str) -> dict[str, Answer]:
    """What each node is asked; a node of both roles is asked once."""
    pattern = settings.layout.raw_pattern.replace("{obs_id}", obs_id)
    requests: dict[str, Answer] = {}
    for node in cluster.storage:
        disks = list(node.local_disks)
        requests[node.name] = {
            "raw": {"directories": disks, "pattern": pattern, "obs_id": obs_id},
            "disks": disks,
        }
    for node in cluster.compute:
        request = requests.setdefault(node.name, {})
        request["disks"] = sorted({*request.get("disks", ()), node.local_disks[0]})
        request["programs"] = list(_programs(settings))
    return requests


def _programs(settings: Settings) -> dict[str, str]:
    needed = {
        settings.dppp.executable: "[dppp] executable: DP3, from the PyPI package dp3",
        settings.imaging.executable: "[imaging] executable: WSClean, from the Debian package wsclean",
    }
    if settings.cluster.execution == "ssh" or settings.layout.copy_mode == "copy":
        needed["rsync"] = "from the Debian package rsync"
    return needed


def _compute_nodes(
    settings: Settings, cluster: ClusterDesc, answers: Mapping[str, Any], states: NodeStates
) -> tuple[ComputeNode, ...]:
    found, problems = [], []
    for node in cluster.compute:
        answer = answers[node.name]
        if isinstance(answer, TransportError):
            logger.warning("%s takes no part: %s", node.name, answer)
            states.keep_out(node.name, UNREACHABLE, str(answer))
            continue
        if states.give_back(node.name, UNREACHABLE):
            logger.warning("%s answers again", node.name)
        disk = node.local_disks[0]
        if problem := _problem(settings, node.name, disk, answer):
            logger.warning("%s takes no part: %s", node.name, problem)
            states.keep_out(node.name, UNFIT, problem)
            problems.append(problem)
            continue
        if states.give_back(node.name, UNFIT):
            logger.warning("%s has what it needs again and takes part", node.name)
        cores = settings.cluster.cores or answer["cores"]
        sees = _storage_seen(cluster, node)
        free, memory = answer["disks"][disk]["free_bytes"], answer.get("memory_bytes", 0)
        found.append(ComputeNode(node.name, cores, free, sees, memory))
    if problems and not found:
        raise ConfigurationError("; ".join(problems))
    if not found:
        reasons = "; ".join(str(answers[node.name]) for node in cluster.compute)
        raise TransportError(f"no compute node could be reached: {reasons}")
    return tuple(found)


def _problem(settings: Settings, name: str, disk: str, answer: Answer) -> str:
    """What keeps a compute node that answers from working; empty for nothing."""
    state = answer["disks"][disk]
    if settings.cluster.execution == "ssh" and not state["there"]:
        return f"{name}: compute disk {disk} is not there; mount it or make the directory"
    if state["there"] and not state["writable"]:
        return f"{name}: compute disk {disk} cannot be written; change its rights"
    for program, what in _programs(settings).items():
        if not answer["programs"][program]:
            return f"{name}: program {program!r} not found ({what}); install it or name its path"
    return ""


def _storage_seen(cluster: ClusterDesc, node: Node) -> frozenset[str]:
    return frozenset(
        other.name
        for other in cluster.storage
        for disk in other.local_disks
        for mount in match_filesystem(f"{other.name}:{disk}", cluster)
        if mount.node.name == node.name
    )


def _subbands(
    settings: Settings, cluster: ClusterDesc, answers: Mapping[str, Any], obs_id: str
) -> tuple[Subband, ...]:
    found: dict[str, Subband] = {}
    for node in cluster.storage:
        answer = answers[node.name]
        if isinstance(answer, TransportError):
            raise TransportError(
                f"{answer}; the raw data of {node.name} would be taken for missing"
            ) from answer
        require_disks(node, answer["disks"])
        for entry in answer["raw"]:
            _add(found, Subband(name=subband_name(entry["path"], obs_id), node=node.name, **entry))
    if not found:
        pattern = settings.layout.raw_pattern.replace("{obs_id}", obs_id)
        searched = ", ".join(f"{node.name}:{disk}" for node in cluster.storage for disk in node.local_disks)
        raise UnknownObservation(
            f"observation {obs_id}: no {pattern} on {searched} (nor in a directory {obs_id} there); check "
            "the id, [layout] raw_pattern and the storage disks in [cluster] clusterdesc",
            obs_id,
        )
    _require_one_pointing(found.values(), obs_id)
    return tuple(sorted(found.values(), key=lambda subband: (subband.number, subband.name)))


def _add(found: dict[str, Subband], subband: Subband) -> None:
    first = found.setdefault(subband.name, subband)
    if first is subband:
        return
    if Path(first.path).name != Path(subband.path).name:
        raise ConfigurationError(
            f"{first.node}:{first.path} and {subband.node}:{subband.path} are both subband {subband.name}; "
            "let [layout] raw_pattern match one of them"
        )
    logger.warning(
        "%s is on %s:%s and on %s:%s: the first is used",
        subband.name,
        first.node,
        first.path,
        subband.node,
        subband.path,
    )


def require_disks(node: Node, disks: Mapping[str, Any]) -> None:
    """Refuse to take a disk that is not mounted for one without data."""
    missing = [disk for disk in node.local_disks if not disks[disk]["there"]]
    if missing:
        raise TransportError(
            f"{node.name}: storage disk {', '.join(missing)} is not there; mount it, or take it out of "
            "[cluster] clusterdesc: its data would be taken for missing"
        )


def _require_one_pointing(subbands: Iterable[Subband], obs_id: str) -> None:
    pointings = sorted({subband.sap for subband in subbands})
    if len(pointings) > 1:
        raise ConfigurationError(
            f"observation {obs_id} has the pointings {', '.join(pointings)}, which cannot share an image; "
            f"choose one, as in [layout] raw_pattern = {{obs_id}}_{pointings[0]}_SB*_uv.MS"
        )
