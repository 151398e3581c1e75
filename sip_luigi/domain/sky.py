"""Tables of sources, detections and light curves as arrays: what the database keeps and the science works on.

Structured arrays, because millions of rows are read, compared and written as wholes. Positions are J2000; position
errors are lengths on the sky, so that of right ascension holds the cosine of the declination. 0 stands for what is
not known.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.void]
"""A structured array, one of the types below."""

N_TERMS = 4
"""Coefficients of a spectrum that are kept; the calibrators of Scaife & Heald have up to four."""


class Kind(IntEnum):
    """What a light curve's point is: how a source and what an image shows belong together."""

    ONE_TO_ONE = 1
    """One source, one detection."""
    ONE_TO_MANY = 2
    """One source, several detections: it is resolved, or was taken apart by the source finder."""
    MANY_TO_ONE = 3
    """Several sources that this image does not tell apart: each has its share of the flux."""
    NEW = 4
    """A source that was not known."""
    UNDETECTED = 5
    """A source in the field that should have been seen, and was not."""


_POSITION = [(name, "f8") for name in ("ra_rad", "dec_rad", "ra_error_rad", "dec_error_rad")]
_FLUX = [(name, "f8") for name in ("flux_jy", "flux_error_jy")]
_SHAPE = [(name, "f8") for name in ("major_arcsec", "minor_arcsec", "orientation_deg")]
TERMS = ("spectral_index", "spectral_term_2", "spectral_term_3", "spectral_term_4")

SOURCE = np.dtype(
    [
        ("source_id", "i8"),
        ("healpix", "i8"),
        *_POSITION,
        *_FLUX,
        ("reference_freq_hz", "f8"),
        *((name, "f8") for name in TERMS),
        ("spectral_index_error", "f8"),
        *_SHAPE,
        ("beam_arcsec", "f8"),
        ("n_points", "i8"),
        ("variability_v", "f8"),
        ("variability_eta", "f8"),
        *((name, "?") for name in ("variable", "appeared", "vanished")),
    ]
)
"""State of a source: position, flux and spectrum; ``beam_arcsec`` is that of the sharpest image of it,
``n_points`` the number of images that show it; it ``appeared`` when an earlier image should have shown it."""

DETECTION = np.dtype([("name", "U48"), *_POSITION, *_FLUX, ("snr", "f8"), *_SHAPE])
"""A detection in an image, or a row of a catalogue."""

LINK = np.dtype(
    [
        *((name, "i8") for name in ("source_id", "detection_id", "kind")),
        *((name, "f8") for name in ("de_ruiter_radius", "share", "limit_jy")),
    ]
)
"""What an image says of a source: a detection or part of its flux, or a limit (``detection_id`` is 0)."""

POINT = np.dtype(
    [
        *((name, "i8") for name in ("source_id", "image_id", "kind")),
        *((name, "f8") for name in ("share", "limit_jy")),
        *_POSITION,
        *_FLUX,
        *_SHAPE,
        *(
            (name, "f8")
            for name in ("freq_hz", "mjd", "beam_arcsec", "flux_scale_error", "astrometric_error_rad")
        ),
        ("monitors", "?"),
    ]
)
"""A link with its detection and image; ``monitors`` tells whether it counts for variability: images of the
pipeline do, surveys on other flux scales do not."""


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each number once, in order; numpy's own way hashes, and takes minutes for a million pixel numbers."""
    ordered = np.sort(values)
    keep = np.ones(len(ordered), dtype=bool)
    keep[1:] = np.diff(ordered) != 0
    return ordered[keep]


def without(n: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers from 0 to n - 1 that are not among others."""
    keep = np.ones(n, dtype=bool)
    keep[numbers] = False
    return np.flatnonzero(keep)


def empty(dtype: np.dtype[Any], n: int = 0) -> Rows:
    """Rows of zeros."""
    return np.zeros(n, dtype=dtype)


def rows_of(dtype: np.dtype[Any], records: list[Any]) -> Rows:
    """Rows from tuples in the order of the type's fields."""
    return np.array([tuple(record) for record in records], dtype=dtype) if records else empty(dtype)
