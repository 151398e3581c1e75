"""A catalogue against sources that should be in it: found or not, as bright, and where they should be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from sip_luigi.domain.catalogue import Floats, chord, match, unit_vectors
from sip_luigi.domain.quality import Positions, robust_sigma


@dataclass(frozen=True)
class Comparison:
    """A catalogue against what is expected of it; None where nothing is, or nothing was found.

    Attributes
    ----------
    n_expected, n_found : int
        Sources that are bright enough to be expected, and those of them that were found.
    found_fraction : float or None
        The second over the first.
    flux_recovered : float or None
        Flux of those found over that of all expected.
    flux_ratio_median, flux_ratio_scatter : float or None
        Of measured over expected flux, source by source; the scatter is a robust standard deviation.
    offset_arcsec : float or None
        Length of the median offset on the sky.
    """

    n_expected: int = 0
    n_found: int = 0
    found_fraction: float | None = None
    flux_recovered: float | None = None
    flux_ratio_median: float | None = None
    flux_ratio_scatter: float | None = None
    offset_arcsec: float | None = None


class Pairs(NamedTuple):
    """Sources that are in both lists.

    Attributes
    ----------
    flux_jy, expected_jy : ndarray, shape (n,)
        Measured and expected.
    east_arcsec, north_arcsec : ndarray, shape (n,)
        From where it is expected to where it was measured.
    """

    flux_jy: Floats
    expected_jy: Floats
    east_arcsec: Floats
    north_arcsec: Floats


def merge_near(sources: Positions, radius_rad: float) -> Positions:
    """Make one of sources that the image cannot tell apart: fluxes added, positions weighted by them.

    Parameters
    ----------
    sources : Positions
        Fluxes above 0.
    radius_rad : float
        Chains of sources closer than this become one.
    """
    n = len(sources.flux_jy)
    if n < 2:
        return sources
    vectors = unit_vectors(sources.ra_rad, sources.dec_rad)
    pairs = cKDTree(vectors).query_pairs(float(chord(radius_rad)), output_type="ndarray")
    near = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    n_groups, group = connected_components(near, directed=False)
    flux = np.bincount(group, weights=sources.flux_jy, minlength=n_groups).astype(float)
    x, y, z = (np.bincount(group, weights=sources.flux_jy * axis, minlength=n_groups) for axis in vectors.T)
    return Positions(np.arctan2(y, x) % (2 * math.pi), np.arctan2(z, np.hypot(x, y)), flux)


def pair_up(measured: Positions, expected: Positions, radius_rad: float) -> Pairs:
    """Find each expected source in a catalogue.

    Parameters
    ----------
    measured : Positions
        The catalogue.
    expected : Positions
        Sources bright enough to be in it, no two of them closer than the radius.
    radius_rad : float
        Largest distance of a pair.
    """
    first, second = match(
        unit_vectors(measured.ra_rad, measured.dec_rad),
        unit_vectors(expected.ra_rad, expected.dec_rad),
        radius_rad,
    )[:2]
    dec = expected.dec_rad[second]
    east = (measured.ra_rad[first] - expected.ra_rad[second] + math.pi) % (2 * math.pi) - math.pi
    return Pairs(
        measured.flux_jy[first],
        expected.flux_jy[second],
        np.degrees(east * np.cos(dec)) * 3600.0,
        np.degrees(measured.dec_rad[first] - dec) * 3600.0,
    )


def compare(pairs: Pairs, expected: Positions) -> Comparison:
    """Sum up how a catalogue agrees with the sources that should be in it; `pairs` are those that were found."""
    n_expected, n_found = len(expected.flux_jy), len(pairs.flux_jy)
    if not n_expected:
        return Comparison()
    shares = Comparison(
        n_expected=n_expected,
        n_found=n_found,
        found_fraction=n_found / n_expected,
        flux_recovered=float(pairs.flux_jy.sum() / expected.flux_jy.sum()),
    )
    if not n_found:
        return shares
    ratio = pairs.flux_jy / pairs.expected_jy
    return replace(
        shares,
        flux_ratio_median=float(np.median(ratio)),
        flux_ratio_scatter=robust_sigma(ratio),
        offset_arcsec=math.hypot(float(np.median(pairs.east_arcsec)), float(np.median(pairs.north_arcsec))),
    )
