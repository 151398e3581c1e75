"""FindSources: the catalogue of the band image, PyBDSF."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sip_luigi.domain.product import Product
from sip_luigi.execution.targets import ImageTarget
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.imaging import CORRECTED, CUBE, IMAGE
from sip_luigi.tasks.node_stage import NodeStage, Steps

CATALOGUE, GAUSSIANS = "catalogue.fits", "gaussians.fits"
RMS_MAP, SOURCES_REMOVED = "rms.fits", "residual.fits"


class FindSources(CycleStage, NodeStage):
    """Find sources on the flat-noise image, measure them on the beam-corrected one."""

    stage = "find_sources"
    version = 2
    target_class = ImageTarget

    @property
    def cores(self) -> int:
        """``[source_finding] threads``."""
        return self.ctx.settings.source_finding.threads

    def science(self) -> dict[str, Any]:
        """Settings of ``[source_finding]``."""
        return self.ctx.settings.source_finding.science()

    def product(self) -> Product:
        """A directory beside the image's."""
        node = self.ctx.imaging_node
        return Product(node.name, str(self.ctx.working_directory(node) / "band" / self.name))

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """One call of the source finder."""
        image = self.dependencies["image"].product().path
        request = {
            "detection_image": f"{image}/{IMAGE}",
            "measure_image": f"{image}/{CORRECTED}",
            "catalogue": f"{part}/{CATALOGUE}",
            "gaussians": f"{part}/{GAUSSIANS}",
            "rms_image": f"{part}/{RMS_MAP}",
            "residual_image": f"{part}/{SOURCES_REMOVED}",
            "cube": f"{image}/{CUBE}" if "spectral_cube" in inputs["image"].measures else "",
            "options": asdict(self.ctx.settings.source_finding),
        }
        return ({"call": "find_sources", "request": request},)
