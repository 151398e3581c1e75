"""Open a MeasurementSet and read what it says of itself; everything odd becomes one clear message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from casacore.tables import table
from numpy.typing import NDArray

from sip_luigi.domain.errors import BadData

LINEAR = {9: "XX", 10: "XY", 11: "YX", 12: "YY"}
"""Correlation types of linear feeds (casacore ``Stokes``)."""
CORRELATIONS = ("XX", "XY", "YX", "YY")
COLUMNS = ("TIME", "ANTENNA1", "ANTENNA2", "UVW", "EXPOSURE", "INTERVAL", "FLAG", "FLAG_ROW")
CHUNK_BYTES = 48 * 2**20
"""Visibilities read at once; a few times as much memory is used."""


class Reader:
    """A MeasurementSet open for reading.

    Parameters
    ----------
    path : str
        The MeasurementSet.
    column : str
        Column of the visibilities.
    """

    def __init__(self, path: str, column: str = "DATA") -> None:
        self.path, self.column = path, column
        with self.refusing("open"):
            self.main = _open(path)
        missing = [name for name in (*COLUMNS, column) if name not in self.main.colnames()]
        if missing:
            self.refuse(
                f"not a MeasurementSet that can be used: no column {', '.join(missing)}",
                "give the MeasurementSet of one LOFAR subband",
            )
        self.n_rows = int(self.main.nrows())
        if not self.n_rows:
            self.refuse("it has no rows", "copy the data again, or leave this subband out")

    def refuse(self, found: str, remedy: str) -> None:
        """Raise BadData that names the MeasurementSet, what is wrong with it and what to do."""
        raise BadData(f"{self.path}: {found}; {remedy}")

    @contextmanager
    def refusing(self, what: str) -> Iterator[None]:
        """Turn casacore's RuntimeError into BadData that says what could not be read."""
        try:
            yield
        except RuntimeError as error:
            reason = str(error).strip() or "casacore gives no reason"
            raise BadData(
                f"{self.path}: cannot {what}: {reason}; the MeasurementSet is damaged or "
                "truncated: copy the data again"
            ) from None

    def subtable(self, name: str) -> dict[str, Any]:
        """Columns of a sub-table, those that have a value in each row."""
        with self.refusing(f"read the sub-table {name}"):
            sub = table(self.main.getkeyword(name), ack=False)
            return {
                column: sub.getcol(column)
                for column in sub.colnames()
                if sub.nrows() and sub.iscelldefined(column, sub.nrows() - 1)
            }

    def has_subtable(self, name: str) -> bool:
        """Whether a sub-table is named and has rows."""
        if name not in self.main.getkeywords():
            return False
        with self.refusing(f"read the sub-table {name}"):
            return bool(table(self.main.getkeyword(name), ack=False).nrows())

    def rows(self, column: str, start: int = 0, count: int = -1) -> NDArray[Any]:
        """Values of a column in some rows."""
        with self.refusing(f"read column {column}"):
            return np.asarray(self.main.getcol(column, startrow=start, nrow=count))

    def unique(self, column: str) -> NDArray[Any]:
        """Different values of a column."""
        return np.unique(self.rows(column))

    def probe(self) -> None:
        """Read first and last cells: a truncated file shows at its end."""
        for column in (*COLUMNS, self.column):
            with self.refusing(f"read column {column}"):
                for row in (0, self.n_rows - 1):
                    self.main.getcell(column, row)

    def chunks(self, rows_each: int) -> Iterator[tuple[int, int]]:
        """Start and length of consecutive runs of rows."""
        for start in range(0, self.n_rows, rows_each):
            yield start, min(rows_each, self.n_rows - start)


def _open(path: str) -> Any:
    if not Path(path).is_dir():
        raise BadData(f"{path}: no such MeasurementSet; check the path and the disk")
    if not (Path(path) / "table.dat").is_file():
        raise BadData(f"{path}: not a MeasurementSet: no table.dat in it; copy the data again")
    return table(path, ack=False)


def require_one(reader: Reader, column: str, what: str) -> int:
    """Return the only value of an id column, or refuse."""
    values = reader.unique(column)
    if len(values) != 1:
        found = ", ".join(map(str, values[:8]))
        reader.refuse(
            f"expected one {what}, found {len(values)} ({column} {found})",
            "split the data, one in each MeasurementSet",
        )
    return int(values[0])


def correlations(reader: Reader, polarization_id: int) -> list[str]:
    """Names of the correlations; refuses anything but XX, XY, YX, YY."""
    types = reader.subtable("POLARIZATION")["CORR_TYPE"][polarization_id]
    names = [LINEAR.get(int(kind), f"type {int(kind)}") for kind in np.ravel(types)]
    if tuple(names) != CORRELATIONS:
        reader.refuse(
            f"expected the correlations {', '.join(CORRELATIONS)}, found {', '.join(names)}",
            "all four are needed to correct for the station beam",
        )
    return names


def spectral_window(reader: Reader) -> tuple[dict[str, Any], int]:
    """Columns of the only spectral window in use, and the polarization id that goes with it."""
    description = reader.subtable("DATA_DESCRIPTION")
    data_id = require_one(reader, "DATA_DESC_ID", "spectral window")
    windows = reader.subtable("SPECTRAL_WINDOW")
    window = int(description["SPECTRAL_WINDOW_ID"][data_id])
    return {name: values[window] for name, values in windows.items()}, int(
        description["POLARIZATION_ID"][data_id]
    )


def has_beam_tables(reader: Reader) -> bool:
    """Whether EveryBeam can compute the LOFAR station beam from this MeasurementSet."""
    telescope = reader.subtable("OBSERVATION").get("TELESCOPE_NAME", [""])[0]
    tile_beam = "LOFAR_TILE_BEAM_DIR" in reader.subtable("FIELD")
    return telescope == "LOFAR" and tile_beam and reader.has_subtable("LOFAR_ANTENNA_FIELD")
