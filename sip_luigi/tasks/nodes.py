"""The nodes of the settings, and the ways to them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from sip_luigi.domain.clusterdesc import ClusterDesc, Node, read_clusterdesc
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.execution.connection import Connection
from sip_luigi.execution.local import LocalConnection
from sip_luigi.execution.local_starter import LocalStarter
from sip_luigi.execution.nodestates import NodeStates
from sip_luigi.execution.patience import PatientConnection
from sip_luigi.execution.runs import RunRecords
from sip_luigi.execution.ssh import SshConnection, SshOptions
from sip_luigi.settings import Settings

HEAD = "head"
"""Name under which products on the head node, where this process runs, are targets."""


def read_cluster(settings: Settings) -> ClusterDesc:
    """The cluster description of the settings, or this machine alone."""
    path = settings.cluster.clusterdesc
    if not path:
        disk = str(settings.runtime_directory)
        alone = Node(name="localhost", type="Any", local_disks=(disk,))
        return ClusterDesc(name="localhost", nodes=(alone,), path=None)
    cluster = read_clusterdesc(Path(path))
    for role, nodes in (("storage", cluster.storage), ("compute", cluster.compute)):
        bare = [node.name for node in nodes if not node.local_disks]
        if bare or not nodes:
            keys = f"{role.title()}.Nodes and {role.title()}.LocalDisks"
            raise ConfigurationError(
                f"{path}: {role} nodes without a local disk: {', '.join(bare) or 'all'}; give {keys}"
            )
    if settings.cluster.execution == "ssh" and HEAD in cluster.names:
        raise ConfigurationError(
            f"{path}: a node named {HEAD!r}: that name stands for the machine that runs the pipeline; use another"
        )
    return cluster


def connect(settings: Settings, cluster: ClusterDesc) -> dict[str, Connection]:
    """A way to every node, and to :data:`HEAD`; nothing is opened yet."""
    chosen = settings.cluster
    starter = LocalStarter()
    head = LocalConnection(HEAD, starter)
    if chosen.execution == "ssh":
        options = SshOptions(
            config=chosen.ssh_config,
            python=chosen.node_python or sys.executable,
            connect_timeout_s=chosen.connect_timeout_s,
            answer_timeout_s=chosen.answer_timeout_s,
        )
        return {**{name: SshConnection(name, options) for name in cluster.names}, HEAD: head}
    return {**{name: LocalConnection(name, starter) for name in cluster.names}, HEAD: head}


def patient_with(connections: Mapping[str, Connection], settings: Settings) -> dict[str, Connection]:
    """Connections that wait for nodes which do not answer for a while."""
    return {name: _patient(connection, settings) for name, connection in connections.items()}


def _patient(connection: Connection, settings: Settings) -> Connection:
    if isinstance(connection, LocalConnection):
        return connection
    return PatientConnection(connection, settings.cluster.outage_s)


def node_states(settings: Settings) -> NodeStates:
    """The record of nodes that take no new work; all observations share it."""
    return NodeStates(settings.runtime_directory / "cluster" / "nodes.json")


def run_records(settings: Settings) -> RunRecords:
    """Which runs go on; all observations share it."""
    return RunRecords(settings.runtime_directory / "runs")
