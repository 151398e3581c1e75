"""What gain solutions say of stations and of stretches of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WEAK_BELOW, STRONG_ABOVE = 0.1, 10.0
"""Gains so far from the median over stations are reported."""
MIN_STEPS = 16
"""Changes of phase that it takes to tell chance from signal."""
JUMP_RAD = 1.0
"""A change of phase from one solution to the next that is called a jump."""


def odd_stations(amplitude: Mapping[str, float]) -> list[dict[str, str]]:
    """Stations whose median gain is far from that of the others, as ``{station, reason}``."""
    if len(amplitude) < 3:
        return []
    typical = float(np.median(list(amplitude.values())))
    ratios = {name: value / typical for name, value in amplitude.items()} if typical > 0 else {}
    return [
        {"station": name, "reason": f"gain {ratio:.3g} times the median"}
        for name, ratio in sorted(ratios.items())
        if not WEAK_BELOW <= ratio <= STRONG_ABOVE
    ]


def phase_steps(phase_rad: Floats) -> Floats:
    """Changes of phase along the first axis that are known, wrapped into ±π, flat."""
    step = np.angle(np.exp(1j * np.diff(phase_rad, axis=0)))
    return np.asarray(step[np.isfinite(step)])


def step_scatter(phase_rad: Floats) -> float:
    """1.4826 × the median of the absolute change of phase along the first axis, 0 for one solution."""
    step = phase_steps(phase_rad)
    return float(1.4826 * np.median(np.abs(step))) if step.size else 0.0


def jump_fraction(phase_rad: Floats) -> float:
    """Fraction of the changes of phase above :data:`JUMP_RAD`, 0 for one solution."""
    step = phase_steps(phase_rad)
    return float(np.mean(np.abs(step) > JUMP_RAD)) if step.size else 0.0


def typical_amplitude(amplitude: Floats) -> float:
    """Amplitude that the gains of a subband share, NaN without one that is known.

    The geometric mean, over receptors, of each one's median in time: of n receptors that drift by σ it is off by σ/√n.
    Receptors farther than 3 σ from it are left out.

    Parameters
    ----------
    amplitude : ndarray, shape (n_times, n_freq, n_stations, n_pol)
        Amplitudes; NaN where there is no solution.
    """
    from astropy.stats import sigma_clip  # noqa: PLC0415 - astropy takes a while

    in_time = _median_over_time(amplitude.reshape(-1, *amplitude.shape[2:]))
    each = np.log(in_time[np.isfinite(in_time) & (in_time > 0)])
    kept = sigma_clip(each, sigma=3.0, stdfunc="mad_std", masked=False)
    return float(np.exp(np.mean(kept))) if kept.size else float("nan")


def amplitude_scatter(amplitude: Floats) -> float:
    """Robust relative scatter of the amplitudes about their median over time, 0 for one solution."""
    with np.errstate(invalid="ignore", divide="ignore"):
        departure = amplitude / _median_over_time(amplitude) - 1.0
    departure = departure[np.isfinite(departure)]
    return float(1.4826 * np.median(np.abs(departure))) if departure.size else 0.0


def amplitude_outliers(amplitude: Floats, factor: float) -> Bools:
    """Times at which some amplitude is `factor` times more or less than its median over time.

    Parameters
    ----------
    amplitude : ndarray, shape (n_times, …)
        Amplitudes of one station; NaN where there is no solution.
    factor : float
        More than 1.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        departure = np.abs(np.log(amplitude / _median_over_time(amplitude)))
    return np.asarray((departure > np.log(factor)).reshape(len(amplitude), -1).any(axis=1))


def xy_ratio(amplitude_x: Floats, amplitude_y: Floats) -> tuple[float, float]:
    """Median over stations of gain X over gain Y, and its standard error in units of the ratio.

    Receptors scatter about 1; a ratio that all stations share is not theirs: XX and YY are swapped against the beam
    model, or the sky model is polarised.

    Parameters
    ----------
    amplitude_x, amplitude_y : ndarray, shape (n_stations,)
        Median gain of each station.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(amplitude_x / amplitude_y)
    ratio = ratio[np.isfinite(ratio)]
    if ratio.size < 3:
        return 1.0, float("inf")
    scatter = 1.4826 * float(np.median(np.abs(ratio - np.median(ratio))))
    middle = float(np.exp(np.median(ratio)))
    return middle, middle * 1.2533 * max(scatter, 1e-6) / float(np.sqrt(ratio.size))


def intervals(flags: Bools, edges_s: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches of time, start and end, of flagged solutions; neighbours become one."""
    merged: list[tuple[float, float]] = []
    for flagged, (start, end) in zip(flags, edges_s, strict=True):
        if not flagged:
            continue
        if merged and start - merged[-1][1] < 1e-3:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def edges(times_s: Floats) -> list[tuple[float, float]]:
    """Start and end of each solution, from their centres; one alone holds for all times."""
    if len(times_s) < 2:
        return [(-np.inf, np.inf)] * len(times_s)
    half = float(np.median(np.diff(times_s))) / 2
    found = [(float(time) - half, float(time) + half) for time in times_s]
    # The last solution may have fewer slots, so that its centre says little of its end.
    found[-1] = (found[-2][1], np.inf)
    return found


def _median_over_time(values: Floats) -> Floats:
    known = np.isfinite(values).any(axis=0)
    return np.where(known, np.nanmedian(np.where(known, values, 0.0), axis=0), np.nan)
