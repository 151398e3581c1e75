"""Detections and the matching of positions on the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """One source found in an image.

    Attributes
    ----------
    name : str
        Name in the catalogue.
    ra_rad, dec_rad : float
        Position (J2000).
    flux_jy, flux_error_jy : float
        Integrated flux density and its error, beam corrected.
    snr : float
        Peak over the local noise.
    major_arcsec, minor_arcsec, orientation_deg : float
        Deconvolved size, full width at half maximum; 0 for a point.
    spectral_index : float
        NaN where the band does not give one.
    """

    name: str
    ra_rad: float
    dec_rad: float
    flux_jy: float
    flux_error_jy: float = 0.0
    snr: float = 0.0
    major_arcsec: float = 0.0
    minor_arcsec: float = 0.0
    orientation_deg: float = 0.0
    spectral_index: float = math.nan


class Matches(NamedTuple):
    """Pairs of two lists of positions.

    Attributes
    ----------
    first, second : ndarray of int, shape (n_pairs,)
        Indices into the two lists.
    separation_rad : ndarray, shape (n_pairs,)
        Distance on the sky.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    separation_rad: Floats


def unit_vectors(ra_rad: ArrayLike, dec_rad: ArrayLike) -> Floats:
    """Directions as unit vectors, shape (n, 3): close by there is close by on the sky, poles included."""
    ra, dec = np.asarray(ra_rad, dtype=float), np.asarray(dec_rad, dtype=float)
    return np.stack((np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)), axis=-1)


def chord(angle_rad: ArrayLike) -> Floats:
    """Length of the chord under an angle."""
    return np.asarray(2.0 * np.sin(np.asarray(angle_rad) / 2.0))


def angle(chord_length: ArrayLike) -> Floats:
    """Angle under a chord, rad."""
    return np.asarray(2.0 * np.arcsin(np.clip(np.asarray(chord_length) / 2.0, 0.0, 1.0)))


def nearest(positions: Floats, candidates: Floats, radius_rad: float) -> tuple[NDArray[np.intp], Floats]:
    """Nearest candidate of each position.

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        Unit vectors.
    candidates : ndarray, shape (m, 3)
        Unit vectors.
    radius_rad : float
        Farther ones do not count.

    Returns
    -------
    index : ndarray of int, shape (n,)
        Index of the candidate, -1 where there is none.
    separation_rad : ndarray, shape (n,)
        Its distance, infinite where there is none.
    """
    if not len(positions) or not len(candidates):
        return np.full(len(positions), -1), np.full(len(positions), np.inf)
    distance, index = cKDTree(candidates).query(positions, distance_upper_bound=float(chord(radius_rad)))
    found = np.isfinite(distance)
    separation = np.full(len(positions), np.inf)
    separation[found] = angle(distance[found])
    return np.where(found, index, -1), separation


def match(first: Floats, second: Floats, radius_rad: float) -> Matches:
    """Pair positions that are each other's nearest within a radius; shapes (n, 3) and (m, 3)."""
    forward, separation = nearest(first, second, radius_rad)
    backward, _ = nearest(second, first, radius_rad)
    index = np.arange(len(first))
    mutual = np.array([j >= 0 and backward[j] == i for i, j in zip(index, forward, strict=True)], dtype=bool)
    return Matches(index[mutual], forward[mutual], separation[mutual])
