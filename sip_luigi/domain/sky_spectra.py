"""Spectra of many sources at once: S(ν) = S₀ · 10^(c₁x + c₂x² + …), x = log₁₀(ν / ν₀)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sip_luigi.domain.catalogue import Floats
from sip_luigi.domain.light_curve import Curves, total, weighted_mean
from sip_luigi.domain.sky import TERMS, Rows

MIN_FREQUENCY_RATIO = 1.5
"""Between the ends of the fluxes that a spectral index is fitted to: over less, 10 % of the flux scale are an error
of 0.35 and more."""


class Fit(NamedTuple):
    """A power law for each source.

    Attributes
    ----------
    flux, flux_error : ndarray, shape (n,)
        Jy, at the mean frequency.
    freq_hz : ndarray, shape (n,)
        Weighted mean frequency, where flux and index are independent.
    alpha, alpha_error : ndarray, shape (n,)
        Spectral index; as it was given, with error 0, where the fluxes do not reach far enough.
    fitted : ndarray of bool, shape (n,)
        Whether the index is fitted.
    """

    flux: Floats
    flux_error: Floats
    freq_hz: Floats
    alpha: Floats
    alpha_error: Floats
    fitted: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def flux_ratio(source: Rows, from_hz: Floats, to_hz: Floats) -> Floats:
    """Flux at one frequency over that at another, by the spectra of sources; all of shape (n,)."""
    reference = np.where(source["reference_freq_hz"] > 0, source["reference_freq_hz"], to_hz)
    ends = (np.log10(to_hz / reference), np.log10(from_hz / reference))
    exponent = sum(
        source[name] * (ends[0] ** power - ends[1] ** power) for power, name in enumerate(TERMS, start=1)
    )
    return np.asarray(10.0 ** np.clip(exponent, -30, 30))


def flux_at(source: Rows, freq_hz: float) -> Floats:
    """Flux of sources at a frequency, Jy."""
    frequencies = np.full(len(source), float(freq_hz))
    return np.asarray(source["flux_jy"] * flux_ratio(source, source["reference_freq_hz"], frequencies))


def fit(freq_hz: Floats, flux: Floats, error: Floats, curve: Curves, before: Rows) -> Fit:
    """Fit a power law to the positive fluxes of each source, weighted with their relative errors.

    Parameters
    ----------
    freq_hz, flux, error, curve : ndarray, shape (m,)
        Fluxes of all sources, Jy, and to which source each belongs.
    before : Rows
        Sources, shape (n,); their spectra scale fluxes that do not reach far enough for a fit.
    """
    n = len(before)
    positive = flux > 0
    freq_hz, flux, error, curve = freq_hz[positive], flux[positive], error[positive], curve[positive]
    x, relative = np.log(freq_hz), np.maximum(error / flux, 1e-6)
    weight = relative**-2.0
    weights = total(weight, curve, n)
    have = weights > 0
    safe = np.where(have, weights, 1.0)
    mean_x = total(weight * x, curve, n) / safe
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, curve, x)
    np.maximum.at(high, curve, x)
    fitted = have & (high - low >= math.log(MIN_FREQUENCY_RATIO))
    centre = np.exp(mean_x)
    scale = flux_ratio(before[curve], freq_hz, centre[curve])
    # Near each other, fluxes are averaged as they are: logarithms of noisy ones have a bias.
    mean, mean_error = weighted_mean(flux * scale, error * scale, curve, n)
    dx = x - mean_x[curve]
    lever = np.where(fitted, total(weight * dx**2, curve, n), 1.0)
    slope = total(weight * dx * np.log(flux), curve, n) / lever
    amplitude = np.exp(total(weight * np.log(flux), curve, n) / safe)
    return Fit(
        flux=np.where(fitted, amplitude, mean),
        flux_error=np.where(fitted, amplitude / np.sqrt(safe), mean_error),
        freq_hz=np.where(have, centre, before["reference_freq_hz"]),
        alpha=np.where(fitted, slope, before["spectral_index"]),
        alpha_error=np.where(fitted, 1.0 / np.sqrt(lever), 0.0),
        fitted=fitted,
    )
