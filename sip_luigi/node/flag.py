"""Flag what calibration has shown to be bad, in a MeasurementSet that is being made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from casacore.tables import table

from sip_luigi.node.inspect import Reader

Stretch = Sequence[float | None]


def flag_data(path: str, stations: Iterable[str], stretches: Mapping[str, Sequence[Stretch]]) -> float:
    """Flag stations, wholly or for some time.

    Parameters
    ----------
    path : str
        The MeasurementSet.
    stations : iterable of str
        Stations of which all data are flagged.
    stretches : mapping
        By station ``[start_s, end_s]`` to flag; None: open.

    Returns
    -------
    float
        Fraction of the rows that are flagged by this.
    """
    wanted: dict[str, Sequence[Stretch]] = {**stretches, **{name: [(None, None)] for name in stations}}
    if not wanted:
        return 0.0
    reader = Reader(path)
    names = [str(name) for name in reader.subtable("ANTENNA")["NAME"]]
    first, second, times = (reader.rows(column) for column in ("ANTENNA1", "ANTENNA2", "TIME"))
    chosen = np.zeros(reader.n_rows, dtype=bool)
    for name, parts in wanted.items():
        if name not in names:
            continue
        index = names.index(name)
        of_it = (first == index) | (second == index)
        for start, end in parts:
            from_s, to_s = (-np.inf if start is None else start), (np.inf if end is None else end)
            chosen |= of_it & (times >= from_s) & (times < to_s)
    rows = np.flatnonzero(chosen)
    if rows.size:
        with table(path, readonly=False, ack=False) as opened, opened.selectrows(rows) as selected:
            flags = selected.getcol("FLAG")
            selected.putcol("FLAG", np.ones_like(flags))
    return float(chosen.mean())
