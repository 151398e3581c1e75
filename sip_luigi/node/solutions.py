"""What the gain solutions in h5parms say of the stations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.errors import BadData

WEAK_BELOW, STRONG_ABOVE = 0.1, 10.0
"""Gains so far from the median over stations are reported."""

Floats = NDArray[np.float64]


def inspect_solutions(request: dict[str, Any]) -> dict[str, Any]:
    """Summarise the solutions of one or more h5parms.

    Parameters
    ----------
    request : dict
        ``paths``, in the order in which they were applied.

    Returns
    -------
    dict
        ``n_solutions``; ``bad_fraction``, the part that is NaN or has weight 0; ``bad_by_station``, the same
        by station; ``amplitude``, the median by station where amplitudes were solved for; ``odd_stations``,
        a list of ``{station, reason}``; ``phase_scatter_rad``, the robust scatter of the phase from one
        solution to the next, by station.

    Raises
    ------
    BadData
        Not an h5parm, damaged, or without one valid solution.
    """
    names: list[str] = []
    valid: dict[str, list[Floats]] = {}
    amplitudes: dict[str, Floats] = {}
    scatter: dict[str, float] = {}
    for path in request["paths"]:
        for kind, table in _tables(path):
            names = table.stations
            for index, name in enumerate(names):
                good = table.good[index]
                valid.setdefault(name, []).append(np.ravel(good).astype(float))
                values = np.where(good, table.values[index], np.nan)
                if kind == "amplitude":
                    amplitudes[name] = values
                elif kind == "phase":
                    scatter[name] = max(scatter.get(name, 0.0), _step_scatter(values))
    if not names:
        raise BadData(
            f"{', '.join(request['paths'])}: no solutions in it; look at the log of the calibration"
        )
    fractions = {name: 1.0 - float(np.mean(np.concatenate(parts))) for name, parts in valid.items()}
    if all(fraction == 1.0 for fraction in fractions.values()):
        raise BadData(
            f"{', '.join(request['paths'])}: every solution is NaN or has weight 0; check the sky model"
        )
    medians = {n: float(np.nanmedian(v)) for n, v in amplitudes.items() if np.isfinite(v).any()}
    return {
        "n_solutions": int(sum(part.size for parts in valid.values() for part in parts)),
        "bad_fraction": float(np.mean(list(fractions.values()))),
        "bad_by_station": fractions,
        "amplitude": medians,
        "odd_stations": odd_stations(medians),
        "phase_scatter_rad": scatter,
    }


def odd_stations(amplitude: dict[str, float]) -> list[dict[str, str]]:
    """Stations whose median gain is far from that of the others."""
    if len(amplitude) < 3:
        return []
    typical = float(np.median(list(amplitude.values())))
    ratios = {name: value / typical for name, value in amplitude.items()} if typical > 0 else {}
    return [
        {"station": name, "reason": f"gain {ratio:.3g} times the median"}
        for name, ratio in sorted(ratios.items())
        if not WEAK_BELOW <= ratio <= STRONG_ABOVE
    ]


class _Table:
    """One solution table, station axis first."""

    def __init__(self, group: h5py.Group) -> None:
        axes = group["val"].attrs["AXES"]
        axes = (axes.decode() if isinstance(axes, bytes) else str(axes)).split(",")
        order = ["ant", *(["time"] if "time" in axes else []), *(a for a in axes if a not in {"ant", "time"})]
        move = [axes.index(axis) for axis in order]
        self.values: Floats = np.transpose(group["val"][()], move)
        weights = np.transpose(group["weight"][()], move)
        self.good = np.isfinite(self.values) & (weights > 0)
        self.stations = [name.decode().rstrip("\0") for name in group["ant"][()]]


def _tables(path: str) -> list[tuple[str, _Table]]:
    if not Path(path).is_file():
        raise BadData(f"{path}: no such h5parm; look at the log of the calibration")
    try:
        with h5py.File(path, "r") as file:
            groups = [g for g in file["sol000"].values() if isinstance(g, h5py.Group) and "ant" in g]
            return [(_text(group.attrs.get("TITLE", b"")), _Table(group)) for group in groups]
    except (OSError, KeyError, ValueError) as error:
        raise BadData(f"{path}: not an h5parm ({error}); make it again") from error


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _step_scatter(phase: Floats) -> float:
    """1.4826 × the median of the absolute change of phase along the first axis, 0 for one solution."""
    step = np.angle(np.exp(1j * np.diff(phase, axis=0)))
    step = step[np.isfinite(step)]
    return float(1.4826 * np.median(np.abs(step))) if step.size else 0.0
