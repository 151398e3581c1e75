"""The page of all observations."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from sip_luigi.domain.judgement import WORDS
from sip_luigi.report.figure import dated, gridded, new_figure, png, tidy
from sip_luigi.report.page import environment

SUMMARY, INDEX = "summary.json", "index.html"
"""What an observation has to say for the index, among its results; the index itself."""
WORD_COLOURS = dict(zip(WORDS, ("#1a7f37", "#9a6700", "#b3261e"), strict=True))
MARKERS = dict(zip(WORDS, "o^s", strict=True))


@dataclass(frozen=True)
class Entry:
    """One observation in the index.

    Attributes
    ----------
    obs_id, outcome, verdict : str
        As in ``quality.json``.
    made, observed : str
        ISO 8601, when it was processed and when it was observed (empty: not known).
    reasons : tuple of str
        Of the verdict.
    subbands_used, subbands_expected, n_sources : int
        How many.
    rms_jy_beam, thermal_rms_jy_beam, flagged_fraction, found_fraction, frequency_hz : float or None
        As in ``quality.json``; the fourth of the reference catalogue, or else of the calibration model.
    thumbnail : str
        A small picture as data URL, empty without an image.
    """

    obs_id: str
    outcome: str
    verdict: str
    made: str
    observed: str = ""
    reasons: tuple[str, ...] = ()
    subbands_used: int = 0
    subbands_expected: int = 0
    n_sources: int = 0
    rms_jy_beam: float | None = None
    thermal_rms_jy_beam: float | None = None
    flagged_fraction: float | None = None
    found_fraction: float | None = None
    frequency_hz: float | None = None
    thumbnail: str = field(default="", repr=False)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Entry:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        TypeError, KeyError, AttributeError
            It is something else.
        """
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        return cls(**{**known, "reasons": tuple(known.get("reasons", ()))})

    @property
    def time(self) -> str:
        """When it was observed, or else when it was processed."""
        return self.observed or self.made

    @property
    def completeness(self) -> float:
        """Part of the subbands that is in the image."""
        return self.subbands_used / self.subbands_expected if self.subbands_expected else 0.0


def entry_of(figures: Mapping[str, Any], observed: str, thumbnail: str) -> Entry:
    """The entry of an observation from its ``quality.json``."""
    found = figures["reference_found_fraction"]
    known = {name: figures[name] for name in Entry.__dataclass_fields__ if name in figures}
    return Entry.from_json(
        {
            **known,
            "observed": observed,
            "thumbnail": thumbnail,
            "found_fraction": figures["model_found_fraction"] if found is None else found,
        }
    )


def render_index(entries: Mapping[str, Entry]) -> str:
    """The page.

    Parameters
    ----------
    entries : mapping
        The observations by the address of their results, relative to the page and with a slash at the end.
    """
    ordered = sorted(entries.items(), key=lambda item: item[1].time, reverse=True)
    return (
        environment()
        .get_template("index.html")
        .render(
            entries=ordered,
            words=WORDS,
            outcomes=sorted({entry.outcome for entry in entries.values()}),
            trend=trend_picture(tuple(sorted(entries.values(), key=lambda entry: entry.time))),
            script=script(),
        )
    )


def script() -> str:
    """The script of the page, which filters and sorts."""
    return files("sip_luigi.report").joinpath("templates/index.js").read_text(encoding="utf-8")


def script_policy() -> str:
    """The source of scripts for a content security policy: this script and no other."""
    # As it stands between the tags.
    digest = hashlib.sha256(f"\n{script()}".encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@lru_cache(maxsize=4)
def trend_picture(entries: tuple[Entry, ...]) -> str:
    """Noise, and completeness, over time; empty where nothing was imaged."""
    shown = [entry for entry in entries if entry.rms_jy_beam is not None and entry.verdict in WORDS]
    if not shown:
        return ""
    figure = new_figure(11.0, 4.2)
    noise, completeness = figure.subplots(2, 1, sharex=True)
    for word in WORDS:
        chosen = [entry for entry in shown if entry.verdict == word]
        style: dict[str, Any] = {
            "color": WORD_COLOURS[word],
            "marker": MARKERS[word],
            "linestyle": "",
            "markersize": 5,
        }
        noise.plot(
            _times(chosen), [1e3 * (entry.rms_jy_beam or 0.0) for entry in chosen], label=word, **style
        )
        completeness.plot(_times(chosen), [100 * entry.completeness for entry in chosen], **style)
    found = [
        (time, 100 * e.found_fraction)
        for e, time in zip(shown, _times(shown), strict=True)
        if e.found_fraction is not None
    ]
    if found:
        completeness.plot(
            *zip(*found, strict=True), "x", color="#5d6470", markersize=5, label="expected sources found"
        )
    noise.set_yscale("log")
    noise.legend(fontsize=8, frameon=False, ncols=3)
    completeness.set_ylim(-5, 105)
    dated(completeness.xaxis)
    for axes, label in ((noise, "noise (mJy/beam)"), (completeness, "subbands used (%)")):
        gridded(axes)
        tidy(axes, "", "", label)
    if found:
        completeness.legend(fontsize=8, frameon=False, loc="lower left")
    return png(figure, dpi=110)


def _times(entries: Sequence[Entry]) -> list[datetime]:
    return [datetime.fromisoformat(entry.time).replace(tzinfo=UTC) for entry in entries]
