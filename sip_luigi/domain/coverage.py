"""Where an image would have shown a source, and how bright it had to be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.catalogue import Floats, angle, unit_vectors
from sip_luigi.domain.sky import Rows
from sip_luigi.domain.sky_spectra import flux_at


@dataclass(frozen=True)
class Coverage:
    """The field of an image, its primary beam taken as a Gaussian.

    Attributes
    ----------
    ra_rad, dec_rad : float
        Centre.
    radius_rad : float
        Farther out nothing is said.
    rms_jy : float
        Noise at the centre, Jy/beam.
    primary_beam_rad : float
        Full width at half maximum; 0: the same sensitivity everywhere.
    threshold_sigma : float
        Peaks are detections from so many times the noise on.
    freq_hz : float
        Frequency of the image.
    """

    ra_rad: float
    dec_rad: float
    radius_rad: float
    rms_jy: float
    primary_beam_rad: float
    threshold_sigma: float
    freq_hz: float

    def noise_jy(self, ra_rad: Floats, dec_rad: Floats) -> Floats:
        """Noise at positions, Jy; infinite outside of the field."""
        there = unit_vectors(ra_rad, dec_rad)
        here = unit_vectors([self.ra_rad], [self.dec_rad])
        distance = angle(np.linalg.norm(there - here, axis=-1))
        beam = np.ones_like(distance)
        if self.primary_beam_rad > 0:
            beam = np.exp(-4.0 * math.log(2.0) * (distance / self.primary_beam_rad) ** 2)
        return np.where(distance <= self.radius_rad, self.rms_jy / beam, np.inf)

    def limit_jy(self, ra_rad: Floats, dec_rad: Floats) -> Floats:
        """Smallest flux of a point source that is detected at positions, Jy; infinite outside."""
        return self.threshold_sigma * self.noise_jy(ra_rad, dec_rad)


def fit_primary_beam(beam: Floats, distance_rad: Floats) -> float:
    """Full width at half maximum of the Gaussian that is most like a primary beam, rad; 0 for none.

    Parameters
    ----------
    beam : ndarray
        Power relative to the centre; NaN where it is not known.
    distance_rad : ndarray
        Distance of the same pixels from the centre.
    """
    with np.errstate(invalid="ignore"):
        use = (beam > 0.3) & (beam < 0.9) & (distance_rad > 0)
    if not use.any():
        return 0.0
    width = distance_rad[use] * np.sqrt(4.0 * math.log(2.0) / -np.log(beam[use]))
    return float(np.median(width))


def should_be_seen(sources: Rows, coverage: Coverage) -> tuple[NDArray[np.bool_], Floats]:
    """Which sources an image ought to show, and the limit at each, Jy.

    A source that is larger than the beam is spread over several: such a one is not expected.
    """
    limit = coverage.limit_jy(sources["ra_rad"], sources["dec_rad"])
    size, beam = sources["major_arcsec"], np.maximum(sources["beam_arcsec"], 1e-3)
    spread = 1.0 + (size / beam) ** 2
    return flux_at(sources, coverage.freq_hz) / spread > limit, limit


def has_vanished(sources: Rows, coverage: Coverage, sigma: float) -> NDArray[np.bool_]:
    """Which of these undetected sources are gone: their flux is above the limit by more than errors explain.

    Parameters
    ----------
    sources : Rows
        Without a detection.
    coverage : Coverage
        The image.
    sigma : float
        Significance, in the combined error of flux and image.
    """
    flux = flux_at(sources, coverage.freq_hz)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(sources["flux_jy"] > 0, flux / sources["flux_jy"], 1.0)
    noise = coverage.noise_jy(sources["ra_rad"], sources["dec_rad"])
    error = np.hypot(sources["flux_error_jy"] * scale, noise)
    limit = coverage.threshold_sigma * noise
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(limit) & (flux - limit > sigma * error))


def has_appeared(new: Rows, earlier: list[Coverage], sigma: float) -> NDArray[np.bool_]:
    """Which new sources an earlier image of their place would have shown."""
    seen = np.zeros(len(new), dtype=bool)
    for coverage in earlier:
        seen |= has_vanished(new, coverage, sigma)
    return seen
