"""CopySubband: raw data from the storage node to the compute node."""

from __future__ import annotations

from typing import Any

from sip_luigi.tasks.base import Inputs, Steps
from sip_luigi.tasks.subband import SubbandNodeStage


class CopySubband(SubbandNodeStage):
    """Bring the raw MeasurementSet of one subband to its compute node."""

    stage = "copy"

    def science(self) -> dict[str, Any]:
        """A copy is the data themselves."""
        return {"raw": self.raw.identity}

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Copy or link, and compare with what was described."""
        raw, layout = self.raw, self.ctx.settings.layout
        local = raw.node == self.node.name or self.ctx.settings.cluster.execution == "local"
        request = {
            "source": raw.path,
            "destination": f"{part}/{self.measurementset}",
            "mode": layout.copy_mode if local else "copy",
            "n_files": raw.n_files,
            "size_bytes": raw.size_bytes,
        }
        return ({"call": "copy", "request": request},)
