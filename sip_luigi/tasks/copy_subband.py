"""CopySubband: raw data from the storage node to the compute node."""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.product import Product
from sip_luigi.programs.rsync import rsync_progress
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.subband import SubbandNodeStage
from sip_luigi.tasks.transfer import transfer_steps


class CopySubband(SubbandNodeStage):
    """Bring the raw MeasurementSet of one subband to its compute node."""

    stage = "copy"
    cores = 0
    disk_streams = 1

    def science(self) -> dict[str, Any]:
        """A copy is the data themselves."""
        return {"raw": self.raw.identity}

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """Nobody asks a copy."""
        return {}

    def progress(self, log: str) -> float:
        """As rsync says."""
        return rsync_progress(log)

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Copy or link, and compare with what was described."""
        raw = self.raw
        known = {"n_files": raw.n_files, "size_bytes": raw.size_bytes}
        origin = Product(raw.node, raw.path)
        return transfer_steps(self.ctx, origin, self.product(), part, self.measurementset, known)
