"""How much is flagged: by station, baseline, time and channel."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from sip_luigi.domain.summaries import Floats, baseline_matrix
from sip_luigi.report.figure import COLOURS, gridded, new_figure, png, tidy

Flags = Mapping[str, Mapping[str, Any]]
"""Of each subband, as :func:`sip_luigi.domain.summaries.flag_summary` tells it."""


def flags_picture(flags: Flags, calibrated: Mapping[str, float]) -> str:
    """Four views of the flagged fraction.

    Parameters
    ----------
    flags : mapping
        By subband, in order of frequency; those of one observation know the same stations.
    calibrated : mapping
        Flagged fraction by station after the calibration, mean over the subbands.
    """
    figure = new_figure(11.0, 9.0)
    names = station_names(flags)
    stations, baselines, time, channel = figure.subplots(2, 2).flat
    _by_station(stations, names, mean_by_station(flags), calibrated)
    _by_baseline(figure, baselines, names, flags)
    _by_time(figure, time, flags)
    _by_channel(channel, flags)
    return png(figure)


def station_names(flags: Flags) -> list[str]:
    """Stations of all subbands, in the order in which they come."""
    return list(dict.fromkeys(name for entry in flags.values() for name in entry["stations"]))


def mean_by_station(flags: Flags) -> dict[str, float]:
    """Flagged fraction of each station, mean over the subbands."""
    found: dict[str, list[float]] = {}
    for entry in flags.values():
        for name, value in zip(entry["stations"], entry["by_station"], strict=True):
            if value is not None:
                found.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def mean_by_baseline(flags: Flags) -> Floats:
    """Flagged fraction of each baseline, mean over the subbands that know all stations; NaN where there is none."""
    names = station_names(flags)
    matrices = [
        baseline_matrix(entry["by_baseline"], len(names))
        for entry in flags.values()
        if list(entry["stations"]) == names
    ]
    return _mean(np.stack(matrices)) if matrices else np.full((len(names), len(names)), np.nan)


def _by_station(axes: Any, names: list[str], before: Mapping[str, float], after: Mapping[str, float]) -> None:
    place = np.arange(len(names))
    axes.bar(place - 0.2, [before.get(n, 0.0) for n in names], 0.4, color=COLOURS[0], label="preprocessed")
    if after:
        axes.bar(place + 0.2, [after.get(n, 1.0) for n in names], 0.4, color=COLOURS[1], label="calibrated")
        axes.legend(
            fontsize=8, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderpad=0
        )
    step = 1 + len(names) // 40
    axes.set_xticks(place[::step], names[::step], rotation=90)
    axes.set_ylim(0, 1)
    gridded(axes)
    tidy(axes, "By station, all subbands", "", "flagged fraction")
    axes.tick_params(axis="x", labelsize=6)


def _by_baseline(figure: Any, axes: Any, names: list[str], flags: Flags) -> None:
    shown = axes.imshow(mean_by_baseline(flags), cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(shown, ax=axes, shrink=0.9, pad=0.02).ax.tick_params(labelsize=8)
    step = 1 + len(names) // 24
    place = np.arange(len(names))[::step]
    axes.set_xticks(place, names[::step], rotation=90)
    axes.set_yticks(place, names[::step])
    tidy(axes, "By baseline, all subbands")
    axes.tick_params(labelsize=6)


def _by_time(figure: Any, axes: Any, flags: Flags) -> None:
    entries = [entry["by_time"] for entry in flags.values()]
    longest = max(len(entry["fraction"]) for entry in entries)
    rows = np.full((len(entries), longest), np.nan)
    for row, entry in zip(rows, entries, strict=True):
        row[: len(entry["fraction"])] = [np.nan if v is None else v for v in entry["fraction"]]
    hours = longest * max(entry["step_s"] for entry in entries) / 3600.0
    shown = axes.imshow(
        rows,
        cmap="viridis",
        vmin=0,
        vmax=max(0.05, float(np.nanpercentile(rows, 99))),
        aspect="auto",
        interpolation="nearest",
        extent=(0, hours, len(entries) - 0.5, -0.5),
    )
    figure.colorbar(shown, ax=axes, shrink=0.9, pad=0.02).ax.tick_params(labelsize=8)
    step = 1 + len(entries) // 20
    axes.set_yticks(np.arange(len(entries))[::step], list(flags)[::step])
    tidy(axes, "By time and subband", "hours since the start")
    axes.tick_params(axis="y", labelsize=6)


def _by_channel(axes: Any, flags: Flags) -> None:
    for entry in flags.values():
        channel = entry["by_channel"]
        known = [
            (f / 1e6, v)
            for f, v in zip(channel["frequency_hz"], channel["fraction"], strict=True)
            if v is not None
        ]
        axes.plot(*zip(*known, strict=True), color=COLOURS[0], linewidth=0.8, marker=".", markersize=3)
    axes.set_ylim(0, None)
    gridded(axes)
    tidy(axes, "By channel", "frequency (MHz)", "flagged fraction")


def _mean(values: Floats) -> Floats:
    with warnings.catch_warnings():
        # A baseline that no subband has stays NaN.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=0), dtype=float)
