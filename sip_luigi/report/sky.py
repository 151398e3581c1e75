"""Pictures of the sky: the field, its residual and noise, the brightest sources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.visualization import AsinhStretch, ImageNormalize
from astropy.wcs import WCS
from matplotlib.patches import Ellipse

from sip_luigi.domain.catalogue import Detection, Floats
from sip_luigi.domain.quality import robust_sigma
from sip_luigi.fits import Image
from sip_luigi.report.figure import INK, new_figure, tidy, webp

FIELD_WIDTH_IN = 6.4
FIELD_PIXELS = (1000, 2600)
"""Least and most pixels of the picture of the field; it has those of the image in between."""
OVERVIEW_PIXELS, PANEL_PIXELS = 400, 450
"""Of an image in the picture that is seen first, and in one of the small ones beside each other."""
STRETCHED_PIXELS = 500_000
"""So many tell the noise of an image to some tenths of a per cent."""
CUT_OUTS = 12
CUT_OUT_BEAMS = 16.0
THUMBNAIL_PIXELS = 112
MARK = "#4fd3ff"


def field_picture(image: Image, detections: Sequence[Detection]) -> str:
    """Draw an image with its grid, beam, colour bar and the sources found; the brightest ones are numbered.

    Parameters
    ----------
    image : Image
        The image.
    detections : sequence of Detection
        Sources to mark, the brightest first.

    Returns
    -------
    str
        A WebP file as data URL.
    """
    figure = new_figure(FIELD_WIDTH_IN, 5.9)
    axes, wcs = _sky_axes(figure, image)
    stretch = _stretch(1e3 * image.data)
    shown = axes.imshow(image.data * 1e3, origin="lower", cmap="inferno", norm=stretch)
    _colour_bar(figure, shown, axes, "brightness (mJy/beam)")
    x, y = _pixels(wcs, detections)
    axes.scatter(x, y, s=22, facecolors="none", edgecolors=MARK, linewidths=0.5)
    offset = image.data.shape[0] / 70
    for number, (at_x, at_y) in enumerate(zip(x[:CUT_OUTS], y[:CUT_OUTS], strict=True), start=1):
        axes.text(at_x + offset, at_y + offset, str(number), color="white", fontsize=7, clip_on=True)
    _draw_beam(axes, image)
    _label(axes)
    wanted = int(np.clip(image.data.shape[1] * 1.25, *FIELD_PIXELS))
    return webp(figure, dpi=round(wanted / FIELD_WIDTH_IN), quality=80)


def panels_picture(panels: Mapping[str, Image]) -> str:
    """Images of the same field side by side, each on a linear scale of its own noise.

    Parameters
    ----------
    panels : mapping
        By title; those that are positive everywhere, as noise is, from their least to their largest value.
    """
    figure = new_figure(4.6 * len(panels), 4.3)
    for number, (title, image) in enumerate(panels.items(), start=1):
        axes, _ = _sky_axes(figure, image, (1, len(panels), number))
        values = image.data[np.isfinite(image.data)] * 1e3
        if values.size and values.min() >= 0:
            scale = {
                "cmap": "viridis",
                "vmin": float(np.percentile(values, 1)),
                "vmax": float(np.percentile(values, 99)),
            }
        else:
            sigma = 1e3 * robust_sigma(image.data)
            scale = {"cmap": "RdBu_r", "vmin": -5 * sigma, "vmax": 5 * sigma}
        shown = axes.imshow(image.data * 1e3, origin="lower", **scale)
        _colour_bar(figure, shown, axes, "mJy/beam")
        _label(axes, title, grid="black")
        axes.coords[1].set_axislabel("" if number > 1 else "declination (J2000)", fontsize=9)
    return webp(figure)


def cut_outs_picture(image: Image, detections: Sequence[Detection]) -> str:
    """The brightest sources, each on its own scale, with the size that was measured for it.

    Parameters
    ----------
    image : Image
        The image that the sources were measured on.
    detections : sequence of Detection
        The brightest first; at most :data:`CUT_OUTS` are drawn.
    """
    chosen = list(detections[:CUT_OUTS])
    columns = min(6, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    figure = new_figure(1.75 * columns, 1.95 * rows)
    pixel = _pixel_arcsec(image)
    half = max(8, round(CUT_OUT_BEAMS / 2 * image.beam[0] / pixel))
    x, y = _pixels(WCS(image.header, fix=False).celestial, chosen)
    for number, source in enumerate(chosen):
        axes = figure.add_subplot(rows, columns, number + 1)
        at = round(float(x[number])), round(float(y[number]))
        part = _part(image.data, at, half) * 1e3
        peak = float(np.nanmax(part)) if np.isfinite(part).any() else 1.0
        axes.imshow(
            part, origin="lower", cmap="inferno", vmin=-0.1 * peak, vmax=peak, interpolation="nearest"
        )
        place = half + float(x[number]) - at[0], half + float(y[number]) - at[1]
        _ellipse(axes, place, image, _seen_size(source, image.beam), edgecolor=MARK, facecolor="none")
        _ellipse(
            axes, (0.14 * 2 * half, 0.14 * 2 * half), image, image.beam, edgecolor="white", facecolor="none"
        )
        axes.set_xticks([])
        axes.set_yticks([])
        tidy(axes, f"{number + 1}: {_short(source.flux_jy)}")
    return webp(figure)


def thumbnail(image: Image) -> str:
    """The image alone, some kilobytes."""
    figure = new_figure(1.0, 1.0)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    small = peaks(image, THUMBNAIL_PIXELS).data
    axes.imshow(small, origin="lower", cmap="inferno", norm=_stretch(small), aspect="auto")
    return webp(figure, dpi=THUMBNAIL_PIXELS, quality=75)


def peaks(image: Image, pixels: int) -> Image:
    """A smaller image in which each pixel is the brightest of those that it stands for: no source gets lost.

    Parameters
    ----------
    image : Image
        The image.
    pixels : int
        Along the longer side the new one has at most twice as many.
    """
    step = _step(image, pixels)
    n_y, n_x = (size // step for size in image.data.shape)
    blocks = image.data[: n_y * step, : n_x * step].reshape(n_y, step, n_x, step)
    return Image(np.fmax.reduce(np.fmax.reduce(blocks, axis=3), axis=1), _coarse(image.header, step))


def sampled(image: Image, pixels: int) -> Image:
    """A smaller image of some of the pixels, the noise of which is that of all; `pixels` as for :func:`peaks`."""
    step = _step(image, pixels)
    n_y, n_x = (size // step for size in image.data.shape)
    part = image.data[step // 2 :: step, step // 2 :: step][:n_y, :n_x]
    return Image(part.copy(), _coarse(image.header, step))


def _step(image: Image, pixels: int) -> int:
    return max(1, int(max(image.data.shape)) // pixels)


def _coarse(header: Any, step: int) -> Any:
    """Header of an image of which so many pixels, along each side, became one."""
    changed = header.copy()
    for axis in (1, 2):
        changed[f"CRPIX{axis}"] = (header[f"CRPIX{axis}"] - 0.5) / step + 0.5
        changed[f"CDELT{axis}"] = header[f"CDELT{axis}"] * step
    return changed


def _stretch(shown: Any) -> ImageNormalize:
    """Noise is seen, and what is far above it is not all the same."""
    some = np.ravel(shown)[:: 1 + np.size(shown) // STRETCHED_PIXELS]
    middle, sigma = float(np.nanmedian(some)), robust_sigma(some)
    low, high = middle - 3 * sigma, middle + 50 * sigma
    return ImageNormalize(vmin=low, vmax=high, stretch=AsinhStretch(0.15), clip=False)


def _sky_axes(figure: Any, image: Image, place: tuple[int, int, int] = (1, 1, 1)) -> tuple[Any, WCS]:
    wcs = WCS(image.header, fix=False).celestial
    axes = figure.add_subplot(*place, projection=wcs)
    axes.set_autoscale_on(False)
    axes.set_xlim(-0.5, image.data.shape[1] - 0.5)
    axes.set_ylim(-0.5, image.data.shape[0] - 0.5)
    return axes, wcs


def _colour_bar(figure: Any, shown: Any, axes: Any, label: str) -> None:
    bar = figure.colorbar(shown, ax=axes, shrink=0.85, extend="both", pad=0.02)
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8)


def _label(axes: Any, title: str = "", grid: str = "white") -> None:
    axes.coords.grid(color=grid, alpha=0.25, linewidth=0.6)
    axes.coords[0].set_axislabel("right ascension (J2000)", fontsize=9)
    axes.coords[1].set_axislabel("declination (J2000)", fontsize=9)
    for coordinate in axes.coords:
        coordinate.set_ticklabel(size=8)
    axes.set_title(title, fontsize=10, color=INK, loc="left")


def _pixels(wcs: WCS, detections: Sequence[Detection]) -> tuple[Floats, Floats]:
    ra_deg, dec_deg = (np.rad2deg([getattr(d, name) for d in detections]) for name in ("ra_rad", "dec_rad"))
    if not len(detections):
        return np.zeros(0), np.zeros(0)
    x, y = wcs.all_world2pix(ra_deg, dec_deg, 0)
    return np.asarray(x, dtype=float), np.asarray(y, dtype=float)


def _part(data: Any, at: tuple[int, int], half: int) -> Floats:
    """A square around a pixel, NaN beyond the image."""
    part = np.full((2 * half + 1, 2 * half + 1), np.nan)
    left, bottom = at[0] - half, at[1] - half
    found = data[max(0, bottom) : bottom + len(part), max(0, left) : left + len(part)]
    row, column = max(0, -bottom), max(0, -left)
    part[row : row + found.shape[0], column : column + found.shape[1]] = found
    return part


def _seen_size(source: Detection, beam: tuple[float, float, float]) -> tuple[float, float, float]:
    """Size of a source as it appears: for a point that of the beam."""
    if source.major_arcsec <= 0:
        return beam
    return (
        math.hypot(source.major_arcsec, beam[0]),
        math.hypot(source.minor_arcsec, beam[1]),
        source.orientation_deg,
    )


def _draw_beam(axes: Any, image: Image) -> None:
    corner = 0.05 * image.data.shape[0]
    _ellipse(axes, (corner, corner), image, image.beam, facecolor="white", edgecolor="black")


def _ellipse(
    axes: Any, place: tuple[float, float], image: Image, size: tuple[float, float, float], **colours: str
) -> None:
    major, minor, angle = size
    pixel = _pixel_arcsec(image)
    # Position angle is counted from north through east; east is to the left.
    axes.add_patch(Ellipse(place, minor / pixel, major / pixel, angle=angle, linewidth=0.9, **colours))


def _pixel_arcsec(image: Image) -> float:
    return abs(float(image.header["CDELT2"])) * 3600.0


def _short(flux_jy: float) -> str:
    return f"{flux_jy:.3g} Jy" if flux_jy >= 0.1 else f"{1e3 * flux_jy:.3g} mJy"
