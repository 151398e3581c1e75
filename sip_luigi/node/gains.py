"""The solutions of a subband as the report draws them: thinned in time, averaged over the channels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sip_luigi.domain.summaries import Floats, kept_solutions
from sip_luigi.node.h5parm import SolutionTable

DIGITS = 4


def write_gains(path: str, solutions: Mapping[str, Sequence[SolutionTable]]) -> None:
    """Write solutions as JSON.

    Parameters
    ----------
    path : str
        Where.
    solutions : mapping
        The tables of each h5parm by its name.
        The file has a list of ``{solve, kind, stations, times_s, values}``; ``values`` is of shape (n_stations, n_pol,
        n_times) with None where there is no solution. Tables of other kinds than amplitude and phase are left out.
    """
    found = [
        {"solve": solve, "kind": table.kind, **thinned(table)}
        for solve, tables in solutions.items()
        for table in tables
        if table.kind in {"amplitude", "phase"}
    ]
    Path(path).write_text(json.dumps(found, separators=(",", ":"), allow_nan=False), encoding="utf-8")


def thinned(table: SolutionTable) -> dict[str, Any]:
    """Some of the solutions of a table, as JSON values."""
    chosen = kept_solutions(table.values.shape[0])
    values = np.where(table.good[chosen], table.values[chosen], np.nan)
    averaged = _phase(values) if table.kind == "phase" else _mean(values)
    return {
        "stations": list(table.stations),
        "times_s": table.times_s[chosen].tolist() if len(table.times_s) else [],
        "values": [
            [[_number(value) for value in of_pol] for of_pol in of_station]
            for of_station in averaged.transpose(1, 2, 0).tolist()
        ],
    }


def _mean(values: Floats) -> Floats:
    """Mean over the channels that are known, shape (n_times, n_stations, n_pol)."""
    known = np.isfinite(values).sum(axis=1)
    mean = np.divide(np.nansum(values, axis=1), known, out=np.full(known.shape, np.nan), where=known > 0)
    return np.asarray(mean)


def _phase(values: Floats) -> Floats:
    known = np.isfinite(values)
    total = np.where(known, np.exp(1j * np.where(known, values, 0.0)), 0.0).sum(axis=1)
    return np.asarray(np.where(known.any(axis=1), np.angle(total), np.nan))


def _number(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
