"""ImageBand: one image from all usable subbands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import QuorumLost
from sip_luigi.domain.product import Loss, Product
from sip_luigi.domain.quorum import Quorum
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.gvds import losses
from sip_luigi.tasks.imaging import ImagingStage, coverage
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.subband import SubbandNodeStage


class ImageBand(CycleStage, ImagingStage):
    """Image the band, as long as enough of it is left."""

    stage = "image_band"

    def science(self) -> dict[str, Any]:
        """Settings of ``[imaging]``, and how much may be missing."""
        pipeline = self.ctx.settings.pipeline
        return {
            **super().science(),
            "min_subband_fraction": pipeline.min_subband_fraction,
            "max_gap_fraction": pipeline.max_gap_fraction,
        }

    def product(self) -> Product:
        """A directory for the band, on the imaging node."""
        node = self.ctx.imaging_node
        return Product(node.name, str(self.ctx.working_directory(node) / "band" / self.name))

    def refuse_lost(self, inputs: Inputs) -> None:
        """Go on with what is left, while it is enough."""
        pipeline = self.ctx.settings.pipeline
        quorum = Quorum(pipeline.min_subband_fraction, pipeline.max_gap_fraction)
        lost = self.losses(inputs)
        problem = quorum.problem([loss is None for loss in lost.values()])
        if problem:
            reasons = "; ".join(f"{name}: {loss.stage}: {loss.reason}" for name, loss in lost.items() if loss)
            raise QuorumLost(f"{problem}. Lost: {reasons}")

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Image every subband that is not lost."""
        used = [name for name, loss in self.losses(inputs).items() if not loss]
        paths = {name: self.measurementset(name) for name in used}
        data = coverage(
            inputs["gvds"].measures, [inputs[name] for name in used], self.largest_source_arcsec(inputs)
        )
        with_beam = [path for name, path in paths.items() if inputs[name].measures["beam"]]
        return self.imaging_steps(part, data, list(paths.values()), with_beam)

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """Nothing that a command of the source finder would depend on, but for the cube."""
        return {}

    def largest_source_arcsec(self, inputs: Inputs) -> float:
        """Major axis of the widest component of the model that the data were calibrated with."""
        path = Path(self.dependencies["skymodel"].product().path)
        model = parse_skymodel(self.text_of("skymodel", inputs), path)
        return max((source.major_arcsec for source in model.sources), default=0.0)

    def losses(self, inputs: Inputs) -> dict[str, Loss | None]:
        """Loss of each subband in order of frequency, None for those that can be used."""
        return losses(inputs["gvds"], inputs, [subband.name for subband in self.ctx.subbands])

    def measurementset(self, subband: str) -> str:
        """Path of a calibrated subband."""
        stage = self.dependencies[subband]
        if not isinstance(stage, SubbandNodeStage):
            raise TypeError(f"{subband}: expected a stage with a MeasurementSet, found {stage}")
        return stage.measurementset_path
