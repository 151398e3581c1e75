"""Gains of the stations: over time for one subband, over the band for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.dates import date2num

from sip_luigi.domain.summaries import Floats
from sip_luigi.domain.utc import from_mjd_s
from sip_luigi.report.figure import INK, dated, new_figure, png, tidy

POLARISATIONS = ("XX", "YY")


def has_gains(tables: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there is one that changes with time."""
    return any(len(table["times_s"]) > 1 for table in tables)


def gains_picture(tables: Sequence[Mapping[str, Any]], subband: str) -> str:
    """Amplitudes and phases by station and time.

    Parameters
    ----------
    tables : sequence of mapping
        As :func:`sip_luigi.node.gains.write_gains` has written them; of each kind the one with the largest changes
        is shown.
    subband : str
        Their subband.
    """
    # Of a phase that one solve leaves to another there is a table, too.
    changing = sorted((table for table in tables if len(table["times_s"]) > 1), key=_change)
    by_kind = {table["kind"]: table for table in changing}
    kinds = [kind for kind in ("amplitude", "phase") if kind in by_kind]
    n_stations = max(len(by_kind[kind]["stations"]) for kind in kinds)
    figure = new_figure(11.0, len(kinds) * (1.4 + 0.085 * max(n_stations, 24)))
    grid = figure.subplots(len(kinds), 2, squeeze=False, sharey=True)
    for row, kind in zip(grid, kinds, strict=True):
        values = solutions(by_kind[kind])
        for column, axes in enumerate(row):
            of_pol = values[:, min(column, values.shape[1] - 1)]
            draw = _draw_amplitude if kind == "amplitude" else _draw_phase
            shown = draw(axes, of_pol, _extent(by_kind[kind], len(of_pol)))
            title = f"{kind.capitalize()} {POLARISATIONS[column]}, {subband}"
            _finish(figure, axes, shown, by_kind[kind]["stations"], title, last=column == 1)
            dated(axes.xaxis)
    return png(figure)


def band_picture(
    amplitude: Mapping[str, Mapping[str, float]], scatter: Mapping[str, Mapping[str, float]]
) -> str:
    """Median amplitude, and scatter of the phase from one solution to the next, by station and subband.

    Parameters
    ----------
    amplitude, scatter : mapping
        By subband and station; one of them may be empty.
    """
    shown = {
        "Median gain amplitude over that of all": (amplitude, "RdBu_r", (0.5, 1.5)),
        "Scatter of the phase (rad)": (scatter, "viridis", (0.0, 2.0)),
    }
    shown = {title: entry for title, entry in shown.items() if entry[0]}
    stations = sorted({name for found, _, _ in shown.values() for entry in found.values() for name in entry})
    figure = new_figure(11.0, 1.4 + 0.1 * max(len(stations), 24))
    grid = figure.subplots(1, len(shown), squeeze=False, sharey=True)
    for axes, (title, (found, cmap, limits)) in zip(grid[0], shown.items(), strict=True):
        values = np.array([[entry.get(name, np.nan) for entry in found.values()] for name in stations])
        if cmap == "RdBu_r":
            values = values / np.nanmedian(values)
        image = axes.imshow(
            values, aspect="auto", cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest"
        )
        _finish(figure, axes, image, stations, title, last=True)
        step = 1 + len(found) // 16
        axes.set_xticks(np.arange(len(found))[::step], list(found)[::step], rotation=90)
        axes.tick_params(axis="x", labelsize=6)
    return png(figure)


def solutions(table: Mapping[str, Any]) -> Floats:
    """Values of a table, shape (n_stations, n_pol, n_times); phases against the first station that has all of them."""
    values = np.array(
        [[[np.nan if v is None else v for v in of_pol] for of_pol in station] for station in table["values"]]
    )
    if table["kind"] != "phase":
        return values
    reference = int(np.isfinite(values).sum(axis=(1, 2)).argmax())
    return np.asarray(np.angle(np.exp(1j * (values - values[reference]))), dtype=float)


def _change(table: Mapping[str, Any]) -> float:
    values = solutions(table)
    return float(np.nanmean(np.abs(np.diff(values, axis=2)))) if np.isfinite(values).any() else 0.0


def _draw_amplitude(axes: Any, values: Floats, extent: tuple[float, ...]) -> Any:
    typical = np.nanmedian(values)
    return axes.imshow(
        values / typical,
        aspect="auto",
        cmap="RdBu_r",
        vmin=0.5,
        vmax=1.5,
        extent=extent,
        interpolation="nearest",
    )


def _draw_phase(axes: Any, values: Floats, extent: tuple[float, ...]) -> Any:
    return axes.imshow(
        np.rad2deg(values),
        aspect="auto",
        cmap="twilight",
        vmin=-180,
        vmax=180,
        extent=extent,
        interpolation="nearest",
    )


def _extent(table: Mapping[str, Any], n_stations: int) -> tuple[float, float, float, float]:
    times_s = table["times_s"]
    # Times are the centres of the solutions.
    half_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1) / 2
    first, last = (_number(from_mjd_s(time_s)) for time_s in (times_s[0] - half_s, times_s[-1] + half_s))
    return first, last, n_stations - 0.5, -0.5


def _number(moment: datetime) -> float:
    return float(date2num(moment))  # type: ignore[no-untyped-call]


def _finish(figure: Any, axes: Any, shown: Any, stations: Sequence[str], title: str, *, last: bool) -> None:
    step = 1 + len(stations) // 70
    axes.set_yticks(np.arange(len(stations))[::step], list(stations)[::step])
    tidy(axes, title)
    axes.tick_params(axis="y", labelsize=5.5)
    if last:
        bar = figure.colorbar(shown, ax=axes, pad=0.02)
        bar.ax.tick_params(labelsize=8, colors=INK)
