"""MeasurementSets as LOFAR's correlator writes them: one subband each, uncompressed.

Columns, units and data managers mirror those of real observations; see "MeasurementSet description for LOFAR"
(LOFAR-USG-ICD-007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from casacore.tables import default_ms, makearrcoldesc, maketabdesc, required_ms_desc, table

from sip_luigi.simulation.axes import slot_times
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import baselines
from sip_luigi.simulation.subband import Block
from sip_luigi.simulation.subtables import Content, write_subtables

Floats = npt.NDArray[np.float64]
SlotsDone = Callable[[int], None]

_TILE_ROWS = 32768
_NUMBERS = (
    *("ARRAY_ID", "DATA_DESC_ID", "FEED1", "FEED2", "FIELD_ID", "OBSERVATION_ID", "PROCESSOR_ID"),
    *("SCAN_NUMBER", "STATE_ID"),
)
_INCREMENTAL = (
    *_NUMBERS,
    *("EXPOSURE", "FLAG_CATEGORY", "FLAG_ROW", "INTERVAL", "SIGMA", "TIME", "TIME_CENTROID", "WEIGHT"),
)


def write_measurement_set(
    path: Path, content: Content, uvw_m: Floats, blocks: Iterable[Block], done: SlotsDone = lambda _: None
) -> None:
    """Write a whole MeasurementSet.

    Parameters
    ----------
    path : Path
        Where; must not exist.
    content : Content
        What it is about.
    uvw_m : ndarray
        Station coordinates, shape (n_times, n_stations, 3); as many time slots are written.
    blocks : iterable of Block
        The data.
    done : callable, optional
        Told the number of time slots written so far.
    """
    first, second = baselines(len(content.stations))
    n_rows = len(uvw_m) * len(first)
    with _create(path, content.options.channels) as main:
        main.addrows(n_rows)
        _write_rows(main, content.options, uvw_m, first, second)
        for block in blocks:
            _write_block(main, block, len(first))
            done(block.first_slot + len(block.data))
        write_subtables(main, path, content)
        main.flush(recursive=True)


def write_skeleton(path: Path, content: Content) -> None:
    """Write a MeasurementSet of no rows: enough for EveryBeam."""
    write_measurement_set(path, content, np.empty((0, len(content.stations), 3)), ())


def _create(path: Path, channels: int) -> table:
    described = required_ms_desc()
    described["UVW"]["keywords"]["MEASINFO"]["Ref"] = "J2000"
    arrays = {"DATA": 0j, "FLAG": False, "WEIGHT_SPECTRUM": 0.0}
    types = {"DATA": "complex", "FLAG": "boolean", "WEIGHT_SPECTRUM": "float"}
    described.update(
        maketabdesc(
            [
                makearrcoldesc(name, value, shape=[channels, 4], valuetype=types[name], options=4)
                for name, value in arrays.items()
            ]
        )
    )
    for name in ("WEIGHT", "SIGMA"):
        described[name].update(shape=np.array([4]), ndim=1, option=5)
    return default_ms(str(path), described, _data_managers(channels))


def _data_managers(channels: int) -> dict[str, Any]:
    """Give storage managers as the correlator's: tiled for arrays, incremental for what seldom changes."""
    managers = [
        ("IncrementalStMan", "LofarStMan", list(_INCREMENTAL), {"BUCKETSIZE": 32768}),
        ("StandardStMan", "SSMVar", ["ANTENNA1", "ANTENNA2"], {"BUCKETSIZE": 32768}),
        ("TiledColumnStMan", "TiledUVW", ["UVW"], {"DEFAULTTILESHAPE": np.array([3, _TILE_ROWS])}),
    ]
    rows = max(1, _TILE_ROWS // channels)
    for column, name in (("DATA", "TiledData"), ("FLAG", "TiledFlag"), ("WEIGHT_SPECTRUM", "TiledWeights")):
        shape = {"DEFAULTTILESHAPE": np.array([4, channels, rows])}
        managers.append(("TiledColumnStMan", name, [column], shape))
    return {
        f"*{number}": {"TYPE": kind, "NAME": name, "SEQNR": number - 1, "SPEC": spec, "COLUMNS": columns}
        for number, (kind, name, columns, spec) in enumerate(managers, start=1)
    }


def _write_rows(
    main: table,
    options: SimulationOptions,
    uvw_m: Floats,
    first: npt.NDArray[np.intp],
    second: npt.NDArray[np.intp],
) -> None:
    """Write all that is not data, row after row."""
    n_times, n_baselines = len(uvw_m), len(first)
    if n_times == 0:
        return
    times = np.repeat(slot_times(options)[:n_times], n_baselines)
    constants: dict[str, Any] = dict.fromkeys(("EXPOSURE", "INTERVAL"), float(options.interval_s))
    constants |= dict.fromkeys(_NUMBERS, 0)
    for column, value in constants.items():
        main.putcol(column, np.full(len(times), value, dtype=type(value)))
    main.putcol("TIME", times)
    main.putcol("TIME_CENTROID", times)
    main.putcol("FLAG_ROW", np.zeros(len(times), dtype=bool))
    main.putcol("ANTENNA1", np.tile(first.astype(np.int32), n_times))
    main.putcol("ANTENNA2", np.tile(second.astype(np.int32), n_times))
    main.putcol("UVW", (uvw_m[:, second] - uvw_m[:, first]).reshape(-1, 3))
    for column in ("WEIGHT", "SIGMA"):
        main.putcol(column, np.ones((len(times), 4), dtype=np.float32))


def _write_block(main: table, block: Block, n_baselines: int) -> None:
    n_times, _, channels, _ = block.data.shape
    start, count = block.first_slot * n_baselines, n_times * n_baselines
    shape = (count, channels, 4)
    main.putcol("DATA", block.data.reshape(shape), startrow=start, nrow=count)
    main.putcol("FLAG", np.zeros(shape, dtype=bool), startrow=start, nrow=count)
    main.putcol("WEIGHT_SPECTRUM", np.ones(shape, dtype=np.float32), startrow=start, nrow=count)
