"""Stations that do not work as they should: dead or noisy, all the time or for a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.streams import Stream, generator
from sip_luigi.simulation.utc import utc_text

Floats = npt.NDArray[np.float64]

DEAD_FACTOR = 1e-3
"""How much weaker the visibilities of a dead station are."""

INTERMITTENT_PART = (0.1, 0.4)
"""Shortest and longest part of the observation for which an intermittent station is bad."""


@dataclass(frozen=True)
class Fault:
    """A station that is bad from one time slot to another.

    Attributes
    ----------
    station : str
        Its name.
    kind : str
        ``dead`` or ``noisy``.
    first_slot, last_slot : int
        The time slots, both included, counted from 0.
    """

    station: str
    kind: str
    first_slot: int
    last_slot: int

    def as_record(self, options: SimulationOptions) -> dict[str, Any]:
        """Give the fault as JSON knows it."""
        start, step = options.start_mjd_s, options.interval_s
        return {
            "station": self.station,
            "kind": self.kind,
            "first_slot": self.first_slot,
            "last_slot": self.last_slot,
            "start_utc": utc_text(start + self.first_slot * step),
            "end_utc": utc_text(start + (self.last_slot + 1) * step),
        }


def draw_faults(options: SimulationOptions, names: Sequence[str]) -> tuple[Fault, ...]:
    """Choose the stations that are bad; the same ones in all pointings, intermittent ones at other times."""
    last = options.n_times - 1
    dead = _pick(names, options.dead_stations, options.seed, Stream.DEAD_STATIONS)
    working = [name for name in names if name not in dead]
    noisy = _pick(working, options.noisy_stations, options.seed, Stream.NOISY_STATIONS)
    working = [name for name in working if name not in noisy]
    intermittent = _pick(working, options.intermittent_stations, options.seed, Stream.INTERMITTENT_STATIONS)
    return (
        *(Fault(name, "dead", 0, last) for name in dead),
        *(Fault(name, "noisy", 0, last) for name in noisy),
        *_intermittent(options, intermittent),
    )


def station_names(faults: Sequence[Fault], kind: str, n_times: int) -> tuple[str, ...]:
    """Name the stations that are bad in this way all the time."""
    whole = (0, n_times - 1)
    return tuple(f.station for f in faults if f.kind == kind and (f.first_slot, f.last_slot) == whole)


def signal_factors(faults: Sequence[Fault], names: Sequence[str], n_times: int) -> Floats:
    """Give the factor by which each station is too weak, shape (n_times, n_stations)."""
    return _factors([fault for fault in faults if fault.kind == "dead"], names, n_times, DEAD_FACTOR)


def sefd_factors(faults: Sequence[Fault], names: Sequence[str], n_times: int, noisy_factor: float) -> Floats:
    """Give the factor on the system noise of each station, shape (n_times, n_stations)."""
    return _factors([fault for fault in faults if fault.kind == "noisy"], names, n_times, noisy_factor)


def _factors(faults: Sequence[Fault], names: Sequence[str], n_times: int, factor: float) -> Floats:
    factors = np.ones((n_times, len(names)))
    for fault in faults:
        factors[fault.first_slot : fault.last_slot + 1, names.index(fault.station)] = factor
    return factors


def _intermittent(options: SimulationOptions, chosen: Sequence[str]) -> list[Fault]:
    rng = generator(options.seed, Stream.INTERMITTENT_TIMES, pointing=options.pointing)
    n_times = options.n_times
    faults = []
    for number, name in enumerate(chosen):
        length = min(n_times, max(1, round(n_times * rng.uniform(*INTERMITTENT_PART))))
        first = int(rng.integers(0, n_times - length + 1))
        faults.append(Fault(name, ("noisy", "dead")[number % 2], first, first + length - 1))
    return faults


def _pick(names: Sequence[str], count: int, seed: int, stream: Stream) -> tuple[str, ...]:
    picked = generator(seed, stream).choice(len(names), size=count, replace=False)
    return tuple(names[index] for index in sorted(picked))
