"""The tables of LOFAR's own in a MeasurementSet: what a beam model needs to know of the stations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from casacore.tables import makearrcoldesc, makescacoldesc, maketabdesc, table

from sip_luigi.simulation.stations import N_TILES, Station

METRES = {"QuantumUnits": ["m", "m", "m"], "MEASINFO": {"type": "position", "Ref": "ITRF"}}
EPOCH = {"QuantumUnits": ["s"], "MEASINFO": {"type": "epoch", "Ref": "UTC"}}


def write_lofar_tables(measurement_set: table, path: Path, stations: Sequence[Station]) -> None:
    """Add LOFAR_STATION, LOFAR_ANTENNA_FIELD and an empty LOFAR_ELEMENT_FAILURE to a MeasurementSet."""
    for name, write in (
        ("LOFAR_STATION", _write_stations),
        ("LOFAR_ANTENNA_FIELD", _write_fields),
        ("LOFAR_ELEMENT_FAILURE", _write_failures),
    ):
        with write(str(path / name), stations) as written:
            measurement_set.putkeyword(name, "Table: " + written.name(), makesubrecord=True)


def cabinets(stations: Sequence[Station]) -> list[str]:
    """Name the stations without their antenna fields, each once: the rows of LOFAR_STATION."""
    return sorted({station.cabinet for station in stations})


def _write_stations(name: str, stations: Sequence[Station]) -> table:
    names = cabinets(stations)
    described = maketabdesc(
        [makescacoldesc("NAME", ""), makescacoldesc("CLOCK_ID", 0), makescacoldesc("FLAG_ROW", False)]
    )
    written = table(name, described, nrow=len(names), ack=False)
    written.putcol("NAME", names)
    # All core stations hang on one clock, every remote station has its own.
    remote = [cabinet for cabinet in names if cabinet.startswith("RS")]
    clock = [remote.index(cabinet) + 1 if cabinet in remote else 0 for cabinet in names]
    written.putcol("CLOCK_ID", clock)
    written.putcol("FLAG_ROW", [False] * len(names))
    return written


def _write_fields(name: str, stations: Sequence[Station]) -> table:
    axes = {"QuantumUnits": ["m", "m"], "MEASINFO": {"type": "direction", "Ref": "ITRF"}}
    described = maketabdesc(
        [
            makescacoldesc("ANTENNA_ID", 0),
            makescacoldesc("NAME", ""),
            makearrcoldesc("POSITION", 0.0, shape=[3], keywords=METRES),
            makearrcoldesc("COORDINATE_AXES", 0.0, shape=[3, 3], keywords=axes),
            makearrcoldesc("ELEMENT_OFFSET", 0.0, ndim=2, keywords=METRES),
            makearrcoldesc("ELEMENT_RCU", 0, ndim=2),
            makearrcoldesc("ELEMENT_FLAG", False, ndim=2),
            makescacoldesc("TILE_ROTATION", 0.0, keywords={"QuantumUnits": ["rad"]}),
            makearrcoldesc("TILE_ELEMENT_OFFSET", 0.0, ndim=2, keywords=METRES),
        ]
    )
    written = table(name, described, nrow=len(stations), ack=False)
    for row, station in enumerate(stations):
        for column, value in _field_cells(row, station).items():
            written.putcell(column, row, value)
    return written


def _field_cells(row: int, station: Station) -> dict[str, Any]:
    receivers = np.arange(2 * N_TILES, dtype=np.int32).reshape(N_TILES, 2)
    unused = np.repeat(station.tile_unused[:, None], 2, axis=1)
    return {
        "ANTENNA_ID": row,
        "NAME": station.field,
        "POSITION": station.position_m,
        "COORDINATE_AXES": station.axes,
        "ELEMENT_OFFSET": station.tile_offset_m,
        "ELEMENT_RCU": np.where(unused, np.int32(-1), receivers),
        "ELEMENT_FLAG": unused,
        "TILE_ROTATION": 0.0,
        "TILE_ELEMENT_OFFSET": station.element_offset_m,
    }


def _write_failures(name: str, _stations: Sequence[Station]) -> table:
    described = maketabdesc(
        [
            makescacoldesc("ANTENNA_FIELD_ID", 0),
            makescacoldesc("ELEMENT_INDEX", 0),
            makescacoldesc("TIME", 0.0, keywords=EPOCH),
        ]
    )
    return table(name, described, nrow=0, ack=False)
