"""Interference: transmitters in one channel, and short bursts over the whole band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator
from sip_luigi.simulation.utc import utc_text

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

LONGEST_BURST = 3
"""Time slots of the longest broad-band burst."""

_STATION_SCATTER = 0.5


@dataclass(frozen=True)
class RfiEvent:
    """One transmitter, on from one time slot to another.

    Attributes
    ----------
    kind : str
        ``narrow`` or ``broad``.
    subbands : tuple of int
        Numbers of the subbands that have it.
    channels : tuple of int
        Channels of each of them, counted from 0.
    first_slot, last_slot : int
        The time slots, both included, counted from 0.
    amplitude_jy : float
        Stokes I at stations of median strength.
    strength : ndarray
        Voltage factor of each station, shape (n_stations,).
    polarisation : ndarray
        Vector (X, Y), complex, of length √2, shape (2,): (XX + YY)/2 is the amplitude.
    """

    kind: str
    subbands: tuple[int, ...]
    channels: tuple[int, ...]
    first_slot: int
    last_slot: int
    amplitude_jy: float
    strength: Complex
    polarisation: Complex

    def hits(self, subband: int, channel: int) -> bool:
        """Whether the event is in this channel of this subband."""
        return subband in self.subbands and channel in self.channels

    def as_records(self, options: SimulationOptions) -> list[dict[str, Any]]:
        """Give the event as JSON knows it, a record for each of its subbands."""
        start, step = options.start_mjd_s, options.interval_s
        return [
            {
                "kind": self.kind,
                "subband": subband,
                "channels": list(self.channels),
                "first_slot": self.first_slot,
                "last_slot": self.last_slot,
                "start_utc": utc_text(start + self.first_slot * step),
                "end_utc": utc_text(start + (self.last_slot + 1) * step),
                "amplitude_jy": self.amplitude_jy,
            }
            for subband in self.subbands
        ]


def draw_rfi(options: SimulationOptions, n_stations: int) -> tuple[RfiEvent, ...]:
    """Draw all events of an observation.

    A narrow event lasts from a tenth to half of the observation, a broad one up to `LONGEST_BURST` slots.
    """
    rng = generator(options.seed, Stream.RFI, pointing=options.pointing)
    narrow = [
        _event(rng, "narrow", _one_channel(rng, options), options.rfi_narrow_jy, n_stations)
        for _ in range(options.rfi_narrow)
    ]
    broad = [
        _event(rng, "broad", _whole_band(rng, options), options.rfi_broad_jy, n_stations)
        for _ in range(options.rfi_broad)
    ]
    return (*narrow, *broad)


def rfi_voltages(event: RfiEvent, w_m: Floats, freq_hz: float) -> Complex:
    """Give the voltages that an event makes at each receptor in some time slots.

    The correlator stops the fringes of the phase centre, so a transmitter that stands still rotates with the
    station's w. Its decorrelation within a time slot is left out: every baseline shows it.

    Parameters
    ----------
    event : RfiEvent
        The event.
    w_m : ndarray
        w of each station in time slots in which the event is on, shape (n_times, n_stations).
    freq_hz : float
        Frequency of the channel.

    Returns
    -------
    ndarray
        Square roots of Jy, shape (n_times, n_stations, 2).
    """
    fringe = np.exp(2j * np.pi * freq_hz / SPEED_OF_LIGHT_M_S * w_m)
    voltage = np.sqrt(event.amplitude_jy) * event.strength * fringe
    return np.asarray(voltage[:, :, None] * event.polarisation)


class _Where(NamedTuple):
    subbands: tuple[int, ...]
    channels: tuple[int, ...]
    first_slot: int
    n_slots: int


def _one_channel(rng: np.random.Generator, options: SimulationOptions) -> _Where:
    subband, channel = rng.choice(options.subband_numbers), rng.integers(options.channels)
    shortest, longest = max(1, options.n_times // 10), max(1, options.n_times // 2)
    return _Where((int(subband),), (int(channel),), *_slots(rng, options.n_times, shortest, longest))


def _whole_band(rng: np.random.Generator, options: SimulationOptions) -> _Where:
    channels = tuple(range(options.channels))
    longest = min(LONGEST_BURST, options.n_times)
    return _Where(options.subband_numbers, channels, *_slots(rng, options.n_times, 1, longest))


def _slots(rng: np.random.Generator, n_times: int, shortest: int, longest: int) -> tuple[int, int]:
    """Draw the first slot and the number of slots."""
    length = int(rng.integers(shortest, longest + 1))
    return int(rng.integers(0, n_times - length + 1)), length


def _event(
    rng: np.random.Generator, kind: str, where: _Where, amplitude_jy: float, n_stations: int
) -> RfiEvent:
    size = np.exp(_STATION_SCATTER * rng.standard_normal(n_stations))
    angle, lag = rng.uniform(np.pi / 8, 3 * np.pi / 8), rng.uniform(0, 2 * np.pi)
    return RfiEvent(
        kind=kind,
        subbands=where.subbands,
        channels=where.channels,
        first_slot=where.first_slot,
        last_slot=where.first_slot + where.n_slots - 1,
        amplitude_jy=amplitude_jy,
        strength=size * np.exp(1j * rng.uniform(0, 2 * np.pi, n_stations)),
        polarisation=np.sqrt(2.0) * np.array([np.cos(angle), np.sin(angle) * np.exp(1j * lag)]),
    )
