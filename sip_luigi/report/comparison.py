"""The catalogue against what is known of the sky."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.patches import Circle

from sip_luigi.domain.expectation import Pairs
from sip_luigi.report.figure import COLOURS, FAINT, gridded, new_figure, png, tidy


def comparison_picture(pairs: Mapping[str, Pairs], beam_arcsec: float) -> str:
    """Fluxes and positions, measured and expected.

    Parameters
    ----------
    pairs : mapping
        Sources that were found, by what they are compared with.
    beam_arcsec : float
        Major axis of the beam.
    """
    figure = new_figure(11.0, 4.8)
    flux, place = figure.subplots(1, 2)
    everything = np.concatenate([np.concatenate([p.expected_jy, p.flux_jy]) for p in pairs.values()])
    limits = np.array([everything.min() / 1.5, everything.max() * 1.5])
    flux.fill_between(limits, 0.9 * limits, 1.1 * limits, color=FAINT, label="within 10 %")
    flux.plot(limits, limits, color="#8a9099", linewidth=0.8)
    for (title, found), colour, marker in zip(pairs.items(), COLOURS, "os", strict=False):
        style = {
            "color": colour,
            "marker": marker,
            "linestyle": "",
            "markersize": 4,
            "markerfacecolor": "none",
        }
        flux.plot(found.expected_jy, found.flux_jy, label=f"{title} ({len(found.flux_jy)})", **style)
        place.plot(found.east_arcsec, found.north_arcsec, label=title, **style)
        place.plot(
            np.median(found.east_arcsec),
            np.median(found.north_arcsec),
            "+",
            color=colour,
            markersize=16,
            mew=2,
        )
    flux.set_xscale("log")
    flux.set_yscale("log")
    flux.set_xlim(*limits)
    flux.set_ylim(*limits)
    _finish(flux, "Flux densities", "expected (Jy)", "measured (Jy)")
    place.add_patch(Circle((0, 0), beam_arcsec / 2, facecolor="none", edgecolor="#8a9099", linestyle="--"))
    reach = 0.6 * beam_arcsec
    place.set_xlim(reach, -reach)
    place.set_ylim(-reach, reach)
    place.set_aspect("equal")
    _finish(place, "Offsets, their medians (+), and the beam", "measured − expected, east (″)", "north (″)")
    return png(figure)


def _finish(axes: Any, title: str, x: str, y: str) -> None:
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    gridded(axes)
    tidy(axes, title, x, y)
