"""What became better from cycle to cycle, and what ran where and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sip_luigi.report.figure import COLOURS, gridded, new_figure, png, tidy

IDLE_S = 300.0
"""A pause of everything longer than this is cut out of the time line."""


@dataclass(frozen=True)
class StageRun:
    """One task of the observation and what became of it.

    Attributes
    ----------
    obs_id : str
        The observation; that of the calibrator has tasks too.
    name, stage : str
        Of the task, and its stage with the cycle.
    subband : str
        Empty for what is made of all of them.
    node : str
        Where it ran.
    ended_s : float
        Unix time when its product was published; 0 where there is none.
    elapsed_s : float
        How long that took.
    state : {"done", "lost", "passed over", "not made"}
        What became of it.
    reason : str
        Why, where it was not done.
    links : mapping
        Addresses of log and parset, as far as they are there.
    """

    obs_id: str
    name: str
    stage: str
    subband: str
    node: str
    ended_s: float
    elapsed_s: float
    state: str
    reason: str
    links: Mapping[str, str]

    @property
    def began_s(self) -> float:
        """Unix time when it began."""
        return self.ended_s - self.elapsed_s

    @property
    def ended(self) -> str:
        """UTC for reading."""
        return f"{datetime.fromtimestamp(self.ended_s, UTC):%H:%M:%S}" if self.ended_s else ""


def cycles_picture(cycles: Sequence[Mapping[str, Any]]) -> str:
    """Noise, dynamic range and sources of the cycles that were gone through."""
    shown = [cycle for cycle in cycles if cycle["rms_jy_beam"] is not None]
    figure = new_figure(11.0, 2.8)
    panels = (
        ("rms_jy_beam", 1e3, "noise (mJy/beam)"),
        ("dynamic_range", 1, "dynamic range"),
        ("n_sources", 1, "sources"),
    )
    for axes, (name, factor, label), colour in zip(figure.subplots(1, 3), panels, COLOURS, strict=False):
        known = [(cycle["cycle"], factor * cycle[name]) for cycle in shown if cycle[name] is not None]
        axes.plot(*zip(*known, strict=True), "o-", color=colour)
        axes.set_xticks([cycle["cycle"] for cycle in shown])
        axes.margins(x=0.15, y=0.25)
        gridded(axes)
        tidy(axes, label, "cycle")
    return png(figure)


def timeline_picture(runs: Sequence[StageRun]) -> str:
    """Which stage ran on which node when; every line of a node is one place where something ran.

    Parameters
    ----------
    runs : sequence of StageRun
        All of them; those without a product are left out.
    """
    done = sorted((run for run in runs if run.ended_s), key=lambda run: run.began_s)
    place = compressed(done)
    lines = lanes(done)
    nodes = sorted({run.node for run in done})
    base, rows = {}, 0
    for node in nodes:
        base[node] = rows
        rows += 1 + max(lines[run.obs_id, run.name] for run in done if run.node == node)
    figure = new_figure(11.0, min(12.0, 1.6 + 0.16 * rows))
    axes = figure.subplots()
    stages = list(dict.fromkeys(run.stage.partition(".")[0] for run in done))
    for stage, colour in zip(stages, _colours(len(stages)), strict=True):
        chosen = [run for run in done if run.stage.partition(".")[0] == stage]
        starts, ends = place([run.began_s for run in chosen]), place([run.ended_s for run in chosen])
        y = [base[run.node] + lines[run.obs_id, run.name] for run in chosen]
        axes.barh(y, np.maximum(ends - starts, 1e-4), 0.86, left=starts, color=colour, label=stage)
    axes.set_yticks([base[node] - 0.4 for node in nodes], nodes, va="top")
    axes.hlines([base[node] - 0.5 for node in nodes], *axes.get_xlim(), color="#8a9099", linewidth=0.6)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.margins(x=0)
    axes.grid(axis="x", color="#d7dade", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    began = f"{datetime.fromtimestamp(done[0].began_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    tidy(axes, "", f"minutes since {began}, pauses of more than {IDLE_S / 60:g} min left out")
    return png(figure)


def compressed(runs: Sequence[StageRun]) -> Any:
    """A function from Unix times to minutes since the first run, with the pauses of all cut out."""
    ends, shifts, end, shift = [], [], runs[0].began_s, runs[0].began_s
    for run in runs:
        if run.began_s - end > IDLE_S:
            ends.append(end)
            shift += run.began_s - end - IDLE_S / 10
            shifts.append(shift)
        end = max(end, run.ended_s)
    edges, values = np.array(ends), np.array([runs[0].began_s, *shifts])

    def place(times_s: Sequence[float]) -> Any:
        times = np.asarray(times_s, dtype=float)
        return (times - values[np.searchsorted(edges, times, side="left")]) / 60.0

    return place


def lanes(runs: Sequence[StageRun]) -> dict[tuple[str, str], int]:
    """For each run the first line of its node that is free when it begins; they are in the order of their beginning."""
    free: dict[str, list[float]] = {}
    found = {}
    for run in runs:
        until = free.setdefault(run.node, [])
        # Times of manifests are whole seconds.
        line = next((n for n, end in enumerate(until) if end <= run.began_s + 1.0), len(until))
        until[line : line + 1] = [run.ended_s]
        found[run.obs_id, run.name] = line
    return found


def _colours(n: int) -> list[str]:
    palette = (*COLOURS, "#9bbfdd", "#e3b48c", "#9ccfa8", "#c9b0d8", "#e5a5a1", "#b7bcc4")
    return [palette[index % len(palette)] for index in range(n)]
