"""Statistics of the visibilities of a MeasurementSet, read in chunks: memory does not grow with the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sip_luigi.node.inspect import CHUNK_BYTES, Reader

Floats = NDArray[np.float64]
PARALLEL_HANDS = (0, -1)
"""XX and YY of XX, XY, YX, YY."""
CROSS_HANDS = (1, 2)


@dataclass
class Scan:
    """Sums over visibilities. A baseline of n stations is one cell of an (n, n) matrix.

    Attributes
    ----------
    visibilities, flagged, nonfinite, zero : ndarray, shape (n, n)
        How many correlations there are, are flagged, and are unflagged but NaN or infinite, or exactly zero.
    good, power : ndarray, shape (n, n)
        Number and sum of abs(V)² of usable XX and YY.
    cross_good, cross_power : ndarray, shape (n, n)
        The same of XY and YX, in which the sky is weak and what is left is mostly noise.
    """

    n_stations: int
    visibilities: Floats = field(init=False)
    flagged: Floats = field(init=False)
    nonfinite: Floats = field(init=False)
    zero: Floats = field(init=False)
    good: Floats = field(init=False)
    power: Floats = field(init=False)
    cross_good: Floats = field(init=False)
    cross_power: Floats = field(init=False)

    def __post_init__(self) -> None:
        for name in SUMS:
            setattr(self, name, np.zeros((self.n_stations, self.n_stations)))

    def add(self, first: NDArray[Any], second: NDArray[Any], data: NDArray[Any], flags: NDArray[Any]) -> None:
        """Take in some rows; shapes (n_rows,), (n_rows,), (n_rows, n_channels, n_corr) twice."""
        finite = np.isfinite(data)
        usable = finite & ~flags
        with np.errstate(invalid="ignore", over="ignore"):
            power = np.where(usable, data.real.astype(float) ** 2 + data.imag.astype(float) ** 2, 0.0)
        sums = {
            "visibilities": np.full(len(data), data[0].size, dtype=float),
            "flagged": _total(flags),
            "nonfinite": _total(~finite & ~flags),
            "zero": _total(usable & (data == 0)),
            "good": _total(usable[..., PARALLEL_HANDS]),
            "power": _total(power[..., PARALLEL_HANDS]),
            "cross_good": _total(usable[..., CROSS_HANDS]),
            "cross_power": _total(power[..., CROSS_HANDS]),
        }
        cells = first.astype(np.int64) * self.n_stations + second
        for name, values in sums.items():
            summed = np.bincount(cells, weights=values, minlength=self.n_stations**2)
            getattr(self, name).__iadd__(summed.reshape(self.n_stations, self.n_stations))

    def cross(self, values: Floats) -> float:
        """Sum over the cross-correlations."""
        return float(values.sum() - np.trace(values))

    def per_station(self, values: Floats) -> Floats:
        """Sum over the baselines of each station with others, shape (n,)."""
        both = values + values.T
        return np.asarray(both.sum(axis=1) - np.diag(both))

    def station_rms(self, power: Floats, count: Floats) -> Floats:
        """Median over the baselines of each station of the rms; NaN for a station without usable data."""
        power, count = power + power.T, count + count.T
        np.fill_diagonal(count, 0)
        rms = np.full(power.shape, np.nan)
        np.sqrt(power / np.where(count > 0, count, 1), out=rms, where=count > 0)
        medians = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in rms]
        return np.array(medians)


SUMS = (
    "visibilities",
    "flagged",
    "nonfinite",
    "zero",
    "good",
    "power",
    "cross_good",
    "cross_power",
)


def _total(values: NDArray[Any]) -> Floats:
    return np.asarray(values.sum(axis=(1, 2)), dtype=float)


def scan(
    reader: Reader,
    n_stations: int,
    runs: Iterable[tuple[int, int]] | None = None,
    see: Callable[[int, NDArray[Any], NDArray[Any], NDArray[Any]], None] | None = None,
) -> Scan:
    """Read visibilities and flags, all of them or some runs of rows (start, length).

    What was read is shown to `see`, if given, too: first row, which rows are cross-correlations, data and flags.
    """
    total = Scan(n_stations)
    for start, count in reader.chunks(rows_per_chunk(reader)) if runs is None else runs:
        first, second, data, flags = read_rows(reader, start, count)
        total.add(first, second, data, flags)
        if see:
            see(start, first != second, data, flags)
    return total


def read_rows(
    reader: Reader, start: int, count: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Stations, visibilities and flags of some rows, as :meth:`Scan.add` takes them."""
    flags = reader.rows("FLAG", start, count) | reader.rows("FLAG_ROW", start, count)[:, None, None]
    data = reader.rows(reader.column, start, count)
    if data.shape != flags.shape:
        reader.refuse(
            f"{reader.column} and FLAG differ in shape, {data.shape[1:]} and {flags.shape[1:]}",
            "copy the data again",
        )
    return reader.rows("ANTENNA1", start, count), reader.rows("ANTENNA2", start, count), data, flags


def rows_per_chunk(reader: Reader) -> int:
    """Rows that fit into :data:`~sip_luigi.node.inspect.CHUNK_BYTES`."""
    with reader.refusing(f"read column {reader.column}"):
        cell = reader.main.getcell(reader.column, 0)
    return max(1, CHUNK_BYTES // max(1, int(cell.nbytes)))


def refuse_unusable(reader: Reader, found: Scan) -> None:
    """Refuse data without one visibility that is unflagged, finite and not zero."""
    total, flagged = found.cross(found.visibilities), found.cross(found.flagged)
    nonfinite, zero = found.cross(found.nonfinite), found.cross(found.zero)
    if not total:
        reader.refuse("it has no cross-correlations", "leave this subband out")
    if flagged + nonfinite + zero < total:
        return
    words = {"flagged": flagged, "not finite": nonfinite, "zero": zero}
    shares = [f"{value / total:.0%} {word}" for word, value in words.items() if value]
    reader.refuse(
        f"no usable visibility in {reader.column}: {', '.join(shares)}",
        "leave this subband out, or observe again",
    )
