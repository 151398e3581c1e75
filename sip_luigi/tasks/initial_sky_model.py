"""InitialSkyModel: the model that the first cycle is calibrated with."""

from __future__ import annotations

import math
from hashlib import sha256
from pathlib import Path
from typing import Any

from sip_luigi.domain.calibrators import CALIBRATORS, calibrator_model, calibrator_near
from sip_luigi.domain.errors import ConfigurationError, SkyModelError
from sip_luigi.domain.skymodel import SkyModel, parse_skymodel
from sip_luigi.tasks.base import HeadStage, Inputs, Stage

CALIBRATOR_RADIUS_DEG = 1.0


class InitialSkyModel(HeadStage):
    """The sky model of ``[calibration] skymodel``, or that of the calibrator that was observed."""

    stage = "initial_sky_model"

    @property
    def given(self) -> str:
        """Path of the user's model, empty when the pipeline has to find one."""
        return self.ctx.settings.calibration.skymodel

    def inputs(self) -> dict[str, Stage]:
        """Where the telescope pointed, when a model has to be found for it."""
        if self.given:
            return {}
        return super().inputs()

    def science(self) -> dict[str, Any]:
        """The content of the model, wherever it lies."""
        return {"skymodel": sha256(Path(self.given).read_bytes()).hexdigest() if self.given else ""}

    def path(self) -> Path:
        """A copy with the job: what was used stays known."""
        return self.ctx.layout.skymodels / f"{self.obs_id}.initial.skymodel"

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Read, check and copy the model."""
        model = self._read() if self.given else self._find(inputs)
        if not model.sources:
            raise SkyModelError(f"{self.given}: the sky model has no sources; name one that has")
        part.write_text(model.text(), encoding="utf-8")
        return {"n_sources": len(model.sources), "from": Path(self.given).name or model.sources[0].name}

    def _read(self) -> SkyModel:
        path = Path(self.given)
        try:
            return parse_skymodel(path.read_text(encoding="utf-8"), path)
        except UnicodeDecodeError as error:
            raise SkyModelError(f"{path}: not a text sky model ({error})") from error

    def _find(self, inputs: Inputs) -> SkyModel:
        pointing: list[float] = inputs["gvds"].measures["pointing_rad"]
        calibrator = calibrator_near(pointing[0], pointing[1], CALIBRATOR_RADIUS_DEG)
        if calibrator is None:
            ra, dec = (math.degrees(angle) for angle in pointing)
            known = ", ".join(entry.name for entry in CALIBRATORS)
            raise ConfigurationError(
                f"[calibration] skymodel is empty and none of the calibrators {known} is within "
                f"{CALIBRATOR_RADIUS_DEG:g} degree of the phase centre ({ra:.3f}, {dec:+.3f}); name a sky model"
            )
        return calibrator_model(calibrator)
