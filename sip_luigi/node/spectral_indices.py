"""Spectral indices of the sources of a catalogue, from the cube of the image."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS

from sip_luigi.domain.spectrum import (
    NO_INDEX,
    Ellipse,
    SpectralIndex,
    matched_flux,
    matched_flux_error,
    spectral_index,
)
from sip_luigi.node.cube import Cube, read_cube

COLUMNS = ("SPECTRAL_INDEX", "E_SPECTRAL_INDEX")
REACH_FWHM = 1.0
"""Pixels as far from a source as its seen width are compared with its shape."""


def add_spectral_indices(table: Table, cube_path: str, response: Callable[[float, float], float]) -> int:
    """Put the columns :data:`COLUMNS` into a catalogue, NaN where there is no index, and count those that there are.

    Parameters
    ----------
    table : Table
        Catalogue with ``RA, DEC, DC_MAJ, DC_MIN, DC_PA`` in degrees.
    cube_path : str
        Cube of :func:`sip_luigi.node.cube.spectral_cube`; empty: none.
    response : callable
        Primary beam at a right ascension and declination in degrees.
    """
    found = [NO_INDEX] * len(table)
    if cube_path and len(table):
        cube = read_cube(cube_path)
        wcs = WCS(cube.header, fix=False).celestial
        found = [
            _index(
                cube, wcs, float(row["RA"]), float(row["DEC"]), _shape(row), response(row["RA"], row["DEC"])
            )
            for row in table
        ]
    for name, values in zip(COLUMNS, zip(*found, strict=True) if found else ((), ()), strict=True):
        table[name] = np.array(values, dtype=float)
    return sum(math.isfinite(index.value) for index in found)


def _shape(row: Table.Row) -> Ellipse:
    return Ellipse(float(row["DC_MAJ"]), float(row["DC_MIN"]), float(row["DC_PA"]))


def _index(
    cube: Cube, wcs: WCS, ra_deg: float, dec_deg: float, shape: Ellipse, response: float
) -> SpectralIndex:
    x, y = (float(value) for value in wcs.all_world2pix(ra_deg, dec_deg, 0))
    pixel_deg = abs(float(cube.header["CDELT2"]))
    widest = max(beam.major_deg for beam in cube.beams)
    half = max(2, round(REACH_FWHM * float(np.hypot(widest, shape.major_deg)) / pixel_deg))
    n_y, n_x = cube.data.shape[1:]
    box = (_reach(y, half, n_y), _reach(x, half, n_x))
    rows, columns = np.mgrid[box]
    east, north = -(columns - x) * pixel_deg, (rows - y) * pixel_deg
    flux = [
        matched_flux(plane[box].ravel(), east.ravel(), north.ravel(), shape, beam)
        for plane, beam in zip(cube.data, cube.beams, strict=True)
    ]
    error = [
        matched_flux_error(rms / max(response, 1e-3), shape, beam)
        for rms, beam in zip(cube.rms_jy_beam, cube.beams, strict=True)
    ]
    return spectral_index(cube.freq_hz, flux, error)


def _reach(centre: float, half: int, size: int) -> slice:
    """Pixels within a distance of one, along an axis."""
    return slice(max(0, round(centre) - half), min(size, round(centre) + half + 1))
