"""The data in the uv plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.domain.summaries import (
    AMPLITUDE_DECADES,
    AMPLITUDE_PER_DECADE,
    UV_DECADES,
    UV_PER_DECADE,
    Counts,
    Floats,
    amplitude_counts,
    covered_uv_m,
    edges,
)
from sip_luigi.report.figure import COLOURS, gridded, new_figure, png, tidy


def visibilities_picture(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Coverage of the uv plane, and amplitude against distance in it.

    Parameters
    ----------
    found : mapping
        Of some subbands, as :meth:`sip_luigi.domain.summaries.UvSummary.as_dict` tells it.
    """
    figure = new_figure(11.0, 5.0)
    coverage, amplitude = figure.subplots(1, 2)
    _coverage(coverage, found)
    _amplitude(figure, amplitude, sum(amplitude_counts(entry) for entry in found.values()))
    return png(figure)


def percentile(counts: Counts, fraction: float) -> Floats:
    """Amplitude below which a fraction of the visibilities of each distance is; NaN where there is none."""
    centres = np.sqrt(
        edges(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)[1:]
        * edges(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)[:-1]
    )
    total = counts.sum(axis=1)
    reached = np.cumsum(counts, axis=1) >= fraction * total[:, None]
    return np.where(total > 0, centres[reached.argmax(axis=1)], np.nan)


def _coverage(axes: Any, found: Mapping[str, Mapping[str, Any]]) -> None:
    for entry in found.values():
        half = covered_uv_m(entry) * (entry["frequency_hz"] / SPEED_OF_LIGHT_M_S / 1e3)
        both = np.concatenate([half, -half])
        axes.plot(*both.T, ".", markersize=0.6, color=COLOURS[0])
    axes.set_aspect("equal", adjustable="datalim")
    gridded(axes)
    tidy(axes, "uv coverage of usable data", "u (kλ)", "v (kλ)")


def _amplitude(figure: Any, axes: Any, counts: Any) -> None:
    distance, amplitude = edges(UV_DECADES, UV_PER_DECADE), edges(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)
    shown = axes.pcolormesh(
        distance, amplitude, np.ma.masked_less(counts.T, 1), norm=LogNorm(), cmap="Blues", rasterized=True
    )
    figure.colorbar(shown, ax=axes, label="visibilities", pad=0.02)
    centres = np.sqrt(distance[1:] * distance[:-1])
    for fraction, style in ((0.1, ":"), (0.5, "-"), (0.9, ":")):
        axes.plot(
            centres, percentile(counts, fraction), style, color=COLOURS[1], label=f"{fraction:.0%} below"
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    x, y = np.nonzero(counts)
    axes.set_xlim(distance[x.min()], distance[x.max() + 1])
    axes.set_ylim(amplitude[y.min()], amplitude[y.max() + 1])
    axes.legend(fontsize=7, frameon=False, loc="lower left")
    gridded(axes)
    tidy(
        axes, "Amplitude of calibrated data, (XX + YY) / 2", "distance in the uv plane (λ)", "amplitude (Jy)"
    )
