"""MeasurementSets as LOFAR's correlator writes them: one subband each, uncompressed.

Columns, units and data managers mirror those of real observations; see "MeasurementSet description for LOFAR"
(LOFAR-USG-ICD-007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from casacore.tables import default_ms, makearrcoldesc, makescacoldesc, maketabdesc, required_ms_desc, table

from sip_luigi.simulation.antennafields import EPOCH, METRES, cabinets, write_lofar_tables
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import baselines
from sip_luigi.simulation.stations import Station, positions
from sip_luigi.simulation.subband import Block, channel_frequencies, slot_times

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
_DIRECTION = {"QuantumUnits": ["rad", "rad"], "MEASINFO": {"type": "direction", "Ref": "J2000"}}
_LINEAR = (9, 10, 11, 12)  # casacore Stokes: XX, XY, YX, YY
_TOPOCENTRIC = 5  # casacore MFrequency::TOPO


@dataclass(frozen=True)
class Content:
    """What one MeasurementSet is about.

    Attributes
    ----------
    options : SimulationOptions
        The observation.
    stations : tuple of Station
        Rows of the ANTENNA table.
    subband : int
        Number of the subband.
    file_name : str
        Name under which the set will be known.
    """

    options: SimulationOptions
    stations: tuple[Station, ...]
    subband: int
    file_name: str


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
        _write_subtables(main, path, content)
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


def _write_subtables(main: table, path: Path, content: Content) -> None:
    for name, add_columns, rows in (
        ("ANTENNA", _antenna_columns, _antenna_rows(content.stations)),
        ("DATA_DESCRIPTION", None, [{"FLAG_ROW": False, "POLARIZATION_ID": 0, "SPECTRAL_WINDOW_ID": 0}]),
        ("FEED", None, _feed_rows(content)),
        ("FIELD", _field_columns, [_field_row(content.options)]),
        ("HISTORY", None, [_history_row(content)]),
        ("OBSERVATION", _observation_columns, [_observation_row(content)]),
        ("POLARIZATION", None, [_polarization_row()]),
        ("SPECTRAL_WINDOW", None, [_spectral_window_row(content)]),
    ):
        with table(str(path / name), readonly=False, ack=False) as subtable:
            if add_columns is not None:
                subtable.addcols(maketabdesc(add_columns()))
            _put_rows(subtable, rows)
    if content.options.beam_tables:
        write_lofar_tables(main, path, content.stations)


def _put_rows(subtable: table, rows: Sequence[Mapping[str, Any]]) -> None:
    subtable.addrows(len(rows))
    for number, row in enumerate(rows):
        for column, value in row.items():
            subtable.putcell(column, number, value)


def _antenna_columns() -> list[Any]:
    return [
        makescacoldesc("LOFAR_STATION_ID", 0),
        makearrcoldesc("LOFAR_PHASE_REFERENCE", 0.0, shape=[3], keywords=METRES),
    ]


def _antenna_rows(stations: Sequence[Station]) -> list[dict[str, Any]]:
    known = cabinets(stations)
    return [
        {
            "NAME": station.name,
            "STATION": "LOFAR",
            "TYPE": "GROUND-BASED",
            "MOUNT": "X-Y",
            "POSITION": position,
            "OFFSET": np.zeros(3),
            "DISH_DIAMETER": station.diameter_m,
            "FLAG_ROW": False,
            "LOFAR_STATION_ID": known.index(station.cabinet),
            "LOFAR_PHASE_REFERENCE": position,
        }
        for station, position in zip(stations, positions(stations), strict=True)
    ]


def _feed_rows(content: Content) -> list[dict[str, Any]]:
    start, end = _time_range(content.options)
    row = {
        "POSITION": np.zeros(3),
        "BEAM_OFFSET": np.zeros((2, 2)),
        "POLARIZATION_TYPE": ["X", "Y"],
        "POL_RESPONSE": np.eye(2, dtype=np.complex64),
        "RECEPTOR_ANGLE": np.full(2, -np.pi / 4),
        "BEAM_ID": -1,
        "FEED_ID": 0,
        "INTERVAL": end - start,
        "NUM_RECEPTORS": 2,
        "SPECTRAL_WINDOW_ID": -1,
        "TIME": 0.5 * (start + end),
    }
    return [{**row, "ANTENNA_ID": number} for number in range(len(content.stations))]


def _field_columns() -> list[Any]:
    return [makearrcoldesc("LOFAR_TILE_BEAM_DIR", 0.0, ndim=1, keywords=_DIRECTION)]


def _field_row(options: SimulationOptions) -> dict[str, Any]:
    centre = np.radians(options.phase_centre_deg)
    directions = dict.fromkeys(("DELAY_DIR", "PHASE_DIR", "REFERENCE_DIR"), centre[None, :])
    return {
        **directions,
        "NAME": "BEAM_0",
        "CODE": "",
        "FLAG_ROW": False,
        "NUM_POLY": 0,
        "SOURCE_ID": -1,
        "TIME": options.start_mjd_s,
        "LOFAR_TILE_BEAM_DIR": centre,
    }


def _history_row(content: Content) -> dict[str, Any]:
    parameters = [f"{name}={value}" for name, value in content.options.as_dict().items()]
    return {
        "TIME": content.options.start_mjd_s,
        "OBSERVATION_ID": 0,
        "MESSAGE": "parameters",
        "PRIORITY": "NORMAL",
        "ORIGIN": "sip_luigi.simulation",
        "OBJECT_ID": 0,
        "APPLICATION": "sip simulate",
        "CLI_COMMAND": [""],
        "APP_PARAMS": parameters,
    }


_LOFAR_TEXT = (
    *("PROJECT_TITLE", "PROJECT_PI", "PROJECT_CONTACT", "OBSERVATION_ID", "ANTENNA_SET"),
    *("FILTER_SELECTION", "SYSTEM_VERSION", "PIPELINE_NAME", "PIPELINE_VERSION", "FILENAME", "FILETYPE"),
)
_LOFAR_TIMES = ("OBSERVATION_START", "OBSERVATION_END", "FILEDATE")
_LOFAR_MHZ = ("OBSERVATION_FREQUENCY_MAX", "OBSERVATION_FREQUENCY_MIN", "OBSERVATION_FREQUENCY_CENTER")


def _observation_columns() -> list[Any]:
    columns = [makescacoldesc(f"LOFAR_{name}", "") for name in _LOFAR_TEXT]
    columns += [makearrcoldesc(f"LOFAR_{name}", "", ndim=1) for name in ("PROJECT_CO_I", "TARGET")]
    columns += [makescacoldesc(f"LOFAR_{name}", 0.0, keywords=EPOCH) for name in _LOFAR_TIMES]
    megahertz = {"QuantumUnits": ["MHz"]}
    columns += [
        makescacoldesc(f"LOFAR_{name}", 0.0, keywords=megahertz) for name in (*_LOFAR_MHZ, "CLOCK_FREQUENCY")
    ]
    columns += [makescacoldesc(f"LOFAR_{name}", 0) for name in ("SUB_ARRAY_POINTING", "NOF_BITS_PER_SAMPLE")]
    return columns


def _observation_row(content: Content) -> dict[str, Any]:
    options = content.options
    start, end = _time_range(options)
    return {
        "TELESCOPE_NAME": "LOFAR",
        "OBSERVER": "unknown",
        "PROJECT": "SIMULATION",
        "TIME_RANGE": np.array([start, end]),
        "SCHEDULE": ["corrSchedule"],
        "SCHEDULE_TYPE": "LOFAR",
        "RELEASE_DATE": end,
        "FLAG_ROW": False,
        **{f"LOFAR_{name}": value for name, value in _lofar_observation(content).items()},
    }


def _lofar_observation(content: Content) -> dict[str, Any]:
    options = content.options
    start, end = _time_range(options)
    half_mhz = 0.5e-6 * ((options.subbands - 1) * options.subband_spacing_hz + options.subband_width_hz)
    centre_mhz = options.band_centre_hz / 1e6
    return {
        **dict.fromkeys(_LOFAR_TEXT, ""),
        "PROJECT_TITLE": "simulated observation",
        "PROJECT_CO_I": [""],
        "OBSERVATION_ID": options.obs_id.removeprefix("L"),
        "OBSERVATION_START": start,
        "OBSERVATION_END": end,
        "OBSERVATION_FREQUENCY_MAX": centre_mhz + half_mhz,
        "OBSERVATION_FREQUENCY_MIN": centre_mhz - half_mhz,
        "OBSERVATION_FREQUENCY_CENTER": centre_mhz,
        "SUB_ARRAY_POINTING": 0,
        "NOF_BITS_PER_SAMPLE": 8,
        "ANTENNA_SET": options.antenna_set,
        "FILTER_SELECTION": "HBA_110_190",
        "CLOCK_FREQUENCY": 200.0,
        "TARGET": ["SIMULATED"],
        "SYSTEM_VERSION": "sip_luigi.simulation",
        "FILENAME": content.file_name,
        "FILETYPE": "uv",
        "FILEDATE": start,
    }


def _polarization_row() -> dict[str, Any]:
    return {
        "CORR_TYPE": np.array(_LINEAR, dtype=np.int32),
        "CORR_PRODUCT": np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int32),
        "FLAG_ROW": False,
        "NUM_CORR": 4,
    }


def _spectral_window_row(content: Content) -> dict[str, Any]:
    options = content.options
    widths = np.full(options.channels, options.subband_width_hz / options.channels)
    return {
        "NAME": f"SB-{content.subband}",
        "NUM_CHAN": options.channels,
        "REF_FREQUENCY": options.subband_centre_hz(content.subband),
        "CHAN_FREQ": channel_frequencies(options, content.subband),
        **dict.fromkeys(("CHAN_WIDTH", "EFFECTIVE_BW", "RESOLUTION"), widths),
        "TOTAL_BANDWIDTH": options.subband_width_hz,
        "MEAS_FREQ_REF": _TOPOCENTRIC,
        "FLAG_ROW": False,
        "FREQ_GROUP": 0,
        "FREQ_GROUP_NAME": "",
        "IF_CONV_CHAIN": 0,
        "NET_SIDEBAND": 0,
    }


def _time_range(options: SimulationOptions) -> tuple[float, float]:
    return options.start_mjd_s, options.start_mjd_s + options.n_times * options.interval_s
