"""QualityReport: the figures that say how good the results are, and the page that shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.domain.quality import (
    Comparison,
    compare,
    mean,
    outcome_of,
    thermal_noise_jy,
    verdict,
)
from sip_luigi.fits import Image, positions, read_detections, read_image, read_reference
from sip_luigi.report.page import Page, render
from sip_luigi.tasks.base import HeadStage, Inputs, timestamp
from sip_luigi.tasks.gvds import losses
from sip_luigi.tasks.preprocess_report import flagged_by_cause, grouped

NOT_MEASURED = Comparison(None, None, None, 0)
MATCH_RADIUS_BEAMS = 1.0


class QualityReport(HeadStage):
    """Judge an observation, whatever became of it."""

    stage = "quality_report"
    kind = "directory"

    def science(self) -> dict[str, Any]:
        """What is compared, and the limits."""
        settings = self.ctx.settings.quality
        path = settings.reference_catalogue
        # The content, as far as it can be had without reading a survey: its size and time.
        status = Path(path).stat() if path else None
        identity = [status.st_size, status.st_mtime_ns] if status else []
        return {**settings.science(), "reference_catalogue": identity}

    def refuse_lost(self, inputs: Inputs) -> None:
        """A report on a loss is a report."""

    def path(self) -> Path:
        """A directory beside the results, which are delivered from it."""
        return self.ctx.layout.directory / "quality"

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Compute the figures, judge them, write both files."""
        image = self._image(inputs)
        figures = self.figures(inputs, image)
        word, reasons = verdict(figures, self.ctx.settings.quality.max_noise_ratio)
        figures |= {"verdict": word, "reasons": reasons}
        text = json.dumps(figures, indent=1, allow_nan=False)
        (part / "quality.json").write_text(text + "\n", encoding="utf-8")
        page = Page(figures, image, self._detections(inputs), self._subbands(inputs), self._notes(inputs))
        (part / "report.html").write_text(render(page), encoding="utf-8")
        return {"outcome": figures["outcome"], "verdict": word}

    def figures(self, inputs: Inputs, image: Image | None) -> dict[str, Any]:
        """Everything that ``quality.json`` holds, but the verdict."""
        calibrated = {subband.name: inputs[subband.name] for subband in self.ctx.subbands}
        used = self._used(inputs)
        flagged = mean([m.measures["verify_measurementset"]["flagged_fraction"] for m in used.values()])
        figures: dict[str, Any] = {
            "obs_id": self.obs_id,
            "made": timestamp(),
            "software": f"sip_luigi {__version__}",
            "outcome": outcome_of(len(calibrated), len(used), image is not None),
            "subbands_expected": len(calibrated),
            "subbands_used": len(used) if image else 0,
            "subbands_lost": self.lost(inputs),
            "flagged_fraction": flagged,
            "without_beam": sorted(name for name, m in used.items() if not beam_applied(m)),
            "bad_stations": bad_stations(used),
            "preprocessing": grouped({name: manifest.measures for name, manifest in used.items()}),
            "flagged_by_cause": flagged_by_cause(manifest.measures for manifest in used.values()),
        }
        return figures | self._image_figures(inputs, image, flagged or 0.0) | self._source_figures(inputs)

    def _losses(self, inputs: Inputs) -> dict[str, Loss | None]:
        return losses(inputs["gvds"], inputs, [subband.name for subband in self.ctx.subbands])

    def _used(self, inputs: Inputs) -> dict[str, Manifest]:
        return {name: inputs[name] for name, loss in self._losses(inputs).items() if not loss}

    def lost(self, inputs: Inputs) -> list[dict[str, str]]:
        """Every subband that is not in the image, and why."""
        found = self._losses(inputs).items()
        return [{"subband": n, "stage": loss.stage, "reason": loss.reason} for n, loss in found if loss]

    def _image_figures(self, inputs: Inputs, image: Image | None, flagged: float) -> dict[str, Any]:
        keys = (
            "rms_jy_beam stokes_v_rms_jy_beam thermal_rms_jy_beam dynamic_range beam_major_arcsec "
            "beam_minor_arcsec beam_pa_deg frequency_hz bandwidth_hz"
        )
        if image is None:
            loss = inputs["image"].loss
            return {**dict.fromkeys(keys.split()), "abandoned_because": loss.reason if loss else ""}
        noise = inputs["image"].measures
        used = [m.measures["verify_measurementset"] for m in self._used(inputs).values()]
        bandwidth_hz = sum(m["n_channels"] * m["channel_width_hz"] for m in used)
        rms, peak = noise["residual"]["rms_jy_beam"], noise["image"]["peak_jy_beam"]
        gvds = inputs["gvds"].measures
        values = (
            rms,
            noise["stokes_v"]["rms_jy_beam"],
            thermal_noise_jy(
                gvds["duration_s"],
                bandwidth_hz,
                1.0 - flagged,
                gvds["elevation_rad"],
                gvds["n_stations"],
            ),
            peak / rms if rms else None,
            *image.beam,
            image.frequency_hz,
            bandwidth_hz,
        )
        return dict(zip(keys.split(), values, strict=True))

    def _source_figures(self, inputs: Inputs) -> dict[str, Any]:
        compared, n_sources = NOT_MEASURED, 0
        if not inputs["sources"].loss:
            measures = inputs["sources"].measures["find_sources"]
            n_sources = measures["n_sources"]
            compared = self._compare(inputs, measures["beam_major_arcsec"])
        return {
            "n_sources": n_sources,
            "n_compared": compared.n_matched,
            "flux_ratio_median": compared.flux_ratio_median,
            "flux_ratio_scatter": compared.flux_ratio_scatter,
            "astrometric_offset_arcsec": compared.astrometric_offset_arcsec,
        }

    def _compare(self, inputs: Inputs, beam_arcsec: float) -> Comparison:
        settings = self.ctx.settings.quality
        if not settings.reference_catalogue:
            return NOT_MEASURED
        bright = [d for d in self._detections(inputs) if d.snr >= settings.min_reference_snr]
        reference = read_reference(Path(settings.reference_catalogue), settings.reference_flux_column)
        radius_rad = MATCH_RADIUS_BEAMS * beam_arcsec * _ARCSEC
        return compare(positions(bright), reference, radius_rad)

    def _image(self, inputs: Inputs) -> Image | None:
        if inputs["image"].loss:
            return None
        with self.fetched("image", "image.fits") as path:
            return read_image(path)

    def _detections(self, inputs: Inputs) -> list[Any]:
        if inputs["sources"].loss:
            return []
        with self.fetched("sources", "catalogue.fits") as path:
            return read_detections(path)

    def _subbands(self, inputs: Inputs) -> list[dict[str, Any]]:
        rows, losses_by_name = [], self._losses(inputs)
        for subband in self.ctx.subbands:
            manifest = inputs[subband.name]
            verified = manifest.measures.get("verify_measurementset", {})
            rows.append(
                {
                    "name": subband.name,
                    "storage": f"{subband.node}:{subband.path}",
                    "node": self.ctx.compute_node(subband).name,
                    "flagged": verified.get("flagged_fraction"),
                    "elapsed_s": manifest.measures.get("calibrated_s"),
                    "loss": losses_by_name[subband.name],
                }
            )
        return rows

    def _notes(self, inputs: Inputs) -> dict[str, Any]:
        layout = self.ctx.layout
        return {
            "logs": str(layout.logs),
            "parsets": str(layout.parsets),
            "skymodel": inputs["skymodel"].measures,
        }


_ARCSEC = 4.84813681109536e-06
"""One arcsecond in rad."""


def beam_applied(calibrated: Manifest) -> bool:
    """Whether a subband was calibrated with the station beam."""
    return bool(calibrated.measures["beam"])


def bad_stations(used: dict[str, Manifest]) -> dict[str, dict[str, str]]:
    """Stations that were flagged: by station, in which subbands and why."""
    found: dict[str, dict[str, str]] = {}
    for name, manifest in used.items():
        for station, reason in manifest.measures["flagged_stations"].items():
            found.setdefault(station, {})[name] = reason
    return found
