"""The simulated sky: point sources with power-law fluxes and spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]

_TRIES_PER_SOURCE = 200


@dataclass(frozen=True)
class Sky:
    """Point sources, the brightest first.

    Attributes
    ----------
    names : tuple of str
        ``SIM0001…``, shape (n_sources,).
    ra_rad, dec_rad : ndarray
        J2000 positions, shape (n_sources,).
    flux_jy : ndarray
        Stokes I at the reference frequency, shape (n_sources,); the sources are not polarised.
    spectral_index : ndarray
        α in S ∝ ν^α, shape (n_sources,).
    reference_hz : float
        Frequency of the fluxes.
    """

    names: tuple[str, ...]
    ra_rad: Floats
    dec_rad: Floats
    flux_jy: Floats
    spectral_index: Floats
    reference_hz: float

    def __len__(self) -> int:
        return len(self.names)

    def flux_at(self, freq_hz: float) -> Floats:
        """Give the fluxes (Jy) at a frequency, shape (n_sources,)."""
        return np.asarray(self.flux_jy * (freq_hz / self.reference_hz) ** self.spectral_index)


def draw_sky(options: SimulationOptions) -> Sky:
    """Draw the sources that the options ask for.

    Raises
    ------
    ConfigurationError
        So many sources, so far from each other, do not fit into the field.
    """
    n = options.sources
    ra_deg, dec_deg = options.phase_centre_deg
    theta, phi = _spread(options)
    ra_rad, dec_rad = _offset(np.radians(ra_deg), np.radians(dec_deg), theta, phi)
    spectra = generator(options.seed, Stream.SPECTRA).normal(
        options.spectral_index_mean, options.spectral_index_scatter, n
    )
    return Sky(
        names=tuple(f"SIM{number:04d}" for number in range(1, n + 1)),
        ra_rad=ra_rad,
        dec_rad=dec_rad,
        flux_jy=power_law_fluxes(
            generator(options.seed, Stream.FLUXES),
            n,
            options.flux_min_jy,
            options.flux_max_jy,
            options.flux_slope,
        ),
        spectral_index=spectra,
        reference_hz=options.band_centre_hz,
    )


def power_law_fluxes(rng: np.random.Generator, n: int, low_jy: float, high_jy: float, slope: float) -> Floats:
    """Draw fluxes with dN/dS ∝ S^-slope between two limits, the brightest first.

    One flux is drawn in each of `n` equally probable stretches of the distribution: whatever the seed, the
    total flux and the share of the brightest sources come out nearly the same.

    Returns
    -------
    ndarray
        Fluxes in Jy, shape (n,).
    """
    part = (np.arange(n) + rng.random(n)) / max(n, 1)
    if abs(slope - 1.0) < 1e-9:
        fluxes = low_jy * (high_jy / low_jy) ** part
    else:
        power = 1.0 - slope
        fluxes = (low_jy**power + part * (high_jy**power - low_jy**power)) ** (1.0 / power)
    return np.asarray(np.clip(fluxes, low_jy, high_jy)[::-1])


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


def _spread(options: SimulationOptions) -> tuple[Floats, Floats]:
    """Throw sources evenly onto a cap, giving up those too near to one before; polar angles (rad)."""
    rng = generator(options.seed, Stream.POSITIONS)
    closest = np.cos(np.radians(options.min_separation_arcsec / 3600.0))
    depth = 1.0 - np.cos(np.radians(options.field_radius_deg))
    kept = np.empty((options.sources, 2))
    vectors = np.empty((options.sources, 3))
    n_kept = 0
    for _ in range(_TRIES_PER_SOURCE * options.sources):
        if n_kept == options.sources:
            break
        angles = np.arccos(1.0 - depth * rng.random()), 2.0 * np.pi * rng.random()
        vector = unit_vectors(np.array(angles[1]), np.pi / 2 - np.array(angles[0]))
        if options.min_separation_arcsec == 0 or np.all(vectors[:n_kept] @ vector < closest):
            kept[n_kept], vectors[n_kept] = angles, vector
            n_kept += 1
    if n_kept < options.sources:
        raise ConfigurationError(
            f"simulation option sources: only {n_kept} of {options.sources} sources fit into a radius of "
            f"{options.field_radius_deg:g}° at least {options.min_separation_arcsec:g} arcsec apart; ask for "
            "fewer, a larger field_radius_deg or a smaller min_separation_arcsec"
        )
    return kept[:, 0], kept[:, 1]


def _offset(ra_rad: float, dec_rad: float, theta: Floats, phi: Floats) -> tuple[Floats, Floats]:
    """Give positions at distances `theta` and position angles `phi` (rad) from a centre."""
    sin_dec = np.sin(dec_rad) * np.cos(theta) + np.cos(dec_rad) * np.sin(theta) * np.cos(phi)
    d_ra = np.arctan2(
        np.sin(phi) * np.sin(theta) * np.cos(dec_rad), np.cos(theta) - np.sin(dec_rad) * sin_dec
    )
    return np.asarray((ra_rad + d_ra) % (2.0 * np.pi)), np.asarray(np.arcsin(np.clip(sin_dec, -1.0, 1.0)))
