"""How well calibrated visibilities agree with the sky model that they were calibrated against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.closure import Closure
from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_RAD_TO_ARCSEC = 206264.80624709636
BRIGHT_POWER = 0.2
"""Where the sky has so much of the power of the noise the data are bright, whatever the model says."""
MIN_CLOSURE_EXPECTED = 0.3
"""Of noisier data closure phases tell nothing."""
MIN_TIMES = 8
"""Solutions in time that it takes to see the sky turn."""
_ROUNDS = 6
_CLIP_SIGMA = 4.0


@dataclass
class Sums:
    """Sums over visibilities of XX and YY by baseline; a baseline of n stations is a cell of an (n, n) matrix.

    Attributes
    ----------
    count : ndarray
        Visibilities.
    product : ndarray
        Σ Re(V M*) of data V and model M.
    data, model, residual : ndarray
        ``Σ |V|²``, ``Σ |M|²``, ``Σ |V - M|²``.
    noise : ndarray
        Σ σ², the variance of the noise of each, from neighbouring times.
    cross_count, cross, cross_noise : ndarray
        Number, ``Σ |V|²`` and ``Σ σ²`` of XY and YX.
    """

    count: Floats
    product: Floats
    data: Floats
    model: Floats
    residual: Floats
    noise: Floats
    cross_count: Floats
    cross: Floats
    cross_noise: Floats


@dataclass(frozen=True)
class Agreement:
    """Figures of a subband, or of a station with all others.

    Attributes
    ----------
    coherence : float
        ``Σ Re(V M*) / √(Σ S² Σ |M|²)`` with ``S² = |V|²`` less noise: 1 where the model has all that is there, √x where
        it has a fraction x of the power. The noise does not lower it.
    coherence_error : float
        Its standard error.
    flux_ratio : float
        ``Σ Re(V M*) / Σ |M|²``: flux density in the data over that in the model, whatever else is in the data.
    flux_ratio_error : float
        Its standard error.
    residual_ratio : float
        Power that is left without the model, noise taken off, over the power of the model.
    reduced_chi2 : float
        Power that is left over that of the noise.
    model_snr : float
        ``√(Σ |M|² / σ²)``: signal to noise with which the model can be seen.
    power_snr : float
        Power of the data, noise taken off, over that of the noise.
    cross_ratio : float
        Power of XY and YX over that of XX and YY, noise taken off both.
    """

    coherence: float
    coherence_error: float
    flux_ratio: float
    flux_ratio_error: float
    residual_ratio: float
    reduced_chi2: float
    model_snr: float
    power_snr: float
    cross_ratio: float


def agreement(sums: Sums, of: Bools | None = None) -> Agreement | None:
    """Figures from sums over all baselines, or over some of them; None where there is nothing to compare.

    Parameters
    ----------
    sums : Sums
        By baseline.
    of : ndarray of bool, shape (n, n), optional
        The baselines.
    """
    total = {name: float(v.sum() if of is None else v[of].sum()) for name, v in vars(sums).items()}
    count, model, noise = total["count"], total["model"], total["noise"]
    if not (count and model > 0 and noise > 0):
        return None
    sigma2 = noise / count
    # Noise power is known to a part in √n only: a signal weaker than that is not told from none.
    signal = max(total["data"] - noise, 2.0 * noise / np.sqrt(count))
    scale = np.sqrt(signal * model)
    error = np.sqrt(0.5 * sigma2 * model)
    cross = total["cross"] - total["cross_noise"]
    return Agreement(
        coherence=total["product"] / scale,
        coherence_error=error / scale,
        flux_ratio=total["product"] / model,
        flux_ratio_error=error / model,
        residual_ratio=(total["residual"] - noise) / model,
        reduced_chi2=total["residual"] / noise,
        model_snr=float(np.sqrt(model / sigma2)),
        power_snr=(total["data"] - noise) / noise,
        # Not of next to nothing: the noise is known to some per cent.
        cross_ratio=max(cross, 0.0) / max(total["data"] - noise, 0.1 * noise),
    )


@dataclass(frozen=True)
class Limits:
    """What data may be of which the calibration is believed.

    Attributes
    ----------
    min_solution_snr : float
        Where the model has less signal to noise for one station and solution nothing is judged.
    min_closure : float
        Least part of the agreement of closure phases that a perfect model would reach.
    min_coherence, min_flux_ratio, max_flux_ratio, max_cross_ratio, max_shift_arcsec : float
        See :class:`Agreement` and :func:`common_shift`.
    """

    min_solution_snr: float
    min_closure: float
    min_coherence: float
    min_flux_ratio: float
    max_flux_ratio: float
    max_cross_ratio: float
    max_shift_arcsec: float


def is_judged(found: Agreement, solution_snr: float, limits: Limits) -> bool:
    """Whether model or data are bright enough to tell whether they agree.

    Parameters
    ----------
    found : Agreement
        Over all baselines.
    solution_snr : float
        Signal to noise of the model for one station and solution: solutions of noise agree with any model.
    limits : Limits
        Of the settings.
    """
    return solution_snr >= limits.min_solution_snr or found.power_snr > BRIGHT_POWER


def problem(
    found: Agreement, closure: Closure | None, shift: tuple[float, float] | None, limits: Limits
) -> str:
    """Why a calibration of data that are bright enough is not to be believed; empty where it is.

    Parameters
    ----------
    found : Agreement
        Over all baselines.
    closure : Closure or None
        Of :func:`~sip_luigi.domain.closure.closure_agreement`.
    shift : tuple of float or None
        Of :func:`common_shift`.
    limits : Limits
        Of the settings.
    """
    checks = (
        _swapped(found, limits),
        _other_closure(closure, limits),
        _other_sky(found, limits),
        _other_scale(found, limits),
        _other_place(shift, limits),
    )
    return next((reason for reason in checks if reason), "")


def _swapped(found: Agreement, limits: Limits) -> str:
    if found.cross_ratio <= limits.max_cross_ratio:
        return ""
    return (
        f"XY and YX have {found.cross_ratio:.2g} times the power of XX and YY, expected {limits.max_cross_ratio:g} "
        "at most: the polarisations are swapped"
    )


def _other_closure(closure: Closure | None, limits: Limits) -> str:
    if not closure or closure.expected < MIN_CLOSURE_EXPECTED:
        return ""
    if closure.found >= limits.min_closure * closure.expected:
        return ""
    return (
        f"the closure phases agree with those of the sky model to {closure.found:.2f}, a perfect model would reach "
        f"{closure.expected:.2f}, expected {limits.min_closure:g} of that: the model is not of this field, or in "
        "the wrong place"
    )


def _other_sky(found: Agreement, limits: Limits) -> str:
    if found.coherence + 3 * found.coherence_error >= limits.min_coherence:
        return ""
    return (
        f"the calibrated data agree with the sky model to {found.coherence:.2f} (coherence), expected "
        f"{limits.min_coherence:g} or more: the model is not of this field, or in the wrong place"
    )


def _other_scale(found: Agreement, limits: Limits) -> str:
    low, high = (found.flux_ratio + sign * 3 * found.flux_ratio_error for sign in (1, -1))
    if low >= limits.min_flux_ratio and high <= limits.max_flux_ratio:
        return ""
    return (
        f"the calibrated data have {found.flux_ratio:.3g} times the flux density of the sky model, expected "
        f"{limits.min_flux_ratio:g} to {limits.max_flux_ratio:g}: the solver stopped early, or one of the two is on a "
        "wrong scale"
    )


def _other_place(shift: tuple[float, float] | None, limits: Limits) -> str:
    if not shift or shift[0] - 5 * shift[1] <= limits.max_shift_arcsec:
        return ""
    return (
        f"the phases turn as those of a source {shift[0]:.0f} arcsec away do, expected {limits.max_shift_arcsec:g} at "
        "most: the sky model is in the wrong place"
    )


def common_shift(phase_rad: Floats, good: Bools, uv_m: Floats, freq_hz: float) -> tuple[float, float] | None:
    """How far the sky is from where the model has it, from how the phases turn while the Earth does.

    A shift (l, m) makes phases 2 π ν/c (u l + v m) of each station, which a solver finds as gladly as those of
    clocks and ionosphere: calibrated data agree with a shifted model perfectly. But they turn with u and v.

    Parameters
    ----------
    phase_rad, good : ndarray, shape (n_times, n_stations)
        Phase solutions against the reference, and which of them count.
    uv_m : ndarray, shape (n_times, n_stations, 2)
        Baselines from the reference.
    freq_hz : float
        Frequency.

    Returns
    -------
    tuple of float or None
        Shift and its standard error in arcsec; None where there are too few solutions.
    """
    both = good[1:] & good[:-1]
    step = np.angle(np.exp(1j * np.diff(np.where(good, phase_rad, 0.0), axis=0)))
    design = 2.0 * np.pi * freq_hz / SPEED_OF_LIGHT_M_S * np.diff(uv_m, axis=0)
    length = np.linalg.norm(design, axis=2)
    both &= length > 0
    if len(phase_rad) < MIN_TIMES or both.sum() < 20:
        return None
    shift = np.zeros(2)
    # From the stations where the sky turns slowly outwards: there no turn of the phase is missed.
    for part in np.linspace(0.4, 1.0, _ROUNDS):
        near = both & (length <= np.quantile(length[both], part))
        residual = np.angle(np.exp(1j * (step - design @ shift)))
        scatter = 1.4826 * float(np.median(np.abs(residual[near])))
        near &= np.abs(residual) <= _CLIP_SIGMA * max(scatter, 1e-6)
        normal = design[near].T @ design[near]
        if np.linalg.cond(normal) > 1e8:
            return None
        shift = shift + np.linalg.solve(normal, design[near].T @ residual[near])
    # Differences share their ends and the ionosphere is the same over the core: fewer are independent.
    error = scatter * float(np.sqrt(np.trace(np.linalg.inv(normal)) * np.sqrt(near.sum())))
    return float(np.hypot(*shift)) * _RAD_TO_ARCSEC, error * _RAD_TO_ARCSEC
