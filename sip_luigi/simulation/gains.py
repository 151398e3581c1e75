"""What the electronics of the stations do to a signal: gains, bandpass, clock and leakage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

BANDPASS_CENTRE_HZ = 150e6
BANDPASS_HALF_WIDTH_HZ = 40e6
"""Middle and half width of the band between the filters at 110 and 190 MHz."""

REFLECTION_NS = ((20.0, 100.0), (680.0, 1070.0))
"""Shortest and longest delay of the echoes in a receptor's signal path.

The second range is twice the delay of 85 m to 130 m of coaxial cable at 0.83 of the speed of light, as lies
between tiles and cabinet: a ripple with a period of about 1 MHz. The first stands for mismatches within the
electronics, with periods of 10 to 50 MHz.
"""

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
        Times since the epoch of the instrument, shape (n_times,).

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


@dataclass(frozen=True)
class Bandpass:
    """Gain over frequency.

    Attributes
    ----------
    depth : float
        Natural logarithm of the amplitude lost at the ends of the band.
    delay_s : ndarray
        Delays of the echoes, shape (n_echoes, n_stations, 2).
    strength : ndarray
        Complex strengths of the echoes, relative, same shape.
    """

    depth: float
    delay_s: Floats
    strength: Complex

    def at(self, freq_hz: float) -> Complex:
        """Give the gain voltages at a frequency, shape (n_stations, 2)."""
        away = (freq_hz - BANDPASS_CENTRE_HZ) / BANDPASS_HALF_WIDTH_HZ
        echoes = (self.strength * np.exp(-2j * np.pi * freq_hz * self.delay_s)).sum(axis=0)
        return np.asarray(np.exp(-self.depth * away**2) * (1.0 + echoes))


def draw_bandpass(options: SimulationOptions, n_stations: int) -> Bandpass:
    """Draw the bandpass of all receptors."""
    rng = generator(options.seed, Stream.BANDPASS)
    low, high = np.array(REFLECTION_NS).T[:, :, None, None] * 1e-9
    shape = (len(REFLECTION_NS), n_stations, 2)
    delay_s = rng.uniform(low, high, shape)
    phase = rng.uniform(0.0, 2.0 * np.pi, shape)
    # An echo of strength r changes the amplitude by r cos φ, of which the scatter is r/√2.
    each = options.bandpass_ripple * np.sqrt(2.0 / len(REFLECTION_NS))
    return Bandpass(options.bandpass_depth, delay_s, each * np.exp(1j * phase))


def clock_offsets_s(options: SimulationOptions, names: Sequence[str]) -> Floats:
    """Draw by how much the clock of each station is off, shape (n_stations,); the core has one clock."""
    drawn = generator(options.seed, Stream.CLOCK).standard_normal(len(names))
    remote = np.array([name.startswith("RS") for name in names], dtype=bool)
    return np.where(remote, 1e-9 * options.clock_offset_ns * drawn, 0.0)


def clock_phase(offset_s: Floats, freq_hz: float) -> Floats:
    """Give the phase (rad) of a signal that a clock dates wrongly: 2π ν τ."""
    return np.asarray(2.0 * np.pi * freq_hz * offset_s)


def leakage_terms(options: SimulationOptions, n_stations: int) -> Complex:
    """Draw the D-terms: what X takes from Y and Y from X, shape (n_stations, 2)."""
    parts = generator(options.seed, Stream.LEAKAGE).standard_normal((n_stations, 2, 2))
    return np.asarray(options.leakage * np.sqrt(0.5) * (parts[..., 0] + 1j * parts[..., 1]))


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
