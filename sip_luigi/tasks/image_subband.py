"""ImageSubband: an image of one subband, for those who ask for it."""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.product import Product
from sip_luigi.execution.targets import ImageTarget
from sip_luigi.tasks.base import Inputs, Steps
from sip_luigi.tasks.dp3_stage import described
from sip_luigi.tasks.imaging import ImagingStage
from sip_luigi.tasks.subband import SubbandNodeStage


class ImageSubband(ImagingStage, SubbandNodeStage):
    """Image one subband alone; switched on by ``[pipeline] image_subbands``."""

    stage = "image_subband"
    target_class = ImageTarget

    def product(self) -> Product:
        """A directory in that of the subband."""
        return SubbandNodeStage.product(self)

    def science(self) -> dict[str, Any]:
        """Settings of ``[imaging]``."""
        return ImagingStage.science(self)

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Image this subband."""
        path = f"{self.dependencies['data'].product().path}/{self.measurementset}"
        data, found = inputs["data"].measures, described(inputs["vds"])
        field = {
            "max_baseline_m": found["max_baseline_m"],
            "start_freq_hz": min(found["start_freqs_hz"]),
            "end_freq_hz": max(found["end_freqs_hz"]),
        }
        return self.imaging_steps(
            part,
            self.geometry(field),
            [path],
            [path] if data["beam"] else [],
            data["verify_measurementset"]["n_channels"],
        )
