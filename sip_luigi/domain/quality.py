"""Figures that say how good an image is, and the verdict on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sip_luigi.domain.catalogue import Floats, match, unit_vectors

Outcome = Literal["full", "degraded", "abandoned"]

REFERENCE_NOISE_JY = 62e-6
"""Noise of 8 h and 48 MHz at the zenith with the Dutch array (the yardstick of the Rapthor pipeline)."""
REFERENCE_HOURS_HZ = 8.0 * 48e6
REFERENCE_STATIONS = 62
"""Stations of that array: 24 core stations with two HBA fields each and 14 remote ones."""
MAD_TO_SIGMA = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


class Comparison(NamedTuple):
    """A catalogue against a reference; None where too few sources are common.

    Attributes
    ----------
    flux_ratio_median, flux_ratio_scatter : float or None
        Of measured over reference flux; the scatter is a robust standard deviation.
    astrometric_offset_arcsec : float or None
        Length of the median offset on the sky.
    n_matched : int
        Common sources.
    """

    flux_ratio_median: float | None
    flux_ratio_scatter: float | None
    astrometric_offset_arcsec: float | None
    n_matched: int


@dataclass(frozen=True)
class Positions:
    """Sources to compare: positions in rad and fluxes in Jy, each of shape (n,)."""

    ra_rad: Floats
    dec_rad: Floats
    flux_jy: Floats


def robust_sigma(values: ArrayLike) -> float:
    """Standard deviation from the median absolute deviation, blind to outliers; NaN are left out."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return math.nan
    return float(MAD_TO_SIGMA * np.median(np.abs(finite - np.median(finite))))


def compare(measured: Positions, reference: Positions, radius_rad: float) -> Comparison:
    """Compare fluxes and positions of the sources that two catalogues share."""
    pairs = match(
        unit_vectors(measured.ra_rad, measured.dec_rad),
        unit_vectors(reference.ra_rad, reference.dec_rad),
        radius_rad,
    )
    if not len(pairs.first):
        return Comparison(None, None, None, 0)
    ratio = measured.flux_jy[pairs.first] / reference.flux_jy[pairs.second]
    dec = reference.dec_rad[pairs.second]
    d_ra = measured.ra_rad[pairs.first] - reference.ra_rad[pairs.second]
    east = (d_ra + math.pi) % (2 * math.pi) - math.pi
    north = measured.dec_rad[pairs.first] - dec
    offset = math.hypot(float(np.median(east * np.cos(dec))), float(np.median(north)))
    return Comparison(
        flux_ratio_median=float(np.median(ratio)),
        flux_ratio_scatter=robust_sigma(ratio),
        astrometric_offset_arcsec=math.degrees(offset) * 3600.0,
        n_matched=len(ratio),
    )


def thermal_noise_jy(
    duration_s: float, bandwidth_hz: float, unflagged_fraction: float, elevation_rad: float, n_stations: int
) -> float | None:
    """Noise that the sky and the receivers leave in a Stokes-I image, Jy/beam.

    Scales :data:`REFERENCE_NOISE_JY` with the square root of time, bandwidth, unflagged fraction and number
    of baselines, and with sin(elevation)⁻² for the projected station and the longer way through the air.
    None when nothing is left.
    """
    amount = duration_s / 3600.0 * bandwidth_hz * unflagged_fraction
    if amount <= 0 or n_stations < 2 or elevation_rad <= 0:
        return None
    baselines = n_stations * (n_stations - 1)
    reference = REFERENCE_STATIONS * (REFERENCE_STATIONS - 1)
    scale = math.sqrt(REFERENCE_HOURS_HZ / amount * reference / baselines)
    return REFERENCE_NOISE_JY * scale / math.sin(elevation_rad) ** 2


def outcome_of(n_expected: int, n_used: int, imaged: bool) -> Outcome:
    """``full`` when every subband is in the image, ``abandoned`` when there is none."""
    if not imaged:
        return "abandoned"
    return "full" if n_used == n_expected else "degraded"


def verdict(figures: dict[str, Any], max_noise_ratio: float) -> tuple[str, list[str]]:
    """Judge the figures of an observation.

    Returns
    -------
    word : {"good", "moderate", "poor"}
        The verdict.
    reasons : list of str
        Why, when it is not good.
    """
    if figures["outcome"] == "abandoned":
        return "poor", ["no image could be made"]
    reasons: dict[str, list[str]] = {"moderate": [], "poor": []}
    lost = figures["subbands_expected"] - figures["subbands_used"]
    if lost:
        reasons["moderate"].append(f"{lost} of {figures['subbands_expected']} subbands are lost")
    noise, stokes_v = figures["rms_jy_beam"], figures["stokes_v_rms_jy_beam"]
    if stokes_v and noise > max_noise_ratio * stokes_v:
        text = f"noise is {noise / stokes_v:.2f} times that of Stokes V, more than {max_noise_ratio:g}"
        reasons["poor"].append(text)
    if not figures["n_sources"]:
        reasons["poor"].append("no source was found")
    for word in ("poor", "moderate"):
        if reasons[word]:
            return word, reasons["poor"] + reasons["moderate"]
    return "good", []


def mean(values: Sequence[float]) -> float | None:
    """Mean, None of nothing."""
    return sum(values) / len(values) if values else None
