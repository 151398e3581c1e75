"""UpdateDatabase: the shared sky model learns from the best cycle of a finished observation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sip_luigi.database.access import required_database, rules_of
from sip_luigi.database.batch import Batch, ImageInfo
from sip_luigi.database.engine import NONE
from sip_luigi.database.take_in import take_in
from sip_luigi.database.versions import UPDATE
from sip_luigi.domain.acceptance import FIGURES
from sip_luigi.domain.association import ARCSEC_RAD
from sip_luigi.domain.coverage import fit_primary_beam
from sip_luigi.domain.keys import fingerprint
from sip_luigi.domain.sky import DETECTION, Rows, empty
from sip_luigi.domain.vds import parse_gvds
from sip_luigi.fits import Image, read_image
from sip_luigi.settings import Settings
from sip_luigi.surveys.read import read_catalogue, survey_of
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import FromBestCycle
from sip_luigi.tasks.find_sources import CATALOGUE
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.imaging import CORRECTED, IMAGE

DAY_S = 86400.0


def updates_database(settings: Settings) -> bool:
    """Whether finished observations are brought to the database."""
    return settings.database.update_sky and settings.database.url != NONE


class UpdateDatabase(FromBestCycle, HeadStage):
    """Bring image and detections to the database: one transaction, a new version, or a refusal with its reason.

    The product is the record of what became of them. Repeated, or interrupted and repeated, it changes nothing
    twice: the database knows what it has taken in by its fingerprint.
    """

    stage = "update_database"

    def science(self) -> dict[str, Any]:
        """How the sky model learns."""
        return self.ctx.settings.database.update_science()

    def path(self) -> Path:
        """``database/update.json`` of the job."""
        return self.ctx.layout.directory / "database" / "update.json"

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Take the observation in."""
        settings = self.ctx.settings
        database = required_database(settings)
        made_of = {role: manifest.fingerprint for role, manifest in inputs.items()}
        batch = Batch(
            action=UPDATE,
            origin=f"{UPDATE}:{fingerprint(self.key, made_of)}",
            image=self._image_info(inputs),
            detections=self._detections(inputs),
            observation=self._observation(inputs),
        )
        taken = take_in(database, batch, rules_of(settings))
        said = {"database": database.name, **taken._asdict()}
        if not taken.accepted:
            self.warn(f"the sky model does not learn from this observation: {taken.reason}")
        part.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        return said

    def _detections(self, inputs: Inputs) -> Rows:
        sources = self.best("sources", inputs)
        found = inputs[sources].measures["find_sources"]
        if not found["n_sources"]:
            return empty(DETECTION)
        values = {"freq_hz": found["frequency_hz"], "beam_arcsec": found["beam_major_arcsec"]}
        with self.fetched(sources, CATALOGUE) as path:
            return read_catalogue(path, survey_of("pipeline", values, {})).rows

    def _image_info(self, inputs: Inputs) -> ImageInfo:
        settings, best = self.ctx.settings, self.best("image", inputs)
        found = inputs[self.best("sources", inputs)].measures["find_sources"]
        ra_rad, dec_rad = inputs["gvds"].measures["pointing_rad"]
        with self.fetched(best, IMAGE) as flat, self.fetched(best, CORRECTED) as corrected:
            image, intrinsic = read_image(flat), read_image(corrected)
        beam_rad, radius_rad = _field(image, intrinsic)
        figures = self._figures()
        return ImageInfo(
            name=self.obs_id,
            kind="image",
            obs_id=self.obs_id,
            calibrated_by=inputs["initial"].measures.get("database_version"),
            product_key=inputs[best].key,
            freq_hz=found["frequency_hz"],
            bandwidth_hz=figures.get("bandwidth_hz") or 0.0,
            mjd=self._mjd(),
            beam_arcsec=image.beam[0],
            beam_minor_arcsec=image.beam[1],
            beam_pa_deg=image.beam[2],
            ra_rad=ra_rad,
            dec_rad=dec_rad,
            radius_rad=radius_rad,
            rms_jy=found["rms_jy_beam"],
            primary_beam_rad=beam_rad,
            threshold_sigma=settings.source_finding.threshold_peak_sigma,
            flux_scale_error=settings.database.flux_scale_error,
            astrometric_error_rad=settings.database.position_error_beams * image.beam[0] * ARCSEC_RAD,
            monitors=True,
            quality={name: figures.get(name) for name in FIGURES},
        )

    def _observation(self, inputs: Inputs) -> dict[str, Any]:
        return observation_columns(inputs["gvds"].measures)

    def _figures(self) -> dict[str, Any]:
        path = Path(self.dependencies["report"].product().path) / "quality.json"
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return figures

    def _mjd(self) -> float:
        path = Path(self.dependencies["gvds"].product().path)
        gvds = parse_gvds(path.read_text(encoding="utf-8"), path)
        return (gvds.start_time_s + gvds.end_time_s) / 2.0 / DAY_S


def observation_columns(measures: Mapping[str, Any]) -> dict[str, Any]:
    """What table ``observation`` keeps of an observation's description."""
    ra_rad, dec_rad = measures["pointing_rad"]
    kept = {name: measures[name] for name in ("duration_s", "start_freq_hz", "end_freq_hz")}
    return {"ra_rad": ra_rad, "dec_rad": dec_rad, **kept}


def _field(image: Image, corrected: Image) -> tuple[float, float]:
    """Width of the primary beam and radius of the field in which it is known, rad."""
    n_y, n_x = image.data.shape
    pixel_rad = math.radians(abs(float(image.header["CDELT2"])))
    y, x = np.ogrid[:n_y, :n_x]
    distance = np.hypot(x - n_x / 2.0, y - n_y / 2.0) * pixel_rad
    with np.errstate(divide="ignore", invalid="ignore"):
        beam = image.data.astype(float) / corrected.data
    # Where both are near zero their ratio is noise.
    usable = np.isfinite(beam) & (np.abs(image.data) > np.nanstd(image.data))
    known = np.isfinite(corrected.data)
    inside = float(distance[known].max()) if known.any() else 0.0
    radius = min(inside, min(n_x, n_y) / 2.0 * pixel_rad)
    return fit_primary_beam(beam[usable], distance[usable]), radius
