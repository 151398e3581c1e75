"""What the sky gives to all pairs of stations, before the electronics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.beam import BeamGrid
from sip_luigi.simulation.ionosphere import Screen, pierce_points
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import (
    baselines,
    correlate_receptors,
    correlate_stations,
    fringes,
    source_voltages,
)
from sip_luigi.simulation.sky import Sky, direction_cosines
from sip_luigi.simulation.visibility import Array, Averaging, attenuation

Floats = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]
Integers = npt.NDArray[np.intp]


@dataclass(frozen=True)
class SkyPart:
    """Sources that are treated alike.

    Attributes
    ----------
    sky : Sky
        The sources.
    beam : BeamGrid or None
        The beams towards them.
    smeared : bool
        Whether they are averaged over channel and time slot.
    """

    sky: Sky
    beam: BeamGrid | None
    smeared: bool = False


@dataclass(frozen=True)
class Geometry:
    """Where the stations are in some time slots.

    Attributes
    ----------
    times_mjd_s : ndarray
        Middles of the slots, shape (n_times,).
    uvw_m : ndarray
        Shape (n_times, n_stations, 3).
    east_north_m : ndarray
        Horizontal positions, shape (n_stations, 2).
    """

    times_mjd_s: Floats
    uvw_m: Floats
    east_north_m: Floats


class PartSignal:
    """Adds the visibilities of some sources in some time slots to data."""

    def __init__(
        self, options: SimulationOptions, part: SkyPart, screen: Screen | None, geometry: Geometry
    ) -> None:
        self.part, self.geometry = part, geometry
        centre_ra_rad, centre_dec_rad = (float(x) for x in np.radians(options.phase_centre_deg))
        sky = part.sky
        self.lmn = direction_cosines(sky.ra_rad, sky.dec_rad, centre_ra_rad, centre_dec_rad)
        pairs = np.stack(baselines(geometry.uvw_m.shape[1]))
        self.array = Array(geometry.uvw_m, centre_dec_rad, pairs)
        self.tec_tecu = None if screen is None else slant_tec(options, screen, sky, geometry)
        averaging = Averaging(options.subband_width_hz / options.channels, options.interval_s)
        self.averaging = averaging if part.smeared else None

    def add_to(self, channels: Complex64, freqs_hz: Floats) -> None:
        """Add XX, XY, YX, YY of all sources.

        Parameters
        ----------
        channels : ndarray
            Jy, shape (n_channels, n_times, n_baselines, 4).
        freqs_hz : ndarray
            Shape (n_channels,).
        """
        sky = self.part.sky
        alone = np.ones(len(sky), dtype=bool) if self.part.smeared else sky.extended
        points = np.flatnonzero(~alone)
        if len(points) > 0:
            visibilities = self._correlator(points)
            for channel, freq_hz in enumerate(freqs_hz):
                channels[channel] += visibilities(float(freq_hz))
        for index in np.flatnonzero(alone):
            self._add_one(channels, freqs_hz, int(index))

    def _add_one(self, channels: Complex64, freqs_hz: Floats, index: int) -> None:
        """Add a source that baselines see differently: its correlations times a factor for each baseline."""
        visibilities = self._correlator(np.array([index]))
        kept = attenuation(self.array, self.lmn[index], self.part.sky.shape_rad[index], self.averaging)
        for channel, freq_hz in enumerate(freqs_hz):
            channels[channel] += visibilities(float(freq_hz)) * kept.at(float(freq_hz))[:, :, None]

    def _correlator(self, chosen: Integers) -> Callable[[float], Complex64]:
        """Give what correlates some of the sources at a frequency, shape (n_times, n_baselines, 4)."""
        lmn, flux_at = self.lmn[chosen], self.part.sky.flux_at
        tec_tecu = None if self.tec_tecu is None else self.tec_tecu[:, :, chosen]
        beam = None if self.part.beam is None else self.part.beam.towards(chosen)

        def correlated(freq_hz: float) -> Complex64:
            fringe = fringes(self.geometry.uvw_m, lmn, freq_hz, tec_tecu)
            jones = None if beam is None else beam.at(self.geometry.times_mjd_s, freq_hz)
            voltages = source_voltages(fringe, flux_at(freq_hz)[chosen], jones)
            correlate = correlate_stations if jones is None else correlate_receptors
            return correlate(voltages, *self.array.pairs)

        return correlated


def slant_tec(options: SimulationOptions, screen: Screen, sky: Sky, geometry: Geometry) -> Floats:
    """Give the electron content between all stations and sources, TECU, shape (n_times, n_stations, n_sources)."""
    height_m = 1e3 * options.ionosphere_height_km
    offset_m, slant = pierce_points(sky.ra_rad, sky.dec_rad, geometry.times_mjd_s, height_m)
    seconds = geometry.times_mjd_s - options.instrument_epoch_mjd_s
    return screen.slant_tec(geometry.east_north_m, offset_m, slant, seconds)
