"""The Dutch LOFAR stations: which take part, and the geometry of their high band antenna fields.

All numbers come from `lofarantpos`. Positions are ETRS89; the correlator's own tables have ITRF2005, half a
metre away from it for every station alike, which no visibility notices.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from lofarantpos.db import LofarAntennaDatabase

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import SimulationOptions

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

REMOTE_FRACTION = 0.3
"""Part of the stations that are remote ones, when only their number is asked for."""

N_TILES = 48
"""Tiles of a Dutch station: 24 in each of the two fields of a core station, 48 in the one of a remote."""

INNER_TILES = (5, 6, *range(10, 14), *range(17, 23), *range(25, 31), *range(34, 38), 41, 42)
"""The 24 tiles of a remote station that HBA_DUAL_INNER uses (LOFAR static metadata, iHBADeltas)."""

TILE_PITCH_M = 1.25
"""Distance of two elements of a tile (lofarantpos)."""

_DUTCH = re.compile(r"(CS\d{3}HBA[01]|RS\d{3}HBA)")


@dataclass(frozen=True)
class Station:
    """One antenna field as the correlator knows it.

    Attributes
    ----------
    name : str
        For example ``CS002HBA0``.
    position_m : ndarray
        Phase centre, geocentric, shape (3,).
    axes : ndarray
        Rows are the field's axes p, q and r, geocentric, shape (3, 3).
    tile_offset_m : ndarray
        Tiles relative to the phase centre, geocentric, shape (48, 3).
    tile_unused : ndarray
        Whether a tile takes no part, shape (48,).
    element_offset_m : ndarray
        Elements relative to the centre of their tile, geocentric, shape (16, 3).
    """

    name: str
    position_m: Floats
    axes: Floats
    tile_offset_m: Floats
    tile_unused: Bools
    element_offset_m: Floats

    @property
    def cabinet(self) -> str:
        """The station without its antenna field, ``CS002``."""
        return self.name[:5]

    @property
    def field(self) -> str:
        """The antenna field, ``HBA0``."""
        return self.name[5:]

    @property
    def diameter_m(self) -> float:
        """Diameter of the circle around the tiles in use."""
        used = self.tile_offset_m[~self.tile_unused]
        reach = np.linalg.norm(used - used.mean(axis=0), axis=1).max()
        return float(2.0 * reach + 4.0 * TILE_PITCH_M)


def observing_stations(options: SimulationOptions) -> tuple[Station, ...]:
    """Give the stations that the options ask for, in the order of their names.

    Raises
    ------
    ConfigurationError
        A name is no Dutch HBA field, or there are not as many stations as asked for.
    """
    if isinstance(options.stations, int):
        names = choose_stations(options.stations)
    else:
        names = tuple(sorted(options.stations))
        _check_names(names)
    return tuple(_station(name, options.antenna_set) for name in names)


def choose_stations(count: int) -> tuple[str, ...]:
    """Choose core and remote stations, both spread evenly over their distances from the centre.

    The first field of each core station comes before the second fields. In the order of their names.
    """
    names = dutch_fields()
    remote = [name for name in names if name.startswith("RS")]
    first = [name for name in names if name.endswith("HBA0")]
    second = [name for name in names if name.endswith("HBA1")]
    if count > len(names):
        raise ConfigurationError(
            f"simulation option stations: expected {len(names)} or fewer, as there are Dutch HBA fields, "
            f"found {count}"
        )
    n_remote = min(len(remote), round(REMOTE_FRACTION * count))
    n_core = min(count - n_remote, len(first) + len(second))
    chosen = _evenly(first, min(n_core, len(first))) + _evenly(second, max(0, n_core - len(first)))
    return tuple(sorted(chosen + _evenly(remote, count - len(chosen))))


@cache
def dutch_fields() -> tuple[str, ...]:
    """Name all Dutch HBA fields that can observe in the two antenna sets."""
    return tuple(sorted(name for name in _database().phase_centres if _DUTCH.fullmatch(name)))


def positions(stations: Sequence[Station]) -> Floats:
    """Give the geocentric positions (m), shape (n_stations, 3)."""
    return np.stack([station.position_m for station in stations])


def horizontal(stations: Sequence[Station]) -> Floats:
    """Give the positions east and north of the first core station (m), shape (n_stations, 2)."""
    core = _distance_centre()
    up = core / np.linalg.norm(core)
    east = np.cross([0.0, 0.0, 1.0], up)
    east /= np.linalg.norm(east)
    return np.asarray((positions(stations) - core) @ np.stack([east, np.cross(up, east)]).T)


def _station(name: str, antenna_set: str) -> Station:
    database = _database()
    centre = np.asarray(database.phase_centres[name], dtype=np.float64)
    pqr_to_etrs = np.asarray(database.pqr_to_etrs[name], dtype=np.float64)
    tiles = name[:5] + "HBA" if name.startswith("CS") else name
    return Station(
        name=name,
        position_m=centre,
        axes=pqr_to_etrs.T.copy(),
        tile_offset_m=_tile_positions(tiles) - centre,
        tile_unused=unused_tiles(name, antenna_set),
        element_offset_m=_elements(float(database.hba_rotations[name])) @ pqr_to_etrs.T,
    )


def unused_tiles(name: str, antenna_set: str) -> Bools:
    """Mark the tiles that do not take part, shape (48,)."""
    unused = np.ones(N_TILES, dtype=bool)
    if name.endswith("HBA0"):
        unused[:24] = False
    elif name.endswith("HBA1"):
        unused[24:] = False
    elif antenna_set == "HBA_DUAL_INNER":
        unused[list(INNER_TILES)] = False
    else:
        unused[:] = False
    return unused


def _elements(rotation_rad: float) -> Floats:
    """Place the elements of a tile in the p-q plane, top row first, turned by -rotation; shape (16, 3)."""
    steps = TILE_PITCH_M * (np.arange(4) - 1.5)
    p, q = np.tile(steps, 4), np.repeat(steps[::-1], 4)
    cos, sin = np.cos(rotation_rad), np.sin(rotation_rad)
    return np.stack([cos * p + sin * q, -sin * p + cos * q, np.zeros(16)], axis=-1)


def _tile_positions(field: str) -> Floats:
    return np.asarray(_database().antenna_etrs(field), dtype=np.float64)


def _evenly(names: Sequence[str], count: int) -> list[str]:
    """Take `count` of the names, evenly over their distances from the centre of the array."""
    centre, places = _distance_centre(), _database().phase_centres
    ordered = sorted(names, key=lambda name: (float(np.linalg.norm(places[name] - centre)), name))
    if count == 0:
        return []
    return [ordered[index] for index in np.linspace(0, len(ordered) - 1, count).round().astype(int)]


def _check_names(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in dutch_fields()]
    if unknown:
        raise ConfigurationError(
            f"simulation option stations: expected Dutch HBA fields such as {dutch_fields()[0]} or "
            f"{dutch_fields()[-1]}, found {', '.join(map(repr, unknown))}"
        )


def _distance_centre() -> Floats:
    return np.asarray(_database().phase_centres["CS002LBA"], dtype=np.float64)


@cache
def _database() -> LofarAntennaDatabase:
    with warnings.catch_warnings():
        # lofarantpos leaves the closing of its files to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        return LofarAntennaDatabase()
