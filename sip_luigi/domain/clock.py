"""Clocks and ionosphere told apart by how their phases go with frequency."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Complex = NDArray[np.complex128]

TEC_TO_PHASE = -8.44797245e9
"""Phase in rad = this times the electron content in TECU (1e16 m^-2) over the frequency in Hz.

-e²/(4 π ε0 m_e c)·1e16 m^-2, as DP3 and LoSoTo have it.
"""
MAX_TIMES = 24
"""Clocks stand still for the minutes of a calibrator scan: more times would only take time."""
MAX_TEC_TECU = 0.6
"""Largest difference of the electron content between two stations at the start of the search."""
_GRID_STEP_RAD = 0.8
_REFINEMENTS = 5
_CANDIDATES = 4
_CLIP_SIGMA = 4.0
_MIN_SOLUTIONS = 5


class ClockFit(NamedTuple):
    """What the phases of one station against the reference are made of.

    Attributes
    ----------
    delay_s : float
        Clock against that of the reference: phase = 2 π ν delay.
    delay_error_s : float
        Its error: that of the noise, and as much as the part of the residuals that stays the same in time could
        have pulled it, were it as unlucky as can be; infinite where nothing could be fitted.
    tec_tecu : ndarray, shape (n_times,)
        Electron content against that above the reference.
    residual_rad : float
        Robust scatter of what is left.
    """

    delay_s: float
    delay_error_s: float
    tec_tecu: Floats
    residual_rad: float


def polarisation_offset(phase_rad: Floats, good: Bools) -> float:
    """Phase of X minus that of Y of one station, the mean over the circle; rad, 0 where nothing is known.

    Parameters
    ----------
    phase_rad, good : ndarray, shape (n_times, n_freq, 2)
        Phases against the reference, and which of them count.
    """
    both = good.all(axis=2)
    total = np.exp(1j * (phase_rad[..., 0] - phase_rad[..., 1]))[both].sum()
    return float(np.angle(total)) if both.any() else 0.0


def fit_clock(phase_rad: Floats, good: Bools, freq_hz: Floats, max_delay_s: float) -> ClockFit:
    """Fit φ(t, ν, p) = 2 π ν τ + K·TEC(t)/ν + φ₀(t, p) to the phases of one station.

    The delay τ is that of the clock, which stands still; the electron content changes with time, and so may the
    offsets of the electronics. This is the separation of LoSoTo's CLOCKTEC (de Gasperin et al. 2019, A&A 622, A5), with
    one clock for all times. A search over delays and electron contents finds the turn of the phases, least squares
    the rest.

    Parameters
    ----------
    phase_rad, good : ndarray, shape (n_times, n_freq, 2)
        Phases against the reference, and which of them count.
    freq_hz : ndarray, shape (n_freq,)
        Frequencies.
    max_delay_s : float
        Largest delay that is looked for.
    """
    times = np.unique(np.linspace(0, len(phase_rad) - 1, min(MAX_TIMES, len(phase_rad))).astype(int))
    use = good[times] & np.isfinite(phase_rad[times])
    signal = np.where(use, np.exp(1j * np.nan_to_num(phase_rad[times])), 0.0)
    enough = use.sum(axis=(1, 2)) > _MIN_SOLUTIONS
    best = ClockFit(0.0, np.inf, np.zeros(int(enough.sum())), np.inf)
    if not enough.any() or use.any(axis=(0, 2)).sum() < _MIN_SOLUTIONS:
        return best
    signal, use = signal[enough], use[enough]
    for delay_s, tec in _candidates(signal, freq_hz, max_delay_s):
        best = min(best, _refine(signal, use, freq_hz, delay_s, tec), key=lambda entry: entry.residual_rad)
    return best


def _grid(limit: float, phase_per_unit: float) -> Floats:
    """Steps from -limit to limit over which the phase changes by no more than `_GRID_STEP_RAD` across the band."""
    half = max(1, int(np.ceil(limit * phase_per_unit / _GRID_STEP_RAD)))
    return np.linspace(-limit, limit, 2 * half + 1)


def _candidates(signal: Complex, freq_hz: Floats, max_delay_s: float) -> list[tuple[float, Floats]]:
    """The likeliest delays, each with the electron contents that align the phases best under it."""
    delays = _grid(max_delay_s, 2.0 * np.pi * np.ptp(freq_hz))
    contents = _grid(MAX_TEC_TECU, abs(TEC_TO_PHASE) * np.ptp(1.0 / freq_hz))
    found = []
    flat = np.swapaxes(signal, 0, 1).reshape(len(freq_hz), -1)
    for delay_s in delays:
        model = 2.0 * np.pi * freq_hz * delay_s + TEC_TO_PHASE * contents[:, None] / freq_hz
        turned = (np.exp(-1j * model) @ flat).reshape(len(contents), len(signal), 2)
        power = (np.abs(turned) ** 2).sum(axis=2)
        found.append((power.max(axis=0).sum(), float(delay_s), contents[power.argmax(axis=0)]))
    found.sort(key=lambda entry: -entry[0])
    return [(delay_s, tec) for _, delay_s, tec in found[:_CANDIDATES]]


def _refine(signal: Complex, use: Bools, freq_hz: Floats, delay_s: float, tec: Floats) -> ClockFit:
    """Least squares: what offsets and electron content explain of each time is taken out, the clock has the rest."""
    clock, dispersive = 2e-9 * np.pi * freq_hz, TEC_TO_PHASE / freq_hz
    delay_ns, tec = delay_s * 1e9, tec.copy()
    kept = use
    for _ in range(_REFINEMENTS):
        residual = _residual(signal, use, clock * delay_ns + tec[:, None] * dispersive)
        scatter = float(1.4826 * np.median(np.abs(residual[use])))
        kept = use & (np.abs(residual) <= _CLIP_SIGMA * max(scatter, 1e-6))
        nuisance = [_nuisance(mask, dispersive) for mask in kept]
        columns = np.where(kept, clock[None, :, None], 0.0)
        rest = np.array([_without(c, n) for c, n in zip(columns, nuisance, strict=True)])
        weights = rest / max(float((rest**2).sum()), 1e-30)
        step = float((weights * residual).sum())
        delay_ns += step
        change = np.where(kept, residual - step * columns, 0.0)
        tec += [_content(c, n) for c, n in zip(change, nuisance, strict=True)]
    steady = np.where(kept, residual, 0.0).sum(axis=0) / np.maximum(kept.sum(axis=0), 1)
    unlucky = float((np.abs(weights.sum(axis=0)) * np.abs(steady)).sum())
    noise = scatter * float(np.sqrt((weights**2).sum()))
    return ClockFit(delay_ns * 1e-9, float(np.hypot(noise, unlucky)) * 1e-9, tec, scatter)


def _residual(signal: Complex, use: Bools, model: Floats) -> Floats:
    """What a model leaves of the phases, after the mean offset of each time and receptor."""
    turned = signal * np.exp(-1j * model)[:, :, None]
    offset = np.angle(turned.sum(axis=1, keepdims=True))
    return np.asarray(np.where(use, np.angle(turned * np.exp(-1j * offset)), 0.0))


def _nuisance(kept: Bools, dispersive: Floats) -> tuple[Floats, Floats]:
    """QR of the columns offset X, offset Y and electron content for the solutions of one time, shape (n_freq, 2)."""
    columns = np.zeros((*kept.shape, 3))
    columns[:, 0, 0] = columns[:, 1, 1] = 1.0
    # About its mean: of a narrow band it is nearly an offset.
    columns[:, :, 2] = (dispersive - dispersive.mean())[:, None]
    columns[~kept] = 0.0
    q, r = np.linalg.qr(columns.reshape(-1, 3))
    return q, r


def _without(values: Floats, nuisance: tuple[Floats, Floats]) -> Floats:
    q, _ = nuisance
    flat = values.ravel()
    return np.asarray((flat - q @ (q.T @ flat)).reshape(values.shape))


def _content(values: Floats, nuisance: tuple[Floats, Floats]) -> float:
    q, r = nuisance
    return float(q[:, 2] @ values.ravel() / r[2, 2]) if abs(r[2, 2]) > 1e-12 else 0.0
