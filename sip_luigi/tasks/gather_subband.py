"""GatherSubband: a calibrated subband from its compute node to the imaging node."""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.clusterdesc import Node
from sip_luigi.domain.errors import ProgramError, SipError
from sip_luigi.domain.product import Product
from sip_luigi.programs.rsync import rsync_progress
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.context import BAND
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.subband import SubbandNodeStage
from sip_luigi.tasks.transfer import transfer_steps


class GatherSubband(CycleStage, SubbandNodeStage):
    """Bring one calibrated subband to where the band is imaged."""

    stage = "gather"
    version = 2
    cores = 0
    disk_streams = 1

    @property
    def node(self) -> Node:
        """The imaging node."""
        return self.ctx.imaging_node

    @property
    def place_name(self) -> str:
        """The band."""
        return BAND

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """What is known of the calibrated data."""
        return dict(inputs["data"].measures)

    def progress(self, log: str) -> float:
        """As rsync says."""
        return rsync_progress(log)

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Copy or link; what was found of the data when they were calibrated goes with them."""
        calibrated = self.dependencies["data"].product()
        origin = Product(calibrated.node, f"{calibrated.path}/{self.measurementset}")
        measures = {**inputs["data"].measures, "calibrated_s": inputs["data"].elapsed_s}
        return (
            *transfer_steps(self.ctx, origin, self.product(), part, self.measurementset, {}),
            *({"note": value, "name": name} for name, value in measures.items()),
        )

    def explain(self, error: ProgramError) -> SipError:
        """Ask the node of the calibrated data whether it is still there; one that is gone is an error of its own."""
        calibrated = self.dependencies["data"].product()
        self.ctx.connections[calibrated.node].call("look", {})
        return error
