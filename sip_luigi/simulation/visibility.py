"""What a source that is no point, or is smeared, has on each baseline: factors between 0 and 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.rfi import LIGHT_M_S

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

EARTH_TURNS_RAD_S = 7.2921150e-5
"""Angular speed of the Earth (IERS Conventions 2010, table 1.2)."""

FWHM_TO_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


def gaussian_factor(
    uvw_m: Floats, lmn: Floats, shape_rad: Floats, centre_dec_rad: float, freq_hz: float, pairs: Integers
) -> Floats:
    """Give the visibility of a Gaussian of unit flux as if it lay where the fringes are stopped.

    exp(-2π² σ² b²) along both axes, with b the baseline seen from the source, in wavelengths; east and north
    are those at the source, however far it is from the phase centre.

    Parameters
    ----------
    uvw_m : ndarray
        Station coordinates, shape (n_times, n_stations, 3).
    lmn : ndarray
        (l, m, n-1) of the source, shape (3,).
    shape_rad : ndarray
        Major and minor axis (FWHM) and position angle from north through east, shape (3,).
    centre_dec_rad : float
        Declination of the phase centre.
    freq_hz : float
        Frequency.
    pairs : ndarray
        First and second stations of the baselines, shape (2, n_baselines).

    Returns
    -------
    ndarray
        Shape (n_times, n_baselines).
    """
    towards = lmn + np.array([0.0, 0.0, 1.0])
    east = np.cross([0.0, np.cos(centre_dec_rad), np.sin(centre_dec_rad)], towards)
    east /= np.linalg.norm(east)
    north = np.cross(towards, east)
    sin, cos = np.sin(shape_rad[2]), np.cos(shape_rad[2])
    axes = np.stack([sin * east + cos * north, cos * east - sin * north])
    sigma = FWHM_TO_SIGMA * shape_rad[:2]
    scaled = uvw_m @ (axes * sigma[:, None]).T * (freq_hz / LIGHT_M_S)
    return np.asarray(np.exp(-2.0 * np.pi**2 * np.sum(_between(scaled, pairs) ** 2, axis=-1)))


def smearing_factor(
    uvw_m: Floats,
    lmn: Floats,
    centre_dec_rad: float,
    channel: tuple[float, float],
    interval_s: float,
    pairs: Integers,
) -> Floats:
    """Give what is left of a point source after averaging within a channel and a time slot.

    sinc(Δν τ)·sinc(Δt dφ/dt), τ the delay and φ = ν τ the fringes that are left after the phase centre's are
    stopped (Thompson, Moran & Swenson 2017, sections 6.4): right as long as the delay within the channel and
    the fringe rate within the slot hardly change.

    Parameters
    ----------
    uvw_m, lmn, centre_dec_rad, pairs
        As in `gaussian_factor`.
    channel : tuple of float
        Centre and width, Hz.
    interval_s : float
        Length of a slot.

    Returns
    -------
    ndarray
        Shape (n_times, n_baselines).
    """
    freq_hz, width_hz = channel
    delay_s = _between(uvw_m @ lmn, pairs) / LIGHT_M_S
    fringe_hz = _between(uvw_rate(uvw_m, centre_dec_rad) @ lmn, pairs) * (freq_hz / LIGHT_M_S)
    return np.asarray(np.sinc(width_hz * delay_s) * np.sinc(interval_s * fringe_hz))


def uvw_rate(uvw_m: Floats, centre_dec_rad: float) -> Floats:
    """Give the time derivative of u, v, w (m/s): ω × (u, v, w) with ω = ω_E (0, cos δ, sin δ)."""
    axis = EARTH_TURNS_RAD_S * np.array([0.0, np.cos(centre_dec_rad), np.sin(centre_dec_rad)])
    return np.asarray(np.cross(axis, uvw_m))


def _between(per_station: Floats, pairs: Integers) -> Floats:
    """Give the differences second less first station; axis 1 is that of the stations."""
    return np.asarray(per_station[:, pairs[1]] - per_station[:, pairs[0]])
