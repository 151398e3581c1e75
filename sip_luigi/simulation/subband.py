"""The data of one subband, block after block of time slots. No files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.beam import BeamGrid
from sip_luigi.simulation.field import draw_sky
from sip_luigi.simulation.gains import (
    Bandpass,
    clock_offsets_s,
    clock_phase,
    dead_factors,
    draw_bandpass,
    station_gains,
)
from sip_luigi.simulation.ionosphere import station_tec, tec_phase
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import (
    baselines,
    correlate_receptors,
    correlate_stations,
    fringes,
    source_voltages,
)
from sip_luigi.simulation.receiver import (
    Noise,
    apply_gains,
    draw_noise,
    make_autocorrelations_real,
    system_flux_jy,
)
from sip_luigi.simulation.rfi import RfiEvent, draw_rfi, rfi_voltages
from sip_luigi.simulation.sky import Sky, direction_cosines
from sip_luigi.simulation.stations import Station, choose_dead, horizontal, observing_stations
from sip_luigi.simulation.streams import Stream, generator

Floats = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]
Complex = npt.NDArray[np.complex128]

BLOCK_BYTES = 64_000_000
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


@dataclass(frozen=True)
class Instrument:
    """All that does not depend on the subband, drawn from the seed.

    Attributes
    ----------
    stations : tuple of Station
        The stations, in the order of the ANTENNA table.
    dead : tuple of str
        Names of the dead ones.
    gains : ndarray
        Gains of the electronics with the dead stations in them, shape (n_times, n_stations, 2).
    bandpass : Bandpass
        Gains over frequency.
    clock_s : ndarray
        Clock offsets, shape (n_stations,).
    tec_tecu : ndarray
        Electron content, shape (n_times, n_stations).
    rfi : tuple of RfiEvent
        All interference.
    """

    stations: tuple[Station, ...]
    dead: tuple[str, ...]
    gains: Complex
    bandpass: Bandpass
    clock_s: Floats
    tec_tecu: Floats
    rfi: tuple[RfiEvent, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Station names."""
        return tuple(station.name for station in self.stations)

    def gains_at(self, freq_hz: float) -> Complex:
        """Give electronics and ionosphere at a frequency, shape (n_times, n_stations, 2)."""
        phase = tec_phase(self.tec_tecu, freq_hz) + clock_phase(self.clock_s, freq_hz)
        return np.asarray(self.gains * self.bandpass.at(freq_hz) * np.exp(1j * phase)[:, :, None])


def draw_instrument(options: SimulationOptions) -> Instrument:
    """Draw stations, gains, ionosphere and interference."""
    stations = observing_stations(options)
    names = tuple(station.name for station in stations)
    dead = choose_dead(options, names)
    seconds = slot_times(options) - options.instrument_epoch_mjd_s
    gains = station_gains(options, len(stations), seconds) * dead_factors(names, dead)[:, None]
    tec = station_tec(options, horizontal(stations), seconds)
    return Instrument(
        stations=stations,
        dead=dead,
        gains=gains,
        bandpass=draw_bandpass(options, len(stations)),
        clock_s=clock_offsets_s(options, names),
        tec_tecu=tec,
        rfi=draw_rfi(options, len(stations)),
    )


def slot_times(options: SimulationOptions) -> Floats:
    """Give the middles of the time slots, seconds of the modified Julian date (UTC)."""
    slots = np.arange(options.n_times, dtype=np.float64)
    return options.start_mjd_s + (slots + 0.5) * options.interval_s


def channel_frequencies(options: SimulationOptions, subband: int) -> Floats:
    """Give the centres of the channels of a subband (Hz)."""
    step = options.subband_width_hz / options.channels
    offsets = np.arange(options.channels) - 0.5 * (options.channels - 1)
    return np.asarray(options.subband_centre_hz(subband) + step * offsets)


def subband_blocks(
    options: SimulationOptions,
    subband: int,
    instrument: Instrument,
    uvw_m: Floats,
    beam: BeamGrid | None,
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
    beam : BeamGrid or None
        Beams towards the sources.

    Yields
    ------
    Block
        Some time slots, in order.
    """
    channels = _Channels(options, subband, instrument, uvw_m, beam)
    n_baselines = len(channels.first)
    step = block_slots(options, n_baselines)
    for start in range(0, options.n_times, step):
        slots = slice(start, min(start + step, options.n_times))
        shape = (slots.stop - start, n_baselines, options.channels, 4)
        data = np.empty(shape, dtype=np.complex64)
        for channel, freq_hz in enumerate(channel_frequencies(options, subband)):
            data[:, :, channel, :] = channels.visibilities(channel, float(freq_hz), slots)
        yield Block(start, data)


def block_slots(options: SimulationOptions, n_baselines: int) -> int:
    """Choose how many time slots a block has; part of the data, as noise is drawn block by block."""
    data = n_baselines * options.channels * 4 * 8
    voltages = options.n_stations * max(options.sources, 1) * 4 * 8
    return max(1, BLOCK_BYTES // max(data, voltages))


class _Channels:
    """The channels of one subband, each a product of sky, instrument and noise."""

    def __init__(
        self,
        options: SimulationOptions,
        subband: int,
        instrument: Instrument,
        uvw_m: Floats,
        beam: BeamGrid | None,
    ) -> None:
        self.options, self.subband, self.instrument = options, subband, instrument
        self.uvw_m, self.beam = uvw_m, beam
        self.sky = draw_sky(options)
        self.lmn = sky_lmn(options, self.sky)
        self.first, self.second = baselines(len(instrument.stations))
        self.rng = generator(options.seed, Stream.NOISE, subband, options.pointing)
        width_hz = options.subband_width_hz / options.channels
        sefd_jy = system_flux_jy(options.noise_jy, width_hz, options.interval_s)
        self.noise = Noise(options.noise_jy, sefd_jy)

    def visibilities(self, channel: int, freq_hz: float, slots: slice) -> Complex64:
        """Give all correlations of one channel, shape (n_times, n_baselines, 4)."""
        signal = self._sky_signal(freq_hz, slots)
        if self.noise.sigma_jy > 0:
            signal += draw_noise(self.rng, len(signal), self.first, self.second, self.noise)
        for event in self.instrument.rfi:
            if event.hits(self.subband, channel):
                self._add_rfi(signal, event, freq_hz, slots)
        gains = self.instrument.gains_at(freq_hz)[slots]
        measured = apply_gains(signal, gains, self.first, self.second)
        make_autocorrelations_real(measured, self.first, self.second)
        return measured

    def _sky_signal(self, freq_hz: float, slots: slice) -> Complex64:
        fringe = fringes(self.uvw_m[slots], self.lmn, freq_hz)
        flux_jy = self.sky.flux_at(freq_hz)
        if self.beam is None:
            return correlate_stations(source_voltages(fringe, flux_jy, None), self.first, self.second)
        jones = self.beam.at(slot_times(self.options)[slots], freq_hz)
        return correlate_receptors(source_voltages(fringe, flux_jy, jones), self.first, self.second)

    def _add_rfi(self, signal: Complex64, event: RfiEvent, freq_hz: float, slots: slice) -> None:
        on = slice(max(slots.start, event.first_slot), min(slots.stop, event.last_slot + 1))
        if on.start >= on.stop:
            return
        voltages = rfi_voltages(event, self.uvw_m[on, :, 2], freq_hz).astype(np.complex64)
        shape = (on.stop - on.start, -1, 1)
        signal[on.start - slots.start : on.stop - slots.start] += correlate_receptors(
            voltages.reshape(shape), self.first, self.second
        )


def sky_lmn(options: SimulationOptions, sky: Sky) -> Floats:
    """Give the direction cosines of all sources about the phase centre, shape (n_sources, 3)."""
    ra_deg, dec_deg = options.phase_centre_deg
    return direction_cosines(sky.ra_rad, sky.dec_rad, float(np.radians(ra_deg)), float(np.radians(dec_deg)))
