"""What an image has to be like, worked out from the data unless it is set; every choice with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.instrument import (
    BEAM_WIDTH_FACTOR,
    HBA_CORE_DIAMETER_M,
    LBA_DIAMETERS_M,
    SPEED_OF_LIGHT_M_S,
)
from sip_luigi.programs.wsclean import MAX_SIZE_PIXELS, MIN_SIZE_PIXELS, Imaging, Plan

BEAM_FRINGES = 0.72
"""Narrowest restoring beam in narrowest fringe spacings. Uniform weights over a filled disc would give 0.705 (the FWHM
of the Airy pattern); measured in the minor axis, with Briggs 0 on 36 stations and an hour: 0.72."""
PIXELS_PER_BEAM = 2.5
"""In the minor axis. With so many, in one simulated field: fluxes right to 1.6 %, scatter 2.4 % above 20 σ. Fewer
pixels lose flux between them, silently: a source of 9″ on pixels of 22″ lost 40 % of its peak."""
PART_OF_BAND = 0.04
"""Fraction of its frequency that one jointly deconvolved part of the band spans at most: over it a spectrum of index
-0.8 changes by 3 %, and the width of the primary beam by 4 %."""
MIN_PARTS, MAX_PARTS = 4, 12
"""Parts of a narrow and of a wide band. In one part cleaning leaves 1.17 times the noise of Stokes V where four parts
leave 1.02."""
EXTENDED_FRINGES = 2.0
"""A component wider than so many fringes is not made of points in reasonable time."""


@dataclass(frozen=True)
class Coverage:
    """What is known of the data before they are imaged.

    Attributes
    ----------
    longest_uv_m : float
        Longest projected baseline with usable data.
    measured : bool
        Whether that was measured; else it is the distance of the stations, flagged ones among them.
    lowest_freq_hz, highest_freq_hz : float
        Limits of the band.
    n_channels : int
        Channels in all subbands together; 0: not known.
    antenna_set : str
        LOFAR's name of it, such as ``HBA_DUAL_INNER``.
    largest_source_arcsec : float
        Major axis of the widest component of the sky model.
    """

    longest_uv_m: float
    measured: bool
    lowest_freq_hz: float
    highest_freq_hz: float
    n_channels: int = 0
    antenna_set: str = ""
    largest_source_arcsec: float = 0.0

    @property
    def station_diameter_m(self) -> float:
        """Diameter of the smallest stations."""
        if not self.antenna_set.startswith("LBA"):
            return HBA_CORE_DIAMETER_M
        return LBA_DIAMETERS_M.get(self.antenna_set, min(LBA_DIAMETERS_M.values()))

    @property
    def station_fwhm_deg(self) -> float:
        """Width of the station beam at the lowest frequency."""
        wavelength_m = SPEED_OF_LIGHT_M_S / self.lowest_freq_hz
        return math.degrees(BEAM_WIDTH_FACTOR * wavelength_m / self.station_diameter_m)


class Choice(NamedTuple):
    """Something that was worked out, or set.

    Attributes
    ----------
    name : str
        What.
    value : str
        What it is, with its unit.
    reason : str
        Why it is that.
    """

    name: str
    value: str
    reason: str


class Planned(NamedTuple):
    """A plan with its reasons.

    Attributes
    ----------
    plan : Plan
        What WSClean is told.
    choices : tuple of Choice
        Why.
    warnings : tuple of str
        What the user should know.
    """

    plan: Plan
    choices: tuple[Choice, ...]
    warnings: tuple[str, ...]


def plan_image(options: Imaging, data: Coverage) -> Planned:
    """Choose pixels, size, parts of the band and scales for an image.

    The narrowest fringe spacing is 1/u rad with u the longest imaged baseline in wavelengths at the highest
    frequency (Thompson, Moran & Swenson 2017, eq. 2.2); Nyquist asks for 2 pixels in it. The field is a
    multiple of the FWHM 1.02 λ/D at the lowest frequency (van Haarlem et al. 2013, A&A 556, A2, §B).

    Parameters
    ----------
    options : Imaging
        What the user fixed, and the factors for the rest.
    data : Coverage
        What is known of the data.

    Raises
    ------
    ConfigurationError
        The image would have more than 32768² pixels.
    """
    max_uv, uv_choice, warnings = _longest_uv(options, data)
    pixel, pixel_choice = _pixel(options, max_uv)
    size, size_choice = _size(options, data, pixel)
    parts, parts_choice = _parts(options, data)
    multiscale, scales_choice = _multiscale(options, data, max_uv)
    plan = Plan(pixel, size, max_uv, parts, multiscale)
    weights = Choice("weighting", f"briggs {options.robust:g}", "[imaging] robust")
    mask = Choice(
        "masks",
        f"{options.auto_mask_sigma:g} σ, then {options.auto_threshold_sigma:g} σ inside",
        "[imaging] auto_mask_sigma and auto_threshold_sigma",
    )
    choices = (uv_choice, pixel_choice, size_choice, parts_choice, scales_choice, weights, mask)
    return Planned(plan, choices, warnings)


def _longest_uv(options: Imaging, data: Coverage) -> tuple[float, Choice, tuple[str, ...]]:
    """Longest imaged baseline in λ; no longer than the pixels that were set can carry."""
    longest = data.longest_uv_m * data.highest_freq_hz / SPEED_OF_LIGHT_M_S
    how = "longest unflagged baseline" if data.measured else "distance of the stations"
    used, reason = longest, f"{how}, {data.longest_uv_m:.0f} m at {data.highest_freq_hz / 1e6:.1f} MHz"
    if options.max_uv_lambda and options.max_uv_lambda < longest:
        used, reason = options.max_uv_lambda, f"[imaging] max_uv_lambda; the {how} is {longest:.0f} λ"
    warnings: tuple[str, ...] = ()
    if options.pixel_arcsec:
        limit = carried_uv_lambda(options.pixel_arcsec)
        if limit < used:
            text = (
                f"[imaging] pixel_arcsec = {options.pixel_arcsec:g}: too coarse for baselines of {used:.0f} λ, whose "
                f"flux would be lost between the pixels; only those up to {limit:.0f} λ are imaged. Leave it at 0 "
                "for the full resolution"
            )
            used, reason, warnings = limit, f'as far as pixels of {options.pixel_arcsec:g}" carry', (text,)
    return used, Choice("longest baseline", f"{used:.0f} λ", reason), warnings


def carried_uv_lambda(pixel_arcsec: float) -> float:
    """Longest baseline whose restoring beam still has :data:`PIXELS_PER_BEAM` pixels, λ."""
    return BEAM_FRINGES / (PIXELS_PER_BEAM * math.radians(pixel_arcsec / 3600.0))


def _pixel(options: Imaging, max_uv_lambda: float) -> tuple[float, Choice]:
    if options.pixel_arcsec:
        return options.pixel_arcsec, Choice("pixel", f'{options.pixel_arcsec:g}"', "[imaging] pixel_arcsec")
    fringe_arcsec = math.degrees(1.0 / max_uv_lambda) * 3600.0
    pixel = float(f"{fringe_arcsec / options.pixels_per_fringe:.2g}")
    reason = f'{options.pixels_per_fringe:g} pixels in the narrowest fringe, {fringe_arcsec:.3g}"'
    return pixel, Choice("pixel", f'{pixel:g}"', reason)


def _size(options: Imaging, data: Coverage, pixel_arcsec: float) -> tuple[int, Choice]:
    fwhm, diameter = data.station_fwhm_deg, data.station_diameter_m
    station = (
        f"the station beam, {fwhm:.2f}° (FWHM) for {diameter:g} m at {data.lowest_freq_hz / 1e6:.1f} MHz"
    )
    if options.size_pixels:
        size, why = options.size_pixels, "[imaging] size_pixels"
    else:
        width_arcsec = options.field_of_view_fwhm * fwhm * 3600.0
        size = fft_size(max(MIN_SIZE_PIXELS, width_arcsec / pixel_arcsec))
        why = f"{options.field_of_view_fwhm:g} times {station}"
    if size > MAX_SIZE_PIXELS:
        raise ConfigurationError(
            f'[imaging]: an image of {size * pixel_arcsec / 3600:.1f}° with pixels of {pixel_arcsec:g}" would be '
            f"{size} pixels wide, more than {MAX_SIZE_PIXELS}; set max_uv_lambda, field_of_view_fwhm or size_pixels"
        )
    edge = gaussian_level(size * pixel_arcsec / 3600.0 / 2.0, fwhm)
    return size, Choice("size", f"{size} pixels", f"{why}; its edges are at {edge:.2f} of the beam")


def gaussian_level(offset_deg: float, fwhm_deg: float) -> float:
    """Power of a beam of Gaussian shape at a distance from its centre; a station beam is close to it above 0.2."""
    return float(2.0 ** (-4.0 * (offset_deg / fwhm_deg) ** 2))


def _parts(options: Imaging, data: Coverage) -> tuple[int, Choice]:
    centre = (data.lowest_freq_hz + data.highest_freq_hz) / 2.0
    span = (data.highest_freq_hz - data.lowest_freq_hz) / centre
    if options.channels_out:
        wanted, reason = options.channels_out, "[imaging] channels_out"
    else:
        wanted = min(MAX_PARTS, max(MIN_PARTS, math.ceil(span / PART_OF_BAND)))
        reason = f"the band spans {span:.1%} of its frequency"
    if data.n_channels and data.n_channels < wanted:
        wanted, reason = data.n_channels, f"there are only {data.n_channels} channels"
    return wanted, Choice("parts of the band", str(wanted), reason)


def _multiscale(options: Imaging, data: Coverage, max_uv_lambda: float) -> tuple[bool, Choice]:
    if options.multiscale != "auto":
        chosen = options.multiscale == "yes"
        return chosen, Choice("multiscale", options.multiscale, "[imaging] multiscale")
    limit = EXTENDED_FRINGES * math.degrees(1.0 / max_uv_lambda) * 3600.0
    chosen, widest = data.largest_source_arcsec > limit, data.largest_source_arcsec
    reason = f'the widest component of the sky model has {widest:.0f}", worth it from {limit:.0f}"'
    return chosen, Choice("multiscale", "yes" if chosen else "no", reason)


BYTES_PER_PIXEL, BYTES_PER_PART, BYTES_OF_SCALES = 80, 10, 40
"""Memory of WSClean for each pixel: always, for each part of the band, for multi-scale cleaning. Measured with 3.1:
1024² in 4 parts 142 MB, 2048² in 1, 4 and 8 parts 330, 422 and 647 MB."""


def memory_bytes(plan: Plan) -> int:
    """Estimate of the memory that WSClean takes for an image."""
    per_pixel = BYTES_PER_PIXEL + BYTES_PER_PART * plan.parts + BYTES_OF_SCALES * plan.multiscale
    return plan.size_pixels**2 * per_pixel


def require_memory(plan: Plan, available_bytes: int, node: str, percent: float) -> None:
    """Refuse an image for which a node has too little memory.

    Parameters
    ----------
    plan : Plan
        The image.
    available_bytes : int
        Memory of the node; 0: not known.
    node : str
        Its name.
    percent : float
        Part of it that may be used.

    Raises
    ------
    ConfigurationError
        It would not fit.
    """
    needed, allowed = memory_bytes(plan), available_bytes * percent / 100.0
    if available_bytes and needed > allowed:
        raise ConfigurationError(
            f"an image of {plan.size_pixels}² pixels in {plan.parts} parts takes about {needed / 1e9:.1f} GB, "
            f"{node} has {available_bytes / 1e9:.1f} GB of which [imaging] memory_percent allows "
            f"{allowed / 1e9:.1f}; lower max_uv_lambda, field_of_view_fwhm or channels_out, or choose another "
            "[cluster] imaging_node"
        )


def fft_size(at_least: float) -> int:
    """Smallest even number from `at_least` without a prime factor above 5: FFTs of such sizes are fast."""
    size = max(2, math.ceil(at_least))
    size += size % 2
    while not _is_smooth(size):
        size += 2
    return size


def _is_smooth(number: int) -> bool:
    for factor in (2, 3, 5):
        while number % factor == 0:
            number //= factor
    return number == 1
