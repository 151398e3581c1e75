"""UpdateSkyModel: the sky model of the next cycle."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.domain.skymodel_update import Update, update_sky_model
from sip_luigi.fits import read_detections
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.head_stage import HeadStage, timestamp


class UpdateSkyModel(CycleStage, HeadStage):
    """Correct the sky model by what was detected, and add what it did not know."""

    stage = "update_sky_model"

    def science(self) -> dict[str, Any]:
        """How detections are taken in."""
        return self.ctx.settings.sky_model.science()

    def path(self) -> Path:
        """A text model, named for its cycle."""
        return self.ctx.layout.skymodels / f"{self.obs_id}.cycle{self.cycle}.skymodel"

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Match, scale, add; the header says where the model comes from."""
        found = inputs["sources"].measures["find_sources"]
        before = Path(self.dependencies["skymodel"].product().path)
        settings = self.ctx.settings.sky_model
        with self.fetched("sources", "catalogue.fits") as catalogue:
            detections = read_detections(catalogue)
        update = update_sky_model(
            parse_skymodel(before.read_text(encoding="utf-8"), before),
            detections,
            found["frequency_hz"],
            math.radians(settings.association_radius_beams * found["beam_major_arcsec"] / 3600.0),
            settings.default_spectral_index,
        )
        comments = (*self._provenance(update, before), *update.model.header_comments)
        model = replace(update.model, header_comments=comments)
        part.write_text(model.text(), encoding="utf-8")
        return {
            "n_sources": len(update.model.sources),
            "n_matched": len(update.matched),
            "n_added": len(update.added),
            "n_undetected": len(update.undetected),
        }

    def _provenance(self, update: Update, before: Path) -> list[str]:
        lines = {
            "observation": self.obs_id,
            "cycle": self.cycle,
            "made": timestamp(),
            "made by": f"sip_luigi {__version__}, {self.stage} version {self.version}",
            "key": self.key,
            "updates": before.name,
            "components corrected": len(update.matched),
            "sources added": len(update.added),
            "components not detected, kept": len(update.undetected),
        }
        return [f"{key}: {value}" for key, value in lines.items()]
