"""The parts of a band as one cube, each corrected for its own primary beam."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning
from numpy.typing import NDArray

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.quality import robust_sigma
from sip_luigi.domain.spectrum import Ellipse
from sip_luigi.node.plane import read_plane
from sip_luigi.node.primary_beam import Pointing, beam_image, divided, sampled_pointings

BEAMS = "BEAMS"
"""Table of the restoring beams, as CASA and its readers know it, with frequency and noise of each plane."""


def spectral_cube(request: dict[str, Any]) -> dict[str, Any]:
    """Put images of the parts of a band into one FITS cube, and remove them.

    Parameters
    ----------
    request : dict
        ``planes``: FITS images of the same pixels; ``measurementsets``: what they were made from, empty where the
        primary beam is not known; ``output``: FITS cube to write; ``cutoff``: blank where the beam is lower.

    Returns
    -------
    dict
        ``n_planes``; ``frequencies_hz`` and ``rms_jy_beam`` (before the correction) of each.

    Raises
    ------
    BadData
        A plane cannot be read, or not one of them has anything in it.
    """
    found = sorted((read_plane(path) for path in request["planes"]), key=lambda plane: plane[1]["CRVAL3"])
    # WSClean writes a plane without a beam for a part without data.
    planes = [
        (data, header) for data, header in found if header.get("BMAJ", 0) > 0 and np.isfinite(data).any()
    ]
    if not planes:
        raise BadData(
            f"{request['planes'][0]} and the others: every part is blank; look at the log of the imager"
        )
    pointings = sampled_pointings(request["measurementsets"])
    corrected = [_corrected(data, header, pointings, request["cutoff"]) for data, header in planes]
    beams = beams_table([header for _, header in planes], [robust_sigma(data) for data, _ in planes])
    _write(
        request["output"],
        np.stack(corrected),
        cube_header([header for _, header in planes], bool(pointings)),
        beams,
    )
    for path in request["planes"]:
        Path(path).unlink()
    return {
        "n_planes": len(planes),
        "frequencies_hz": beams["FREQ"].tolist(),
        "rms_jy_beam": beams["RMS"].tolist(),
    }


class Cube(NamedTuple):
    """A cube as :func:`spectral_cube` writes it.

    Attributes
    ----------
    data : ndarray, shape (n_planes, n_y, n_x)
        Jy/beam, corrected for the primary beam.
    header : astropy.io.fits.Header
        Of the cube.
    freq_hz, rms_jy_beam : ndarray, shape (n_planes,)
        Of each plane; the noise is that before the correction.
    beams : tuple of Ellipse
        Restoring beam of each plane.
    """

    data: NDArray[np.float32]
    header: fits.Header
    freq_hz: NDArray[np.float64]
    rms_jy_beam: NDArray[np.float64]
    beams: tuple[Ellipse, ...]


def read_cube(path: str) -> Cube:
    """Read a cube and its beams."""
    try:
        # Of pixels that are cut off astropy only warns.
        with (
            Path(path).open("rb") as stream,
            warnings.catch_warnings(),
            fits.open(stream, memmap=False) as hdus,
        ):
            warnings.simplefilter("error", AstropyUserWarning)
            data, header, table = hdus[0].data[0].copy(), hdus[0].header.copy(), Table(hdus[BEAMS].data)
    except (OSError, KeyError, TypeError, ValueError, IndexError, AstropyUserWarning) as error:
        raise BadData(f"{path}: not a cube of this pipeline ({error}); make it again") from error
    axes = zip(table["BMAJ"], table["BMIN"], table["BPA"], strict=True)
    beams = tuple(Ellipse(float(a) / 3600.0, float(b) / 3600.0, float(angle)) for a, b, angle in axes)
    freq, rms = (np.asarray(table[name], dtype=float) for name in ("FREQ", "RMS"))
    return Cube(data, header, freq, rms, beams)


def _corrected(
    data: NDArray[np.float32], header: fits.Header, pointings: list[Pointing], cutoff: float
) -> NDArray[np.float32]:
    if not pointings:
        return data
    freq_hz = float(header["CRVAL3"])
    nearest = min(pointings, key=lambda pointing: abs(pointing.freq_hz - freq_hz))
    return divided(data, beam_image(header, data.shape[-1], [nearest], freq_hz=freq_hz), cutoff)


def cube_header(headers: list[fits.Header], corrected: bool) -> fits.Header:
    """Header of a cube, from those of its planes in order of frequency."""
    freq = [float(header["CRVAL3"]) for header in headers]
    header = headers[0].copy()
    for key in ("BMAJ", "BMIN", "BPA"):
        header.remove(key, ignore_missing=True)
    step = (freq[-1] - freq[0]) / (len(freq) - 1) if len(freq) > 1 else float(header["CDELT3"])
    header.update({"CRPIX3": 1.0, "CRVAL3": freq[0], "CDELT3": step, "CASAMBM": True, "PBCOR": corrected})
    header.add_history("cube of the parts of the band; exact frequencies and beams are in the table BEAMS")
    return header


def beams_table(headers: list[fits.Header], rms: list[float]) -> Table:
    """Beams, frequencies and noise of the planes."""
    table = Table()
    for name in ("BMAJ", "BMIN"):
        table[name] = np.array([header[name] * 3600.0 for header in headers], dtype="f4")
    table["BPA"] = np.array([header["BPA"] for header in headers], dtype="f4")
    table["CHAN"], table["POL"] = np.arange(len(headers), dtype="i4"), np.zeros(len(headers), dtype="i4")
    table["FREQ"], table["RMS"] = np.array([header["CRVAL3"] for header in headers]), np.array(rms)
    for name, unit in {
        "BMAJ": "arcsec",
        "BMIN": "arcsec",
        "BPA": "deg",
        "FREQ": "Hz",
        "RMS": "Jy/beam",
    }.items():
        table[name].unit = unit
    return table


def _write(path: str, data: NDArray[np.float32], header: fits.Header, beams: Table) -> None:
    extension = fits.table_to_hdu(beams)
    extension.name = BEAMS
    extension.header.update({"NCHAN": len(data), "NPOL": 1})
    fits.HDUList([fits.PrimaryHDU(data[None], header), extension]).writeto(path, overwrite=True)
