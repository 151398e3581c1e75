"""What the figures of an observation mean: good, moderate or poor, by a table of limits.

:data:`LIMITS` is the table; ``[quality] limits`` changes rows of it. A figure that was not measured is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sip_luigi.domain.errors import ConfigurationError

Word = Literal["good", "moderate", "poor"]
WORDS: tuple[Word, ...] = ("good", "moderate", "poor")
"""From the best to the worst."""


@dataclass(frozen=True)
class Limits:
    """When a figure is good, when it is poor, and what to do then.

    Attributes
    ----------
    figure : str
        Its name in ``quality.json``.
    poor_below, good_from, good_to, poor_above : float
        Good from the second to the third, poor outside the first and the fourth, moderate in between.
    meaning : str
        What the figure says.
    remedy : str
        What to look at when it is not good.
    """

    figure: str
    poor_below: float
    good_from: float
    good_to: float
    poor_above: float
    meaning: str
    remedy: str

    def word(self, value: float) -> Word:
        """Judge a value; one that is not a number is poor."""
        if self.good_from <= value <= self.good_to:
            return "good"
        return "moderate" if self.poor_below <= value <= self.poor_above else "poor"

    def text(self) -> str:
        """The limits for reading."""
        return (
            f"good {_range(self.good_from, self.good_to)}, poor {_outside(self.poor_below, self.poor_above)}"
        )


@dataclass(frozen=True)
class Judgement:
    """A figure with what is thought of it.

    Attributes
    ----------
    figure : str
        Name of the figure.
    meaning : str
        What the figure says.
    value : float
        Its value.
    limits : str
        By which it is judged.
    word : str
        ``good``, ``moderate`` or ``poor``.
    reason : str
        What it means and what to do, empty when it is good.
    """

    figure: str
    meaning: str
    value: float
    limits: str
    word: Word
    reason: str


def at_least(figure: str, poor_below: float, good_from: float, meaning: str, remedy: str) -> Limits:
    """Limits of a figure of which more is better."""
    return Limits(figure, poor_below, good_from, math.inf, math.inf, meaning, remedy)


def at_most(figure: str, good_to: float, poor_above: float, meaning: str, remedy: str) -> Limits:
    """Limits of a figure of which less is better."""
    return Limits(figure, -math.inf, -math.inf, good_to, poor_above, meaning, remedy)


LIMITS: tuple[Limits, ...] = (
    at_least(
        "subbands_used_fraction", 0.7, 1.0,
        "subbands that are in the image",
        "see the lost subbands; try them again with sip retry",
    ),
    at_most(
        "flagged_fraction", 0.3, 0.6,
        "data flagged",
        "look at the flag statistics and at [dppp] strategy",
    ),
    at_most(
        "bad_stations_fraction", 0.2, 0.5,
        "stations flagged in most subbands",
        "see the stations flagged and why",
    ),
    at_least(
        "n_sources", 1, 1,
        "sources found",
        "look at the image: is it blank, or the field empty?",
    ),
    Limits(
        "noise_over_stokes_v", 0.8, 0.93, 1.25, 2.5,
        "noise of the residual over that of Stokes V",
        "more: calibration errors or sources left uncleaned, look at the solutions and the residual; less: the noise "
        "was cleaned away, raise [imaging] auto_threshold_sigma",
    ),
    Limits(
        "noise_over_thermal", 0.2, 0.4, 4.0, 12.0,
        "noise of the residual over what LOFAR can reach",
        "more: interference, calibration errors or a bright source; less: something took power from the data",
    ),
    at_most(
        "artefact_ratio", 3.0, 10.0,
        "noise around the brightest source over that of the image",
        "its gains are not right: look at the solutions, take shorter intervals or another cycle",
    ),
    at_least(
        "pixels_per_beam", 2.0, 2.4,
        "pixels in the minor axis of the restoring beam",
        "peaks are lost between coarse pixels: leave [imaging] pixel_arcsec at 0, or lower max_uv_lambda",
    ),
    at_most(
        "stokes_v_fraction", 0.02, 0.1,
        "Stokes V of the brightest source over its Stokes I",
        "leakage: are the polarisations in order, and was the beam known?",
    ),
    Limits(
        "model_flux_ratio_median", 0.7, 0.9, 1.1, 1.4,
        "flux measured over that of the calibration model",
        "did the solver converge, and was the beam applied? is the flux scale of the model right?",
    ),
    Limits(
        "model_flux_recovered", 0.6, 0.85, 1.15, 1.6,
        "flux found in all over that of the bright sources of the calibration model",
        "a bright source is missing or far too weak: was it clipped, or is the model wrong?",
    ),
    at_least(
        "model_found_fraction", 0.5, 0.9,
        "bright sources of the calibration model that were found",
        "is the model of this field, and in the right place? was something clipped?",
    ),
    at_most(
        "model_offset_beams", 0.15, 0.4,
        "offset from the calibration model in beams",
        "the phases are not right, or the model is not in the right place",
    ),
    Limits(
        "flux_ratio_median", 0.7, 0.9, 1.1, 1.4,
        "flux measured over that of the reference catalogue",
        "is the flux scale of the calibration model right, and the catalogue of this frequency?",
    ),
    at_most(
        "flux_ratio_scatter", 0.2, 0.6,
        "scatter of the flux over that of the reference catalogue",
        "the primary beam or the calibration is not right over the field",
    ),
    at_most(
        "astrometric_offset_beams", 0.15, 0.4,
        "offset from the reference catalogue in beams",
        "the calibration model is not in the right place",
    ),
    at_least(
        "reference_found_fraction", 0.5, 0.85,
        "bright sources of the reference catalogue that were found",
        "is the image where it should be? is the calibration model in the right place?",
    ),
    at_most(
        "solutions_bad_fraction", 0.1, 0.4,
        "solutions that are flagged or not finite",
        "look at the solutions of the stations, and at the sky model",
    ),
    at_least(
        "solutions_converged_fraction", 0.1, 0.3,
        "solutions that converged",
        "raise [calibration] max_iterations; is the sky model that of the field?",
    ),
    at_most(
        "phase_scatter_rad", 1.0, 1.8,
        "scatter of the phases from one solution to the next, median station",
        "they look random (uniform ones scatter by 2.3): longer intervals, or another sky model",
    ),
)  # fmt: skip
"""Judged figures. Where they come from, and why the limits are where they are, is in docs/quality.md."""


def judge(figures: Mapping[str, Any], limits: Sequence[Limits] = LIMITS) -> list[Judgement]:
    """Judge every figure that was measured, in the order of the table."""
    found = []
    for row in limits:
        value = figures.get(row.figure)
        if value is not None:
            word = row.word(value)
            reason = "" if word == "good" else f"{row.meaning}: {value:.3g}, {row.text()}; {row.remedy}"
            found.append(Judgement(row.figure, row.meaning, value, row.text(), word, reason))
    return found


def verdict(judgements: Sequence[Judgement]) -> tuple[Word, list[str]]:
    """The worst word, and the reasons from the worst on."""
    ordered = sorted(judgements, key=lambda judgement: -WORDS.index(judgement.word))
    return (ordered[0].word if ordered else "good"), [j.reason for j in ordered if j.reason]


def changed_limits(text: str, limits: Sequence[Limits] = LIMITS) -> tuple[Limits, ...]:
    """The table with rows changed by a setting.

    Parameters
    ----------
    text : str
        ``figure=poor_below:good_from:good_to:poor_above``, separated by blanks or commas; a number left out is no
        limit, as in ``flagged_fraction=::0.4:0.8``.
    limits : sequence of Limits
        The table.

    Raises
    ------
    ConfigurationError
        An unknown figure, or not four numbers in ascending order.
    """
    rows = {row.figure: row for row in limits}
    for item in text.replace(",", " ").split():
        figure, _, values = item.partition("=")
        if figure not in rows:
            raise ConfigurationError(
                f"[quality] limits: unknown figure {figure!r}; known are {', '.join(rows)}"
            )
        rows[figure] = _changed(rows[figure], item, values.split(":"))
    return tuple(rows.values())


def _changed(row: Limits, item: str, values: Sequence[str]) -> Limits:
    expected = "poor_below:good_from:good_to:poor_above in ascending order"
    try:
        low, start, end, high = (
            float(value) if value else default
            for value, default in zip(values, (-math.inf, -math.inf, math.inf, math.inf), strict=True)
        )
    except ValueError:
        raise ConfigurationError(f"[quality] limits: {item}: expected {expected}") from None
    if not low <= start <= end <= high:
        raise ConfigurationError(f"[quality] limits: {item}: expected {expected}")
    return replace(row, poor_below=low, good_from=start, good_to=end, poor_above=high)


def _range(low: float, high: float) -> str:
    if math.isinf(low):
        return f"up to {high:g}"
    return f"from {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"


def _outside(low: float, high: float) -> str:
    ends = ([] if math.isinf(low) else [f"below {low:g}"]) + ([] if math.isinf(high) else [f"above {high:g}"])
    return " and ".join(ends)
