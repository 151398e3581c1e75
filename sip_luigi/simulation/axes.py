"""The axes of the data: time slots and channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.options import SimulationOptions

Floats = npt.NDArray[np.float64]


def slot_times(options: SimulationOptions) -> Floats:
    """Give the middles of the time slots, seconds of the modified Julian date (UTC)."""
    slots = np.arange(options.n_times, dtype=np.float64)
    return options.start_mjd_s + (slots + 0.5) * options.interval_s


def channel_frequencies(options: SimulationOptions, subband: int) -> Floats:
    """Give the centres of the channels of a subband (Hz)."""
    step = options.subband_width_hz / options.channels
    offsets = np.arange(options.channels) - 0.5 * (options.channels - 1)
    return np.asarray(options.subband_centre_hz(subband) + step * offsets)
