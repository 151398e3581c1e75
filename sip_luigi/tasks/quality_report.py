"""QualityReport: the figures that say how good the results are, and the page that shows them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from astropy.coordinates import SkyCoord

from sip_luigi import __version__
from sip_luigi.domain.catalogue import Detection
from sip_luigi.domain.judgement import changed_limits, judge, verdict
from sip_luigi.domain.utc import from_mjd_s
from sip_luigi.fits import Image, read_detections, read_image
from sip_luigi.report.index import SUMMARY, entry_of
from sip_luigi.report.page import Notes, Page, drawn, render
from sip_luigi.report.sky import PANEL_PIXELS, sampled, thumbnail
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.calibrate import GAINS, VISIBILITIES
from sip_luigi.tasks.chain import in_cycle
from sip_luigi.tasks.comparison import Sky, comparison_figures, comparisons
from sip_luigi.tasks.cycle import FromBestCycle
from sip_luigi.tasks.figures import (
    Results,
    calibration_figures,
    image_figures,
    preprocessing_figures,
    subband_figures,
)
from sip_luigi.tasks.find_sources import CATALOGUE, RMS_MAP
from sip_luigi.tasks.gvds import losses
from sip_luigi.tasks.head_stage import HeadStage, timestamp
from sip_luigi.tasks.imaging import BEAM, IMAGE, RESIDUAL, STOKES_V
from sip_luigi.tasks.observation_index import index_path
from sip_luigi.tasks.preprocess import FLAGS
from sip_luigi.tasks.provenance import software
from sip_luigi.tasks.report_parts import read_summaries, settings_rows, spread, stage_runs

SHOWN_UV = 3
"""Subbands of which the uv plane is shown: the coverage of all differs by the frequency alone."""


class QualityReport(FromBestCycle, HeadStage):
    """Judge an observation, whatever became of it."""

    stage = "quality_report"
    version = 3
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
        """Compute the figures, judge them, write the figures, the page, and the line of the index."""
        results = self.results(inputs)
        image = self._fetch_image("image", IMAGE, inputs)
        detections = self._detections(inputs)
        sky = self._sky(inputs, results, image, detections)
        model = None if inputs["model"].loss else Path(self.dependencies["model"].product().path)
        compared = comparisons(sky, self.ctx.settings.quality, model)
        figures = self.figures(
            inputs, results, comparison_figures(compared, image.beam[0] if image else math.nan)
        )
        observed = observed_words(results.gvds.measures)
        page = Page(
            figures=figures,
            observed=observed,
            image=image,
            panels=self._panels(inputs),
            detections=detections,
            pairs=compared.pairs,
            subbands=self._subbands(results),
            runs=stage_runs(self),
            **self._summaries(inputs, results),
            stations={name: of_stations(manifest.measures) for name, manifest in results.used.items()},
            skymodels=self._skymodels(inputs),
            notes=self._notes(),
        )
        small = drawn("thumbnail", thumbnail, image).source if image else ""
        entry = entry_of(figures, observed.get("start", ""), small)
        for name, text in {
            "quality.json": json.dumps(figures, indent=1, allow_nan=False) + "\n",
            "report.html": render(page),
            SUMMARY: json.dumps(entry.to_json(), indent=1, allow_nan=False) + "\n",
        }.items():
            (part / name).write_text(text, encoding="utf-8")
        return {name: figures[name] for name in ("outcome", "verdict", "reasons")}

    def results(self, inputs: Inputs) -> Results:
        """Manifests of what the results come from."""
        names = [subband.name for subband in self.ctx.subbands]
        subbands = {name: inputs[self.best(name, inputs)] for name in names}
        image, sources = (inputs[self.best(name, inputs)] for name in ("image", "sources"))
        return Results(inputs["gvds"], image, sources, subbands, losses(inputs["gvds"], subbands, names))

    def figures(self, inputs: Inputs, results: Results, compared: dict[str, Any]) -> dict[str, Any]:
        """Everything that ``quality.json`` holds."""
        found = results.sources.measures.get("find_sources", {})
        figures: dict[str, Any] = {
            "obs_id": self.obs_id,
            "made": timestamp(),
            "software": f"sip_luigi {__version__}",
            **subband_figures(results),
            **preprocessing_figures(results),
            **image_figures(results),
            "n_sources": found.get("n_sources", 0),
            **compared,
            **calibration_figures(results),
            "best_cycle": self.best_cycle(inputs),
            "cycles": inputs["judgement"].measures["cycles"],
            "imaging": results.image.measures.get("choices", []),
        }
        judgements = judge(figures, changed_limits(self.ctx.settings.quality.limits))
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
                    "loss": results.losses[subband.name],
                }
            )
        return rows

    def _panels(self, inputs: Inputs) -> dict[str, Image]:
        """The other images of the field."""
        wanted = {
            "Residual": ("image", RESIDUAL),
            "Noise": ("sources", RMS_MAP),
            "Stokes V": ("image", STOKES_V),
        }
        panels = {}
        for title, place in wanted.items():
            # One at a time in memory: images may be large.
            if image := self._fetch_image(*place, inputs):
                panels[title] = sampled(image, PANEL_PIXELS)
        return panels

    def _summaries(self, inputs: Inputs, results: Results) -> dict[str, Any]:
        """What the stages of the best cycle left for the report: flags of all subbands, the rest of some."""
        calibrate = {
            subband.name: self.dependencies[self.best(subband.name, inputs)].dependencies["data"]
            for subband in self.ctx.subbands
        }
        preprocess = {name: task.dependencies["data"] for name, task in calibrate.items()}
        some, one = ({name: calibrate[name] for name in spread(results.used, n)} for n in (SHOWN_UV, 1))
        return {
            "flags": read_summaries(self.ctx, preprocess, FLAGS),
            "visibilities": read_summaries(self.ctx, some, VISIBILITIES),
            "gains": read_summaries(self.ctx, one, GAINS),
        }

    def _skymodels(self, inputs: Inputs) -> list[dict[str, Any]]:
        """What became of the sky model in each cycle that there was."""
        cycles = {
            cycle: inputs[in_cycle("skymodel", cycle)] for cycle in range(self.ctx.settings.pipeline.cycles)
        }
        return [
            {"cycle": cycle, **manifest.measures}
            for cycle, manifest in cycles.items()
            if not manifest.loss and not manifest.passed
        ]

    def _notes(self) -> Notes:
        layout = self.ctx.layout
        return Notes(
            index=quote(os.path.relpath(index_path(self.ctx.settings), layout.results)),
            logs=str(layout.logs),
            parsets=str(layout.parsets),
            software=software(),
            settings=settings_rows(self.ctx.settings),
        )


def of_stations(measures: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What is known of the stations in a calibrated subband."""
    solutions = measures.get("inspect_solutions", {})
    return {
        "flagged": measures["verify_measurementset"].get("flagged_by_station", {}),
        "amplitude": solutions.get("amplitude", {}),
        "phase_scatter_rad": solutions.get("phase_scatter_rad", {}),
    }


def observed_words(gvds: Mapping[str, Any]) -> dict[str, Any]:
    """What was observed when, for reading; empty where nothing is known of the observation."""
    if not gvds:
        return {}
    place = SkyCoord(*gvds["pointing_rad"], unit="rad")
    return {
        "start": f"{from_mjd_s(gvds['start_time_mjd_s']):%Y-%m-%dT%H:%M:%S}",
        "duration_s": gvds["duration_s"],
        "pointing": place.to_string("hmsdms", precision=0),
        "elevation_deg": math.degrees(gvds["elevation_rad"]),
        "n_stations": gvds["n_stations"],
        "antenna_set": gvds["antenna_set"],
    }
