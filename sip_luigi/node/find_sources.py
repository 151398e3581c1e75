"""Find sources: detection where the noise is flat, fluxes as they are on the sky.

PyBDSF works on the image that is not corrected for the primary beam, where the noise is the same everywhere
and 5σ means the same. Its fluxes are then divided by the beam at each source, which is exact for sources much
smaller than the beam; a fit in the corrected image would need the noise map of an image whose noise rises
steeply.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.skymodel_update import position_name
from sip_luigi.node.plane import read_plane, write_plane
from sip_luigi.node.spectral_indices import add_spectral_indices
from sip_luigi.node.verify import verify_image
from sip_luigi.programs.pybdsf import SourceFinding, process_arguments

Floats = NDArray[np.float64]

FLUX_COLUMNS = ("TOTAL_FLUX", "E_TOTAL_FLUX", "PEAK_FLUX", "E_PEAK_FLUX", "ISL_RMS")
"""Columns that the primary beam changes."""
UNITS = {
    **dict.fromkeys(("RA", "E_RA", "DEC", "E_DEC", "PA", "E_PA", "DC_PA"), "deg"),
    **dict.fromkeys(("MAJ", "E_MAJ", "MIN", "E_MIN", "DC_MAJ", "DC_MIN"), "deg"),
    **dict.fromkeys(("TOTAL_FLUX", "E_TOTAL_FLUX"), "Jy"),
    **dict.fromkeys(("PEAK_FLUX", "E_PEAK_FLUX", "ISL_RMS"), "Jy/beam"),
    "FREQUENCY": "Hz",
}
KINDS = {"SOURCE_ID": "i4", "N_GAUS": "i4", "NAME": "U32", "S_CODE": "U1"}


def find_sources(request: dict[str, Any]) -> dict[str, Any]:
    """Write a catalogue of the sources in an image.

    Parameters
    ----------
    request : dict
        ``detection_image``: FITS image with flat noise; ``catalogue``: FITS table to write; optional
        ``measure_image``: the same image corrected for the primary beam; ``gaussians``: FITS table to write;
        ``rms_image, residual_image``: FITS images to write; ``cube``: parts of the band, for spectral indices;
        ``options``: values of
        :class:`sip_luigi.programs.pybdsf.SourceFinding`.

    Returns
    -------
    dict
        ``n_sources``, ``n_gaussians``, ``n_outside`` (found where the corrected image is blank, left out),
        ``n_spectral_indices``,
        ``rms_jy_beam`` (median of the noise map), ``frequency_hz``, ``beam_major_arcsec, beam_minor_arcsec``.

    Raises
    ------
    BadData
        An image cannot be read, is blank, or the two do not belong together.
    """
    image = request["detection_image"]
    measured = verify_image({"path": image})
    beam = _beam(image, request["measure_image"]) if request.get("measure_image") else None
    options = SourceFinding(**request.get("options", {}))
    with tempfile.TemporaryDirectory(dir=Path(request["catalogue"]).parent) as folder:
        found = _process(image, _arguments(options, measured, folder))
    _write_maps(request, found, image)
    sources, n_outside = _table(found.sources, measured["frequency_hz"], beam)
    gaussians, _ = _table((g for s in found.sources for g in s.gaussians), measured["frequency_hz"], beam)
    cube = request.get("cube", "")
    n_indices = add_spectral_indices(sources, cube, beam.at if beam else _everywhere)
    add_spectral_indices(gaussians, cube, beam.at if beam else _everywhere)
    sources.write(request["catalogue"], format="fits", overwrite=True)
    if request.get("gaussians"):
        gaussians.write(request["gaussians"], format="fits", overwrite=True)
    return {
        "n_sources": len(sources),
        "n_gaussians": len(gaussians),
        "n_outside": n_outside,
        "n_spectral_indices": n_indices,
        "rms_jy_beam": float(np.nanmedian(found.rms_arr)),
        "frequency_hz": measured["frequency_hz"],
        "beam_major_arcsec": measured["beam_major_arcsec"],
        "beam_minor_arcsec": measured["beam_minor_arcsec"],
    }


class PrimaryBeam:
    """The primary beam that lies between two images.

    Parameters
    ----------
    values : ndarray, shape (n_y, n_x)
        Detection image over corrected image; NaN where there is no beam.
    wcs : astropy.wcs.WCS
        Celestial coordinates of the pixels.
    """

    def __init__(self, values: Floats, wcs: WCS) -> None:
        self.values, self.wcs = values, wcs

    def at(self, ra_deg: float, dec_deg: float) -> float:
        """Beam at a position, NaN outside."""
        x, y = (round(float(v)) for v in self.wcs.all_world2pix(ra_deg, dec_deg, 0))
        n_y, n_x = self.values.shape
        if not (0 <= x < n_x and 0 <= y < n_y):
            return float("nan")
        # The median of nine pixels, because the ratio is rough where the image is close to zero.
        box = self.values[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        return float(np.nanmedian(box)) if np.isfinite(self.values[y, x]) else float("nan")


def _everywhere(ra_deg: float, dec_deg: float) -> float:
    """The primary beam where none is known."""
    return 1.0


def _beam(image: str, corrected: str) -> PrimaryBeam:
    apparent, header = read_plane(image)
    intrinsic, _ = read_plane(corrected)
    if apparent.shape != intrinsic.shape:
        raise BadData(
            f"{corrected}: expected the pixels of {image}, {apparent.shape}, found {intrinsic.shape}; "
            "make both again"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = apparent.astype(float) / intrinsic
    # Without its repairs, which are about dates.
    return PrimaryBeam(ratio, WCS(header, fix=False).celestial)


def _arguments(options: SourceFinding, measured: dict[str, Any], folder: str) -> dict[str, Any]:
    width = np.sqrt(measured["beam_major_arcsec"] * measured["beam_minor_arcsec"]) / measured["pixel_arcsec"]
    return process_arguments(options, float(width), measured["size_pixels"], folder)


def _process(image: str, arguments: dict[str, Any]) -> Any:
    import bdsf  # noqa: PLC0415

    try:
        return bdsf.process_image(image, **arguments)
    except RuntimeError as error:
        raise BadData(f"{image}: PyBDSF cannot use it: {error}; look at the image") from error


def _table(components: Iterable[Any], freq_hz: float, beam: PrimaryBeam | None) -> tuple[Table, int]:
    """Make a catalogue; sources where the beam is not known are counted, not kept."""
    rows: list[dict[str, Any]] = []
    n_outside = 0
    names: set[str] = set()
    for component in components:
        row = _row(component, freq_hz)
        response = beam.at(row["RA"], row["DEC"]) if beam else 1.0
        if not np.isfinite(response):
            n_outside += 1
            continue
        row |= {name: row[name] / response for name in FLUX_COLUMNS}
        row["SOURCE_ID"], row["NAME"] = len(rows), _unique(row["NAME"], names)
        rows.append(row)
    columns = list(rows[0]) if rows else list(COLUMN_ORDER)
    table = Table(
        {name: np.array([row[name] for row in rows], dtype=KINDS.get(name, "f8")) for name in columns}
    )
    for name, unit in UNITS.items():
        table[name].unit = unit
    return table, n_outside


def _row(component: Any, freq_hz: float) -> dict[str, Any]:
    """Apparent properties of a PyBDSF source or Gaussian; `FLUX_COLUMNS` still have the beam in them."""
    is_source = hasattr(component, "gaussians")
    position = component.posn_sky_centroid if is_source else component.centre_sky
    error = component.posn_sky_centroidE if is_source else component.centre_skyE
    peak = component.peak_flux_max if is_source else component.peak_flux
    peak_error = component.peak_flux_maxE if is_source else component.peak_fluxE
    rms = component.rms_isl if is_source else component.rms
    ra_deg, dec_deg = float(position[0]) % 360.0, float(position[1])
    values = (
        0,
        position_name(np.deg2rad(ra_deg), np.deg2rad(dec_deg)),
        ra_deg,
        error[0],
        dec_deg,
        error[1],
        component.total_flux,
        component.total_fluxE,
        peak,
        peak_error,
        rms,
        peak / rms,
        *(component.size_sky[0], component.size_skyE[0]),
        *(component.size_sky[1], component.size_skyE[1]),
        *(component.size_sky[2], component.size_skyE[2]),
        *component.deconv_size_sky,
        component.code,
        len(component.gaussians) if is_source else 1,
        freq_hz,
    )
    return dict(zip(COLUMN_ORDER, values, strict=True))


COLUMN_ORDER = (
    *("SOURCE_ID", "NAME", "RA", "E_RA", "DEC", "E_DEC"),
    *("TOTAL_FLUX", "E_TOTAL_FLUX", "PEAK_FLUX", "E_PEAK_FLUX", "ISL_RMS", "SNR"),
    *("MAJ", "E_MAJ", "MIN", "E_MIN", "PA", "E_PA"),
    *("DC_MAJ", "DC_MIN", "DC_PA", "S_CODE", "N_GAUS", "FREQUENCY"),
)


def _unique(name: str, taken: set[str]) -> str:
    """Make a name unique with a number."""
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    taken.add(unique)
    return unique


def _write_maps(request: dict[str, Any], found: Any, image: str) -> None:
    """Write the noise map and the residual with the header of the image."""
    _, header = read_plane(image)
    # PyBDSF holds images with the axes in the order x, y.
    for key, values in (("rms_image", found.rms_arr), ("residual_image", found.resid_gaus_arr)):
        if request.get(key):
            history = [f"{key} of PyBDSF for {Path(image).name}"]
            write_plane(request[key], np.asarray(values).T, header, {}, history)
