"""How much flux averaging costs away from the phase centre, and the averaging that keeps it small.

Formulas of Bridle & Schwab 1999 (ASP Conf. Ser. 180, 371) for a Gaussian restoring beam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S, is_lba, lowest_freq_hz, station_beam_rad

EARTH_ROTATION_RAD_S = 7.2921150e-5


@dataclass(frozen=True)
class Field:
    """What smearing depends on beside the averaging.

    Attributes
    ----------
    radius_rad : float
        Distance from the phase centre at which it is judged.
    beam_rad : float
        FWHM of the restoring beam.
    freq_hz : float
        Frequency.
    """

    radius_rad: float
    beam_rad: float
    freq_hz: float

    @property
    def radius_beams(self) -> float:
        """Distance in restoring beams."""
        return self.radius_rad / self.beam_rad


def field_of(
    freq_hz: float, antenna_set: str, radius_fwhm: float, max_baseline_m: float, max_uv_lambda: float = 0.0
) -> Field:
    """The field over which smearing is kept small.

    Parameters
    ----------
    freq_hz : float
        Any frequency of the observation; smearing is judged at the lowest that it may have.
    antenna_set : str
        As the MeasurementSet names it; ``LBA…`` or anything else.
    radius_fwhm : float
        Radius of the field in widths (FWHM) of the station beam.
    max_baseline_m, max_uv_lambda : float
        The longest baseline, and the longest that will be imaged (0: all).
    """
    # At the low end of the receiver's band, so that all subbands of an observation are averaged alike.
    low_hz = lowest_freq_hz(freq_hz)
    longest_lambda = max_baseline_m * low_hz / SPEED_OF_LIGHT_M_S
    used_lambda = min(longest_lambda, max_uv_lambda or longest_lambda)
    radius_rad = radius_fwhm * station_beam_rad(low_hz, lba=is_lba(antenna_set))
    return Field(min(radius_rad, math.pi / 2), 1.0 / max(used_lambda, 1.0), low_hz)


def time_smearing(field: Field, interval_s: float) -> float:
    """Part of the flux that averaging in time takes at the edge of the field, 0 to 1.

    1.22e-9 (θ/θ_b)² τ² = (ln 2 / 3) (ω_E τ θ/θ_b)², eq. 18-43, for a field at the pole, where it is largest.
    """
    return min(1.0, math.log(2.0) / 3.0 * (EARTH_ROTATION_RAD_S * interval_s * field.radius_beams) ** 2)


def bandwidth_smearing(field: Field, width_hz: float) -> float:
    """Part of the flux that averaging in frequency takes at the edge of the field, 0 to 1.

    1 - √π / (2 √ln2 β) · erf(√ln2 β) with β = Δν/ν · θ/θ_b, eq. 18-24, for a square bandpass.
    """
    scaled = math.sqrt(math.log(2.0)) * width_hz / field.freq_hz * field.radius_beams
    # The series where the difference from 1 has no digits left.
    return scaled**2 / 3.0 if scaled < 1e-4 else 1.0 - math.sqrt(math.pi) / (2.0 * scaled) * math.erf(scaled)
