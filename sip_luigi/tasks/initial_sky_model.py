"""InitialSkyModel: the model that the first cycle is calibrated with."""

from __future__ import annotations

import math
from hashlib import sha256
from pathlib import Path
from typing import Any

from sip_luigi.database.access import required_database
from sip_luigi.database.export import Field, export, n_known
from sip_luigi.database.versions import database_id
from sip_luigi.domain.calibrators import CALIBRATORS, calibrator_model, calibrator_near
from sip_luigi.domain.errors import ConfigurationError, SkyModelError
from sip_luigi.domain.skymodel import SkyModel
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.tasks.base import FORETOLD_TEXT, Inputs, Stage
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.sky_choice import Choice, choose

CALIBRATOR_RADIUS_DEG = 1.0


class InitialSkyModel(HeadStage):
    """The sky model of ``[calibration] skymodel``, of the database, or of the calibrator that was observed."""

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
        """The content of the model, wherever it lies: that of a version of the database never changes."""
        if self.given:
            return {"skymodel": sha256(Path(self.given).read_bytes()).hexdigest()}
        chosen = self.choice
        if not chosen.version:
            return {"skymodel": ""}
        wanted = self.ctx.settings.database.model_science()
        return {"skymodel": "", "database": chosen.database, "version": chosen.version, **wanted}

    @property
    def choice(self) -> Choice:
        """The version of the shared sky model that this observation begins with."""
        return choose(self.ctx.settings, self.ctx.layout.skymodels, self.obs_id, dry=self.ctx.dry)

    def path(self) -> Path:
        """A copy with the job: what was used stays known."""
        return self.ctx.layout.skymodels / f"{self.obs_id}.initial.skymodel"

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Read, check and copy the model."""
        model = self.model(inputs)
        text = model.text()
        part.write_text(text, encoding="utf-8")
        from_database = not self.given and bool(model.header_comments)
        return {
            "n_sources": len(model.sources),
            "from": Path(self.given).name or ("database" if from_database else model.sources[0].name),
            "database_version": self.choice.version if from_database else None,
            "sha256": sha256(text.encode()).hexdigest(),
        }

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """The model itself."""
        return {FORETOLD_TEXT: self.model(inputs).text()}

    def model(self, inputs: Inputs) -> SkyModel:
        """The model, read and checked."""
        model = self._read() if self.given else self._from_database(inputs) or self._find(inputs)
        if not model.sources:
            raise SkyModelError(f"{self.given}: the sky model has no sources; name one that has")
        return model

    def _read(self) -> SkyModel:
        path = Path(self.given)
        try:
            return parse_skymodel(path.read_text(encoding="utf-8"), path)
        except UnicodeDecodeError as error:
            raise SkyModelError(f"{path}: not a text sky model ({error})") from error

    def _from_database(self, inputs: Inputs) -> SkyModel | None:
        """What the chosen version knows of the field; None when that is nothing."""
        chosen = self.choice
        if not chosen.version:
            return None
        settings = self.ctx.settings.database
        ra_rad, dec_rad = inputs["gvds"].measures["pointing_rad"]
        field = Field(
            ra_rad,
            dec_rad,
            math.radians(settings.model_radius_deg),
            settings.model_flux_limit_jy,
            math.radians(settings.bright_reach_deg),
        )
        database = required_database(self.ctx.settings)
        with database.reading() as connection:
            found = database_id(connection)
            if found != chosen.database:
                raise ConfigurationError(
                    f"{self.obs_id} begins with version {chosen.version} of the database {chosen.database}, but "
                    f"{database.name} is {found}; name the former in [database] url, or choose afresh: "
                    f"sip sky refresh {self.obs_id}"
                )
            model = export(connection, chosen.version, field)
        return model if n_known(model) else None

    def _find(self, inputs: Inputs) -> SkyModel:
        pointing: list[float] = inputs["gvds"].measures["pointing_rad"]
        calibrator = calibrator_near(pointing[0], pointing[1], CALIBRATOR_RADIUS_DEG)
        if calibrator is None:
            ra, dec = (math.degrees(angle) for angle in pointing)
            known = ", ".join(entry.name for entry in CALIBRATORS)
            raise ConfigurationError(
                f"[calibration] skymodel is empty and none of the calibrators {known} is within "
                f"{CALIBRATOR_RADIUS_DEG:g} degree of the phase centre ({ra:.3f}, {dec:+.3f}), and the database knows "
                "nothing there; name a sky model, or import a survey: sip sky import"
            )
        return calibrator_model(calibrator)
