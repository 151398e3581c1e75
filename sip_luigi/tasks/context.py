"""What all tasks of one observation share: settings, nodes, subbands, the index of products."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

import luigi
from luigi.parameter import ParameterVisibility

from sip_luigi.domain.clusterdesc import ClusterDesc, Node, read_clusterdesc
from sip_luigi.domain.errors import ConfigurationError, TransportError, UnknownObservation
from sip_luigi.domain.observation import JobLayout, Subband, check_obs_id, subband_name
from sip_luigi.execution.connection import Connection
from sip_luigi.execution.index import NodeIndex
from sip_luigi.execution.local import LocalConnection
from sip_luigi.execution.losses import LossRecords
from sip_luigi.settings import Settings, load_settings

logger = logging.getLogger("sip_luigi")

HEAD = "head"
"""Name under which products on the head node, where this process runs, are targets."""


@dataclass(eq=False)
class Context:
    """Everything that the tasks of one observation are given.

    Attributes
    ----------
    settings : Settings
        The checked configuration.
    cluster : ClusterDesc
        The nodes.
    layout : JobLayout
        Paths on the head node.
    subbands : tuple of Subband
        The observation, in order of name.
    connections : dict
        The nodes by name, and :data:`HEAD`.
    index : NodeIndex
        What is where.
    losses : LossRecords
        What was lost.
    """

    settings: Settings
    cluster: ClusterDesc
    layout: JobLayout
    subbands: tuple[Subband, ...]
    connections: dict[str, Connection]
    index: NodeIndex
    losses: LossRecords
    complete: dict[str, bool] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop all that was seen on nodes: something has changed."""
        self.index.forget()
        self.losses.forget()
        self.complete.clear()

    def subband(self, name: str) -> Subband:
        """The subband of a name.

        Raises
        ------
        ConfigurationError
            The observation has no such subband.
        """
        for subband in self.subbands:
            if subband.name == name:
                return subband
        known = ", ".join(subband.name for subband in self.subbands)
        raise ConfigurationError(f"{self.layout.obs_id} has no subband {name!r}; it has {known}")

    def compute_node(self, subband: Subband) -> Node:
        """Where the chain of a subband runs: where its data lie, else in turn; the same on every run."""
        nodes = self.cluster.compute
        for node in nodes:
            if node.name == subband.node:
                return node
        # By its number, so that another subband more or less moves nothing.
        return nodes[subband.number % len(nodes)]

    @property
    def imaging_node(self) -> Node:
        """Where the band is imaged."""
        return self.cluster.compute[0]

    def working_directory(self, node: Node) -> PurePosixPath:
        """Where products of the observation lie on a compute node."""
        working = self.settings.layout.working_directory
        return PurePosixPath(node.local_disks[0]) / working / self.layout.obs_id


class ContextParameter(luigi.Parameter[Any]):
    """Carries the context from task to task; it is no part of a task's identity and never leaves the process."""

    def __init__(self) -> None:
        super().__init__(
            default=cast(Any, None),
            significant=False,
            visibility=ParameterVisibility.PRIVATE,
            positional=False,
        )

    def serialize(self, value: Any) -> str:
        """Never sent anywhere."""
        return ""

    def parse(self, text: str) -> None:
        """Nothing to read."""

    def _warn_on_wrong_param_type(self, name: str, value: Any) -> None:
        """A context is no string, and no mistake."""


def open_context(obs_id: str, settings: Settings | None = None) -> Context:
    """Read the configuration, look at the storage nodes and find the observation.

    Raises
    ------
    ConfigurationError
        Anything wrong with the request, the settings, the cluster description or the programs.
    UnknownObservation
        No raw data.
    TransportError
        A node could not be asked.
    """
    check_obs_id(obs_id)
    settings = settings or load_settings()
    cluster = _read_cluster(settings)
    layout = _job_layout(settings, obs_id)
    connections: dict[str, Connection] = {node.name: LocalConnection(node.name) for node in cluster.nodes}
    connections[HEAD] = LocalConnection(HEAD)
    _require_programs(settings, cluster, connections)
    subbands = find_subbands(settings, cluster, connections, obs_id)
    _require_known((subband.name for subband in subbands), layout)
    return Context(
        settings=settings,
        cluster=cluster,
        layout=layout,
        subbands=subbands,
        connections=connections,
        index=NodeIndex(connections),
        losses=LossRecords(layout.losses),
    )


def find_subbands(
    settings: Settings, cluster: ClusterDesc, connections: dict[str, Connection], obs_id: str
) -> tuple[Subband, ...]:
    """All subbands of an observation on the storage nodes, with one look at each."""
    pattern = settings.layout.raw_pattern.replace("{obs_id}", obs_id)
    found: dict[str, Subband] = {}
    for node in cluster.storage:
        raw = {"directories": list(node.local_disks), "pattern": pattern, "obs_id": obs_id}
        answer = connections[node.name].call("look", {"raw": raw, "disks": list(node.local_disks)})
        _require_disks(node, answer["disks"])
        for entry in answer["raw"]:
            subband = Subband(name=subband_name(entry["path"], obs_id), node=node.name, **entry)
            first = found.setdefault(subband.name, subband)
            if first is not subband and Path(first.path).name != Path(subband.path).name:
                raise ConfigurationError(
                    f"{first.node}:{first.path} and {subband.node}:{subband.path} are both subband {subband.name}; "
                    "let [layout] raw_pattern match one of them"
                )
            if first is not subband:
                logger.warning(
                    "%s is on %s:%s and on %s:%s: the first is used",
                    subband.name,
                    first.node,
                    first.path,
                    subband.node,
                    subband.path,
                )
    if not found:
        searched = ", ".join(f"{node.name}:{disk}" for node in cluster.storage for disk in node.local_disks)
        raise UnknownObservation(
            f"observation {obs_id}: no {pattern} on {searched} (nor in a directory {obs_id} there); check "
            "the id, [layout] raw_pattern and the storage disks in [cluster] clusterdesc"
        )
    _require_one_pointing(found.values(), obs_id)
    return tuple(sorted(found.values(), key=lambda subband: (subband.number, subband.name)))


def _require_disks(node: Node, disks: dict[str, Any]) -> None:
    """Refuse to take a disk that is not mounted for one without data."""
    missing = [disk for disk, state in disks.items() if not state["there"]]
    if missing:
        raise TransportError(
            f"{node.name}: storage disk {', '.join(missing)} is not there; mount it, or take it out of "
            "[cluster] clusterdesc: its data would be taken for missing"
        )


def _require_known(found: Iterable[str], layout: JobLayout) -> None:
    """Refuse an observation that became smaller since it was last described."""
    known = {path.stem for path in layout.vds.glob("*.vds")}
    gone = sorted(known - set(found))
    if gone:
        raise ConfigurationError(
            f"observation {layout.obs_id}: the raw data of {', '.join(gone)} are gone since the last run; restore "
            f"them, or remove their .vds files in {layout.vds} to go on without them"
        )


def _require_one_pointing(subbands: Iterable[Subband], obs_id: str) -> None:
    pointings = sorted({subband.sap for subband in subbands})
    if len(pointings) > 1:
        raise ConfigurationError(
            f"observation {obs_id} has the pointings {', '.join(pointings)}, which cannot share an image; "
            f"choose one, as in [layout] raw_pattern = {{obs_id}}_{pointings[0]}_SB*_uv.MS"
        )


def _read_cluster(settings: Settings) -> ClusterDesc:
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
    return cluster


def _job_layout(settings: Settings, obs_id: str) -> JobLayout:
    given = settings.layout.job_directory.replace("{obs_id}", obs_id)
    if given and "{obs_id}" not in settings.layout.job_directory:
        raise ConfigurationError(
            f"[layout] job_directory = {given}: expected {{obs_id}} in it: observations must not share a directory"
        )
    directory = Path(given).expanduser() if given else settings.runtime_directory / "jobs" / obs_id
    return JobLayout(directory.absolute(), obs_id)


def _require_programs(settings: Settings, cluster: ClusterDesc, connections: dict[str, Connection]) -> None:
    needed = {
        settings.dppp.executable: "[dppp] executable: DP3, from the PyPI package dp3",
        settings.imaging.executable: "[imaging] executable: WSClean, from the Debian package wsclean",
    }
    for node in cluster.compute:
        disks = [node.local_disks[0]]
        answer = connections[node.name].call("look", {"programs": list(needed), "disks": disks})
        for disk, state in answer["disks"].items():
            if state["there"] and not state["writable"]:
                raise ConfigurationError(
                    f"{node.name}: compute disk {disk} cannot be written; change its rights"
                )
        for program, what in needed.items():
            if not answer["programs"][program]:
                raise ConfigurationError(
                    f"{node.name}: program {program!r} not found ({what}); install it or name its path"
                )
