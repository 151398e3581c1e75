"""What is kept of flags, visibilities and gains for the report: small, whatever the size of the data."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

TIME_BINS = 100
"""Over which flags are averaged in time."""
MOST_SOLUTIONS = 200
"""Solutions in time that are kept of each station."""
UV_DECADES, UV_PER_DECADE = (1.0, 6.0), 20
"""Range, in powers of ten, and bins of the distance in wavelengths."""
AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE = (-3.0, 5.0), 12
"""The same of the amplitude in Jy."""
UV_CELLS = 256
"""Cells of the uv plane from the origin to the longest baseline."""


def flag_summary(flagged: Mapping[str, Any], bins: int = TIME_BINS) -> dict[str, Any]:
    """The flags of a subband in some kilobytes.

    Parameters
    ----------
    flagged : mapping
        ``flagged`` of the statistics of a subband, see :func:`sip_luigi.node.statistics.statistics`.
    bins : int
        Most intervals of time.

    Returns
    -------
    dict
        ``stations``, their names; ``by_station``; ``by_baseline``, of the pairs of stations (0, 1), (0, 2), …, (1, 2),
        …; ``by_channel`` (``frequency_hz``, ``fraction``); ``by_time`` (``start_mjd_s``, ``step_s``, ``fraction``).
        Fractions that are not known are None.
    """
    names, baseline, time = flagged["station_names"], flagged["by_baseline"], flagged["by_time"]
    matrix = np.full((len(names), len(names)), np.nan)
    matrix[baseline["first"], baseline["second"]] = _floats(baseline["fraction"])
    offsets_s = np.asarray(time["offset_s"], dtype=float)
    edges_s = np.linspace(0.0, offsets_s[-1] * (1 + 1e-9) + 1e-9, min(bins, len(offsets_s)) + 1)
    return {
        "stations": names,
        "by_station": _known(_floats(flagged["by_station"]), 3),
        "by_baseline": _known(matrix[np.triu_indices(len(names), 1)], 2),
        "by_channel": {
            "frequency_hz": flagged["by_channel"]["frequency_hz"],
            "fraction": _known(_floats(flagged["by_channel"]["fraction"]), 3),
        },
        "by_time": {
            "start_mjd_s": time["start_mjd_s"],
            "step_s": float(edges_s[1]),
            "fraction": _known(_binned(offsets_s, _floats(time["fraction"]), edges_s), 3),
        },
    }


def baseline_matrix(values: list[float | None], n_stations: int) -> Floats:
    """``by_baseline`` of :func:`flag_summary` as a symmetric matrix, NaN where nothing is known."""
    matrix = np.full((n_stations, n_stations), np.nan)
    matrix[np.triu_indices(n_stations, 1)] = _floats(values)
    return np.asarray(np.where(np.isnan(matrix), matrix.T, matrix))


def kept_solutions(n_times: int, most: int = MOST_SOLUTIONS) -> NDArray[np.int64]:
    """Which of so many solutions are kept: all, or evenly spread ones with the first and the last."""
    return np.unique(np.linspace(0, n_times - 1, min(n_times, most)).round().astype(np.int64))


@dataclass
class UvSummary:
    """Where a subband has visibilities in the uv plane, and how strong they are.

    Attributes
    ----------
    longest_m : float
        The longest baseline; the plane reaches so far.
    freq_hz : ndarray
        Frequencies of the channels.
    counts : ndarray
        Visibilities by distance and amplitude, on the grid of :data:`UV_DECADES` and :data:`AMPLITUDE_DECADES`, which
        is that of all subbands.
    plane : ndarray of bool
        Cells of the upper half of the uv plane in metres, v upwards, that a baseline with usable data went through.
    """

    longest_m: float
    freq_hz: Floats
    counts: Counts = field(init=False)
    plane: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(
            (_bins(UV_DECADES, UV_PER_DECADE), _bins(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)), int
        )
        self.plane = np.zeros((UV_CELLS, 2 * UV_CELLS), dtype=bool)

    def add(self, uv_lambda_per_hz: Floats, amplitude_jy: Floats, usable: NDArray[np.bool_]) -> None:
        """Take in some rows.

        Parameters
        ----------
        uv_lambda_per_hz : ndarray, shape (n_rows, 2)
            u and v over the speed of light, s.
        amplitude_jy : ndarray, shape (n_rows, n_channels)
            Amplitudes.
        usable : ndarray of bool, shape (n_rows, n_channels)
            Which of them count.
        """
        distance = np.hypot(*uv_lambda_per_hz.T)[:, None] * self.freq_hz
        usable = usable & (amplitude_jy > 0) & (distance > 0)
        x = _bin(distance[usable], UV_DECADES, UV_PER_DECADE)
        y = _bin(amplitude_jy[usable], AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)
        flat = np.bincount(x * self.counts.shape[1] + y, minlength=self.counts.size)
        self.counts += flat.reshape(self.counts.shape)

    def cover(self, uv_m: Floats) -> None:
        """Mark what baselines with usable data went through; u and v in m, shape (n_rows, 2)."""
        # The other half is the same: the image is real.
        upper = np.where(uv_m[:, 1:] < 0, -uv_m, uv_m) / max(self.longest_m, 1e-9) * UV_CELLS
        u = np.clip(np.floor(upper[:, 0]).astype(int) + UV_CELLS, 0, 2 * UV_CELLS - 1)
        v = np.clip(np.floor(upper[:, 1]).astype(int), 0, UV_CELLS - 1)
        self.plane[v, u] = True

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found = np.argwhere(self.counts)
        packed = zlib.compress(np.packbits(self.plane).tobytes(), 9)
        return {
            "frequency_hz": float(self.freq_hz.mean()),
            "longest_m": self.longest_m,
            "plane": base64.b64encode(packed).decode(),
            "counts": [[int(x), int(y), int(self.counts[x, y])] for x, y in found],
        }


def covered_uv_m(summary: Mapping[str, Any]) -> Floats:
    """Centres in m of the cells of the upper half plane that :class:`UvSummary` found covered, shape (n, 2)."""
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(summary["plane"])), dtype=np.uint8))
    v, u = np.nonzero(bits.reshape(UV_CELLS, 2 * UV_CELLS))
    return np.asarray((np.stack([u - UV_CELLS, v], axis=1) + 0.5) * (float(summary["longest_m"]) / UV_CELLS))


def amplitude_counts(summary: Mapping[str, Any]) -> Counts:
    """Visibilities by distance and amplitude, shape (n_distances, n_amplitudes)."""
    counts = np.zeros((_bins(UV_DECADES, UV_PER_DECADE), _bins(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)), int)
    x, y, number = np.asarray(summary["counts"], dtype=int).reshape(-1, 3).T
    counts[x, y] = number
    return counts


def edges(decades: tuple[float, float], per_decade: int) -> Floats:
    """Edges of logarithmic bins."""
    return np.logspace(*decades, _bins(decades, per_decade) + 1)


def _bins(decades: tuple[float, float], per_decade: int) -> int:
    return round((decades[1] - decades[0]) * per_decade)


def _bin(values: Floats, decades: tuple[float, float], per_decade: int) -> NDArray[np.int64]:
    number = np.floor((np.log10(values) - decades[0]) * per_decade).astype(np.int64)
    return np.clip(number, 0, _bins(decades, per_decade) - 1)


def _binned(offsets_s: Floats, values: Floats, edges_s: Floats) -> Floats:
    number = np.clip(np.searchsorted(edges_s, offsets_s, side="right") - 1, 0, len(edges_s) - 2)
    known = np.isfinite(values)
    total = np.bincount(number[known], weights=values[known], minlength=len(edges_s) - 1)
    count = np.bincount(number[known], minlength=len(edges_s) - 1)
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def _floats(values: Any) -> Floats:
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def _known(values: Floats, digits: int) -> list[float | None]:
    return [round(value, digits) if math.isfinite(value) else None for value in values.tolist()]
