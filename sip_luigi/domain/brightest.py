"""The brightest source of an image: what calibration errors leave around it, and how it looks in Stokes V."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.quality import robust_sigma

Plane = NDArray[np.float32]

BOX_BEAMS = 30.0
"""Width of the box around the source in which errors of the gains show as rings and spokes."""
MIN_LEAKAGE_SNR = 100.0
"""Signal to noise from which the noise of Stokes V is less than a hundredth of the source."""


@dataclass(frozen=True)
class BrightSource:
    """What is seen at and around the brightest pixel.

    Attributes
    ----------
    x, y : int
        The pixel, counted from 0.
    peak_jy_beam : float
        Its brightness.
    local_rms_jy_beam : float
        Noise of the residual around it.
    dynamic_range : float
        Peak over that noise.
    artefact_ratio : float
        That noise over that of the whole residual; 1 where the source leaves nothing.
    stokes_v_fraction : float or None
        Largest absolute value of Stokes V within a pixel of it, over the peak; None for a source too faint to tell.
    """

    x: int
    y: int
    peak_jy_beam: float
    local_rms_jy_beam: float
    dynamic_range: float
    artefact_ratio: float
    stokes_v_fraction: float | None


def brightest_source(image: Plane, residual: Plane, stokes_v: Plane, beam_pixels: float) -> BrightSource:
    """Look at the brightest pixel of an image.

    Parameters
    ----------
    image, residual, stokes_v : ndarray, shape (n_y, n_x)
        Planes of the same pixels, Jy/beam, at least one of the image finite.
    beam_pixels : float
        FWHM of the restoring beam.
    """
    y, x = np.unravel_index(int(np.nanargmax(image)), image.shape)
    half = max(8, round(BOX_BEAMS * beam_pixels / 2.0))
    peak, local, overall = (
        float(image[y, x]),
        robust_sigma(_box(residual, x, y, half)),
        robust_sigma(residual),
    )
    noise_v = robust_sigma(stokes_v)
    leaked = float(np.nanmax(np.abs(_box(stokes_v, x, y, 1)))) / peak if peak > 0 else None
    return BrightSource(
        x=int(x),
        y=int(y),
        peak_jy_beam=peak,
        local_rms_jy_beam=local,
        dynamic_range=peak / local,
        artefact_ratio=local / overall,
        stokes_v_fraction=leaked if peak > MIN_LEAKAGE_SNR * noise_v else None,
    )


def _box(plane: Plane, x: int | np.intp, y: int | np.intp, half: int) -> Plane:
    return plane[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
