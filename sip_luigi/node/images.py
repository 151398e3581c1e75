"""Finish what the imager wrote: plain names, provenance, nothing that nobody asked for."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from sip_luigi.domain.brightest import brightest_source
from sip_luigi.domain.errors import BadData
from sip_luigi.node.plane import read_plane

PACKAGES = ("dp3", "everybeam", "bdsf", "python-casacore")
"""Python packages that have a part in an image."""
SIGNS = str.maketrans({"λ": "lambda", "σ": "sigma", "°": " deg", "″": " arcsec", '"': " arcsec", "²": "^2"})
_VERSION = re.compile(r"\d+(\.\d+)+")


def finish_images(request: dict[str, Any]) -> dict[str, Any]:
    """Rename the images that are kept, write where they come from, and remove the others.

    Parameters
    ----------
    request : dict
        ``folder``; ``keep``: new name by the imager's name; ``copies``: new name by the (new) name of what
        it is a copy of; ``header``: keywords for all of them; ``history``: lines for ``HISTORY``, to which the imager's
        own, with its command, come first; ``imager``: the program, whose version goes there too.

    Returns
    -------
    dict
        ``files``: the names that are left.
    """
    folder = Path(request["folder"])
    written = set(folder.glob("*.fits"))
    kept = {folder / old: folder / new for old, new in request["keep"].items()}
    missing = [path.name for path in kept if path not in written]
    if missing:
        raise BadData(f"{folder}: the imager did not write {', '.join(missing)}; its log says why")
    for path in written - set(kept):
        path.unlink()
    history = [*request["history"], f"software: {', '.join(software(request['imager']))}"]
    for old, new in kept.items():
        old.rename(new)
        _annotate(new, request["header"], history)
    for source, copy in request.get("copies", {}).items():
        shutil.copyfile(folder / source, folder / copy)
    return {"files": sorted(path.name for path in folder.glob("*.fits"))}


def software(imager: str) -> list[str]:
    """Names and versions of what makes images on this node."""
    done = subprocess.run((imager, "-version"), capture_output=True, text=True, check=False)
    version = _VERSION.search(done.stdout + done.stderr)
    return [
        f"{Path(imager).name} {version.group() if version else 'of unknown version'}",
        *(f"{name} {metadata.version(name)}" for name in PACKAGES),
    ]


def _annotate(path: Path, header: dict[str, Any], history: list[str]) -> None:
    with fits.open(path, mode="update") as hdus:
        for key, value in header.items():
            hdus[0].header[key] = value
        for line in history:
            hdus[0].header.add_history(fits_text(line))


def fits_text(text: str) -> str:
    """Text as a FITS header can hold it: ASCII, signs written out."""
    return text.translate(SIGNS).encode("ascii", "replace").decode()


def bright_source(request: dict[str, Any]) -> dict[str, Any]:
    """Look at the brightest source of an image.

    Parameters
    ----------
    request : dict
        ``image, residual, stokes_v``: FITS images of the same pixels.

    Returns
    -------
    dict
        As :class:`sip_luigi.domain.brightest.BrightSource`, and ``ra_deg, dec_deg`` of the pixel.

    Raises
    ------
    BadData
        An image cannot be read.
    """
    (image, header), (residual, _), (stokes_v, _) = (
        read_plane(request[name]) for name in ("image", "residual", "stokes_v")
    )
    beam_pixels = np.sqrt(header["BMAJ"] * header["BMIN"]) / abs(header["CDELT2"])
    found = brightest_source(image, residual, stokes_v, float(beam_pixels))
    ra, dec = WCS(header, fix=False).celestial.all_pix2world(found.x, found.y, 0)
    return {**asdict(found), "ra_deg": float(ra), "dec_deg": float(dec)}
