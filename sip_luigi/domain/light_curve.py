"""Means and variability of many light curves at once.

Every function takes the values of all curves in one array and, beside it, the number of the curve that each
belongs to; it returns one value for each curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from sip_luigi.domain.catalogue import Floats

Curves = NDArray[np.int64]


class Variability(NamedTuple):
    """How much fluxes vary, and whether that is more than their errors say; 0 where there is one flux only.

    Attributes
    ----------
    v : ndarray
        Coefficient of variation: standard deviation over mean.
    eta : ndarray
        Reduced χ² of a constant flux.
    probability : ndarray
        Of an η as large as this, were the flux constant; 1 where there is one flux only.
    """

    v: Floats
    eta: Floats
    probability: Floats


def total(values: Floats, curve: Curves, n: int) -> Floats:
    """Sum over each curve."""
    return np.bincount(curve, weights=values, minlength=n).astype(float)


def weighted_mean(values: Floats, errors: Floats, curve: Curves, n: int) -> tuple[Floats, Floats]:
    """Mean of each curve with weights 1/σ², and its error; 0 for an empty curve.

    Returns
    -------
    mean, error : ndarray, shape (n,)
        Of each curve.
    """
    weights = 1.0 / np.maximum(errors, 1e-300) ** 2
    # Relative to the largest weight of the curve: fluxes and angles of tiny errors do not overflow.
    largest = np.zeros(n)
    np.maximum.at(largest, curve, weights)
    relative = weights / largest[curve] if len(curve) else weights
    sums = total(relative, curve, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(sums > 0, total(relative * values, curve, n) / sums, 0.0)
        error = np.where(sums > 0, 1.0 / np.sqrt(sums * largest), 0.0)
    return mean, error


def variability(flux: Floats, error: Floats, curve: Curves, n: int) -> Variability:
    """V and η of each curve (Swinbank et al. 2015, Astronomy and Computing 11, 25, eqs. 1 and 2).

    V = s / Ī with s² = Σ(Iᵢ − Ī)² / (N − 1) and η = Σ(Iᵢ − ξ)² / σᵢ² / (N − 1), where ξ is the weighted mean.
    """
    count = np.bincount(curve, minlength=n)
    several = count > 1
    freedom = np.maximum(count - 1, 1)
    mean = total(flux, curve, n) / np.maximum(count, 1)
    xi, _ = weighted_mean(flux, error, curve, n)
    deviation = np.sqrt(total((flux - mean[curve]) ** 2, curve, n) / freedom)
    eta = total(((flux - xi[curve]) / np.maximum(error, 1e-300)) ** 2, curve, n) / freedom
    v = np.divide(deviation, mean, out=np.zeros(n), where=several & (mean > 0))
    probability = np.where(several, gammaincc(freedom / 2.0, freedom * eta / 2.0), 1.0)
    return Variability(v, np.where(several, eta, 0.0), probability)
