"""Figures that say how good an image is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sip_luigi.domain.catalogue import Floats

Outcome = Literal["full", "degraded", "abandoned"]

REFERENCE_NOISE_JY = 62e-6
"""Noise of 8 h and 48 MHz at the zenith with the Dutch array (the yardstick of the Rapthor pipeline)."""
REFERENCE_HOURS_HZ = 8.0 * 48e6
REFERENCE_STATIONS = 62
"""Stations of that array: 24 core stations with two HBA fields each and 14 remote ones."""
MAD_TO_SIGMA = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


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


def mean(values: Sequence[float]) -> float | None:
    """Mean, None of nothing."""
    return sum(values) / len(values) if values else None
