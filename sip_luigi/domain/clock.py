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
_REFINEMENTS = 4
_CLIP_SIGMA = 4.0


class ClockFit(NamedTuple):
    """What the phases of one station against the reference are made of.

    Attributes
    ----------
    delay_s : float
        Clock against that of the reference: phase = 2 π ν delay.
    delay_error_s : float
        Its standard error, from the scatter of the residuals; infinite where nothing could be fitted.
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
    """Fit φ(t, ν, p) = 2 π ν τ + K·TEC(t)/ν + φ₀(p) to the phases of one station.

    The delay τ is that of the clock, which stands still, the electron content changes with time, the offsets are the
    electronics'. This is the separation of LoSoTo's CLOCKTEC (de Gasperin et al. 2019, A&A 622, A5), all times at
    once. A search over delays and electron contents finds the turn of the phases, least squares the rest.

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
    unknown = ClockFit(0.0, np.inf, np.zeros(len(times)), np.inf)
    if use.sum() < 4 * (len(times) + 3):
        return unknown
    signal = np.where(use, np.exp(1j * np.nan_to_num(phase_rad[times])), 0.0)
    best = unknown
    for delay_s in _candidates(signal, freq_hz, max_delay_s):
        fit = _refine(signal, use, freq_hz, delay_s)
        best = min(best, fit, key=lambda entry: entry.residual_rad)
    return best


def _grid(limit: float, phase_per_unit: float) -> Floats:
    """Steps from -limit to limit over which the phase changes by no more than `_GRID_STEP_RAD` across the band."""
    half = max(1, int(np.ceil(limit * phase_per_unit / _GRID_STEP_RAD)))
    return np.linspace(-limit, limit, 2 * half + 1)


def _tec_grid(freq_hz: Floats) -> Floats:
    return _grid(MAX_TEC_TECU, abs(TEC_TO_PHASE) * np.ptp(1.0 / freq_hz))


def _turns(signal: Complex, freq_hz: Floats, delay_s: float, tec: Floats) -> Complex:
    """Sum over frequency of the signal turned back by a delay and electron contents, (n_tec, n_times, 2)."""
    model = 2.0 * np.pi * freq_hz * delay_s + TEC_TO_PHASE * tec[:, None] / freq_hz
    return np.asarray(np.einsum("kf,tfp->ktp", np.exp(-1j * model), signal, optimize=True))


def _candidates(signal: Complex, freq_hz: Floats, max_delay_s: float) -> list[float]:
    """The likeliest delays: those under which, at each time, some electron content aligns the phases best."""
    delays, tec = _grid(max_delay_s, 2.0 * np.pi * np.ptp(freq_hz)), _tec_grid(freq_hz)
    power = [(np.abs(_turns(signal, freq_hz, d, tec)) ** 2).sum(axis=2).max(axis=0).sum() for d in delays]
    return [float(delays[index]) for index in np.argsort(power)[::-1][:4]]


def _refine(signal: Complex, use: Bools, freq_hz: Floats, delay_s: float) -> ClockFit:
    """Least squares from a start, twice: the better delay of the first shows the right turns of the phase."""
    fit = _least_squares(signal, use, freq_hz, delay_s)
    if not abs(fit.delay_s - delay_s) * np.ptp(freq_hz) < 1.0:
        return fit
    again = _least_squares(signal, use, freq_hz, fit.delay_s)
    return min(fit, again, key=lambda entry: entry.residual_rad)


def _least_squares(signal: Complex, use: Bools, freq_hz: Floats, delay_s: float) -> ClockFit:
    tec, offset = _start(signal, freq_hz, delay_s)
    design = _design(len(tec), freq_hz)
    scale = np.linalg.norm(design, axis=0)
    values = np.concatenate(([delay_s * 1e9], offset, tec)) * scale
    design /= scale
    used = use.ravel()
    for _ in range(_REFINEMENTS):
        residual = np.angle(signal.ravel() * np.exp(-1j * (design @ values)))
        scatter = float(1.4826 * np.median(np.abs(residual[used])))
        kept = used & (np.abs(residual) <= _CLIP_SIGMA * max(scatter, 1e-6))
        # By QR: of a narrow band the columns are nearly dependent, and their squares would not show how nearly.
        q, r = np.linalg.qr(design[kept])
        inverse = np.linalg.pinv(r, rcond=1e-13)
        values = values + inverse @ (q.T @ residual[kept])
    error_s = scatter * float(np.linalg.norm(inverse[0]) / scale[0]) * 1e-9
    values /= scale
    return ClockFit(float(values[0]) * 1e-9, error_s, values[3:], scatter)


def _start(signal: Complex, freq_hz: Floats, delay_s: float) -> tuple[Floats, Floats]:
    """Electron contents and offsets to begin with; the second look knows the offsets, which do not change."""
    # Fine enough for the phase itself: contents that differ by a turn of it look alike.
    grid = _grid(MAX_TEC_TECU, abs(TEC_TO_PHASE) / float(freq_hz.min()))
    turned = _turns(signal, freq_hz, delay_s, grid)
    n_times = np.arange(turned.shape[1])
    best = (np.abs(turned) ** 2).sum(axis=2).argmax(axis=0)
    offset = np.angle(turned[best, n_times].sum(axis=0))
    for _ in range(3):
        best = (turned * np.exp(-1j * offset)).real.sum(axis=2).argmax(axis=0)
        offset = np.angle(turned[best, n_times].sum(axis=0))
    return grid[best], offset


def _design(n_times: int, freq_hz: Floats) -> Floats:
    """Columns: delay in ns, offsets of X and Y, electron content of each time; rows: (time, freq, 2)."""
    shape = (n_times, len(freq_hz), 2)
    columns = np.zeros((*shape, 3 + n_times))
    columns[..., 0] = (2e-9 * np.pi * freq_hz)[None, :, None]
    for receptor in (0, 1):
        columns[:, :, receptor, 1 + receptor] = 1.0
    for time in range(n_times):
        columns[time, :, :, 3 + time] = (TEC_TO_PHASE / freq_hz)[:, None]
    return columns.reshape(-1, 3 + n_times)
