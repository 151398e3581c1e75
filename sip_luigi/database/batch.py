"""What is brought to the sky model, and the rules by which it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.acceptance import Limits
from sip_luigi.domain.association import Criteria
from sip_luigi.domain.coverage import Coverage
from sip_luigi.domain.sky import Rows
from sip_luigi.domain.sky_summary import Judgement


@dataclass(frozen=True)
class ImageInfo:
    """An image, a survey or a model, as table ``image`` has it; see there."""

    name: str
    kind: str
    freq_hz: float
    mjd: float
    beam_arcsec: float
    flux_scale_error: float
    astrometric_error_rad: float
    obs_id: str | None = None
    calibrated_by: int | None = None
    product_key: str = ""
    bandwidth_hz: float = 0.0
    beam_minor_arcsec: float = 0.0
    beam_pa_deg: float = 0.0
    ra_rad: float = 0.0
    dec_rad: float = 0.0
    radius_rad: float = 0.0
    rms_jy: float = 0.0
    primary_beam_rad: float = 0.0
    threshold_sigma: float = 0.0
    monitors: bool = False
    quality: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """What is brought to the sky model.

    Attributes
    ----------
    action : str
        ``IMPORT`` or ``UPDATE`` of :mod:`sip_luigi.database.versions`; only the latter is judged by its quality.
    origin : str
        Fingerprint: the same one is taken in once.
    image : ImageInfo
        Where the detections come from.
    detections : Rows
        Of type :data:`sip_luigi.domain.sky.DETECTION`.
    spectra : ndarray or None
        Coefficients of the spectra, shape (n, 4), where they are known.
    observation : mapping
        Columns of table ``observation``, when there is one.
    """

    action: str
    origin: str
    image: ImageInfo
    detections: Rows
    spectra: NDArray[np.float64] | None = None
    observation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """By which the sky model learns.

    Attributes
    ----------
    criteria : Criteria
        When a detection is a known source.
    judgement : Judgement
        When a source varies.
    limits : Limits
        How much worse an image may be.
    significance_sigma : float
        From which a source counts as vanished or appeared.
    default_spectral_index : float
        Of new sources.
    """

    criteria: Criteria
    judgement: Judgement
    limits: Limits
    significance_sigma: float
    default_spectral_index: float


def coverage_of(image: Any) -> Coverage:
    """The field of an image, given as a row of its table or as what becomes one."""
    return Coverage(
        ra_rad=image.ra_rad,
        dec_rad=image.dec_rad,
        radius_rad=image.radius_rad,
        rms_jy=image.rms_jy,
        primary_beam_rad=image.primary_beam_rad,
        threshold_sigma=image.threshold_sigma,
        freq_hz=image.freq_hz,
    )
