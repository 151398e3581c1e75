"""Ask every node for what the pipeline needs, and judge the answers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.clusterdesc import ClusterDesc
from sip_luigi.domain.errors import SipError
from sip_luigi.execution.connection import Connection
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.nodes import connect, node_states, read_cluster
from sip_luigi.tasks.survey import MAX_THREADS

MAX_CLOCK_OFFSET_S = 5.0
ANSWER_TIMEOUT_S = 90.0
"""A node starts every program, and tries to reach every other node, before it answers."""
MAX_MEASURES_AGE_DAYS = 400.0
"""Leap seconds are announced half a year ahead."""


@dataclass
class Finding:
    """What is known of one node.

    Attributes
    ----------
    node, roles
        Its name, and what it is in the cluster description.
    problems, warnings : list of str
        What the pipeline would fail on; what an operator should know.
    programs : dict
        Versions by name.
    disks : dict
        Free bytes by directory.
    cores : int or None
        Processor cores.
    clock_offset_s : float or None
        Its clock ahead of this one's.
    """

    node: str
    roles: list[str]
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)
    disks: dict[str, int] = field(default_factory=dict)
    cores: int | None = None
    clock_offset_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def check_cluster(settings: Settings | None = None) -> list[Finding]:
    """Look at all nodes of the cluster description at once."""
    settings = settings or load_settings()
    cluster = read_cluster(settings)
    patient = replace(
        settings.cluster, answer_timeout_s=max(ANSWER_TIMEOUT_S, settings.cluster.answer_timeout_s)
    )
    connections = connect(replace(settings, cluster=patient), cluster)
    checks = {name: _request(settings, cluster, name) for name in _worked_on(cluster)}
    with ThreadPoolExecutor(MAX_THREADS) as pool:
        findings = list(
            pool.map(lambda name: _check(connections[name], name, checks[name], settings), checks)
        )
    states = node_states(settings).read()
    for found in findings:
        found.roles = _roles(cluster, found.node)
        if state := states.get(found.node):
            found.warnings.append(f"takes no new work: {state.state}: {state.reason}")
    return findings


def _worked_on(cluster: ClusterDesc) -> list[str]:
    return list(dict.fromkeys(node.name for node in (*cluster.storage, *cluster.compute)))


def _roles(cluster: ClusterDesc, name: str) -> list[str]:
    roles = {"storage": cluster.storage, "compute": cluster.compute}
    return [role for role, nodes in roles.items() if any(node.name == name for node in nodes)]


def _request(settings: Settings, cluster: ClusterDesc, name: str) -> dict[str, Any]:
    by_ssh = settings.cluster.execution == "ssh"
    request: dict[str, Any] = {"programs": [], "disks": [], "peers": []}
    request["ssh_config"] = settings.cluster.node_ssh_config
    request["scratch"] = []
    request["disks"] = [disk for node in cluster.storage if node.name == name for disk in node.local_disks]
    if "compute" in _roles(cluster, name):
        request["scratch"] = [node.local_disks[0] for node in cluster.compute if node.name == name]
        request["disks"] += request["scratch"]
        request["programs"] += [settings.dppp.executable, settings.imaging.executable]
        # It copies raw data from the storage nodes, and calibrated data from the other compute nodes.
        request["peers"] = [peer for peer in _worked_on(cluster) if by_ssh and peer != name]
    if by_ssh:
        request["programs"].append("rsync")
    return request


def _check(connection: Connection, name: str, request: dict[str, Any], settings: Settings) -> Finding:
    found, asked = Finding(name, []), time.time()
    try:
        answer = connection.call("check", request)
    except SipError as error:
        found.problems.append(str(error))
        return found
    answered, there = time.time(), answer["time_s"]
    # The node read its clock at an unknown moment between question and answer.
    found.clock_offset_s = round(max(0.0, there - answered) + min(0.0, there - asked), 3)
    found.cores = answer["cores"]
    _judge_programs(found, answer)
    _judge_disks(found, answer["disks"], settings, request["scratch"])
    found.problems += [f"cannot copy from {peer}: {why}" for peer, why in answer["peers"].items() if why]
    if abs(found.clock_offset_s) > MAX_CLOCK_OFFSET_S:
        found.warnings.append(
            f"its clock is {found.clock_offset_s:+.1f} s off: set it, or logs do not fit together"
        )
    return found


def _judge_programs(found: Finding, answer: dict[str, Any]) -> None:
    for name, program in answer["programs"].items():
        if program is None:
            found.problems.append(f"program {name!r} not found; install it or name its path")
        elif program.get("error"):
            found.problems.append(f"program {name!r} does not run: {program['error']}")
        else:
            found.programs[name] = program["version"]
    found.programs |= {"python": answer["python"], "sip_luigi": answer["sip_luigi"]}
    if answer["sip_luigi"] != __version__:
        found.problems.append(
            f"sip_luigi {answer['sip_luigi']} is installed, here it is {__version__}; install it"
        )
    measures = answer["measures"]
    if "error" in measures:
        found.problems.append(f"casacore's measures tables: {measures['error']}")
    elif measures["age_days"] > MAX_MEASURES_AGE_DAYS:
        found.warnings.append(
            f"casacore's measures tables are {measures['age_days']:.0f} days old; renew them"
        )


def _judge_disks(found: Finding, disks: dict[str, Any], settings: Settings, writes_to: list[str]) -> None:
    needed = settings.cluster.min_free_mb * 1e6
    for disk, state in disks.items():
        found.disks[disk] = state["free_bytes"]
        if not state["there"] and settings.cluster.execution == "local" and disk in writes_to:
            # On one machine the pipeline makes the directory.
            continue
        if not state["there"]:
            found.problems.append(
                f"disk {disk} is not there; mount it, or take it out of the cluster description"
            )
        elif disk in writes_to and not state["writable"]:
            found.problems.append(f"disk {disk} cannot be written; change its rights")
        elif disk in writes_to and state["free_bytes"] < needed:
            free, wanted = state["free_bytes"] / 1e9, needed / 1e9
            found.problems.append(f"disk {disk} has {free:.2f} GB free, {wanted:.2f} GB are needed")
