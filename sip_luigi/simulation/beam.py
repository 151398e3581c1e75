"""The beams of all stations towards all sources: a coarse grid, and what is between its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.interpolation import even_nodes, weights
from sip_luigi.simulation.options import SimulationOptions

Floats = npt.NDArray[np.float64]
Jones = npt.NDArray[np.complex64]

TIME_STEP_S = 180.0
"""Nodes in time are no farther apart: cubic interpolation is then good to 1e-5."""

ZENITH_TIME_STEP_S = 20.0
"""The same when a part of the field comes close to the zenith.

The element's response is written in polar coordinates about the zenith and is not smooth there: with 180 s
the visibilities were wrong by 1e-3, with 60 s by 1e-4 of the strongest.
"""

NEAR_ZENITH_DEG = 1.0
"""How close is close."""

FREQUENCY_STEP_HZ = 4e6
"""Nodes in frequency are no farther apart."""

FAR_TIME_STEP_S, FAR_FREQUENCY_STEP_HZ = 60.0, 1e6
"""The same for sources in the side lobes.

There the response of a station turns with the path from its rim to its middle: by 0.4 rad in a minute or in 1 MHz.
"""


@dataclass(frozen=True)
class BeamGrid:
    """Jones matrices of the stations at nodes in time and frequency.

    Attributes
    ----------
    times_mjd_s, freqs_hz : ndarray
        The nodes, shapes (n_nodes,).
    jones : ndarray
        Shape (n_time_nodes, n_freq_nodes, n_stations, 2, n_sources, 2).
    """

    times_mjd_s: Floats
    freqs_hz: Floats
    jones: Jones

    def at(self, times_mjd_s: Floats, freq_hz: float) -> Jones:
        """Interpolate to some times and a frequency.

        Returns
        -------
        ndarray
            Shape (n_times, n_stations, 2, n_sources, 2).
        """
        in_freq = weights(self.freqs_hz, np.array([freq_hz]))[0].astype(np.float32)
        in_time = weights(self.times_mjd_s, times_mjd_s).astype(np.float32)
        nodes = np.tensordot(in_freq, self.jones, axes=(0, 1))
        flat = in_time.astype(np.complex64) @ nodes.reshape(len(nodes), -1)
        return flat.reshape(len(times_mjd_s), *nodes.shape[1:])

    def towards(self, chosen: npt.NDArray[np.intp]) -> BeamGrid:
        """Give the beams towards some of the sources."""
        if len(chosen) == self.jones.shape[4]:
            return self
        return BeamGrid(self.times_mjd_s, self.freqs_hz, self.jones[..., chosen, :])

    def save(self, path: Path) -> None:
        """Write the grid for another process."""
        np.savez(path, times_mjd_s=self.times_mjd_s, freqs_hz=self.freqs_hz, jones=self.jones)

    @classmethod
    def load(cls, path: Path) -> BeamGrid:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            return cls(stored["times_mjd_s"], stored["freqs_hz"], stored["jones"])


def grid_nodes(options: SimulationOptions, *, far: bool = False) -> tuple[Floats, Floats]:
    """Choose the nodes in time (middles of the first to the last slot, s) and frequency (whole band, Hz).

    Parameters
    ----------
    options : SimulationOptions
        The observation.
    far : bool
        Whether the sources lie in the side lobes.
    """
    half = 0.5 * options.interval_s
    first_s = options.start_mjd_s + half
    last_s = options.start_mjd_s + options.n_times * options.interval_s - half
    width = options.subband_width_hz
    low_hz = options.frequency_hz - 0.5 * width
    high_hz = options.subband_centre_hz(options.subband_numbers[-1]) + 0.5 * width
    steps = (FAR_TIME_STEP_S, FAR_FREQUENCY_STEP_HZ) if far else (time_step_s(options), FREQUENCY_STEP_HZ)
    return even_nodes(first_s, last_s, steps[0], 4), even_nodes(low_hz, high_hz, steps[1], 3)


def time_step_s(options: SimulationOptions) -> float:
    """Choose how far apart the nodes in time may be."""
    highest = max(options.elevation_deg(seconds) for seconds in np.linspace(0.0, options.duration_s, 97))
    near = 90.0 - highest < options.field_radius_deg + NEAR_ZENITH_DEG
    return ZENITH_TIME_STEP_S if near else TIME_STEP_S


def relative_power(jones: Jones, centre: Jones) -> Floats:
    """Give the mean power of the primary beam relative to the phase centre.

    The mean over times and baselines of tr(M_p M_qᴴ)/2 with M = J(centre)⁻¹ J(source): by so much is the flux
    of an unpolarised source weaker in an image whose visibilities were corrected at the phase centre.

    Parameters
    ----------
    jones : ndarray
        Towards the sources, shape (n_times, n_stations, 2, n_sources, 2).
    centre : ndarray
        Towards the phase centre, shape (n_times, n_stations, 2, 2).

    Returns
    -------
    ndarray
        Shape (n_sources,).
    """
    relative = np.einsum("tsab,tsbnc->tsanc", np.linalg.inv(centre), jones)
    n_stations = jones.shape[1]
    total = relative.sum(axis=1)
    # The sum over p ≠ q is the square of the sum less the squares.
    every = np.sum(np.abs(total) ** 2, axis=(1, 3)) - np.sum(np.abs(relative) ** 2, axis=(1, 2, 4))
    return np.asarray(every.mean(axis=0) / (2.0 * n_stations * (n_stations - 1)), dtype=np.float64)
