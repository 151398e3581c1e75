"""FITS files as the head node reads them: catalogues and image planes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
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
        )
        for row in table
    ]


def read_table(path: Path) -> Table:
    """Read the first table of a FITS file."""
    try:
        return Table.read(path)
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
