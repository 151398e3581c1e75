"""The report of an observation: one self-contained page without scripts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from sip_luigi.domain.catalogue import Detection
from sip_luigi.domain.expectation import Pairs
from sip_luigi.fits import Image
from sip_luigi.report import flags, gains, progress, sky
from sip_luigi.report.comparison import comparison_picture
from sip_luigi.report.progress import StageRun
from sip_luigi.report.visibilities import visibilities_picture

logger = logging.getLogger("sip_luigi")

SHOWN_SOURCES = 50


class Picture(NamedTuple):
    """A picture: its data URL, and what it shows in words; without the first where it could not be drawn."""

    source: str
    words: str


@dataclass(frozen=True)
class Notes:
    """Where things are, and how it was made.

    Attributes
    ----------
    index : str
        Address of the index of all observations, from the page.
    logs, parsets : str
        Folders.
    software : mapping
        Versions by name.
    settings : sequence of mapping
        ``section, key, value``, and whether it is ``changed`` from its default.
    """

    index: str = ""
    logs: str = ""
    parsets: str = ""
    software: Mapping[str, str] = field(default_factory=dict)
    settings: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Page:
    """What a report shows.

    Attributes
    ----------
    figures : mapping
        The content of ``quality.json``.
    observed : mapping
        ``start`` (ISO 8601), ``duration_s, n_stations, antenna_set, pointing`` (text); empty where nothing is known.
    image : Image or None
        The band image, None when there is none.
    panels : mapping
        Other images of the field by title.
    detections : sequence of Detection
        The catalogue.
    pairs : mapping
        Sources that are also elsewhere, by what they are compared with.
    subbands : sequence of mapping
        One row a subband: name, storage, node, flagged, loss.
    runs : sequence of StageRun
        What was done for it.
    flags, visibilities, gains : mapping
        By subband, as :mod:`sip_luigi.domain.summaries` and :mod:`sip_luigi.node.gains` have it; of the last two some.
    stations : mapping
        By subband what is known of them: ``flagged, amplitude, phase_scatter_rad``, each by station.
    skymodels : sequence of mapping
        What became of the sky model in each cycle.
    notes : Notes
        Where logs and parsets are, versions and settings.
    """

    figures: Mapping[str, Any]
    observed: Mapping[str, Any] = field(default_factory=dict)
    image: Image | None = None
    panels: Mapping[str, Image] = field(default_factory=dict)
    detections: Sequence[Detection] = ()
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    subbands: Sequence[Mapping[str, Any]] = ()
    runs: Sequence[StageRun] = ()
    flags: flags.Flags = field(default_factory=dict)
    visibilities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gains: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    stations: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    skymodels: Sequence[Mapping[str, Any]] = ()
    notes: Notes = field(default_factory=Notes)

    @property
    def brightest(self) -> list[Detection]:
        """The catalogue, the brightest first."""
        return sorted(self.detections, key=lambda detection: -detection.flux_jy)


def render(page: Page) -> str:
    """The page as HTML; everything that comes from data is escaped."""
    of_subbands = [run for run in page.runs if run.subband and run.obs_id == page.figures["obs_id"]]
    return (
        environment()
        .get_template("report.html")
        .render(
            page=page,
            figures=page.figures,
            pictures=pictures(page),
            brightest=page.brightest[:SHOWN_SOURCES],
            n_all=len(page.detections),
            stages=list(dict.fromkeys(run.stage for run in of_subbands)),
            runs={(run.subband, run.stage): run for run in of_subbands},
            others=[run for run in page.runs if not run.subband],
        )
    )


def environment() -> Environment:
    """Templates of the pages."""
    made = Environment(
        loader=PackageLoader("sip_luigi.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = number
    made.filters["duration"] = duration
    return made


def number(value: float | None, digits: int = 3, factor: float = 1.0) -> str:
    """A figure for reading: significant digits, a dash for what was not measured."""
    if value is None:
        return "–"
    text = f"{value * factor:.{digits}g}"
    # 1.2e+02 is what three digits of a large number look like.
    return f"{value * factor:.0f}" if "e+" in text else text


def duration(seconds: float | None) -> str:
    """A length of time for reading."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def pictures(page: Page) -> dict[str, Picture | None]:
    """All pictures by name, None where there are no data for one."""
    return {
        "overview": _field(page, sky.OVERVIEW_PIXELS),
        "field": _field(page),
        "panels": _panels(page),
        "cut_outs": _cut_outs(page),
        "comparison": _comparison(page),
        "cycles": _cycles(page),
        "visibilities": _visibilities(page),
        "flags": _flags(page),
        "gains": _gains(page),
        "band": _band(page),
        "timeline": _timeline(page),
    }


def drawn(words: str, draw: Callable[..., str], *arguments: Any) -> Picture:
    """Draw a picture that shows what these words say; one that fails has no source, and the log says why."""
    try:
        return Picture(draw(*arguments), words)
    except Exception:
        # A picture that cannot be drawn of odd data must not cost the report.
        logger.exception("a picture of the report cannot be drawn: %s", words)
        return Picture("", words)


def _field(page: Page, pixels: int = 0) -> Picture | None:
    if page.image is None:
        return None
    image = sky.peaks(page.image, pixels) if pixels else page.image
    noise, frequency = number(page.figures["rms_jy_beam"], 3, 1e3), page.image.frequency_hz / 1e6
    marked = f"{len(page.detections)} sources marked"
    words = f"Image of the field at {frequency:.1f} MHz with {marked}; noise {noise} mJy/beam"
    return drawn(words, sky.field_picture, image, page.brightest)


def _panels(page: Page) -> Picture | None:
    words = f"The same field: {', '.join(page.panels)}"
    return drawn(words, sky.panels_picture, page.panels) if page.panels else None


def _cut_outs(page: Page) -> Picture | None:
    if page.image is None or not page.detections:
        return None
    names = ", ".join(source.name for source in page.brightest[: sky.CUT_OUTS])
    return drawn(f"The brightest sources close up: {names}", sky.cut_outs_picture, page.image, page.brightest)


def _comparison(page: Page) -> Picture | None:
    if not page.pairs:
        return None
    words = f"Fluxes and positions of the sources against: {', '.join(page.pairs)}"
    return drawn(words, comparison_picture, page.pairs, page.figures["beam_major_arcsec"])


def _cycles(page: Page) -> Picture | None:
    cycles = [cycle for cycle in page.figures["cycles"] if cycle["rms_jy_beam"] is not None]
    words = "Noise, dynamic range and number of sources by cycle of self-calibration"
    return drawn(words, progress.cycles_picture, cycles) if len(cycles) > 1 else None


def _visibilities(page: Page) -> Picture | None:
    words = (
        f"Coverage of the uv plane, and amplitude against distance in it, of {', '.join(page.visibilities)}"
    )
    return drawn(words, visibilities_picture, page.visibilities) if page.visibilities else None


def _flags(page: Page) -> Picture | None:
    if not page.flags:
        return None
    entries = list(page.stations.values())
    names = dict.fromkeys(name for entry in entries for name in entry["flagged"])
    calibrated = {
        name: sum(found) / len(found)
        for name in names
        if (found := [entry["flagged"][name] for entry in entries if name in entry["flagged"]])
    }
    words = "Flagged fraction of the data by station, by baseline, by time and subband, and by channel"
    return drawn(words, flags.flags_picture, page.flags, calibrated)


def _gains(page: Page) -> Picture | None:
    for subband, tables in page.gains.items():
        if gains.has_gains(tables):
            words = f"Gain amplitudes and phases of {subband} by station and time"
            return drawn(words, gains.gains_picture, tables, subband)
    return None


def _band(page: Page) -> Picture | None:
    amplitude, scatter = (
        {subband: entry[name] for subband, entry in page.stations.items() if entry[name]}
        for name in ("amplitude", "phase_scatter_rad")
    )
    words = "Median gain amplitude and scatter of the phases by station and subband"
    return drawn(words, gains.band_picture, amplitude, scatter) if amplitude or scatter else None


def _timeline(page: Page) -> Picture | None:
    words = "Time line: which stage ran on which node when; the table of the subbands has the times"
    done = [run for run in page.runs if run.ended_s]
    return drawn(words, progress.timeline_picture, done) if done else None
