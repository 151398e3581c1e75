"""What a raw MeasurementSet contains: everything that its VDS says, and whether it can be used at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sip_luigi.node.guard import guarded
from sip_luigi.node.inspect import Reader, correlations, has_beam_tables, require_one, spectral_window
from sip_luigi.node.scan import refuse_unusable, rows_per_chunk, scan

SAMPLES = 16
"""Places in the data that are looked at; a small MeasurementSet is read as a whole."""


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """Describe a raw MeasurementSet, or refuse it.

    Parameters
    ----------
    request : dict
        ``path``; optional ``column`` (DATA), and ``file_system`` and ``cluster_desc``, which are passed on.

    Returns
    -------
    dict
        ``{"summary": …}``, see :func:`summarise`.

    Raises
    ------
    BadData
        Not a MeasurementSet, empty, truncated, not four linear correlations, several spectral windows or
        fields, or no usable visibility.
    """
    return guarded(summarise, request)


def summarise(request: dict[str, Any]) -> dict[str, Any]:
    """Do the work of :func:`describe` in this process."""
    reader = Reader(request["path"], request.get("column", "DATA"))
    window, polarization_id = spectral_window(reader)
    names = correlations(reader, polarization_id)
    field = require_one(reader, "FIELD_ID", "field")
    reader.probe()
    stations = reader.subtable("ANTENNA")
    found = scan(reader, len(stations["NAME"]), _sample(reader))
    if found.cross(found.good) == 0:
        found = scan(reader, len(stations["NAME"]))
    refuse_unusable(reader, found)
    summary = {
        "path": request["path"],
        "file_system": request.get("file_system", ""),
        "cluster_desc": request.get("cluster_desc", ""),
        "bytes": _size(request["path"]),
        "corr_names": names,
        "station_names": [str(name) for name in stations["NAME"]],
        "has_beam_tables": has_beam_tables(reader),
        "flagged_fraction": found.cross(found.flagged) / found.cross(found.visibilities),
        **_times(reader),
        **_frequencies(window),
        **_field(reader, field),
        **_baselines(reader, stations),
        **_observation(reader),
        **_storage(reader),
    }
    return {"summary": summary}


def _sample(reader: Reader) -> list[tuple[int, int]]:
    """Choose runs of rows spread evenly over the data, the first and the last rows among them."""
    each = max(1, rows_per_chunk(reader) // SAMPLES)
    if reader.n_rows <= each * SAMPLES:
        return list(reader.chunks(each))
    starts = np.linspace(0, reader.n_rows - each, SAMPLES).astype(int)
    return [(int(start), each) for start in starts]


def _times(reader: Reader) -> dict[str, Any]:
    """First and last row's TIME ∓ EXPOSURE/2, as in the observatory's own VDS files."""
    times = reader.rows("TIME")
    exposure, interval = reader.rows("EXPOSURE", 0, 1)[0], reader.rows("INTERVAL", 0, 1)[0]
    if not np.isfinite(times).all() or (np.diff(times) < 0).any():
        reader.refuse("its rows are not in order of time", "sort the MeasurementSet by TIME")
    return {
        "start_time_mjd_s": float(times[0] - exposure / 2),
        "end_time_mjd_s": float(times[-1] + exposure / 2),
        "step_s": float(interval),
        "n_times": len(np.unique(times)),
        "n_rows": reader.n_rows,
    }


def _frequencies(window: dict[str, Any]) -> dict[str, Any]:
    centre, width = np.ravel(window["CHAN_FREQ"]), np.abs(np.ravel(window["CHAN_WIDTH"]))
    return {
        "n_channels": len(centre),
        "start_freqs_hz": (centre - width / 2).tolist(),
        "end_freqs_hz": (centre + width / 2).tolist(),
        "channel_width_hz": float(width[0]),
        "frequency_hz": float(np.mean(centre)),
    }


def _field(reader: Reader, field: int) -> dict[str, Any]:
    direction = np.ravel(reader.subtable("FIELD")["PHASE_DIR"][field])
    with reader.refusing("read the sub-table FIELD"):
        from casacore.tables import table  # noqa: PLC0415

        keywords = table(reader.main.getkeyword("FIELD"), ack=False).getcolkeywords("PHASE_DIR")
    if not np.isfinite(direction).all():
        reader.refuse("its phase centre is not a direction", "repair the FIELD table")
    return {
        "field_ra_rad": float(direction[0]) % (2 * np.pi),
        "field_dec_rad": float(direction[1]),
        "field_direction_type": str(keywords.get("MEASINFO", {}).get("Ref", "J2000")),
    }


def _baselines(reader: Reader, stations: dict[str, Any]) -> dict[str, Any]:
    first, second = reader.rows("ANTENNA1"), reader.rows("ANTENNA2")
    pairs = np.unique(first.astype(np.int64) * len(stations["NAME"]) + second)
    position: NDArray[np.float64] = np.asarray(stations["POSITION"], dtype=float)
    used = position[np.union1d(first, second)]
    distance = np.linalg.norm(used[:, None] - used[None], axis=-1)
    return {"n_baselines": len(pairs), "max_baseline_m": float(distance.max())}


def _observation(reader: Reader) -> dict[str, Any]:
    row = reader.subtable("OBSERVATION")
    return {
        name: str(row[column][0]) if column in row else ""
        for name, column in (
            ("telescope", "TELESCOPE_NAME"),
            ("antenna_set", "LOFAR_ANTENNA_SET"),
            ("obs_id", "LOFAR_OBSERVATION_ID"),
        )
    }


def _storage(reader: Reader) -> dict[str, Any]:
    """Where and how the visibilities are stored; tile and cube shapes as casacore orders them."""
    info = reader.main.getdminfo(reader.column)
    tiled = "Tiled" in info["TYPE"]
    cubes = list(info["SPEC"].get("HYPERCUBES", {}).values())
    cube = cubes[0] if cubes else {}
    shape = [*reversed(reader.main.getcell(reader.column, 0).shape), reader.n_rows]
    return {
        "data_file_name": f"table.f{info['SEQNR']}" + ("_TSM0" if tiled else ""),
        "data_file_is_regular": len(cubes) <= 1,
        "data_tile_shape": [int(n) for n in cube.get("TileShape", [])],
        "data_cube_shape": [int(n) for n in cube.get("CubeShape", shape)],
    }


def _size(path: str) -> int:
    return sum((Path(folder) / name).stat().st_size for folder, _, names in os.walk(path) for name in names)
