"""WSClean 3.1: options to argument lists, the geometry of an image, and the progress of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.instrument import BEAM_WIDTH_FACTOR, HBA_CORE_DIAMETER_M, SPEED_OF_LIGHT_M_S
from sip_luigi.domain.setting import Section, setting

MIN_SIZE_PIXELS, MAX_SIZE_PIXELS = 64, 32768


@dataclass(frozen=True)
class Imaging(Section):
    """Image and deconvolve all subbands together, WSClean."""

    section: ClassVar[str] = "imaging"

    executable: str = setting("wsclean", "WSClean, a name on PATH or a path", science=False)
    threads: int = setting(0, "Threads of WSClean; 0: all cores of the node", low=0, high=1024, science=False)
    memory_percent: float = setting(
        50.0, "Part of the node's memory that WSClean may take", unit="%", low=1, high=95, science=False
    )
    data_column: str = setting("DATA", "Column that is imaged")
    robust: float = setting(0.0, "Briggs weighting: -2 is uniform, 2 is natural", low=-3, high=3)
    min_uv_lambda: float = setting(80.0, "Shortest baseline that is imaged", unit="λ", low=0)
    max_uv_lambda: float = setting(8000.0, "Longest baseline that is imaged; 0: all", unit="λ", low=0)
    pixel_arcsec: float = setting(
        0.0, "Width of a pixel; 0: follows from the longest baseline", unit="arcsec", low=0
    )
    pixels_per_fringe: float = setting(
        3.5, "Pixels in the narrowest fringe spacing, where pixel_arcsec is 0", low=2, high=20
    )
    size_pixels: int = setting(0, "Width of the image; 0: follows from field_of_view_fwhm", low=0, high=32768)
    field_of_view_fwhm: float = setting(
        1.3, "Width of the image in widths of the station beam, where size_pixels is 0", low=0.1, high=10
    )
    channels_out: int = setting(4, "Parts of the band that are deconvolved jointly", low=1, high=1024)
    fit_spectral_terms: int = setting(
        2, "Terms of the polynomial over the band that components follow; 0: none", low=0, high=10
    )
    auto_mask_sigma: float = setting(
        4.0,
        "Clean down to this before the mask is made; of a noise that still has faint sources in it, so that 6 "
        "leaves sources of 8 σ of the final image uncleaned",
        unit="σ",
        low=1,
        high=100,
    )
    auto_threshold_sigma: float = setting(
        3.0, "Then inside the mask down to this", unit="σ", low=0.1, high=100
    )
    mgain: float = setting(0.8, "Depth of a major iteration", low=0.1, high=1)
    max_iterations: int = setting(200_000, "Most components cleaned", low=1)
    multiscale: bool = setting(False, "Clean with extended components too")
    local_rms: bool = setting(False, "Thresholds from the local noise; stops early in a crowded field")
    beam_cutoff: float = setting(
        0.1, "Blank the corrected image where the beam is lower", low=0.001, high=0.99
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.auto_threshold_sigma > self.auto_mask_sigma:
            raise ConfigurationError(
                f"[imaging] auto_threshold_sigma = {self.auto_threshold_sigma:g}: expected at most "
                f"auto_mask_sigma, {self.auto_mask_sigma:g}"
            )
        if self.max_uv_lambda and self.max_uv_lambda <= self.min_uv_lambda:
            raise ConfigurationError(
                f"[imaging] max_uv_lambda = {self.max_uv_lambda:g}: expected more than min_uv_lambda, "
                f"{self.min_uv_lambda:g}, or 0"
            )
        if self.size_pixels and (self.size_pixels < MIN_SIZE_PIXELS or self.size_pixels % 2):
            raise ConfigurationError(
                f"[imaging] size_pixels = {self.size_pixels}: expected 0, or an even number "
                f"from {MIN_SIZE_PIXELS}"
            )


class Geometry(NamedTuple):
    """Pixels of an image.

    Attributes
    ----------
    pixel_arcsec : float
        Width of a pixel.
    size_pixels : int
        Width and height, even, with no prime factor above 5.
    """

    pixel_arcsec: float
    size_pixels: int


def image_geometry(
    options: Imaging,
    max_baseline_m: float,
    lowest_freq_hz: float,
    highest_freq_hz: float,
    station_diameter_m: float = HBA_CORE_DIAMETER_M,
) -> Geometry:
    """Choose pixels that sample the longest baseline and a field that covers the station beam.

    The narrowest fringe spacing is 1/u rad with u the longest imaged baseline in wavelengths at the highest
    frequency (Thompson, Moran & Swenson 2017, eq. 2.2); Nyquist asks for 2 pixels in it. The field is a
    multiple of the FWHM 1.02 λ/D at the lowest frequency (van Haarlem et al. 2013, A&A 556, A2, §B).

    Parameters
    ----------
    options : Imaging
        What the user fixed, and the factors for the rest.
    max_baseline_m : float
        Longest baseline.
    lowest_freq_hz, highest_freq_hz : float
        Limits of the band.
    station_diameter_m : float
        Diameter of the smallest stations.

    Raises
    ------
    ConfigurationError
        The image would have more than 32768² pixels.
    """
    longest_lambda = max_baseline_m * highest_freq_hz / SPEED_OF_LIGHT_M_S
    used_lambda = min(longest_lambda, options.max_uv_lambda or longest_lambda)
    fringe_arcsec = math.degrees(1.0 / used_lambda) * 3600.0
    pixel = options.pixel_arcsec or _two_digits(fringe_arcsec / options.pixels_per_fringe)
    if options.size_pixels:
        return Geometry(pixel, options.size_pixels)
    fwhm_rad = BEAM_WIDTH_FACTOR * SPEED_OF_LIGHT_M_S / lowest_freq_hz / station_diameter_m
    width_arcsec = math.degrees(options.field_of_view_fwhm * fwhm_rad) * 3600.0
    size = fft_size(max(MIN_SIZE_PIXELS, width_arcsec / pixel))
    if size > MAX_SIZE_PIXELS:
        raise ConfigurationError(
            f'[imaging]: an image of {width_arcsec / 3600:.1f}° with pixels of {pixel:g}" would be {size} '
            f"pixels wide, more than {MAX_SIZE_PIXELS}; set max_uv_lambda, field_of_view_fwhm or size_pixels"
        )
    return Geometry(pixel, size)


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


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def image_command(
    options: Imaging,
    geometry: Geometry,
    measurementsets: Sequence[str],
    name: str,
    temporary_directory: str,
    n_channels: int = 0,
) -> tuple[str, ...]:
    """Argument list that images and cleans Stokes I.

    Parameters
    ----------
    options : Imaging
        What to do.
    geometry : Geometry
        See :func:`image_geometry`.
    measurementsets : sequence of str
        All subbands of the image.
    name : str
        Prefix of the products: ``<name>-MFS-image.fits``, or ``<name>-image.fits`` for one part; see
        :func:`product_path`.
    temporary_directory : str
        Of this run alone: two runs in one directory overwrite each other's files.
    n_channels : int, optional
        Channels in all measurementsets together: the band is not cut into more parts than that.
    """
    parts = band_parts(options, n_channels)
    command = [
        *_common(options, geometry, name, temporary_directory),
        *("-pol", "I", "-niter", str(options.max_iterations), "-mgain", _number(options.mgain)),
        *("-auto-mask", _number(options.auto_mask_sigma)),
        *("-auto-threshold", _number(options.auto_threshold_sigma)),
    ]
    if parts > 1:
        command += ["-channels-out", str(parts), "-join-channels"]
        if options.fit_spectral_terms:
            command += ["-fit-spectral-pol", str(min(options.fit_spectral_terms, parts))]
    if options.multiscale:
        command.append("-multiscale")
    if options.local_rms:
        command.append("-local-rms")
    return (*command, *measurementsets)


def stokes_v_command(
    options: Imaging,
    geometry: Geometry,
    measurementsets: Sequence[str],
    name: str,
    temporary_directory: str,
) -> tuple[str, ...]:
    """Argument list that makes the Stokes V image, uncleaned: the sky is empty in V, noise is left."""
    return (
        *_common(options, geometry, name, temporary_directory),
        # Without a PSF there is no beam in the header, and no Jy/beam without a beam.
        *("-pol", "V", "-niter", "0", "-make-psf"),
        *measurementsets,
    )


def band_parts(options: Imaging, n_channels: int = 0) -> int:
    """Into how many parts the band is cut; `n_channels` is 0 when not known."""
    return min(options.channels_out, n_channels) if n_channels else options.channels_out


def product_path(name: str, kind: str, parts: int) -> str:
    """File that WSClean writes over the whole band; `kind` is such as ``image`` or ``residual``."""
    return f"{name}-MFS-{kind}.fits" if parts > 1 else f"{name}-{kind}.fits"


def _common(options: Imaging, geometry: Geometry, name: str, temporary_directory: str) -> list[str]:
    command = [options.executable, "-no-update-model-required", "-use-wgridder"]
    if options.threads:
        command += ["-j", str(options.threads)]
    command += ["-mem", _number(options.memory_percent), "-temp-dir", temporary_directory]
    command += ["-name", name, "-data-column", options.data_column]
    command += ["-size", str(geometry.size_pixels), str(geometry.size_pixels)]
    command += ["-scale", f"{geometry.pixel_arcsec:g}asec"]
    command += ["-weight", "briggs", _number(options.robust)]
    if options.min_uv_lambda:
        command += ["-minuv-l", _number(options.min_uv_lambda)]
    if options.max_uv_lambda:
        command += ["-maxuv-l", _number(options.max_uv_lambda)]
    return command


def _number(value: float) -> str:
    return f"{value:.10g}"
