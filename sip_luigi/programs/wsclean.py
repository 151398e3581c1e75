"""WSClean 3.1: options to argument lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sip_luigi.domain.errors import ConfigurationError
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
        3.5,
        "Pixels in the narrowest fringe spacing, where pixel_arcsec is 0; 2.5 in the minor axis of the beam",
        low=2,
        high=20,
    )
    size_pixels: int = setting(0, "Width of the image; 0: follows from field_of_view_fwhm", low=0, high=32768)
    field_of_view_fwhm: float = setting(
        1.3, "Width of the image in widths of the station beam, where size_pixels is 0", low=0.1, high=10
    )
    channels_out: int = setting(
        0,
        "Parts of the band that are deconvolved jointly; 0: follows from the width of the band",
        low=0,
        high=1024,
    )
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
    mgain: float = setting(
        0.8,
        "Depth of a major iteration. Less, such as 0.5, takes longer and goes deeper where few baselines see bright "
        "sources: WSClean makes its mask when it is down to what it takes for noise, sidelobes at first",
        low=0.1,
        high=1,
    )
    max_iterations: int = setting(200_000, "Most components cleaned", low=1)
    multiscale: str = setting(
        "auto",
        "Clean with extended components too; 'auto': where the sky model has some that are wider than two fringes",
        choices=("auto", "yes", "no"),
    )
    local_rms: bool = setting(False, "Thresholds from the local noise; stops early in a crowded field")
    cube: str = setting(
        "auto",
        "Deliver a cube of the parts of the band, from which spectral indices follow; 'auto': where the band is wide "
        "enough for these",
        choices=("auto", "yes", "no"),
    )
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


class Plan(NamedTuple):
    """What an image is like, see :func:`sip_luigi.programs.image_plan.plan_image`.

    Attributes
    ----------
    pixel_arcsec : float
        Width of a pixel.
    size_pixels : int
        Width and height, even.
    max_uv_lambda : float
        Longest baseline that is imaged.
    parts : int
        Parts of the band that are deconvolved jointly.
    multiscale : bool
        Whether extended components are cleaned too.
    """

    pixel_arcsec: float
    size_pixels: int
    max_uv_lambda: float
    parts: int = 1
    multiscale: bool = False


def image_command(
    options: Imaging,
    plan: Plan,
    measurementsets: Sequence[str],
    name: str,
    temporary_directory: str,
) -> tuple[str, ...]:
    """Argument list that images and cleans Stokes I.

    Parameters
    ----------
    options : Imaging
        What to do.
    plan : Plan
        What the image is like.
    measurementsets : sequence of str
        All subbands of the image.
    name : str
        Prefix of the products: ``<name>-MFS-image.fits``, or ``<name>-image.fits`` for one part; see
        :func:`product_path`.
    temporary_directory : str
        Of this run alone: two runs in one directory overwrite each other's files.
    """
    command = [
        *_common(options, plan, name, temporary_directory),
        *("-pol", "I", "-niter", str(options.max_iterations), "-mgain", _number(options.mgain)),
        *("-auto-mask", _number(options.auto_mask_sigma)),
        *("-auto-threshold", _number(options.auto_threshold_sigma)),
    ]
    if plan.parts > 1:
        command += ["-channels-out", str(plan.parts), "-join-channels"]
        if options.fit_spectral_terms:
            command += ["-fit-spectral-pol", str(min(options.fit_spectral_terms, plan.parts))]
    if plan.multiscale:
        command.append("-multiscale")
    if options.local_rms:
        command.append("-local-rms")
    return (*command, *measurementsets)


def stokes_v_command(
    options: Imaging,
    plan: Plan,
    measurementsets: Sequence[str],
    name: str,
    temporary_directory: str,
) -> tuple[str, ...]:
    """Argument list that makes the Stokes V image, uncleaned: the sky is empty in V, noise is left."""
    return (
        *_common(options, plan, name, temporary_directory),
        # Without a PSF there is no beam in the header, and no Jy/beam without a beam.
        *("-pol", "V", "-niter", "0", "-make-psf"),
        *measurementsets,
    )


def product_path(name: str, kind: str, parts: int) -> str:
    """File that WSClean writes over the whole band; `kind` is such as ``image`` or ``residual``."""
    return f"{name}-MFS-{kind}.fits" if parts > 1 else f"{name}-{kind}.fits"


def part_path(name: str, kind: str, part: int) -> str:
    """File that WSClean writes of one part of the band, counted from 0."""
    return f"{name}-{part:04d}-{kind}.fits"


def _common(options: Imaging, plan: Plan, name: str, temporary_directory: str) -> list[str]:
    command = [options.executable, "-no-update-model-required", "-use-wgridder"]
    if options.threads:
        command += ["-j", str(options.threads)]
    command += ["-mem", _number(options.memory_percent), "-temp-dir", temporary_directory]
    command += ["-name", name, "-data-column", options.data_column]
    command += ["-size", str(plan.size_pixels), str(plan.size_pixels)]
    command += ["-scale", f"{plan.pixel_arcsec:g}asec"]
    command += ["-weight", "briggs", _number(options.robust)]
    if options.min_uv_lambda:
        command += ["-minuv-l", _number(options.min_uv_lambda)]
    command += ["-maxuv-l", _number(plan.max_uv_lambda)]
    return command


def _number(value: float) -> str:
    return f"{value:.10g}"
