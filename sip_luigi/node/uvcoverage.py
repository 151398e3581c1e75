"""How far the baselines with usable data reach in the uv plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sip_luigi.node.inspect import Reader
from sip_luigi.node.scan import Scan

ROWS_EACH = 1 << 20


def uv_extent(reader: Reader, found: Scan) -> dict[str, float]:
    """Measure the uv plane as the data cover it.

    Parameters
    ----------
    reader : Reader
        The MeasurementSet.
    found : Scan
        Which baselines have usable data in it.

    Returns
    -------
    dict
        ``longest_uv_m, shortest_uv_m``: the largest and smallest projected length sqrt(u² + v²) that a baseline with
        usable visibilities reaches, m; of a flagged station nothing counts.
    """
    n = found.n_stations
    longest, shortest = np.zeros(n * n), np.full(n * n, np.inf)
    for start, count in reader.chunks(ROWS_EACH):
        cells = reader.rows("ANTENNA1", start, count).astype(np.int64) * n
        cells += reader.rows("ANTENNA2", start, count)
        length = np.hypot(*reader.rows("UVW", start, count)[:, :2].T)
        np.maximum.at(longest, cells, length)
        np.minimum.at(shortest, cells, length)
    used = _usable(found)
    return {"longest_uv_m": float(longest[used].max()), "shortest_uv_m": float(shortest[used].min())}


def _usable(found: Scan) -> NDArray[np.bool_]:
    usable = found.good > 0
    np.fill_diagonal(usable, val=False)
    return np.asarray(usable.ravel(), dtype=bool)
