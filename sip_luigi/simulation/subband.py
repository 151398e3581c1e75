"""The data of one subband, block after block of time slots. No files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.axes import channel_frequencies, slot_times
from sip_luigi.simulation.instrument import Instrument
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import baselines, correlate_receptors
from sip_luigi.simulation.receiver import (
    Noise,
    apply_gains,
    apply_leakage,
    draw_noise,
    make_autocorrelations_real,
    system_flux_jy,
)
from sip_luigi.simulation.rfi import RfiEvent, rfi_voltages
from sip_luigi.simulation.signal import Geometry, PartSignal, SkyPart
from sip_luigi.simulation.stations import horizontal
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]

BLOCK_BYTES = 32_000_000
"""About as much is held of the data, or of the voltages of a channel, at a time."""


class Block(NamedTuple):
    """The data of some time slots.

    Attributes
    ----------
    first_slot : int
        The first of them.
    data : ndarray
        Jy, shape (n_times, n_baselines, n_channels, 4).
    """

    first_slot: int
    data: Complex64


def subband_blocks(
    options: SimulationOptions,
    subband: int,
    instrument: Instrument,
    uvw_m: Floats,
    parts: Sequence[SkyPart],
) -> Iterator[Block]:
    """Make the data of one subband.

    Parameters
    ----------
    options : SimulationOptions
        The observation.
    subband : int
        Number of the subband.
    instrument : Instrument
        From `draw_instrument`.
    uvw_m : ndarray
        Station coordinates, shape (n_times, n_stations, 3).
    parts : sequence of SkyPart
        The sky.

    Yields
    ------
    Block
        Some time slots, in order.
    """
    receiver = _Receiver(options, subband, instrument, uvw_m)
    n_baselines = len(receiver.first)
    east_north_m = horizontal(instrument.stations)
    freqs_hz = channel_frequencies(options, subband)
    step = block_slots(options, n_baselines)
    for start in range(0, options.n_times, step):
        slots = slice(start, min(start + step, options.n_times))
        geometry = Geometry(slot_times(options)[slots], uvw_m[slots], east_north_m)
        # Channel by channel is how it is worked out: an order of magnitude faster than in the order of the data.
        channels = np.zeros((options.channels, slots.stop - start, n_baselines, 4), dtype=np.complex64)
        for part in parts:
            PartSignal(options, part, instrument.screen, geometry).add_to(channels, freqs_hz)
        for channel, freq_hz in enumerate(freqs_hz):
            channels[channel] = receiver.measured(channels[channel], channel, float(freq_hz), slots)
        yield Block(start, np.ascontiguousarray(np.moveaxis(channels, 0, 2)))


def block_slots(options: SimulationOptions, n_baselines: int) -> int:
    """Choose how many time slots a block has; part of the data, as noise is drawn block by block."""
    data = n_baselines * options.channels * 4 * 8
    voltages = options.n_stations * max(options.sources, 1) * 4 * 8
    return max(1, BLOCK_BYTES // max(data, voltages))


class _Receiver:
    """What interference, noise and electronics of one subband make of the sky."""

    def __init__(
        self, options: SimulationOptions, subband: int, instrument: Instrument, uvw_m: Floats
    ) -> None:
        self.options, self.subband, self.instrument, self.uvw_m = options, subband, instrument, uvw_m
        self.first, self.second = baselines(len(instrument.stations))
        self.rng = generator(options.seed, Stream.NOISE, subband, options.pointing)
        width_hz = options.subband_width_hz / options.channels
        sefd_jy = system_flux_jy(options.noise_jy, width_hz, options.interval_s)
        self.noise = Noise(options.noise_jy, sefd_jy)

    def measured(self, signal: Complex64, channel: int, freq_hz: float, slots: slice) -> Complex64:
        """Give all correlations of one channel, shape (n_times, n_baselines, 4)."""
        pairs = self.first, self.second
        if self.options.leakage > 0:
            signal = apply_leakage(signal, self.instrument.leakage, *pairs)
        if self.noise.sigma_jy > 0:
            signal = signal + draw_noise(self.rng, self.instrument.sefd_factors[slots], *pairs, self.noise)
        for event in self.instrument.rfi:
            if event.hits(self.subband, channel):
                self._add_rfi(signal, event, freq_hz, slots)
        measured = apply_gains(signal, self.instrument.gains_at(freq_hz)[slots], *pairs)
        make_autocorrelations_real(measured, *pairs)
        return measured

    def _add_rfi(self, signal: Complex64, event: RfiEvent, freq_hz: float, slots: slice) -> None:
        on = slice(max(slots.start, event.first_slot), min(slots.stop, event.last_slot + 1))
        if on.start >= on.stop:
            return
        voltages = rfi_voltages(event, self.uvw_m[on, :, 2], freq_hz).astype(np.complex64)
        shape = (on.stop - on.start, -1, 1)
        signal[on.start - slots.start : on.stop - slots.start] += correlate_receptors(
            voltages.reshape(shape), self.first, self.second
        )
