"""Spectra of sources from the parts of a band."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MIN_BAND_SPAN = 0.05
"""Fraction of its frequency that a band has to span for spectral indices: over it the flux of a source of index -0.8
changes by 4 %, and errors of the flux scale from part to part are a per cent or so."""
MAX_INDEX_ERROR = 0.5
"""Indices that are less certain are not given: those of sources scatter by less (de Gasperin et al. 2018, MNRAS 474,
5008: -0.79 ± 0.20)."""
FWHM_TO_VARIANCE = 1.0 / (8.0 * math.log(2.0))


class SpectralIndex(NamedTuple):
    """Slope of a spectrum S ∝ ν^α; NaN where the band does not allow it."""

    value: float
    error: float


NO_INDEX = SpectralIndex(math.nan, math.nan)


def spectral_index(freq_hz: ArrayLike, flux_jy: ArrayLike, error_jy: ArrayLike) -> SpectralIndex:
    """Fit a power law to fluxes.

    Weighted least squares of ln S over ln ν, with the error of ln S as σ/S.

    Parameters
    ----------
    freq_hz, flux_jy, error_jy : array_like, shape (n_parts,)
        Spectrum of a source; parts that are not finite, not positive or without an error are left out.

    Returns
    -------
    SpectralIndex
        NaN where fewer than two parts are left, they span less than :data:`MIN_BAND_SPAN`, or the error is larger
        than :data:`MAX_INDEX_ERROR`.
    """
    freq, flux, error = (np.asarray(values, dtype=float) for values in (freq_hz, flux_jy, error_jy))
    good = np.isfinite(freq) & np.isfinite(flux) & np.isfinite(error) & (flux > 0) & (error > 0)
    freq, flux, error = freq[good], flux[good], error[good]
    if len(freq) < 2 or freq.max() / freq.min() - 1.0 < MIN_BAND_SPAN:
        return NO_INDEX
    x, y, weight = np.log(freq), np.log(flux), (flux / error) ** 2
    x = x - np.average(x, weights=weight)
    spread = float(np.sum(weight * x**2))
    sigma = 1.0 / math.sqrt(spread)
    if sigma > MAX_INDEX_ERROR:
        return NO_INDEX
    return SpectralIndex(float(np.sum(weight * x * y)) / spread, sigma)


class Ellipse(NamedTuple):
    """An elliptical Gaussian: axes (FWHM) and position angle from north through east, both in degrees."""

    major_deg: float
    minor_deg: float
    angle_deg: float

    @property
    def covariance(self) -> Floats:
        """Second moments, shape (2, 2), in deg², axes east and north."""
        angle = math.radians(self.angle_deg)
        along = np.array([math.sin(angle), math.cos(angle)])
        across = np.array([math.cos(angle), -math.sin(angle)])
        return np.asarray(
            FWHM_TO_VARIANCE
            * (self.major_deg**2 * np.outer(along, along) + self.minor_deg**2 * np.outer(across, across))
        )


def matched_flux(plane: Floats, east_deg: Floats, north_deg: Floats, source: Ellipse, beam: Ellipse) -> float:
    """Flux of a source of known place and shape in one part of a band.

    Least squares of the source's shape, seen with the beam of this part, to the pixels around it: unlike the peak,
    what comes out does not depend on the beam, which is another one in each part.

    Parameters
    ----------
    plane : ndarray, shape (n_pixels,)
        Brightness of pixels around the source, Jy/beam.
    east_deg, north_deg : ndarray, shape (n_pixels,)
        Their distances from it.
    source : Ellipse
        Shape of the source on the sky; axes 0 for a point.
    beam : Ellipse
        Restoring beam of this part.

    Returns
    -------
    float
        Jy; NaN where no pixel is finite.
    """
    seen = source.covariance + beam.covariance
    inverse = np.linalg.inv(seen)
    offset = np.stack((east_deg, north_deg))
    shape = np.exp(-0.5 * np.einsum("ip,ij,jp->p", offset, inverse, offset))
    good = np.isfinite(plane)
    power = float(np.sum(shape[good] ** 2))
    if not power:
        return math.nan
    peak = float(np.sum(plane[good] * shape[good])) / power
    return peak * beams_covered(source, beam)


def matched_flux_error(rms_jy_beam: float, source: Ellipse, beam: Ellipse) -> float:
    """Error that the noise of the image leaves in :func:`matched_flux`, Jy.

    The noise of an interferometer is correlated as its beam. For a Gaussian of k beams the variance of the fitted
    peak is then σ²·4/(1 + 2k), from the integral of the shape with itself and the beam, and the flux is k peaks.
    """
    covered = beams_covered(source, beam)
    return 2.0 * rms_jy_beam * covered / math.sqrt(1.0 + 2.0 * covered)


def beams_covered(source: Ellipse, beam: Ellipse) -> float:
    """Area of a source as it is seen, in areas of the beam; 1 for a point."""
    seen = source.covariance + beam.covariance
    return math.sqrt(np.linalg.det(seen) / np.linalg.det(beam.covariance))
