"""The figures of ``quality.json`` that the manifests hold, from what is taken from the best cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.domain.quality import mean, outcome_of, thermal_noise_jy
from sip_luigi.tasks.judge_cycle import solution_figures
from sip_luigi.tasks.preprocess_report import flagged_by_cause, grouped

MOST = 0.5
"""A station flagged in more than this fraction of the subbands counts as a bad one of the observation."""

IMAGE_FIGURES = (
    *("rms_jy_beam", "stokes_v_rms_jy_beam", "thermal_rms_jy_beam", "dynamic_range"),
    *("beam_major_arcsec", "beam_minor_arcsec", "beam_pa_deg", "frequency_hz", "bandwidth_hz"),
    *("noise_over_stokes_v", "noise_over_thermal", "pixels_per_beam"),
    *("bright_source_dynamic_range", "artefact_ratio", "stokes_v_fraction"),
)


@dataclass(frozen=True)
class Results:
    """Manifests of what the results come from.

    Attributes
    ----------
    gvds, image, sources : Manifest
        Of the observation, the image and the catalogue.
    subbands : mapping
        Of each calibrated subband.
    losses : mapping
        Why each subband is not in the image, None for those that are.
    """

    gvds: Manifest
    image: Manifest
    sources: Manifest
    subbands: Mapping[str, Manifest]
    losses: Mapping[str, Loss | None]

    @property
    def used(self) -> dict[str, Manifest]:
        """Subbands that were not lost."""
        return {name: self.subbands[name] for name, loss in self.losses.items() if not loss}

    @property
    def flagged_fraction(self) -> float | None:
        """Mean over the subbands."""
        return mean([m.measures["verify_measurementset"]["flagged_fraction"] for m in self.used.values()])


def subband_figures(results: Results) -> dict[str, Any]:
    """How much of the data is in the image, and what was left out."""
    used, n_expected = results.used, len(results.subbands)
    imaged = results.image.loss is None
    lost = [(name, loss) for name, loss in results.losses.items() if loss]
    stations = bad_stations(used)
    n_stations = results.gvds.measures.get("n_stations")
    mostly = [name for name, where in stations.items() if len(where) > MOST * len(used)]
    return {
        "outcome": outcome_of(n_expected, len(used), imaged),
        "subbands_expected": n_expected,
        "subbands_used": len(used) if imaged else 0,
        "subbands_used_fraction": len(used) / n_expected if imaged else 0.0,
        "subbands_lost": [{"subband": n, "stage": loss.stage, "reason": loss.reason} for n, loss in lost],
        "flagged_fraction": results.flagged_fraction,
        "without_beam": sorted(name for name, m in used.items() if not m.measures["beam"]),
        "bad_stations": stations,
        "bad_stations_fraction": len(mostly) / n_stations if n_stations and used else None,
    }


def preprocessing_figures(results: Results) -> dict[str, Any]:
    """What was decided for the subbands when they were preprocessed, and what flagged them."""
    measures = {name: manifest.measures for name, manifest in results.used.items()}
    return {"preprocessing": grouped(measures), "flagged_by_cause": flagged_by_cause(measures.values())}


def image_figures(results: Results) -> dict[str, Any]:
    """Noise, dynamic range and beam; all None without an image, with the reason why there is none."""
    loss, found = results.image.loss, results.image.measures
    if loss:
        return {**dict.fromkeys(IMAGE_FIGURES), "abandoned_because": loss.reason}
    image, bright = found["image"], found["bright_source"]
    used = [m.measures["verify_measurementset"] for m in results.used.values()]
    bandwidth_hz = sum(m["n_channels"] * m["channel_width_hz"] for m in used)
    rms, stokes_v = found["residual"]["rms_jy_beam"], found["stokes_v"]["rms_jy_beam"]
    thermal = _thermal_noise_jy(results, bandwidth_hz)
    values = (
        *(rms, stokes_v, thermal, image["peak_jy_beam"] / rms),
        *(image["beam_major_arcsec"], image["beam_minor_arcsec"], image["beam_pa_deg"]),
        *(image["frequency_hz"], bandwidth_hz),
        *(rms / stokes_v, rms / thermal if thermal else None),
        image["beam_minor_arcsec"] / image["pixel_arcsec"],
        *(bright["dynamic_range"], bright["artefact_ratio"], bright["stokes_v_fraction"]),
    )
    return dict(zip(IMAGE_FIGURES, values, strict=True))


def _thermal_noise_jy(results: Results, bandwidth_hz: float) -> float | None:
    gvds = results.gvds.measures
    return thermal_noise_jy(
        gvds["duration_s"],
        bandwidth_hz,
        1.0 - (results.flagged_fraction or 0.0),
        gvds["elevation_rad"],
        gvds["n_stations"],
    )


def calibration_figures(results: Results) -> dict[str, Any]:
    """What was found of the solutions, as far as it was."""
    solutions = solution_figures(results.used)
    scatter = [
        median(by_station.values())
        for manifest in results.used.values()
        if (by_station := manifest.measures.get("inspect_solutions", {}).get("phase_scatter_rad"))
    ]
    return {
        "solutions": solutions,
        "solutions_bad_fraction": solutions.get("bad_fraction"),
        "solutions_converged_fraction": converged_fraction(results.used),
        "phase_scatter_rad": mean(scatter),
    }


def converged_fraction(used: Mapping[str, Manifest]) -> float | None:
    """Part of the solutions that converged, of all solves and subbands that say so."""
    counts = [
        by_outcome
        for manifest in used.values()
        for by_outcome in manifest.measures.get("inspect_solutions", {}).get("convergence", {}).values()
    ]
    total = sum(sum(by_outcome.values()) for by_outcome in counts)
    return sum(by_outcome.get("converged", 0) for by_outcome in counts) / total if total else None


def bad_stations(used: Mapping[str, Manifest]) -> dict[str, dict[str, str]]:
    """Stations that were flagged: by station, in which subbands and why."""
    found: dict[str, dict[str, str]] = {}
    for name, manifest in used.items():
        for station, reason in manifest.measures.get("flagged_stations", {}).items():
            found.setdefault(station, {})[name] = reason
    return found
