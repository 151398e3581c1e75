"""FITS files as the head node reads them: catalogues and image planes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

from sip_luigi.domain.catalogue import Detection, Floats
from sip_luigi.domain.errors import BadData, ConfigurationError
from sip_luigi.domain.quality import Positions

FLUX_COLUMNS = ("FLUX", "TOTAL_FLUX", "Total_flux", "S_INT", "INT_FLUX", "FLUX_JY", "Sint", "flux")
"""Names under which surveys give integrated flux densities."""


@dataclass(frozen=True)
class Image:
    """One plane of an image.

    Attributes
    ----------
    data : ndarray, shape (n_dec, n_ra)
        Brightness, Jy/beam.
    header : astropy.io.fits.Header
        As in the file.
    """

    data: NDArray[np.float32]
    header: Any

    @property
    def beam(self) -> tuple[float, float, float]:
        """Major and minor axis in arcsec and position angle in degrees of the restoring beam."""
        header = self.header
        return header["BMAJ"] * 3600.0, header["BMIN"] * 3600.0, header["BPA"]

    @property
    def frequency_hz(self) -> float:
        """Frequency of the plane."""
        return float(self.header["CRVAL3"])

    def at(self, ra_rad: Floats, dec_rad: Floats) -> Floats:
        """Values at positions, shape (n,); NaN outside the image."""
        # Without its repairs, which are about dates.
        wcs = WCS(self.header, fix=False).celestial
        if not len(ra_rad):
            return np.zeros(0)
        with warnings.catch_warnings():
            # Positions on the far side of the sky have no pixel.
            warnings.simplefilter("ignore")
            x, y = wcs.all_world2pix(np.rad2deg(ra_rad), np.rad2deg(dec_rad), 0)
        n_y, n_x = self.data.shape
        inside = (x > -0.5) & (x < n_x - 0.5) & (y > -0.5) & (y < n_y - 0.5)
        values = np.full(len(ra_rad), np.nan)
        values[inside] = self.data[np.rint(y[inside]).astype(int), np.rint(x[inside]).astype(int)]
        return values


def read_image(path: Path) -> Image:
    """Read the first plane of a FITS image.

    Raises
    ------
    BadData
        The file cannot be read as one.
    """
    try:
        with fits.open(path) as hdus:
            return Image(np.squeeze(np.array(hdus[0].data, dtype=np.float32)), hdus[0].header.copy())
    except (OSError, TypeError, ValueError) as error:
        raise BadData(f"{path}: not a FITS image ({error}); make it again") from error


def read_detections(path: Path) -> list[Detection]:
    """Read a source catalogue of the pipeline."""
    table = read_table(path)
    return [
        Detection(
            name=str(row["NAME"]).strip(),
            ra_rad=np.deg2rad(float(row["RA"])),
            dec_rad=np.deg2rad(float(row["DEC"])),
            flux_jy=float(row["TOTAL_FLUX"]),
            flux_error_jy=float(row["E_TOTAL_FLUX"]),
            snr=float(row["SNR"]),
            major_arcsec=float(row["DC_MAJ"]) * 3600.0,
            minor_arcsec=float(row["DC_MIN"]) * 3600.0,
            orientation_deg=float(row["DC_PA"]),
            spectral_index=float(row["SPECTRAL_INDEX"]),
        )
        for row in table
    ]


def read_table(path: Path) -> Table:
    """Read the first table of a FITS file."""
    try:
        # NaN stays NaN: what was not measured is no number, and no masked element.
        return Table.read(path, format="fits", mask_invalid=False)
    except (OSError, ValueError, IndexError) as error:
        raise BadData(f"{path}: not a FITS table ({error})") from error


def read_reference(path: Path, flux_column: str = "") -> Positions:
    """Read a reference catalogue: RA and DEC in degrees, and a flux in Jy.

    Raises
    ------
    ConfigurationError
        A column is missing; the message lists those that there are.
    """
    try:
        table = read_table(path)
    except BadData as error:
        raise ConfigurationError(f"[quality] reference_catalogue: {error}") from error
    flux = flux_column or next((name for name in FLUX_COLUMNS if name in table.colnames), "a flux in Jy")
    missing = [name for name in ("RA", "DEC", flux) if name not in table.colnames]
    if missing:
        raise ConfigurationError(
            f"[quality] reference_catalogue = {path}: no column {', '.join(missing)}; it has "
            f"{', '.join(table.colnames)}; rename columns, or set [quality] reference_flux_column"
        )
    columns = np.stack([_column(table, name) for name in ("RA", "DEC", flux)])
    # Surveys mark what they have not measured with NaN, masks or zeros.
    ra, dec, flux_jy = columns[:, np.isfinite(columns).all(axis=0) & (columns[2] > 0)]
    return Positions(np.deg2rad(ra), np.deg2rad(dec), flux_jy)


def positions(detections: list[Detection]) -> Positions:
    """Detections as arrays."""
    return Positions(
        np.array([d.ra_rad for d in detections]),
        np.array([d.dec_rad for d in detections]),
        np.array([d.flux_jy for d in detections]),
    )


def _column(table: Table, name: str) -> Floats:
    return np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)
