"""The sources of the field: positions, fluxes, spectra and shapes, drawn from the seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sip_luigi.domain.ateam_model import NAMES, ateam_model, year_of
from sip_luigi.domain.calibrators import calibrator_model, calibrator_named
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.sky import Sky, from_model, no_sources, together, unit_vectors
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]

_TRIES_PER_SOURCE = 200

SMALLEST_PART = 0.3
"""Smallest major axis of an extended source, as a part of the largest."""

ATEAM_FLUX_SCATTER = 0.05
"""Scatter of the natural logarithm of the A-team's fluxes about the model."""

ROUNDNESS = (0.4, 1.0)
"""Smallest and largest ratio of the axes of an extended source."""


def draw_sky(options: SimulationOptions) -> Sky:
    """Draw the sources that the options ask for, the brightest first, and after them the standard source.

    Raises
    ------
    ConfigurationError
        So many sources, so far from each other, do not fit into the field.
    """
    field = draw_field(options)
    if not options.standard_source:
        return field
    model = calibrator_model(calibrator_named(options.standard_source))
    return together(field, from_model(model, options.band_centre_hz))


def draw_ateam(options: SimulationOptions) -> Sky:
    """Give the A-team at the time of the observation, or an empty sky when it is switched off.

    The fluxes are not those of the model: a pipeline that uses it has no perfect one.
    """
    if not options.ateam:
        return no_sources(options.band_centre_hz)
    sky = from_model(ateam_model(year=year_of(options.start_mjd_s)), options.band_centre_hz)
    scatter = generator(options.seed, Stream.ATEAM).standard_normal(len(NAMES))
    of_source = [NAMES.index(name.partition("_")[0]) for name in sky.names]
    return replace(sky, flux_jy=sky.flux_jy * np.exp(ATEAM_FLUX_SCATTER * scatter[of_source]))


def draw_field(options: SimulationOptions) -> Sky:
    """Draw the sources ``SIM0001…`` of the field."""
    n = options.sources
    ra_deg, dec_deg = options.phase_centre_deg
    theta, phi = _spread(options)
    ra_rad, dec_rad = _offset(np.radians(ra_deg), np.radians(dec_deg), theta, phi)
    fluxes = generator(options.seed, Stream.FLUXES)
    return Sky(
        names=tuple(f"SIM{number:04d}" for number in range(1, n + 1)),
        ra_rad=ra_rad,
        dec_rad=dec_rad,
        flux_jy=power_law_fluxes(fluxes, n, options.flux_min_jy, options.flux_max_jy, options.flux_slope),
        spectral_terms=_spectra(options),
        shape_rad=_shapes(options),
        reference_hz=options.band_centre_hz,
    )


def _spectra(options: SimulationOptions) -> Floats:
    """Draw spectral indices and curvatures, shape (n_sources, 2)."""
    rng, n = generator(options.seed, Stream.SPECTRA), options.sources
    index = rng.normal(options.spectral_index_mean, options.spectral_index_scatter, n)
    curvature = rng.normal(0.0, options.spectral_curvature_scatter, n)
    return np.stack([index, curvature], axis=-1)


def _shapes(options: SimulationOptions) -> Floats:
    """Draw axes and position angles; most sources are points, shape (n_sources, 3)."""
    rng, n = generator(options.seed, Stream.SHAPES), options.sources
    major = np.radians(options.extended_arcsec / 3600.0) * rng.uniform(SMALLEST_PART, 1.0, n)
    minor, angle = major * rng.uniform(*ROUNDNESS, n), rng.uniform(0.0, np.pi, n)
    extended = rng.random(n) < options.extended_fraction
    return np.where(extended[:, None], np.stack([major, minor, angle], axis=-1), 0.0)


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
