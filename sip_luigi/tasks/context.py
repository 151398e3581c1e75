"""What all tasks of one observation share: settings, nodes, subbands, places, the index of products."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, cast

import luigi
from luigi.parameter import ParameterVisibility

from sip_luigi.domain.clusterdesc import ClusterDesc, Node
from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.domain.observation import JobLayout, Subband, check_obs_id
from sip_luigi.domain.placement import ComputeNode, Place, lost_locality, place_subbands
from sip_luigi.execution.again import read_again
from sip_luigi.execution.connection import Connection
from sip_luigi.execution.index import NodeIndex
from sip_luigi.execution.losses import LossRecords
from sip_luigi.execution.nodestates import UNREACHABLE, NodeStates, PretendedStates
from sip_luigi.execution.placement import PlacementRecord, PretendedPlacement
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.chain import CHAIN, Chain
from sip_luigi.tasks.job_directories import job_layout
from sip_luigi.tasks.nodes import connect, node_states, patient_with, read_cluster
from sip_luigi.tasks.own_stages import chain_with
from sip_luigi.tasks.survey import survey

logger = logging.getLogger("sip_luigi")

BAND = "band"
"""Name under which the imaging node has its place."""


@dataclass(eq=False, repr=False)
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
    nodes : tuple of ComputeNode
        Compute nodes that answered when the run began.
    connections : dict
        The nodes by name, and :data:`HEAD`.
    states : NodeStates
        Which nodes take no new work.
    record : PlacementRecord
        Where the chains run.
    index : NodeIndex
        What is where.
    losses : LossRecords
        What was lost.
    calibrator : Context or None
        The observation of the calibrator, whose stages are those of any other observation.
    places, complete
        Where the chains run, and which tasks are known to be complete, as seen last.
    chain : mapping
        The graph: what each stage takes, those of one's own among them.
    logs_served : bool
        Whether the scheduler shows the logs beside its visualiser.
    again : mapping
        How often an operator has asked for the products of a stage afresh, by its class.
    dry : bool
        Whether nothing may be written.
    """

    settings: Settings
    cluster: ClusterDesc
    layout: JobLayout
    subbands: tuple[Subband, ...]
    nodes: tuple[ComputeNode, ...]
    connections: dict[str, Connection]
    states: NodeStates
    record: PlacementRecord
    index: NodeIndex
    losses: LossRecords
    calibrator: Context | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    complete: dict[str, bool] = field(default_factory=dict)
    chain: Chain = field(default_factory=lambda: CHAIN)
    logs_served: bool = False
    again: Mapping[str, int] = field(default_factory=dict)
    dry: bool = False

    def __repr__(self) -> str:
        # Luigi writes out the arguments of every task that is made.
        return f"<Context of {self.layout.obs_id}>"

    def forget(self) -> None:
        """Drop all that was seen: something has changed."""
        self.index.forget()
        self.losses.forget()
        self.complete.clear()
        self.places = self.record.read() or self.places
        if self.calibrator:
            self.calibrator.forget()

    def subband(self, name: str) -> Subband:
        """The subband of a name.

        Raises
        ------
        ConfigurationError
            The observation has no such subband.
        """
        try:
            return self._subbands[name]
        except KeyError:
            known = ", ".join(self._subbands)
            raise ConfigurationError(
                f"{self.layout.obs_id} has no subband {name!r}; it has {known}"
            ) from None

    def compute_node(self, subband: Subband) -> Node:
        """Where the chain of a subband runs."""
        return self._compute[self.places[subband.name].node]

    @property
    def imaging_node(self) -> Node:
        """Where the band is imaged."""
        return self._compute[self.places[BAND].node]

    def cores(self, node: str) -> int:
        """Cores of a compute node that are used."""
        return self._cores.get(node, 1)

    def memory_bytes(self, node: str) -> int:
        """Memory of a compute node, 0 where it is not known."""
        return next((entry.memory_bytes for entry in self.nodes if entry.name == node), 0)

    def takes_work(self, node: str) -> bool:
        """Whether new work may be started on a node."""
        return node not in self.states.read()

    def place(self, move: Iterable[str] = ()) -> None:
        """Give a place to whatever has none, and to everything on nodes that are gone.

        Parameters
        ----------
        move : iterable of str
            What shall not stay where it is if that node takes no new work: names of subbands, :data:`BAND`.
        """
        states, moving = self.states.read(), set(move)
        takers = [node for node in self.nodes if node.name not in states]
        if not takers:
            reasons = "; ".join(f"{name}: {state.state}: {state.reason}" for name, state in states.items())
            raise TransportError(
                f"no compute node takes work ({reasons}); give one back: sip cluster resume NODE"
            )

        def stays(name: str, place: Place) -> bool:
            state = states.get(place.node)
            out = state and (name in moving or state.silent)
            return place.node in self._compute and not out

        def decide(before: Mapping[str, Place]) -> dict[str, Place]:
            kept = {name: place for name, place in before.items() if stays(name, place)}
            places = place_subbands(self.subbands, takers, kept)
            places[BAND] = kept.get(BAND) or self._imaging_place(takers)
            return {name: _moved(before.get(name), place) for name, place in places.items()}

        self.places = self.record.update(decide)

    def give_up(self, error: TransportError) -> bool:
        """Move everything off a compute node that is gone; tell whether that was what is wrong."""
        if error.node not in self._compute:
            return False
        logger.error("%s is gone, its subbands move elsewhere: %s", error.node, error)
        self.states.keep_out(error.node, UNREACHABLE, str(error))
        self.place()
        if self.calibrator:
            self.calibrator.place()
        self.forget()
        return True

    def working_directory(self, node: Node) -> PurePosixPath:
        """Where products of the observation lie on a compute node."""
        working = self.settings.layout.working_directory
        return PurePosixPath(node.local_disks[0]) / working / self.layout.obs_id

    @cached_property
    def _subbands(self) -> dict[str, Subband]:
        return {subband.name: subband for subband in self.subbands}

    @cached_property
    def _compute(self) -> dict[str, Node]:
        return {node.name: node for node in self.cluster.compute}

    @cached_property
    def _cores(self) -> dict[str, int]:
        return {node.name: node.cores for node in self.nodes}

    def _imaging_place(self, takers: Iterable[ComputeNode]) -> Place:
        names, wanted = [node.name for node in takers], self.settings.cluster.imaging_node
        if wanted in names:
            return Place(wanted, "[cluster] imaging_node")
        if wanted and wanted not in self._compute:
            raise ConfigurationError(
                f"[cluster] imaging_node = {wanted}: no such compute node; there are {', '.join(self._compute)}"
            )
        return Place(names[0], "the first node that takes work")


def _moved(before: Place | None, place: Place) -> Place:
    if before is None or before.node == place.node:
        return place
    return Place(place.node, f"moved from {before.node}; {place.reason}")


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


def open_context(obs_id: str, settings: Settings | None = None, *, dry: bool = False) -> Context:
    """Read the configuration, look at all nodes, find the observation and give its subbands their places.

    Parameters
    ----------
    obs_id : str
        The observation.
    settings : Settings, optional
        The configuration; read when it is not given. Where it names a calibrator, that is opened too.
    dry : bool
        Write nothing: what would be noted, of places and nodes, this process alone knows.

    Raises
    ------
    ConfigurationError
        Anything wrong with the request, the settings, the cluster description or the programs.
    UnknownObservation
        No raw data.
    TransportError
        A node could not be asked.
    """
    settings = settings or load_settings()
    calibrator_obs_id = settings.calibration.calibrator_obs_id
    check_obs_id(obs_id)
    if not calibrator_obs_id:
        return _open(obs_id, settings, dry=dry)
    check_obs_id(calibrator_obs_id)
    if calibrator_obs_id == obs_id:
        raise ConfigurationError(
            f"calibrator_obs_id = {obs_id}: expected another observation than the target's; leave it empty to "
            "calibrate the target against a sky model of its own"
        )
    ctx = _open(obs_id, settings, dry=dry)
    # Its own stages are the same whichever target they are for: nothing of the target is in their settings.
    own = replace(settings, calibration=replace(settings.calibration, calibrator_obs_id=""))
    return replace(ctx, calibrator=_open(calibrator_obs_id, own, ctx, dry=dry))


def _open(obs_id: str, settings: Settings, beside: Context | None = None, *, dry: bool = False) -> Context:
    """Open one observation; beside another one it shares connections and what is known of products."""
    chain = chain_with(settings.pipeline.own_stages)
    cluster = read_cluster(settings)
    layout = job_layout(settings, obs_id)
    states = PretendedStates(node_states(settings).path) if dry else node_states(settings)
    connections = beside.connections if beside else connect(settings, cluster)
    found = survey(settings, cluster, connections, states, obs_id)
    _require_known((subband.name for subband in found.subbands), layout)
    patient = connections
    if not beside:
        patient = patient_with(connections, settings)
    ctx = Context(
        settings=settings,
        cluster=cluster,
        layout=layout,
        subbands=found.subbands,
        nodes=found.nodes,
        connections=patient,
        states=states,
        record=(PretendedPlacement if dry else PlacementRecord)(layout.directory / "placement.json"),
        index=beside.index if beside else NodeIndex(patient),
        losses=LossRecords(layout.losses),
        complete=beside.complete if beside else {},
        again=read_again(layout.again),
        dry=dry,
        chain=chain,
    )
    ctx.place()
    _warn_of_lost_locality(ctx)
    return ctx


def _warn_of_lost_locality(ctx: Context) -> None:
    away = lost_locality(ctx.places, ctx.subbands, (node.name for node in ctx.cluster.compute))
    if away:
        logger.warning("processed away from the node where their raw data lie: %s", ", ".join(away))


def _require_known(found: Iterable[str], layout: JobLayout) -> None:
    """Refuse an observation that became smaller since it was last described."""
    known = {path.stem for path in layout.vds.glob("*.vds")}
    gone = sorted(known - set(found))
    if gone:
        raise ConfigurationError(
            f"observation {layout.obs_id}: the raw data of {', '.join(gone)} are gone since the last run; restore "
            f"them, or remove their .vds files in {layout.vds} to go on without them"
        )
