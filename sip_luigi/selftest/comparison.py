"""Results against the truth: the figures and the limits they have to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sip_luigi.domain.catalogue import Detection, Floats, match, unit_vectors
from sip_luigi.domain.quality import robust_sigma

ARCSEC_PER_RAD = 206264.80624709636


@dataclass(frozen=True)
class Truth:
    """What was simulated; arrays of shape (n_sources,).

    Attributes
    ----------
    ra_rad, dec_rad : ndarray
        Positions.
    flux_jy : ndarray
        Flux densities at the frequency of the image.
    beam_power : ndarray
        Primary beam, 1 at the phase centre.
    """

    ra_rad: Floats
    dec_rad: Floats
    flux_jy: Floats
    beam_power: Floats


@dataclass(frozen=True)
class Field:
    """The image that the truth is compared with.

    Attributes
    ----------
    centre_rad : tuple of float
        Phase centre.
    radius_rad : float
        Radius of the largest circle inside the image.
    min_beam_power : float
        Where the field ends: sources where the primary beam is weaker are not looked for.
    rms_jy : float
        Noise of the flat-noise image, Jy/beam.
    beam_rad : float
        Major axis of the restoring beam.
    """

    centre_rad: tuple[float, float]
    radius_rad: float
    min_beam_power: float
    rms_jy: float
    beam_rad: float


class Limit(NamedTuple):
    """What one figure has to be."""

    low: float
    high: float


LIMITS: Mapping[str, Limit] = {
    "flux_ratio_median": Limit(0.97, 1.03),
    "flux_scatter_20sigma": Limit(0.0, 0.05),
    "position_offset_beams": Limit(0.0, 0.1),
    "completeness_7sigma": Limit(0.95, 1.0),
    "false_fraction": Limit(0.0, 0.02),
    "flux_ratio_half_beam": Limit(0.95, 1.05),
    "noise_over_stokes_v": Limit(0.0, 1.5),
    "dead_station_flagged_fraction": Limit(1.0, 1.0),
    "noisy_station_flagged_fraction": Limit(1.0, 1.0),
    "rfi_left_fraction": Limit(0.0, 0.01),
}
"""Limits of one run."""

MEDIAN_LIMITS: Mapping[str, Limit] = {
    **LIMITS,
    "flux_ratio_median": Limit(0.98, 1.02),
    "position_offset_beams": Limit(0.0, 0.05),
    "completeness_7sigma": Limit(0.97, 1.0),
    "false_fraction": Limit(0.0, 0.01),
    "flux_ratio_half_beam": Limit(0.98, 1.02),
    "noise_over_stokes_v": Limit(0.97, 1.1),
}
"""Limits of the medians over several runs. Noise below that of Stokes V comes from cleaning too deep."""

HALF_BEAM = Limit(0.4, 0.6)
"""Power of the primary beam that counts as half."""


def catalogue_figures(truth: Truth, detections: Sequence[Detection], field: Field) -> dict[str, Any]:
    """Compare a catalogue with the truth.

    Returns
    -------
    dict
        ``n_true_7sigma`` sources of the truth above 7 σ inside the field, the fraction of them found
        (``completeness_7sigma``), the fraction of all detections without a true source within a beam
        (``false_fraction``), the median ratio of fluxes, the same where the primary beam is near half of its
        peak, their robust scatter above 20 σ, and the median distance in beams.
    """
    sky = unit_vectors(truth.ra_rad, truth.dec_rad)
    found = unit_vectors([d.ra_rad for d in detections], [d.dec_rad for d in detections])
    pairs = match(found, sky, field.beam_rad)
    inside = _inside(sky, field) & (truth.beam_power >= field.min_beam_power)
    snr = truth.flux_jy * truth.beam_power / field.rms_jy
    expected = inside & (snr > 7.0)
    detected = np.zeros(len(sky), dtype=bool)
    detected[pairs.second] = True
    flux = np.array([detections[i].flux_jy for i in pairs.first])
    ratio = flux / truth.flux_jy[pairs.second]
    good = expected[pairs.second]
    bright = good & (snr[pairs.second] > 20.0)
    power = truth.beam_power[pairs.second]
    half = good & (power >= HALF_BEAM.low) & (power <= HALF_BEAM.high)
    return {
        "n_true_7sigma": int(expected.sum()),
        "n_detected": len(detections),
        "completeness_7sigma": _ratio(int((detected & expected).sum()), int(expected.sum())),
        "false_fraction": _ratio(len(detections) - len(pairs.first), len(detections)),
        "flux_ratio_median": _median(ratio[good]),
        "n_half_beam": int(half.sum()),
        "flux_ratio_half_beam": _median(ratio[half]),
        "n_20sigma": int(bright.sum()),
        "flux_scatter_20sigma": _finite(robust_sigma(ratio[bright])),
        "position_offset_beams": _median(pairs.separation_rad[good] / field.beam_rad),
    }


def failures(figures: Mapping[str, Any], limits: Mapping[str, Limit] = LIMITS) -> list[str]:
    """Say which figures miss their limits; one that could not be measured misses it too."""
    missed = []
    for name, limit in limits.items():
        value = figures.get(name)
        if value is None or not limit.low <= value <= limit.high:
            shown = "not measured" if value is None else f"{value:.4g}"
            missed.append(f"{name}: {shown}, expected {limit.low:g} to {limit.high:g}")
    return missed


def medians(runs: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Give the median of every figure that has limits over some runs; None where a run could not measure it."""
    found: dict[str, float | None] = {}
    for name in MEDIAN_LIMITS:
        values = [run.get(name) for run in runs]
        measured = [float(value) for value in values if value is not None]
        found[name] = float(np.median(measured)) if measured and len(measured) == len(values) else None
    return found


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Judge several runs: each by its limits, and their medians by the narrower ones of medians.

    Returns
    -------
    dict
        ``seeds``, ``runs`` (the figures of each), ``medians`` and ``failures``.
    """
    middle = medians(runs)
    missed = [f"seed {run['seed']}: {failure}" for run in runs for failure in run["failures"]]
    return {
        "seeds": [run["seed"] for run in runs],
        "runs": [dict(run) for run in runs],
        "medians": middle,
        "failures": [*missed, *(f"median {failure}" for failure in failures(middle, MEDIAN_LIMITS))],
    }


def _inside(sky: Floats, field: Field) -> Any:
    centre = unit_vectors([field.centre_rad[0]], [field.centre_rad[1]])[0]
    return sky @ centre >= np.cos(field.radius_rad)


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if len(values) else None


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
