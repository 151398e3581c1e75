"""One plane of a FITS image."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from numpy.typing import NDArray

from sip_luigi.domain.errors import BadData


def read_plane(path: str) -> tuple[NDArray[np.float32], fits.Header]:
    """Read an image of one plane; axes of length one are dropped.

    Returns
    -------
    data : ndarray, shape (n_y, n_x)
        Pixels.
    header : astropy.io.fits.Header
        Header as in the file.

    Raises
    ------
    BadData
        There is no such file, it is damaged or truncated, or it has several planes.
    """
    if not Path(path).is_file():
        raise BadData(f"{path}: no such image; look at the log of the program that should have made it")
    try:
        # Of a header or of pixels that are cut off astropy only warns.
        with Path(path).open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("error", AstropyUserWarning)
            with fits.open(stream, memmap=False) as hdus:
                data, header = np.array(hdus[0].data, dtype=np.float32), hdus[0].header.copy()
    except (OSError, TypeError, ValueError, IndexError, AstropyUserWarning) as error:
        raise BadData(f"{path}: not a FITS image ({error}); make it again") from error
    data = np.squeeze(data)
    if data.ndim != 2:
        raise BadData(f"{path}: expected an image of one plane, found an array of shape {data.shape}")
    return data, header


def write_plane(
    path: str, data: NDArray[Any], header: fits.Header, keywords: dict[str, Any], history: list[str]
) -> None:
    """Write a plane with the header of another one, some keywords changed and lines of history added."""
    new = header.copy()
    new.update(keywords)
    for line in history:
        new.add_history(line)
    shape = (1,) * (int(header.get("NAXIS", 2)) - 2) + data.shape
    fits.PrimaryHDU(np.asarray(data, dtype=np.float32).reshape(shape), new).writeto(path, overwrite=True)
