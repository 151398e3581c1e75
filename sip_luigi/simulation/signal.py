"""What the sky gives to all pairs of stations, before the electronics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.beam import BeamGrid, Jones
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
from sip_luigi.simulation.visibility import gaussian_factor, smearing_factor

Floats = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]


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
    """The visibilities of some sources in some time slots; what all channels share is worked out once."""

    def __init__(
        self, options: SimulationOptions, part: SkyPart, screen: Screen | None, geometry: Geometry
    ) -> None:
        self.options, self.part, self.geometry = options, part, geometry
        centre_ra_rad, self.centre_dec_rad = (float(x) for x in np.radians(options.phase_centre_deg))
        sky = part.sky
        self.lmn = direction_cosines(sky.ra_rad, sky.dec_rad, centre_ra_rad, self.centre_dec_rad)
        self.pairs = np.stack(baselines(geometry.uvw_m.shape[1]))
        self.tec_tecu = None if screen is None else slant_tec(options, screen, sky, geometry)
        self.single = np.ones(len(sky), dtype=bool) if part.smeared else sky.extended

    def at(self, freq_hz: float) -> Complex64:
        """Give XX, XY, YX, YY at a frequency (Jy), shape (n_times, n_baselines, 4)."""
        part, geometry = self.part, self.geometry
        fringe = fringes(geometry.uvw_m, self.lmn, freq_hz, self.tec_tecu)
        jones = None if part.beam is None else part.beam.at(geometry.times_mjd_s, freq_hz)
        flux_jy = part.sky.flux_at(freq_hz)
        many = np.flatnonzero(~self.single)
        visibilities = self._correlated(fringe, flux_jy, jones, many)
        for index in np.flatnonzero(self.single):
            one = self._correlated(fringe, flux_jy, jones, np.array([index]))
            visibilities += one * self._factor(int(index), freq_hz)[:, :, None]
        return visibilities

    def _correlated(
        self, fringe: Complex64, flux_jy: Floats, jones: Jones | None, chosen: npt.NDArray[np.intp]
    ) -> Complex64:
        if len(chosen) < len(flux_jy):
            fringe, flux_jy = fringe[:, :, chosen], flux_jy[chosen]
            jones = None if jones is None else jones[:, :, :, chosen]
        voltages = source_voltages(fringe, flux_jy, jones)
        correlate = correlate_stations if jones is None else correlate_receptors
        return correlate(voltages, *self.pairs)

    def _factor(self, index: int, freq_hz: float) -> npt.NDArray[np.float32]:
        """Give what shape and smearing leave of a source, shape (n_times, n_baselines)."""
        sky, uvw_m, lmn = self.part.sky, self.geometry.uvw_m, self.lmn[index]
        factor = np.ones((len(uvw_m), self.pairs.shape[1]))
        if sky.extended[index]:
            shape_rad = sky.shape_rad[index]
            factor = gaussian_factor(uvw_m, lmn, shape_rad, self.centre_dec_rad, freq_hz, self.pairs)
        if self.part.smeared:
            channel = freq_hz, self.options.subband_width_hz / self.options.channels
            factor = factor * smearing_factor(
                uvw_m, lmn, self.centre_dec_rad, channel, self.options.interval_s, self.pairs
            )
        return factor.astype(np.float32)


def slant_tec(options: SimulationOptions, screen: Screen, sky: Sky, geometry: Geometry) -> Floats:
    """Give the electron content between all stations and sources, TECU, shape (n_times, n_stations, n_sources)."""
    height_m = 1e3 * options.ionosphere_height_km
    offset_m, slant = pierce_points(sky.ra_rad, sky.dec_rad, geometry.times_mjd_s, height_m)
    seconds = geometry.times_mjd_s - options.instrument_epoch_mjd_s
    return screen.slant_tec(geometry.east_north_m, offset_m, slant, seconds)
