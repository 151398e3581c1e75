"""The report: one self-contained page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sip_luigi.domain.catalogue import Detection
from sip_luigi.fits import Image
from sip_luigi.report.picture import field_picture

SHOWN_SOURCES = 50


@dataclass(frozen=True)
class Page:
    """What a report shows.

    Attributes
    ----------
    figures : mapping
        The content of ``quality.json``.
    image : Image or None
        The band image, None when there is none.
    detections : sequence of Detection
        The catalogue.
    subbands : sequence of mapping
        One row a subband: name, storage, node, flagged, elapsed_s, loss.
    notes : mapping
        Where logs and parsets lie, what became of the sky model.
    """

    figures: Mapping[str, Any]
    image: Image | None
    detections: Sequence[Detection]
    subbands: Sequence[Mapping[str, Any]]
    notes: Mapping[str, Any]


def render(page: Page) -> str:
    """The page as HTML; everything that comes from data is escaped."""
    environment = Environment(
        loader=PackageLoader("sip_luigi.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["number"] = number
    brightest = sorted(page.detections, key=lambda detection: -detection.flux_jy)[:SHOWN_SOURCES]
    return environment.get_template("report.html").render(
        page=page,
        figures=page.figures,
        picture=_picture(page),
        brightest=brightest,
        n_all=len(page.detections),
    )


def number(value: float | None, digits: int = 3, factor: float = 1.0) -> str:
    """A figure for reading: significant digits, a dash for what was not measured."""
    return "–" if value is None else f"{value * factor:.{digits}g}"


def _picture(page: Page) -> str:
    if page.image is None:
        return ""
    title = f"{page.figures['obs_id']}, {page.image.frequency_hz / 1e6:.1f} MHz"
    return base64.b64encode(field_picture(page.image, page.detections, title)).decode()
