"""The bandpass: amplitudes of gains against frequency, cleaned of what is not the instrument's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WEAK_BELOW = 0.1
"""A station whose gain is less of the median over stations is dead: it "converges" on its noise."""
_ITERATIONS = 3
_MAD_TO_SIGMA = 1.4826
_RIDGE = (0.0, 1e-3, 1e-3)
"""Keeps slope and curvature at zero where the points do not say."""


class Bandpass(NamedTuple):
    """Gain amplitudes without time.

    Attributes
    ----------
    amplitude : ndarray, shape (n_freq, n_stations, 2)
        Median over time, NaN where nothing is known.
    good : ndarray, shape (n_freq, n_stations, 2)
        Whether a value is used.
    scatter : ndarray, shape (n_stations,)
        Robust relative scatter of the medians about a smooth curve.
    outliers : ndarray, shape (n_stations,)
        Fraction of the solutions that were there and were left out.
    """

    amplitude: Floats
    good: Bools
    scatter: Floats
    outliers: Floats


def clean_bandpass(
    amplitude: Floats, good: Bools, freq_hz: Floats, outlier_sigma: float, smooth_hz: float
) -> Bandpass:
    """Leave out outliers in time, take the median over time, leave out outliers in frequency.

    Parameters
    ----------
    amplitude : ndarray, shape (n_times, n_freq, n_stations, 2)
        Gain amplitudes.
    good : ndarray
        Whether a solution is to be used; same shape.
    freq_hz : ndarray, shape (n_freq,)
        Frequencies, rising.
    outlier_sigma : float
        Farther from the median, in units of the robust scatter, a solution is an outlier.
    smooth_hz : float
        Full width of the smoothing in frequency.

    Notes
    -----
    What LINC and prefactor do: flag at 5 sigma, median over time, smooth in frequency.
    """
    usable = good & np.isfinite(amplitude) & (amplitude > 0)
    values = np.where(usable, amplitude, np.nan)
    kept = usable & ~_outliers_in_time(values, outlier_sigma)
    median = _median(np.where(kept, amplitude, np.nan), axis=0)
    here = np.isfinite(median)
    for _ in range(_ITERATIONS):
        smooth = smooth_at(freq_hz, median, here, freq_hz, smooth_hz)
        departure = median / smooth - 1.0
        scatter = _MAD_TO_SIGMA * _median(np.abs(np.where(here, departure, np.nan)), axis=0)
        here = np.isfinite(median) & (np.abs(departure) <= outlier_sigma * np.maximum(scatter, 1e-6))
    present = np.maximum(usable.sum(axis=(0, 1, 3)), 1)
    left_out = (usable & ~(kept & here[None])).sum(axis=(0, 1, 3))
    return Bandpass(median, here, _median(scatter, axis=1), left_out / present)


def smooth_at(freq_hz: Floats, values: Floats, good: Bools, at_hz: Floats, width_hz: float) -> Floats:
    """Evaluate a smooth curve through points, by local parabolas.

    Weighted least squares with the tricube kernel (Cleveland 1979, LOWESS), so edges, gaps and unequal distances do
    not bend the curve.

    Parameters
    ----------
    freq_hz : ndarray, shape (n,)
        Where the points are.
    values, good : ndarray, shape (n, …)
        The points, and which of them count.
    at_hz : ndarray, shape (m,)
        Where the curve is wanted.
    width_hz : float
        Full width of the kernel.

    Returns
    -------
    ndarray, shape (m, …)
        NaN where no point is within half the width.
    """
    points = np.where(good, values, 0.0).reshape(len(freq_hz), -1)
    counts = good.reshape(len(freq_hz), -1).astype(float)
    curve = np.full((len(at_hz), points.shape[1]), np.nan)
    for row, centre_hz in enumerate(at_hz):
        offset = (freq_hz - centre_hz) / (0.5 * width_hz)
        near = np.abs(offset) < 1.0
        kernel = (1.0 - np.abs(offset[near]) ** 3) ** 3
        powers = np.vander(offset[near], 3, increasing=True)
        weights = kernel[:, None] * counts[near]
        normal = np.einsum("fs,fi,fj->sij", weights, powers, powers) + np.diag(_RIDGE)
        right = np.einsum("fs,fi->si", weights * points[near], powers)
        known = weights.sum(axis=0) > 0
        if known.any():
            curve[row, known] = np.linalg.solve(normal[known], right[known][..., None])[:, 0, 0]
    return curve.reshape(len(at_hz), *values.shape[1:])


def dead_stations(bandpass: Bandpass) -> Bools:
    """Stations without usable solutions, or whose gains are far below those of the others, shape (n_stations,)."""
    level = _median(np.where(bandpass.good, bandpass.amplitude, np.nan), axis=0).min(axis=1)
    known = np.isfinite(level)
    typical = float(np.median(level[known])) if known.any() else 0.0
    return np.asarray(~known | (np.nan_to_num(level) < WEAK_BELOW * typical))


def interpolated(freq_hz: Floats, good: Bools, at_hz: Floats, near_hz: float) -> Bools:
    """Whether a frequency has no usable point of any station nearer than `near_hz`, shape (m,)."""
    known = freq_hz[good.reshape(len(freq_hz), -1).any(axis=1)]
    if not known.size:
        return np.ones(len(at_hz), dtype=bool)
    return np.asarray(np.abs(at_hz[:, None] - known[None, :]).min(axis=1) > near_hz)


def _outliers_in_time(values: Floats, sigma: float) -> Bools:
    ratio = values / _median(values, axis=0) - 1.0
    # A gain may drift: what all frequencies of a receptor do at a time is no outlier.
    ratio -= _median(ratio, axis=1)[:, None]
    scatter = _MAD_TO_SIGMA * _median(np.abs(ratio), axis=(0, 1))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(ratio) > sigma * np.maximum(scatter, 1e-6))


def _median(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    """Median of what is not NaN; NaN, without a warning, where there is nothing else."""
    empty = np.isnan(values).all(axis=axis, keepdims=True)
    median = np.nanmedian(np.where(empty, 0.0, values), axis=axis)
    return np.where(empty.reshape(np.shape(median)), np.nan, median)
