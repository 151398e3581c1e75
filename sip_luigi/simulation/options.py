"""What can be asked of the simulator."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.geometry import elevation_rad, sidereal_time_rad
from sip_luigi.domain.observation import check_obs_id
from sip_luigi.simulation.limits import RANGES, WHOLE, check_value, require
from sip_luigi.simulation.utc import mjd_seconds

VERSION = 2
"""Raised whenever the same options give other data."""

MIN_ELEVATION_DEG = 10.0
"""The lowest elevation at which the simulated array observes."""


_PLACE = frozenset({"disks"})


@dataclass(frozen=True)
class SimulationOptions:
    """An observation to simulate. Every effect can be switched off by a zero or a False.

    Attributes
    ----------
    obs_id : str
        Observation id, the first part of every file name.
    seed : int
        Seeds every random stream; the same options give the same data, bit for bit.
    subbands, first_subband : int
        How many subbands, and the number of the first one in its file name.
    channels : int
        Channels per subband.
    frequency_hz : float
        Centre of the first subband. The channels lie symmetrically about the centre of a subband.
    subband_width_hz, subband_spacing_hz : float
        Width of a subband (195312.5 Hz with the 200 MHz clock), and the distance between two centres.
    stations : int or tuple of str
        How many of the Dutch stations (about 30 % of them remote ones), or their names.
    antenna_set : str
        ``HBA_DUAL_INNER`` (remote stations with their 24 inner tiles) or ``HBA_DUAL``.
    start_utc : str
        Start of the first time slot, ISO 8601.
    duration_s, interval_s : float
        Length of the observation, rounded to whole time slots, and of one slot.
    ra_deg, dec_deg : float
        Phase centre, J2000. Without a right ascension the field transits in the middle of the observation.
    pointing : int
        Number of the pointing. Noise and interference hang on the seed and on this, everything about the
        instrument on the seed alone: a calibrator observation is another pointing of the same array.
    instrument_epoch_utc : str
        Time, ISO 8601, from which gains, ionosphere and clocks drift; empty: the start.
    standard_source : str
        A standard calibrator (such as 3C196) that is in the sky too, at its place and with its spectrum
        (Scaife & Heald 2012, MNRAS 423, L30); empty: none.
    sources : int
        Number of sources in the field.
    flux_min_jy, flux_max_jy, flux_slope : float
        Fluxes at the band centre follow dN/dS ∝ S^-slope between the two limits.
    field_radius_deg, min_separation_arcsec : float
        Sources are spread evenly over a cap of this radius, no two of them closer than the separation.
    spectral_index_mean, spectral_index_scatter : float
        S(ν) = S(band centre)·(ν / band centre)^α with normally distributed α.
    spectral_curvature_scatter : float
        Scatter of c in log10 S(ν) = log10 S + α x + c x², x = log10(ν / band centre).
    extended_fraction, extended_arcsec : float
        Part of the sources that are Gaussians, and their largest major axis (FWHM, arcsec).
    ateam : bool
        Cassiopeia A, Cygnus A, Taurus A and Virgo A are in the sky too: the pipeline's own model of them, each
        flux off by some 5 %.
    ateam_smearing : bool
        What averaging within a channel and a time slot leaves of the A-team is taken into account.
    gain_amplitude_scatter : float
        Scatter of the natural logarithm of the gain amplitudes over stations and polarisations.
    gain_phase_scatter_rad : float
        Scatter of the gain phases over stations and polarisations.
    gain_drift_fraction, gain_drift_time_s : float
        Part of the variance of both that changes with time, and the time scale of the change.
    bandpass_depth : float
        Natural logarithm of the gain amplitude that is lost 40 MHz away from 150 MHz, the same in all stations.
    bandpass_ripple : float
        Scatter of the gain over frequency, relative: reflections in the cables of each receptor.
    clock_offset_ns : float
        Scatter of the clocks of remote stations; the core stations share one clock.
    leakage : float
        Scatter (rms of the modulus) of the D-terms: what X of a station takes from Y, and Y from X.
    tec_rms_tecu : float
        Scatter of the total electron content above a station; near stations see nearly the same.
    ionosphere_height_km : float
        Height of the electrons, such as 300: every source is seen through another place. 0: all sources are seen
        through the electrons above the station.
    noise_jy : float
        Standard deviation of the real and of the imaginary part of each correlation of one visibility (one
        channel, one time slot) at unit gain.
    rfi_narrow, rfi_narrow_jy : int, float
        Number of events in one channel of one subband, and their amplitude.
    rfi_broad, rfi_broad_jy : int, float
        Number of short bursts over all channels of all subbands, and their amplitude.
    dead_stations : int
        Stations whose visibilities, signal and noise, are a thousand times too weak.
    noisy_stations, noisy_sefd_factor : int, float
        Stations with more system noise, and by how much; noise of a baseline grows with the square root.
    intermittent_stations : int
        Stations that are noisy, or dead (every second one), for a tenth to four tenths of the observation.
    beam : bool
        Multiply by the beams of the stations (EveryBeam, full Jones matrices).
    beam_tables : bool
        Write the LOFAR tables that a beam model needs. Without them there is no beam in the data either.
    disks : int
        Spread the subbands over so many directories ``data1…`` below the one given. Does not change the data.

    Raises
    ------
    ConfigurationError
        An option is out of its range; the message names it.
    """

    obs_id: str = "L999001"
    seed: int = 1
    subbands: int = 8
    first_subband: int = 0
    channels: int = 8
    frequency_hz: float = 140.0390625e6
    subband_width_hz: float = 195312.5
    subband_spacing_hz: float = 195312.5
    stations: int | tuple[str, ...] = 24
    antenna_set: str = "HBA_DUAL_INNER"
    start_utc: str = "2024-03-20T20:00:00"
    duration_s: float = 3600.0
    interval_s: float = 30.0
    ra_deg: float | None = None
    dec_deg: float = 58.0
    pointing: int = 0
    instrument_epoch_utc: str = ""
    standard_source: str = ""
    sources: int = 100
    flux_min_jy: float = 0.1
    flux_max_jy: float = 10.0
    flux_slope: float = 1.6
    field_radius_deg: float = 2.5
    min_separation_arcsec: float = 120.0
    spectral_index_mean: float = -0.8
    spectral_index_scatter: float = 0.2
    spectral_curvature_scatter: float = 0.0
    extended_fraction: float = 0.0
    extended_arcsec: float = 30.0
    ateam: bool = False
    ateam_smearing: bool = True
    gain_amplitude_scatter: float = 0.1
    gain_phase_scatter_rad: float = 0.5
    gain_drift_fraction: float = 0.2
    gain_drift_time_s: float = 3600.0
    bandpass_depth: float = 0.0
    bandpass_ripple: float = 0.0
    clock_offset_ns: float = 0.0
    leakage: float = 0.0
    tec_rms_tecu: float = 0.05
    ionosphere_height_km: float = 0.0
    noise_jy: float = 1.0
    rfi_narrow: int = 4
    rfi_narrow_jy: float = 300.0
    rfi_broad: int = 2
    rfi_broad_jy: float = 300.0
    dead_stations: int = 1
    noisy_stations: int = 0
    noisy_sefd_factor: float = 25.0
    intermittent_stations: int = 0
    beam: bool = True
    beam_tables: bool = True
    disks: int = 1

    def __post_init__(self) -> None:
        check_obs_id(self.obs_id)
        for field in fields(self):
            value = getattr(self, field.name)
            check_value(field.name, value)
            if isinstance(value, int) and field.name in RANGES.keys() - WHOLE:
                object.__setattr__(self, field.name, float(value))  # 30 and 30.0 are the same option
        self._check_stations()
        require(self.flux_min_jy <= self.flux_max_jy, "flux_max_jy", "at least flux_min_jy")
        require(self.interval_s <= self.duration_s, "duration_s", "at least one interval_s")
        self._check_band()
        self._check_elevation()

    def _check_stations(self) -> None:
        if not isinstance(self.stations, int):
            require(len(set(self.stations)) == len(self.stations), "stations", "each name once")
        require(self.n_stations >= 2, "stations", "two or more")
        bad = self.dead_stations + self.noisy_stations + self.intermittent_stations
        require(
            bad <= self.n_stations - 2,
            "dead_stations, noisy_stations, intermittent_stations",
            "two fewer than stations at most",
        )

    def _check_band(self) -> None:
        last_hz = self.frequency_hz + (self.subbands - 1) * self.subband_spacing_hz
        limit_hz = RANGES["frequency_hz"][1]
        require(last_hz <= limit_hz, "subband_spacing_hz", f"a band that ends below {limit_hz / 1e6:g} MHz")
        require(
            self.first_subband + self.subbands <= 1000, "first_subband", "subband numbers of three digits"
        )

    def _check_elevation(self) -> None:
        lowest = min(self.elevation_deg(part * self.duration_s) for part in (0.0, 0.25, 0.5, 0.75, 1.0))
        if lowest < MIN_ELEVATION_DEG:
            raise ConfigurationError(
                f"simulation option ra_deg, dec_deg: the phase centre ({self.phase_centre_deg[0]:.3f}°, "
                f"{self.dec_deg:.3f}°) sinks to an elevation of {lowest:.0f}° between {self.start_utc} and "
                f"{self.duration_s:g} s later; expected {MIN_ELEVATION_DEG:g}° or more: choose another field "
                "or start_utc, or leave out ra_deg"
            )

    @property
    def n_stations(self) -> int:
        """How many stations take part."""
        return self.stations if isinstance(self.stations, int) else len(self.stations)

    @property
    def n_times(self) -> int:
        """Number of time slots."""
        return max(1, round(self.duration_s / self.interval_s))

    @property
    def start_mjd_s(self) -> float:
        """Start of the first time slot, seconds of the modified Julian date (UTC)."""
        return mjd_seconds(self.start_utc)

    @property
    def instrument_epoch_mjd_s(self) -> float:
        """Time from which the instrument drifts, seconds of the modified Julian date (UTC)."""
        return mjd_seconds(self.instrument_epoch_utc or self.start_utc)

    @property
    def phase_centre_deg(self) -> tuple[float, float]:
        """Right ascension and declination (J2000) of the phase centre."""
        if self.ra_deg is not None:
            return self.ra_deg, self.dec_deg
        middle_mjd_s = self.start_mjd_s + self.duration_s / 2
        return round(math.degrees(sidereal_time_rad(middle_mjd_s)), 2) % 360.0, self.dec_deg

    @property
    def subband_numbers(self) -> tuple[int, ...]:
        """The numbers of the subbands, as in their file names."""
        return tuple(range(self.first_subband, self.first_subband + self.subbands))

    @property
    def band_centre_hz(self) -> float:
        """The middle of the band: the reference frequency of all fluxes."""
        return self.frequency_hz + 0.5 * (self.subbands - 1) * self.subband_spacing_hz

    @property
    def applies_beam(self) -> bool:
        """Whether the data have the station beams in them."""
        return self.beam and self.beam_tables

    def subband_centre_hz(self, subband: int) -> float:
        """Give the centre frequency of the subband of this number."""
        return self.frequency_hz + (subband - self.first_subband) * self.subband_spacing_hz

    def elevation_deg(self, seconds: float) -> float:
        """Elevation of the phase centre above the core, so many seconds after the start."""
        ra_deg, dec_deg = self.phase_centre_deg
        mjd_s = self.start_mjd_s + seconds
        return math.degrees(elevation_rad(math.radians(ra_deg), math.radians(dec_deg), mjd_s))

    def as_dict(self) -> dict[str, Any]:
        """Give all options as JSON knows them."""
        named = self.stations if isinstance(self.stations, int) else list(self.stations)
        return asdict(self) | {"stations": named}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SimulationOptions:
        """Make options of what `as_dict` gave."""
        stations = values.get("stations", cls.stations)
        return cls(**{**values, "stations": stations if isinstance(stations, int) else tuple(stations)})

    @property
    def digest(self) -> str:
        """SHA-256 over everything that the data depend on; where they are put does not count."""
        science = {name: value for name, value in self.as_dict().items() if name not in _PLACE}
        text = json.dumps({"version": VERSION, **science}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
