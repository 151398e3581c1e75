"""How much of the injected interference a flagger left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from casacore.tables import table
from numpy.typing import NDArray

EXCESS = 1.5
"""A visibility is contaminated when it exceeds the largest clean one of its baseline so many times."""


def rfi_left(measurementsets: Iterable[Path], truth: Mapping[str, Any]) -> float | None:
    """Fraction of the visibilities hit by interference that are neither flagged nor clean.

    Parameters
    ----------
    measurementsets : iterable of Path
        Flagged and averaged data, one for each subband.
    truth : mapping
        The record of the simulation, with its ``rfi`` events.

    Returns
    -------
    float or None
        None when no interference was injected into these subbands.
    """
    hit = left = 0
    for path in measurementsets:
        match = re.search(r"SB(\d+)", path.name)
        events = [event for event in truth["rfi"] if match and event["subband"] == int(match.group(1))]
        if events:
            amplitude = read_amplitudes(path)
            contaminated = hit_cells(events, truth, amplitude.shape[:2])
            n_hit, n_left = count_left(amplitude, contaminated)
            hit, left = hit + n_hit, left + n_left
    return left / hit if hit else None


def read_amplitudes(path: Path) -> NDArray[np.float64]:
    """Mean amplitude of XX and YY, shape (n_times, n_channels, n_baselines); flagged ones are NaN."""
    with table(str(path), ack=False) as data:
        times = data.getcol("TIME")
        visibilities, flags = data.getcol("DATA"), data.getcol("FLAG")
    amplitude = np.abs(visibilities[:, :, [0, 3]]).mean(axis=2)
    amplitude[flags.any(axis=2)] = np.nan
    n_times = len(np.unique(times))
    shaped: NDArray[np.float64] = amplitude.reshape(n_times, -1, amplitude.shape[1]).transpose(0, 2, 1)
    return shaped


def hit_cells(
    events: Iterable[Mapping[str, Any]], truth: Mapping[str, Any], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Averaged cells in time and channel that hold interference, shape (n_times, n_channels)."""
    n_times, n_channels = shape
    time_step = truth["n_times"] / n_times
    channel_step = truth["options"]["channels"] / n_channels
    cells = np.zeros(shape, dtype=bool)
    for event in events:
        slots = slice(int(event["first_slot"] / time_step), int(event["last_slot"] / time_step) + 1)
        for channel in event["channels"]:
            cells[slots, int(channel / channel_step)] = True
    return cells


def count_left(amplitude: NDArray[np.float64], hit: NDArray[np.bool_]) -> tuple[int, int]:
    """Number of visibilities that were hit, and of those still contaminated."""
    clean = np.where(hit[:, :, np.newaxis], np.nan, amplitude)
    largest = np.nanmax(np.where(np.isnan(clean), -np.inf, clean), axis=0)
    # A baseline of which nothing clean is left cannot be judged, a flagged visibility is not contaminated.
    judged = np.isfinite(largest)[np.newaxis] & hit[:, :, np.newaxis]
    with np.errstate(invalid="ignore"):
        contaminated = judged & (amplitude > EXCESS * largest[np.newaxis])
    return int(judged.sum()), int(contaminated.sum())
