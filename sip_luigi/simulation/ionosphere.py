"""A smooth ionosphere: the electron content above each station, and the phase that it costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]

TEC_TO_PHASE = -8.44797245e9
"""Phase in rad = this times the electron content in TECU (1e16 m^-2) over the frequency in Hz.

-e²/(4 π ε0 m_e c)·1e16 m^-2, as DP3 and LoSoTo have it.
"""

WAVELENGTHS_M = (20e3, 400e3)
"""Shortest and longest wave in the electron content."""

WIND_M_S = 150.0
"""Speed with which the whole pattern drifts over the array."""

_N_WAVES = 24


def station_tec(options: SimulationOptions, east_north_m: Floats, seconds: Floats) -> Floats:
    """Draw the electron content above each station.

    A frozen pattern of plane waves that drifts over the array. Amplitudes grow as λ^(5/6), as they do for
    Kolmogorov turbulence with its structure function ∝ r^(5/3), so near stations see nearly the same.

    Parameters
    ----------
    options : SimulationOptions
        The scatter at one station.
    east_north_m : ndarray
        Horizontal station positions, shape (n_stations, 2).
    seconds : ndarray
        Times since the epoch of the instrument, shape (n_times,).

    Returns
    -------
    ndarray
        TECU, shape (n_times, n_stations).
    """
    rng = generator(options.seed, Stream.IONOSPHERE)
    wavelength = np.geomspace(*WAVELENGTHS_M, _N_WAVES)
    heading, wind_heading = rng.uniform(0.0, 2.0 * np.pi, _N_WAVES), rng.uniform(0.0, 2.0 * np.pi)
    start = rng.uniform(0.0, 2.0 * np.pi, _N_WAVES)
    waves = 2.0 * np.pi / wavelength[:, None] * _towards(heading)
    amplitude = wavelength ** (5.0 / 6.0)
    amplitude *= options.tec_rms_tecu * np.sqrt(2.0 / np.sum(amplitude**2))
    drift = WIND_M_S * seconds[:, None] * (waves @ _towards(wind_heading))
    angle = (east_north_m @ waves.T)[None, :, :] - drift[:, None, :] + start
    return np.asarray(np.cos(angle) @ amplitude)


def tec_phase(tec_tecu: Floats, freq_hz: float) -> Floats:
    """Give the phase (rad) of a signal that went through an electron content."""
    return np.asarray(TEC_TO_PHASE * tec_tecu / freq_hz)


def _towards(heading: Floats | float) -> Floats:
    return np.stack([np.sin(heading), np.cos(heading)], axis=-1)
