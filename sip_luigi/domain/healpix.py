"""Where on the sky something is, as one number that a database can index.

Pixels of HEALPix in nested order (Górski et al. 2005, ApJ 622, 759): the pixels of a part of the sky are few
ranges of numbers, at the poles and over 0h as everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units
from numpy.typing import ArrayLike, NDArray

from sip_luigi.domain.sky import distinct

ORDER = 12
"""Of the index: 51″ pixels."""
MAX_RANGES = 4096
"""Of one question; when there are more pixels, larger ones are taken."""
CONE_PIXELS = 12.0
"""Pixels over the radius of a cone, about: finer ones mean more ranges, coarser ones more rows to throw away."""

Pixels = NDArray[np.int64]


def pixels(ra_rad: ArrayLike, dec_rad: ArrayLike) -> Pixels:
    """Pixel of each position, for the index."""
    return np.asarray(_grid(ORDER).lonlat_to_healpix(*_angles(ra_rad, dec_rad)), dtype=np.int64)


def cone_ranges(ra_rad: float, dec_rad: float, radius_rad: float) -> Pixels:
    """Ranges of pixels that cover a cone, and some more; shape (n, 2), first and last."""
    order = _order_of(radius_rad / CONE_PIXELS)
    found = _grid(order).cone_search_lonlat(*_angles(ra_rad, dec_rad), radius=radius_rad * units.rad)
    return _ranges(np.asarray(found, dtype=np.int64), order)


def ranges_near(ra_rad: ArrayLike, dec_rad: ArrayLike, distance_rad: float) -> Pixels:
    """Ranges of pixels that cover the neighbourhoods of positions, and some more; shape (n, 2).

    Parameters
    ----------
    ra_rad, dec_rad : array_like, shape (m,)
        Positions.
    distance_rad : float
        How far from them.
    """
    # Pixels at the edge of the polar caps are diamonds, little more than half as wide as their side.
    order = _order_of(2.0 * distance_rad)
    grid = _grid(order)
    own = distinct(grid.lonlat_to_healpix(*_angles(ra_rad, dec_rad)))
    # A pixel at one of the eight corners of the base pixels lacks a neighbour: -1, with a warning.
    with np.errstate(invalid="ignore"):
        near = distinct(np.concatenate((own, np.ravel(grid.neighbours(own))))) if own.size else own
    found = near[near >= 0].astype(np.int64)
    while found.size > MAX_RANGES and order > 0:
        found, order = distinct(found >> 2), order - 1
    return _ranges(found, order)


def _ranges(found: Pixels, order: int) -> Pixels:
    """Join neighbouring numbers, in those of the index."""
    if not found.size:
        return np.empty((0, 2), dtype=np.int64)
    found = distinct(found)
    breaks = np.flatnonzero(np.diff(found) > 1)
    first, last = found[np.r_[0, breaks + 1]], found[np.r_[breaks, found.size - 1]]
    shift = 2 * (ORDER - order)
    return np.stack((first << shift, ((last + 1) << shift) - 1), axis=1)


def _order_of(size_rad: float) -> int:
    """Order whose pixels are no smaller than a size: their side is about 1.02 rad / 2^order."""
    return int(np.clip(np.floor(np.log2(1.0 / max(size_rad, 1e-9))), 0, ORDER))


def _grid(order: int) -> Any:
    from astropy_healpix import HEALPix  # noqa: PLC0415 - with all of astropy's coordinates behind it

    return HEALPix(nside=2**order, order="nested")


def _angles(ra_rad: ArrayLike, dec_rad: ArrayLike) -> tuple[units.Quantity, units.Quantity]:
    return np.asarray(ra_rad, dtype=float) * units.rad, np.asarray(dec_rad, dtype=float) * units.rad
