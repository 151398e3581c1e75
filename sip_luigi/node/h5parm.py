"""Read and write h5parms, the solution files of LOFAR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.solutions import typical_amplitude

Floats = NDArray[np.float64]
AXES = ("time", "freq", "ant", "pol")
NAME_TYPE = "S16"
"""DP3 looks for names of 16 bytes; in shorter ones it does not find the stations, silently."""
POLARISATIONS = ("XX", "YY")


@dataclass(frozen=True)
class SolutionTable:
    """One table of an h5parm.

    Attributes
    ----------
    kind : str
        ``amplitude``, ``phase``, …
    values, weights : ndarray, shape (n_times, n_freq, n_stations, n_pol)
        Axes that the file does not have are of length 1.
    stations : tuple of str
        Names along the third axis.
    times_s, freq_hz : ndarray
        Along the first two; empty where the file does not have them.
    """

    kind: str
    values: Floats
    weights: Floats
    stations: tuple[str, ...]
    times_s: Floats
    freq_hz: Floats

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which solutions count."""
        return np.asarray(np.isfinite(self.values) & (self.weights > 0))


def read_h5parm(path: str) -> list[SolutionTable]:
    """Every table of the first solution set that has stations.

    Raises
    ------
    BadData
        Not an h5parm, or damaged.
    """
    if not Path(path).is_file():
        raise BadData(f"{path}: no such h5parm; look at the log of the calibration")
    try:
        with h5py.File(path, "r") as file:
            groups = [g for g in file["sol000"].values() if isinstance(g, h5py.Group) and "ant" in g]
            return [_table(group) for group in groups]
    except (OSError, KeyError, ValueError) as error:
        raise BadData(f"{path}: not an h5parm ({error}); make it again") from error


def _table(group: h5py.Group) -> SolutionTable:
    axes = _text(group["val"].attrs["AXES"]).split(",")
    missing = [axis for axis in AXES if axis not in axes]
    order = [axes.index(axis) for axis in AXES if axis in axes]
    extra = [index for index, axis in enumerate(axes) if axis not in AXES]

    def ordered(name: str) -> Floats:
        values = np.transpose(np.asarray(group[name][()], dtype=float), [*order, *extra])
        values = values.reshape(
            values.shape[: len(order)] if not extra else (*values.shape[: len(order)], -1)
        )
        if extra:
            values = values[..., 0]
        return np.expand_dims(values, [AXES.index(axis) for axis in missing])

    return SolutionTable(
        _text(group.attrs.get("TITLE", b"")),
        ordered("val"),
        ordered("weight"),
        tuple(_text(name).rstrip("\0") for name in group["ant"][()]),
        *(np.asarray(group[axis][()], dtype=float) if axis in group else np.empty(0) for axis in AXES[:2]),
    )


def write_h5parm(
    path: str,
    stations: Sequence[str],
    freq_hz: Sequence[float],
    tables: Mapping[str, ArrayLike],
    weights: ArrayLike,
) -> None:
    """Write solutions without a time axis, as DP3 applies them to all times.

    Parameters
    ----------
    path : str
        The file.
    stations : sequence of str
        Names, at most 16 bytes each.
    freq_hz : sequence of float
        Frequencies, rising.
    tables : mapping
        Values by kind, ``amplitude`` or ``phase``, each of shape (n_freq, n_stations, 2).
    weights : array
        Same shape; 0 makes flags of what it is applied to.
    """
    too_long = [name for name in stations if len(name.encode()) > int(NAME_TYPE[1:])]
    if too_long:
        raise BadData(f"station {', '.join(too_long)}: h5parms hold names of {NAME_TYPE[1:]} bytes")
    names = np.array([name.encode() for name in stations], dtype=NAME_TYPE)
    with h5py.File(path, "w") as file:
        solset = file.create_group("sol000")
        solset.attrs["h5parm_version"] = np.bytes_("1.0")
        antennas = np.zeros(len(names), dtype=[("name", NAME_TYPE), ("position", "f4", 3)])
        antennas["name"] = names
        solset.create_dataset("antenna", data=antennas)
        for kind, values in tables.items():
            group = solset.create_group(f"{kind}000")
            group.attrs["TITLE"] = np.bytes_(kind)
            for part, data in (("val", values), ("weight", weights)):
                stored = group.create_dataset(part, data=np.asarray(data, dtype=float))
                stored.attrs["AXES"] = np.bytes_("freq,ant,pol")
            group.create_dataset("freq", data=np.asarray(freq_hz, dtype=float))
            group.create_dataset("ant", data=names)
            group.create_dataset("pol", data=np.array(POLARISATIONS, dtype="S2"))


def transfer_solutions(request: dict[str, Any]) -> dict[str, Any]:
    """Write the h5parm that a subband is corrected with; a node command.

    Parameters
    ----------
    request : dict
        ``path, stations, freq_hz, amplitude, phase, weight``, see :func:`write_h5parm`.

    Returns
    -------
    dict
        ``unusable``: stations with weight 0 at every frequency.
    """
    tables = {kind: request[kind] for kind in ("amplitude", "phase")}
    write_h5parm(request["path"], request["stations"], request["freq_hz"], tables, request["weight"])
    dead = np.max(request["weight"], axis=(0, 2)) <= 0
    return {"unusable": [name for name, gone in zip(request["stations"], dead.tolist(), strict=True) if gone]}


def keep_flux_scale(request: dict[str, Any]) -> dict[str, Any]:
    """Divide the typical amplitude out of the gains of an h5parm, in place; a node command.

    Parameters
    ----------
    request : dict
        ``path``: h5parm with an amplitude.

    Returns
    -------
    dict
        ``amplitude``: what was divided out, see :func:`~sip_luigi.domain.solutions.typical_amplitude`;
        ``model_over_data``: the flux scale of the model over that of the data, its inverse squared.

    Raises
    ------
    BadData
        Not an h5parm, or no amplitude counts.
    """
    path = request["path"]
    table = next((table for table in read_h5parm(path) if table.kind == "amplitude"), None)
    typical = typical_amplitude(np.where(table.good, table.values, np.nan)) if table else np.nan
    if table is None or not np.isfinite(typical):
        raise BadData(f"{path}: no amplitude that counts; look at the log of the calibration")
    with h5py.File(path, "r+") as file:
        group = next(g for g in file["sol000"].values() if _text(g.attrs.get("TITLE", b"")) == "amplitude")
        group["val"][...] /= typical
    return {"amplitude": typical, "model_over_data": typical**-2}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
