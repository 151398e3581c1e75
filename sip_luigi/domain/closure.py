"""Closure phases: what no gain of a station can change, so that no solver can make a wrong model fit."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

MAX_TRIANGLES = 2000
"""So many, drawn at random, tell as much as all."""


class Closure(NamedTuple):
    """Agreement of closure phases.

    Attributes
    ----------
    found : float
        ``Σ Re(B_V B_M*) / Σ |B_V| |B_M|`` over triangles, with the bispectra B of data and model: 1 for the same
        closure phases, 0 for chance.
    expected : float
        The same for the model with the noise of the data: as much as a perfect model would reach.
    """

    found: float
    expected: float


def closure_agreement(data: Complex, model: Complex, sigma: Floats) -> Closure | None:
    """Compare closure phases of data and model.

    Parameters
    ----------
    data, model : ndarray, shape (n_times, n_stations, n_stations)
        Visibilities of station pairs (i < j); 0 where there are none.
    sigma : ndarray, same shape
        Standard deviation of the complex noise of the data.

    Returns
    -------
    Closure or None
        None without triangles.
    """
    triangles = np.array(list(combinations(range(data.shape[1]), 3)), dtype=int).reshape(-1, 3)
    rng = np.random.default_rng(20260101)
    if len(triangles) > MAX_TRIANGLES:
        triangles = triangles[rng.choice(len(triangles), MAX_TRIANGLES, replace=False)]
    noise = rng.standard_normal((*data.shape, 2)) @ np.array([1.0, 1.0j])
    perfect = np.where(data != 0, model + sigma * noise / np.sqrt(2.0), 0.0)
    of_model = _bispectrum(model, triangles)
    found, expected = (_likeness(_bispectrum(values, triangles), of_model) for values in (data, perfect))
    return None if found is None or expected is None else Closure(found, expected)


def _bispectrum(values: Complex, triangles: NDArray[np.int_]) -> Complex:
    first, second, third = triangles.T
    return np.asarray(values[:, first, second] * values[:, second, third] * values[:, first, third].conj())


def _likeness(bispectrum: Complex, other: Complex) -> float | None:
    weight = float(np.sum(np.abs(bispectrum) * np.abs(other)))
    return float(np.sum((bispectrum * other.conj()).real)) / weight if weight > 0 else None
