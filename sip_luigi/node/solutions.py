"""Judge the gain solutions of a subband, and flag the data that they show to be bad."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.solutions import (
    MIN_STEPS,
    Floats,
    amplitude_outliers,
    amplitude_scatter,
    edges,
    intervals,
    jump_fraction,
    odd_stations,
    phase_steps,
    step_scatter,
    xy_ratio,
)
from sip_luigi.node.flag import flag_data
from sip_luigi.node.gains import write_gains
from sip_luigi.node.h5parm import SolutionTable, read_h5parm
from sip_luigi.programs.logs import Convergence, solve_convergence


def inspect_solutions(request: dict[str, Any]) -> dict[str, Any]:
    """Summarise the solutions of one or more h5parms, or refuse them.

    Parameters
    ----------
    request : dict
        ``paths``, in the order in which they were applied. Optional: ``log``, what DP3 has printed;
        ``min_converged_fraction`` (0); ``amplitude_outlier_factor`` and ``max_phase_scatter_rad``, without which
        nothing is called bad; ``measurementset``, in which what is bad is flagged; ``gains``, a JSON file that is
        written for the report, see :func:`~sip_luigi.node.gains.write_gains`.

    Returns
    -------
    dict
        ``n_solutions``; ``bad_fraction``, the part that is NaN or has weight 0; ``bad_by_station``, the same
        by station; ``convergence``, counts by solve; ``amplitude``, the median by station where amplitudes were
        solved for; ``amplitude_scatter``, its robust relative scatter in time; ``odd_stations``,
        a list of ``{station, reason}``; ``phase_scatter_rad``, the robust scatter of the phase from one
        solution to the next, ``phase_jump_fraction`` the part of these steps above 1 rad, by station; ``xy_ratio``
        and ``xy_ratio_error``, gain X over gain Y that the stations share; ``bad_stations``, with reasons;
        ``bad_intervals``, lists of ``[start_s, end_s]`` by station (null: open); ``flagged_rows_fraction``, what
        these two flag.

    Raises
    ------
    BadData
        Not an h5parm, damaged, without one valid solution, or the solver did not converge.
    """
    solutions = {Path(path).stem: read_h5parm(path) for path in request["paths"]}
    tables = [table for found in solutions.values() for table in found]
    where = ", ".join(request["paths"])
    if not tables:
        raise BadData(f"{where}: no solutions in it; look at the log of the calibration")
    fractions = _bad_fractions(tables)
    if all(fraction == 1.0 for fraction in fractions.values()):
        raise BadData(f"{where}: every solution is NaN or has weight 0; check the sky model")
    convergence = _convergence(request)
    found: dict[str, Any] = {
        "n_solutions": int(sum(table.values.size for table in tables)),
        "bad_fraction": float(np.mean(list(fractions.values()))),
        "bad_by_station": fractions,
        "convergence": {name: counts._asdict() for name, counts in convergence.items()},
        **_amplitudes([table for table in tables if table.kind == "amplitude"]),
        **_phases([table for table in tables if table.kind == "phase"]),
    }
    if request.get("gains"):
        write_gains(request["gains"], solutions)
    bad = _bad_stations(found["phase_scatter_rad"], tables, request)
    stretches = _bad_intervals(tables, request)
    flagged = flag_data(request["measurementset"], bad, stretches) if request.get("measurementset") else 0.0
    return found | {"bad_stations": bad, "bad_intervals": stretches, "flagged_rows_fraction": flagged}


def _bad_fractions(tables: list[SolutionTable]) -> dict[str, float]:
    good: dict[str, list[Any]] = {}
    for table in tables:
        for index, name in enumerate(table.stations):
            good.setdefault(name, []).append(np.ravel(table.good[:, :, index]))
    return {name: 1.0 - float(np.mean(np.concatenate(parts))) for name, parts in good.items()}


def _convergence(request: Mapping[str, Any]) -> dict[str, Convergence]:
    if not request.get("log"):
        return {}
    found = solve_convergence(Path(request["log"]).read_text(encoding="utf-8", errors="replace"))
    limit = request.get("min_converged_fraction", 0.0)
    for name, counts in found.items():
        if counts.fraction < limit:
            raise BadData(
                f"the solve {name} did not converge: {counts.converged} of {sum(counts)} solutions did, "
                f"{counts.stalled} stalled, {counts.failed} failed; expected {limit:.0%} or more. Check "
                "max_iterations, tolerance and the sky model"
            )
    return found


def _values(table: SolutionTable, index: int) -> Floats:
    """Solutions of a station, time first, NaN where they do not count."""
    return np.asarray(np.where(table.good[:, :, index], table.values[:, :, index], np.nan))


def _each(tables: list[SolutionTable]) -> list[tuple[str, Floats]]:
    return [(name, _values(table, i)) for table in tables for i, name in enumerate(table.stations)]


def _amplitudes(tables: list[SolutionTable]) -> dict[str, Any]:
    known = {name: values for name, values in _each(tables) if np.isfinite(values).any()}
    medians = {name: float(np.nanmedian(values)) for name, values in known.items()}
    both = np.array(
        [[_known_median(values[..., 0]), _known_median(values[..., -1])] for values in known.values()]
    ).reshape(-1, 2)
    ratio, error = xy_ratio(both[:, 0], both[:, 1])
    return {
        "amplitude": medians,
        "amplitude_scatter": {name: amplitude_scatter(values) for name, values in known.items()},
        "odd_stations": odd_stations(medians),
        "xy_ratio": ratio if np.isfinite(error) else None,
        "xy_ratio_error": error if np.isfinite(error) else None,
    }


def _known_median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _phases(tables: list[SolutionTable]) -> dict[str, Any]:
    scatter: dict[str, float] = {}
    jumps: dict[str, float] = {}
    for name, values in _each(tables):
        scatter[name] = max(scatter.get(name, 0.0), step_scatter(values))
        jumps[name] = max(jumps.get(name, 0.0), jump_fraction(values))
    return {"phase_scatter_rad": scatter, "phase_jump_fraction": jumps}


def _bad_stations(
    scatter: Mapping[str, float], tables: list[SolutionTable], request: Mapping[str, Any]
) -> dict[str, str]:
    limit = request.get("max_phase_scatter_rad", np.inf)
    steps = {
        name: phase_steps(v).size for name, v in _each([table for table in tables if table.kind == "phase"])
    }
    return {
        name: f"phases are chance: they change by {value:.2f} rad from one solution to the next"
        for name, value in scatter.items()
        if value > limit and steps[name] >= MIN_STEPS
    }


def _bad_intervals(
    tables: list[SolutionTable], request: Mapping[str, Any]
) -> dict[str, list[list[float | None]]]:
    factor = float(request.get("amplitude_outlier_factor") or np.inf)
    found: dict[str, list[list[float | None]]] = {}
    for table in (table for table in tables if table.kind == "amplitude"):
        for index, name in enumerate(table.stations):
            flags = amplitude_outliers(_values(table, index), factor)
            stretches = intervals(flags, edges(table.times_s)) if flags.any() else []
            for start, end in stretches:
                found.setdefault(name, []).append([_open(start), _open(end)])
    return found


def _open(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
