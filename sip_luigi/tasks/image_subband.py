"""ImageSubband: an image of one subband, for those who ask for it."""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.product import Product
from sip_luigi.execution.targets import ImageTarget
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import FromBestCycle
from sip_luigi.tasks.dp3_stage import described
from sip_luigi.tasks.imaging import ImagingStage, coverage
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.subband import SubbandNodeStage


class ImageSubband(FromBestCycle, ImagingStage, SubbandNodeStage):
    """Image one subband alone; switched on by ``[pipeline] image_subbands``."""

    stage = "image_subband"
    target_class = ImageTarget

    def product(self) -> Product:
        """A directory in that of the subband."""
        return SubbandNodeStage.product(self)

    def science(self) -> dict[str, Any]:
        """Settings of ``[imaging]``."""
        return ImagingStage.science(self)

    def refuse_lost(self, inputs: Inputs) -> None:
        """The best cycle alone counts."""
        super().refuse_lost({"data": inputs[self.best("data", inputs)], "vds": inputs["vds"]})

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Image this subband."""
        role = self.best("data", inputs)
        path = f"{self.dependencies[role].product().path}/{self.measurementset}"
        found = described(inputs["vds"])
        field = {
            "max_baseline_m": found["max_baseline_m"],
            "start_freq_hz": min(found["start_freqs_hz"]),
            "end_freq_hz": max(found["end_freqs_hz"]),
            "antenna_set": found.get("antenna_set", ""),
        }
        data = coverage(field, [inputs[role]])
        return self.imaging_steps(part, data, [path], [path] if inputs[role].measures["beam"] else [])
