"""The instrument of an observation, and what is in its way: all that does not depend on the subband."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.axes import slot_times
from sip_luigi.simulation.faults import Fault, draw_faults, sefd_factors, signal_factors, station_names
from sip_luigi.simulation.gains import (
    Bandpass,
    clock_offsets_s,
    clock_phase,
    draw_bandpass,
    leakage_terms,
    station_gains,
)
from sip_luigi.simulation.ionosphere import Screen, draw_screen, pierce_points, tec_phase
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.rfi import RfiEvent, draw_rfi
from sip_luigi.simulation.stations import Station, horizontal, observing_stations

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Instrument:
    """All that does not depend on the subband, drawn from the seed.

    Attributes
    ----------
    stations : tuple of Station
        The stations, in the order of the ANTENNA table.
    faults : tuple of Fault
        Which of them are bad, and when.
    gains : ndarray
        Gains of the electronics with the dead stations in them, shape (n_times, n_stations, 2).
    sefd_factors : ndarray
        By how much the system noise exceeds the usual, shape (n_times, n_stations).
    bandpass : Bandpass
        Gains over frequency.
    clock_s : ndarray
        Clock offsets, shape (n_stations,).
    leakage : ndarray
        D-terms, shape (n_stations, 2).
    tec_tecu : ndarray
        Electron content towards the phase centre, shape (n_times, n_stations).
    screen : Screen or None
        The ionosphere when it differs over the field.
    rfi : tuple of RfiEvent
        All interference.
    """

    stations: tuple[Station, ...]
    faults: tuple[Fault, ...]
    gains: Complex
    sefd_factors: Floats
    bandpass: Bandpass
    clock_s: Floats
    leakage: Complex
    tec_tecu: Floats
    screen: Screen | None
    rfi: tuple[RfiEvent, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Station names."""
        return tuple(station.name for station in self.stations)

    @property
    def dead(self) -> tuple[str, ...]:
        """Names of the stations that are dead all the time."""
        return station_names(self.faults, "dead", len(self.gains))

    @property
    def noisy(self) -> tuple[str, ...]:
        """Names of the stations that are noisy all the time."""
        return station_names(self.faults, "noisy", len(self.gains))

    def gains_at(self, freq_hz: float) -> Complex:
        """Give what is the same for all sources at a frequency, shape (n_times, n_stations, 2).

        The electronics, and the ionosphere unless it differs over the field.
        """
        phase = np.broadcast_to(clock_phase(self.clock_s, freq_hz), self.tec_tecu.shape)
        if self.screen is None:
            phase = phase + tec_phase(self.tec_tecu, freq_hz)
        return np.asarray(self.gains * self.bandpass.at(freq_hz) * np.exp(1j * phase)[:, :, None])


def draw_instrument(options: SimulationOptions) -> Instrument:
    """Draw stations, electronics, ionosphere and interference."""
    stations = observing_stations(options)
    names = tuple(station.name for station in stations)
    n_stations, n_times = len(names), options.n_times
    faults = draw_faults(options, names)
    seconds = slot_times(options) - options.instrument_epoch_mjd_s
    gains = station_gains(options, n_stations, seconds)
    screen = draw_screen(options)
    differs = options.ionosphere_height_km > 0
    return Instrument(
        stations=stations,
        faults=faults,
        gains=gains * signal_factors(faults, names, n_times)[:, :, None],
        sefd_factors=sefd_factors(faults, names, n_times, options.noisy_sefd_factor),
        bandpass=draw_bandpass(options, n_stations),
        clock_s=clock_offsets_s(options, names),
        leakage=leakage_terms(options, n_stations),
        tec_tecu=centre_tec(options, screen, horizontal(stations)),
        screen=screen if differs else None,
        rfi=draw_rfi(options, n_stations),
    )


def centre_tec(options: SimulationOptions, screen: Screen, east_north_m: Floats) -> Floats:
    """Give the electron content towards the phase centre, TECU, shape (n_times, n_stations)."""
    times_mjd_s = slot_times(options)
    seconds = times_mjd_s - options.instrument_epoch_mjd_s
    if options.ionosphere_height_km == 0:
        return screen.tec(east_north_m, seconds)
    ra_rad, dec_rad = np.radians(options.phase_centre_deg)[:, None]
    offset_m, slant = pierce_points(ra_rad, dec_rad, times_mjd_s, 1e3 * options.ionosphere_height_km)
    return screen.slant_tec(east_north_m, offset_m, slant, seconds)[:, :, 0]
