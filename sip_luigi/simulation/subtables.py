"""The subtables of a MeasurementSet: antennas, fields, frequencies and LOFAR's columns of OBSERVATION."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from casacore.tables import makearrcoldesc, makescacoldesc, maketabdesc, table

from sip_luigi.simulation.antennafields import EPOCH, METRES, cabinets, write_lofar_tables
from sip_luigi.simulation.axes import channel_frequencies
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.stations import Station, positions

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


def write_subtables(main: table, path: Path, content: Content) -> None:
    """Fill the subtables of a MeasurementSet and add LOFAR's own."""
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
