"""A smooth ionosphere: a screen of electrons that drifts over the array, and the phase that it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sip_luigi.domain.clock import TEC_TO_PHASE
from sip_luigi.domain.geometry import CORE_LATITUDE_RAD, sidereal_time_rad
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]

WAVELENGTHS_M = (20e3, 400e3)
"""Shortest and longest wave in the electron content."""

WIND_M_S = 150.0
"""Speed with which the whole pattern drifts over the array."""

EARTH_RADIUS_M = 6371e3
"""Mean radius of the Earth."""

_N_WAVES = 24


@dataclass(frozen=True)
class Screen:
    """A frozen pattern of plane waves that drifts with the wind.

    Attributes
    ----------
    waves : ndarray
        Wave vectors east and north, rad/m, shape (n_waves, 2).
    amplitude : ndarray
        TECU, shape (n_waves,).
    start : ndarray
        Phases at the epoch, shape (n_waves,).
    wind_m_s : ndarray
        Velocity east and north, shape (2,).
    """

    waves: Floats
    amplitude: Floats
    start: Floats
    wind_m_s: Floats

    def tec(self, east_north_m: Floats, seconds: Floats) -> Floats:
        """Give the vertical electron content above places on the ground.

        Parameters
        ----------
        east_north_m : ndarray
            Places, shape (n_stations, 2).
        seconds : ndarray
            Times since the epoch of the instrument, shape (n_times,).

        Returns
        -------
        ndarray
            TECU, shape (n_times, n_stations).
        """
        nowhere = np.zeros((len(seconds), 1, 2))
        return self.slant_tec(east_north_m, nowhere, np.ones((len(seconds), 1)), seconds)[:, :, 0]

    def slant_tec(self, east_north_m: Floats, offset_m: Floats, slant: Floats, seconds: Floats) -> Floats:
        """Give the electron content that stations see towards sources.

        The array is small beside the height, so all stations pierce the screen at the same offset from
        themselves, and the waves over stations and over sources come apart: one product of matrices.

        Parameters
        ----------
        east_north_m : ndarray
            Stations, shape (n_stations, 2).
        offset_m : ndarray
            From a station to where it pierces the screen, shape (n_times, n_sources, 2).
        slant : ndarray
            Path through the screen over the vertical one, shape (n_times, n_sources).
        seconds : ndarray
            Times since the epoch of the instrument, shape (n_times,).

        Returns
        -------
        ndarray
            TECU, shape (n_times, n_stations, n_sources).
        """
        stations = np.exp(1j * east_north_m @ self.waves.T) * self.amplitude
        drift = np.multiply.outer(seconds, self.waves @ self.wind_m_s)[:, None, :]
        sources = np.exp(1j * (offset_m @ self.waves.T - drift + self.start)) * slant[:, :, None]
        return np.asarray((stations @ sources.swapaxes(1, 2)).real)


def draw_screen(options: SimulationOptions) -> Screen:
    """Draw the screen.

    Amplitudes grow as λ^(5/6), as they do for Kolmogorov turbulence with its structure function ∝ r^(5/3), so
    near lines of sight see nearly the same.
    """
    rng = generator(options.seed, Stream.IONOSPHERE)
    wavelength = np.geomspace(*WAVELENGTHS_M, _N_WAVES)
    heading, wind_heading = rng.uniform(0.0, 2.0 * np.pi, _N_WAVES), rng.uniform(0.0, 2.0 * np.pi)
    start = rng.uniform(0.0, 2.0 * np.pi, _N_WAVES)
    amplitude = wavelength ** (5.0 / 6.0)
    amplitude *= options.tec_rms_tecu * np.sqrt(2.0 / np.sum(amplitude**2))
    waves = 2.0 * np.pi / wavelength[:, None] * _towards(heading)
    return Screen(waves, amplitude, start, WIND_M_S * _towards(wind_heading))


def pierce_points(
    ra_rad: Floats, dec_rad: Floats, times_mjd_s: Floats, height_m: float
) -> tuple[Floats, Floats]:
    """Give where lines of sight pierce a thin shell, and how obliquely.

    The thin shell model of ionospheric mapping: sin z' = R/(R + h) sin z, the distance along the ground is
    R (z - z') and the path through the shell 1/cos z' times the vertical one.

    Parameters
    ----------
    ra_rad, dec_rad : ndarray
        Directions, shape (n_sources,).
    times_mjd_s : ndarray
        UTC, shape (n_times,).
    height_m : float
        Height of the shell.

    Returns
    -------
    offset_m : ndarray
        East and north from the station, shape (n_times, n_sources, 2).
    slant : ndarray
        Shape (n_times, n_sources).
    """
    sidereal = np.array([sidereal_time_rad(float(time_s)) for time_s in times_mjd_s])
    angle = sidereal[:, None] - ra_rad
    sin_lat, cos_lat = np.sin(CORE_LATITUDE_RAD), np.cos(CORE_LATITUDE_RAD)
    east = -np.cos(dec_rad) * np.sin(angle)
    north = np.sin(dec_rad) * cos_lat - np.cos(dec_rad) * np.cos(angle) * sin_lat
    sine = np.hypot(east, north)
    zenith = np.arctan2(sine, np.sin(dec_rad) * sin_lat + np.cos(dec_rad) * np.cos(angle) * cos_lat)
    # What is below the horizon goes through the screen as what is on it: no beam sees it.
    zenith = np.minimum(zenith, np.pi / 2)
    at_shell = np.arcsin(EARTH_RADIUS_M / (EARTH_RADIUS_M + height_m) * np.sin(zenith))
    distance_m = EARTH_RADIUS_M * (zenith - at_shell) / np.maximum(sine, 1e-12)
    return np.stack([east, north], axis=-1) * distance_m[:, :, None], 1.0 / np.cos(at_shell)


def tec_phase(tec_tecu: Floats, freq_hz: float) -> Floats:
    """Give the phase (rad) of a signal that went through an electron content."""
    return np.asarray(TEC_TO_PHASE * tec_tecu / freq_hz)


def _towards(heading: Floats | float) -> Floats:
    return np.stack([np.sin(heading), np.cos(heading)], axis=-1)
