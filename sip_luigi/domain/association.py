"""Which detection is which source.

By the de Ruiter radius, the distance in units of its error (de Ruiter, Willis & Arp 1977, A&AS 28, 211), as the
LOFAR transients pipeline does it (Swinbank et al. 2015, Astronomy and Computing 11, 25, sect. 4.4), with two
additions: a distance that no beam would resolve does not speak against an association, and a source that was
measured with a much larger beam may lie anywhere inside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from sip_luigi.domain.catalogue import Floats, angle, chord, unit_vectors
from sip_luigi.domain.sky import Kind, Rows, distinct, without

Integers = NDArray[np.int64]

ARCSEC_RAD = math.pi / 648000.0
FWHM_TO_VARIANCE = 1.0 / (8.0 * math.log(2.0))
"""Variance of a Gaussian over the square of its full width at half maximum."""


@dataclass(frozen=True)
class Criteria:
    """When a detection may be a known source.

    Attributes
    ----------
    max_de_ruiter : float
        Largest de Ruiter radius; at 5.68 a true pair is missed once in 10⁷ (exp(−r²/2)).
    max_beams : float
        Largest distance, in beams of the less sharp of the two.
    """

    max_de_ruiter: float
    max_beams: float


class Associations(NamedTuple):
    """Pairs of known sources and detections.

    Attributes
    ----------
    known, found : ndarray of int, shape (n_pairs,)
        Indices of the two.
    de_ruiter : ndarray, shape (n_pairs,)
        De Ruiter radius.
    kind : ndarray of int, shape (n_pairs,)
        :class:`sip_luigi.domain.sky.Kind`.
    new : ndarray of int
        Detections without a known source.
    undetected : ndarray of int
        Known sources without any detection that might be theirs.
    """

    known: Integers
    found: Integers
    de_ruiter: Floats
    kind: Integers
    new: Integers
    undetected: Integers


def associate(
    known: Rows, found: Rows, beam_arcsec: float, astrometric_error_rad: float, criteria: Criteria
) -> Associations:
    """Associate the detections of an image with known sources.

    Where several sources and several detections are near each other, each detection is given to the source of
    the smallest de Ruiter radius; a source that then has none is neither detected nor undetected.

    Parameters
    ----------
    known : Rows
        Of type :data:`sip_luigi.domain.sky.SOURCE`.
    found : Rows
        Of type :data:`sip_luigi.domain.sky.DETECTION`.
    beam_arcsec : float
        Beam of the image, full width at half maximum.
    astrometric_error_rad : float
        Systematic error of the image's positions.
    criteria : Criteria
        What counts as near.
    """
    first, second, de_ruiter = _candidates(known, found, beam_arcsec, astrometric_error_rad, criteria)
    touched = first
    keep = _without_many_to_many(first, second, de_ruiter, len(known), len(found))
    first, second, de_ruiter = first[keep], second[keep], de_ruiter[keep]
    several_detections = np.bincount(first, minlength=len(known))[first] > 1
    several_sources = np.bincount(second, minlength=len(found))[second] > 1
    kind = np.full(len(first), int(Kind.ONE_TO_ONE))
    kind[several_detections], kind[several_sources] = Kind.ONE_TO_MANY, Kind.MANY_TO_ONE
    return Associations(
        first,
        second,
        de_ruiter,
        kind,
        new=without(len(found), second),
        undetected=without(len(known), touched),
    )


def _candidates(
    known: Rows, found: Rows, beam_arcsec: float, astrometric_error_rad: float, criteria: Criteria
) -> tuple[Integers, Integers, Floats]:
    """Pairs that are near enough, each with its de Ruiter radius."""
    if not len(known) or not len(found):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    there, here = (unit_vectors(rows["ra_rad"], rows["dec_rad"]) for rows in (known, found))
    beams = np.maximum(known["beam_arcsec"], beam_arcsec) * ARCSEC_RAD
    reach = float(chord(criteria.max_beams * beams.max()))
    pairs = cKDTree(there).sparse_distance_matrix(cKDTree(here), reach, output_type="ndarray")
    first, second = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
    near = angle(pairs["v"]) <= criteria.max_beams * beams[first]
    first, second = first[near], second[near]
    east, north = offsets(found["ra_rad"][second], found["dec_rad"][second], there[first])
    # Inside the larger beam nobody knows where the flux is: its size, freed of the smaller one, is an error too.
    larger, smaller = beams[first], np.minimum(known["beam_arcsec"][first], beam_arcsec) * ARCSEC_RAD
    inside = np.where(smaller > 0, larger**2 - smaller**2, 0.0) * FWHM_TO_VARIANCE + astrometric_error_rad**2
    variance = [
        known[name][first] ** 2 + found[name][second] ** 2 + inside
        for name in ("ra_error_rad", "dec_error_rad")
    ]
    de_ruiter = np.sqrt(east**2 / _positive(variance[0]) + north**2 / _positive(variance[1]))
    close = de_ruiter <= criteria.max_de_ruiter
    return first[close], second[close], de_ruiter[close]


def offsets(ra_rad: Floats, dec_rad: Floats, there: Floats) -> tuple[Floats, Floats]:
    """East and north components of the way from positions to unit vectors nearby, rad; good at the poles too."""
    sin_ra, cos_ra, sin_dec, cos_dec = np.sin(ra_rad), np.cos(ra_rad), np.sin(dec_rad), np.cos(dec_rad)
    east = np.stack((-sin_ra, cos_ra, np.zeros_like(ra_rad)), axis=-1)
    north = np.stack((-sin_dec * cos_ra, -sin_dec * sin_ra, cos_dec), axis=-1)
    return (there * east).sum(axis=-1), (there * north).sum(axis=-1)


def _positive(variance: Floats) -> Floats:
    """Errors that nobody gave are no licence to divide by zero: a milliarcsecond."""
    return np.maximum(variance, (1e-3 * ARCSEC_RAD) ** 2)


def _without_many_to_many(
    first: Integers, second: Integers, de_ruiter: Floats, n_known: int, n_found: int
) -> NDArray[np.bool_]:
    """Which pairs remain when each detection of a tangled group has its best source only."""
    keep = np.ones(len(first), dtype=bool)
    if not len(first):
        return keep
    size = n_known + n_found
    graph = coo_array((np.ones(len(first)), (first, second + n_known)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    n_sources = np.bincount(group[distinct(first)], minlength=size)
    n_detections = np.bincount(group[distinct(second) + n_known], minlength=size)
    tangled = (n_sources[group[first]] > 1) & (n_detections[group[first]] > 1)
    order = np.lexsort((de_ruiter, second))
    best = np.zeros(len(first), dtype=bool)
    best[order[np.r_[True, np.diff(second[order]) > 0]]] = True
    keep[tangled & ~best] = False
    return keep
