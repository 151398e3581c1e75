"""QualityReport: the figures that say how good the results are, and the page that shows them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.catalogue import Detection
from sip_luigi.domain.judgement import changed_limits, judge, verdict
from sip_luigi.fits import Image, read_detections, read_image
from sip_luigi.report.page import Page, render
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.chain import in_cycle
from sip_luigi.tasks.comparison import Sky, comparison_figures
from sip_luigi.tasks.cycle import FromBestCycle
from sip_luigi.tasks.figures import (
    Results,
    calibration_figures,
    image_figures,
    preprocessing_figures,
    subband_figures,
)
from sip_luigi.tasks.find_sources import CATALOGUE
from sip_luigi.tasks.gvds import losses
from sip_luigi.tasks.head_stage import HeadStage, timestamp
from sip_luigi.tasks.imaging import BEAM, IMAGE


class QualityReport(FromBestCycle, HeadStage):
    """Judge an observation, whatever became of it."""

    stage = "quality_report"
    version = 2
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
        results = self.results(inputs)
        image = self._fetch_image("image", IMAGE, inputs)
        detections = self._detections(inputs)
        figures = self.figures(inputs, results, self._sky(inputs, results, image, detections))
        text = json.dumps(figures, indent=1, allow_nan=False)
        (part / "quality.json").write_text(text + "\n", encoding="utf-8")
        page = Page(figures, image, detections, self._subbands(results), self._notes(inputs))
        (part / "report.html").write_text(render(page), encoding="utf-8")
        return {name: figures[name] for name in ("outcome", "verdict", "reasons")}

    def results(self, inputs: Inputs) -> Results:
        """Manifests of what the results come from."""
        names = [subband.name for subband in self.ctx.subbands]
        subbands = {name: inputs[self.best(name, inputs)] for name in names}
        image, sources = (inputs[self.best(name, inputs)] for name in ("image", "sources"))
        return Results(inputs["gvds"], image, sources, subbands, losses(inputs["gvds"], subbands, names))

    def figures(self, inputs: Inputs, results: Results, sky: Sky | None) -> dict[str, Any]:
        """Everything that ``quality.json`` holds."""
        settings, model = self.ctx.settings.quality, self.dependencies["model"].product().path
        found = results.sources.measures.get("find_sources", {})
        figures: dict[str, Any] = {
            "obs_id": self.obs_id,
            "made": timestamp(),
            "software": f"sip_luigi {__version__}",
            **subband_figures(results),
            **preprocessing_figures(results),
            **image_figures(results),
            "n_sources": found.get("n_sources", 0),
            **comparison_figures(sky, settings, None if inputs["model"].loss else Path(model)),
            **calibration_figures(results),
            "best_cycle": self.best_cycle(inputs),
            "cycles": inputs["judgement"].measures["cycles"],
            "imaging": results.image.measures.get("choices", []),
        }
        judgements = judge(figures, changed_limits(settings.limits))
        word, reasons = verdict(judgements)
        if figures["outcome"] == "abandoned":
            word, reasons = "poor", ["no image could be made", *reasons]
        return {
            **figures,
            "judgements": [asdict(judgement) for judgement in judgements],
            "verdict": word,
            "reasons": reasons,
        }

    def _sky(
        self, inputs: Inputs, results: Results, image: Image | None, detections: list[Detection]
    ) -> Sky | None:
        if image is None or results.sources.loss:
            return None
        measures = results.image.measures
        beam = self._fetch_image("image", BEAM, inputs) if "primary_beam" in measures else None
        noise_jy = min(measures[name]["rms_jy_beam"] for name in ("residual", "stokes_v"))
        return Sky(detections, image, beam, noise_jy, self.ctx.settings.imaging.beam_cutoff)

    def _fetch_image(self, name: str, file: str, inputs: Inputs) -> Image | None:
        role = self.best(name, inputs)
        if inputs[role].loss:
            return None
        with self.fetched(role, file) as path:
            return read_image(path)

    def _detections(self, inputs: Inputs) -> list[Detection]:
        role = self.best("sources", inputs)
        if inputs[role].loss:
            return []
        with self.fetched(role, CATALOGUE) as path:
            return read_detections(path)

    def _subbands(self, results: Results) -> list[dict[str, Any]]:
        rows = []
        for subband in self.ctx.subbands:
            measures = results.subbands[subband.name].measures
            rows.append(
                {
                    "name": subband.name,
                    "storage": f"{subband.node}:{subband.path}",
                    "node": self.ctx.compute_node(subband).name,
                    "flagged": measures.get("verify_measurementset", {}).get("flagged_fraction"),
                    "elapsed_s": measures.get("calibrated_s"),
                    "loss": results.losses[subband.name],
                }
            )
        return rows

    def _notes(self, inputs: Inputs) -> dict[str, Any]:
        layout = self.ctx.layout
        return {
            "logs": str(layout.logs),
            "parsets": str(layout.parsets),
            "skymodel": inputs[in_cycle("skymodel", self.best_cycle(inputs))].measures,
        }
