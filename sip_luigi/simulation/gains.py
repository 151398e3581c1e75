"""What the electronics of the stations do to a signal: gains, slowly drifting, and dead stations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

DEAD_FACTOR = 1e-3
"""How much weaker the visibilities of a dead station are."""

_N_WAVES = 4


def station_gains(options: SimulationOptions, n_stations: int, seconds: Floats) -> Complex:
    """Draw the gains of all stations, the same over the whole band.

    The logarithm of the amplitude, and the phase, of each receptor are a constant plus a drift.

    Parameters
    ----------
    options : SimulationOptions
        Scatter and drift of amplitudes and phases.
    n_stations : int
        Number of stations.
    seconds : ndarray
        Times since the start, shape (n_times,).

    Returns
    -------
    ndarray
        Gain voltages, shape (n_times, n_stations, 2); the last axis is X, Y.
    """
    rng = generator(options.seed, Stream.GAINS)
    log_amplitude, phase = (_drifting(rng, options, (n_stations, 2), seconds) for _ in range(2))
    return np.asarray(
        np.exp(options.gain_amplitude_scatter * log_amplitude + 1j * options.gain_phase_scatter_rad * phase)
    )


def dead_factors(names: Sequence[str], dead: Sequence[str]) -> Floats:
    """Give the factor by which each station is too weak, shape (n_stations,)."""
    return np.where([name in dead for name in names], DEAD_FACTOR, 1.0)


def _drifting(
    rng: np.random.Generator, options: SimulationOptions, shape: tuple[int, int], seconds: Floats
) -> Floats:
    """Draw smooth series of unit variance about a constant of their own, shape (n_times, *shape)."""
    constant = rng.standard_normal(shape)
    rate = rng.uniform(0.3, 1.0, (_N_WAVES, *shape)) / options.gain_drift_time_s
    start = rng.uniform(0.0, 2.0 * np.pi, (_N_WAVES, *shape))
    cycles = seconds.reshape(-1, 1, 1, 1) * rate
    drift = np.sqrt(2.0 / _N_WAVES) * np.cos(2.0 * np.pi * cycles + start).sum(axis=1)
    part = options.gain_drift_fraction
    return np.asarray(np.sqrt(1.0 - part) * constant + np.sqrt(part) * drift)
