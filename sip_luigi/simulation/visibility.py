"""What a source that is no point, or is averaged over, keeps on each baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Integers = npt.NDArray[np.intp]

EARTH_TURNS_RAD_S = 7.2921150e-5
"""Angular speed of the Earth (IERS Conventions 2010, table 1.2)."""

FWHM_TO_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


class Averaging(NamedTuple):
    """Over what a visibility is averaged: width of a channel (Hz) and length of a time slot (s)."""

    width_hz: float
    interval_s: float


class Array(NamedTuple):
    """Where the stations are.

    Attributes
    ----------
    uvw_m : ndarray
        Station coordinates, shape (n_times, n_stations, 3).
    centre_dec_rad : float
        Declination of the phase centre.
    pairs : ndarray
        First and second stations of the baselines, shape (2, n_baselines).
    """

    uvw_m: Floats
    centre_dec_rad: float
    pairs: Integers

    def between(self, per_station: Floats) -> Floats:
        """Give the differences second less first station; axis 1 is that of the stations."""
        return np.asarray(per_station[:, self.pairs[1]] - per_station[:, self.pairs[0]])


@dataclass(frozen=True)
class Attenuation:
    """Factors between 0 and 1 (sinc: a little below 0) on the visibilities of one source.

    Attributes
    ----------
    exponent : ndarray
        Of the Gaussian, over the square of the frequency, s², shape (n_times, n_baselines).
    bandwidth : ndarray
        What averaging in frequency leaves, same shape.
    fringes : ndarray
        Turns of the fringes in a time slot, over the frequency, s, same shape.
    """

    exponent: Floats32 | None
    bandwidth: Floats32 | None
    fringes: Floats32 | None

    def at(self, freq_hz: float) -> Floats32:
        """Give the factors at a frequency, shape (n_times, n_baselines)."""
        factor = np.float32(1.0)
        if self.exponent is not None:
            factor = np.exp(self.exponent * np.float32(freq_hz**2))
        if self.bandwidth is not None and self.fringes is not None:
            factor = factor * self.bandwidth * np.sinc(self.fringes * np.float32(freq_hz))
        return np.asarray(factor, dtype=np.float32)


def attenuation(array: Array, lmn: Floats, shape_rad: Floats, averaging: Averaging | None) -> Attenuation:
    """Work out what a source keeps.

    Averaging leaves sinc(Δν τ)·sinc(Δt dφ/dt), τ the delay and φ = ν τ the fringes that are left after the phase
    centre's are stopped (Thompson, Moran & Swenson 2017, section 6.4): right as long as the delay within the
    channel and the fringe rate within the slot hardly change.

    Parameters
    ----------
    array : Array
        The stations.
    lmn : ndarray
        (l, m, n-1) of the source, shape (3,).
    shape_rad : ndarray
        Major and minor axis (FWHM) and position angle from north through east, shape (3,); 0: a point.
    averaging : Averaging or None
        None when visibilities are those of the middle of channel and slot.
    """
    exponent = gaussian_exponent(array, lmn, shape_rad).astype(np.float32) if shape_rad[0] > 0 else None
    if averaging is None:
        return Attenuation(exponent, None, None)
    delay_s = array.between(array.uvw_m @ lmn) / SPEED_OF_LIGHT_M_S
    rate = array.between(uvw_rate(array.uvw_m, array.centre_dec_rad) @ lmn) / SPEED_OF_LIGHT_M_S
    bandwidth = np.sinc(averaging.width_hz * delay_s).astype(np.float32)
    return Attenuation(exponent, bandwidth, (averaging.interval_s * rate).astype(np.float32))


def gaussian_exponent(array: Array, lmn: Floats, shape_rad: Floats) -> Floats:
    """Give the exponent of a Gaussian's visibility over the square of the frequency.

    -2π² (σ b / c)², summed over both axes, with b the baseline seen from the source; east and north are those at
    the source, however far it is from the phase centre.

    Returns
    -------
    ndarray
        s², shape (n_times, n_baselines).
    """
    towards = lmn + np.array([0.0, 0.0, 1.0])
    east = np.cross([0.0, np.cos(array.centre_dec_rad), np.sin(array.centre_dec_rad)], towards)
    east /= np.linalg.norm(east)
    north = np.cross(towards, east)
    sin, cos = np.sin(shape_rad[2]), np.cos(shape_rad[2])
    axes = np.stack([sin * east + cos * north, cos * east - sin * north])
    scaled = array.uvw_m @ (axes * (FWHM_TO_SIGMA / SPEED_OF_LIGHT_M_S * shape_rad[:2, None])).T
    return np.asarray(-2.0 * np.pi**2 * np.sum(array.between(scaled) ** 2, axis=-1))


def uvw_rate(uvw_m: Floats, centre_dec_rad: float) -> Floats:
    """Give the time derivative of u, v, w (m/s): ω × (u, v, w) with ω = ω_E (0, cos δ, sin δ)."""
    axis = EARTH_TURNS_RAD_S * np.array([0.0, np.cos(centre_dec_rad), np.sin(centre_dec_rad)])
    return np.asarray(np.cross(axis, uvw_m))
