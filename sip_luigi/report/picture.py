"""Pictures of images."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from astropy.wcs import WCS
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from sip_luigi.domain.catalogue import Detection
from sip_luigi.domain.quality import robust_sigma
from sip_luigi.fits import Image


def field_picture(image: Image, detections: Sequence[Detection], title: str) -> bytes:
    """Draw an image with its grid, beam, colour bar and the sources found.

    Parameters
    ----------
    image : Image
        The image.
    detections : sequence of Detection
        Sources to mark.
    title : str
        Above the picture.

    Returns
    -------
    bytes
        A PNG file.
    """
    figure = Figure(figsize=(9.0, 8.0), layout="constrained")
    FigureCanvasAgg(figure)
    wcs = WCS(image.header).celestial
    axes = figure.add_subplot(projection=wcs)
    sigma = robust_sigma(image.data)
    shown = axes.imshow(
        image.data * 1e3,
        origin="lower",
        cmap="inferno",
        vmin=-3e3 * sigma,
        vmax=15e3 * sigma,
        rasterized=True,
    )
    figure.colorbar(shown, ax=axes, label="brightness (mJy/beam)", shrink=0.85)
    if detections:
        x, y = wcs.all_world2pix(
            np.rad2deg([d.ra_rad for d in detections]), np.rad2deg([d.dec_rad for d in detections]), 0
        )
        axes.scatter(x, y, s=60, facecolors="none", edgecolors="#4fd3ff", linewidths=0.7)
    _draw_beam(axes, image)
    axes.coords.grid(color="white", alpha=0.2)
    axes.coords[0].set_axislabel("right ascension (J2000)")
    axes.coords[1].set_axislabel("declination (J2000)")
    axes.set_title(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _draw_beam(axes: object, image: Image) -> None:
    major, minor, angle = image.beam
    pixel = abs(float(image.header["CDELT2"])) * 3600.0
    size = image.data.shape[0]
    corner = 0.05 * size
    # Position angle is counted from north through east; east is to the left.
    ellipse = Ellipse(
        (corner, corner), minor / pixel, major / pixel, angle=angle, facecolor="white", edgecolor="black"
    )
    axes.add_patch(ellipse)  # type: ignore[attr-defined]
