"""The simulated sky: point sources and Gaussians with log-polynomial spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.polynomial import Polynomial

from sip_luigi.domain.skymodel import SkyModel, Source

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sky:
    """Sources; none of them is polarised.

    Attributes
    ----------
    names : tuple of str
        Shape (n_sources,).
    ra_rad, dec_rad : ndarray
        J2000 positions, shape (n_sources,).
    flux_jy : ndarray
        Stokes I at the reference frequency, shape (n_sources,).
    spectral_terms : ndarray
        c in log10 S(ν) = log10 S + Σ c_i x^(i+1), x = log10(ν / reference), shape (n_sources, n_terms).
    shape_rad : ndarray
        Major and minor axis (full width at half maximum) and position angle from north through east, shape
        (n_sources, 3); a source whose axes are 0 is a point.
    reference_hz : float
        Frequency of the fluxes.
    """

    names: tuple[str, ...]
    ra_rad: Floats
    dec_rad: Floats
    flux_jy: Floats
    spectral_terms: Floats
    shape_rad: Floats
    reference_hz: float

    def __len__(self) -> int:
        return len(self.names)

    @property
    def spectral_index(self) -> Floats:
        """D log S / d log ν at the reference frequency, shape (n_sources,)."""
        return self.spectral_terms[:, 0]

    @property
    def extended(self) -> Bools:
        """Which sources are no points, shape (n_sources,)."""
        return np.asarray(self.shape_rad[:, 0] > 0.0)

    def flux_at(self, freq_hz: float) -> Floats:
        """Give the fluxes (Jy) at a frequency, shape (n_sources,)."""
        x = np.log10(freq_hz / self.reference_hz)
        powers = x ** np.arange(1, self.spectral_terms.shape[1] + 1)
        return np.asarray(self.flux_jy * 10.0 ** (self.spectral_terms @ powers))

    def model(self, comment: str) -> SkyModel:
        """Give the sources as a LOFAR sky model."""
        return SkyModel(
            sources=tuple(self._source(index) for index in range(len(self))), header_comments=(comment,)
        )

    def _source(self, index: int) -> Source:
        major, minor, angle = map(float, self.shape_rad[index])
        terms = np.trim_zeros(self.spectral_terms[index], "b")
        return Source(
            name=self.names[index],
            ra_rad=float(self.ra_rad[index]),
            dec_rad=float(self.dec_rad[index]),
            flux_jy=float(self.flux_jy[index]),
            reference_freq_hz=self.reference_hz,
            spectral_index=tuple(map(float, terms)) or (0.0,),
            major_arcsec=np.degrees(major) * 3600.0,
            minor_arcsec=np.degrees(minor) * 3600.0,
            orientation_deg=np.degrees(angle),
            orientation_is_absolute=major > 0.0,
        )


def no_sources(reference_hz: float) -> Sky:
    """Give an empty sky."""
    none = np.empty(0)
    return Sky((), none, none, none, np.empty((0, 1)), np.empty((0, 3)), reference_hz)


def together(first: Sky, second: Sky) -> Sky:
    """Give the sources of two skies with the same reference frequency, one after the other."""
    width = max(first.spectral_terms.shape[1], second.spectral_terms.shape[1])
    terms = [
        np.pad(s.spectral_terms, ((0, 0), (0, width - s.spectral_terms.shape[1]))) for s in (first, second)
    ]
    return Sky(
        names=(*first.names, *second.names),
        ra_rad=np.append(first.ra_rad, second.ra_rad),
        dec_rad=np.append(first.dec_rad, second.dec_rad),
        flux_jy=np.append(first.flux_jy, second.flux_jy),
        spectral_terms=np.concatenate(terms),
        shape_rad=np.concatenate([first.shape_rad, second.shape_rad]),
        reference_hz=first.reference_hz,
    )


def from_model(model: SkyModel, reference_hz: float) -> Sky:
    """Make a sky of a model with logarithmic spectra, which are rewritten, exactly, for another reference.

    Raises
    ------
    ValueError
        The model is empty.
    """
    sources = model.sources
    spectra = [_spectrum(source, reference_hz) for source in sources]
    width = max(len(spectrum) for spectrum in spectra)
    table = np.array([np.pad(spectrum, (0, width - len(spectrum))) for spectrum in spectra])
    arcsec = np.radians([[s.major_arcsec, s.minor_arcsec, 3600.0 * s.orientation_deg] for s in sources])
    return Sky(
        names=tuple(source.name for source in sources),
        ra_rad=np.array([source.ra_rad for source in sources]),
        dec_rad=np.array([source.dec_rad for source in sources]),
        flux_jy=10.0 ** table[:, 0],
        spectral_terms=table[:, 1:],
        shape_rad=arcsec / 3600.0,
        reference_hz=reference_hz,
    )


def _spectrum(source: Source, reference_hz: float) -> Floats:
    """Give the coefficients of log10 S over x = log10(ν / reference), the constant first."""
    about_own = Polynomial([np.log10(source.flux_jy), *(source.spectral_index or (0.0,))])
    shift = np.log10(reference_hz / source.reference_freq_hz)
    return np.asarray(about_own(Polynomial([shift, 1.0])).coef)


def direction_cosines(ra_rad: Floats, dec_rad: Floats, centre_ra_rad: float, centre_dec_rad: float) -> Floats:
    """Give (l, m, n-1) of positions about a phase centre.

    SIN projection, Thompson, Moran & Swenson (2017), eq. 3.14; n - 1 is written as -(l² + m²)/(1 + n), which
    loses no digits close to the centre.

    Returns
    -------
    ndarray
        Shape (n_sources, 3).
    """
    d_ra = ra_rad - centre_ra_rad
    sin0, cos0 = np.sin(centre_dec_rad), np.cos(centre_dec_rad)
    east = np.cos(dec_rad) * np.sin(d_ra)
    north = np.sin(dec_rad) * cos0 - np.cos(dec_rad) * sin0 * np.cos(d_ra)
    towards = np.sin(dec_rad) * sin0 + np.cos(dec_rad) * cos0 * np.cos(d_ra)
    return np.stack([east, north, -(east**2 + north**2) / (1.0 + towards)], axis=-1)


def unit_vectors(ra_rad: Floats, dec_rad: Floats) -> Floats:
    """Give positions as unit vectors, shape (n, 3)."""
    return np.stack(
        [np.cos(dec_rad) * np.cos(ra_rad), np.cos(dec_rad) * np.sin(ra_rad), np.sin(dec_rad)], axis=-1
    )
