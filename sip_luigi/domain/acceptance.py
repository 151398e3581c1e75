"""Whether an image is good enough for the shared sky model to learn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

FIGURES = ("rms_jy_beam", "thermal_rms_jy_beam", "dynamic_range", "flux_ratio_median", "n_sources")
"""Figures of ``quality.json`` that decide."""


@dataclass(frozen=True)
class Limits:
    """How much worse than the last accepted image of its field an image may be.

    Attributes
    ----------
    max_noise_growth : float
        Of the noise in units of the thermal noise: a shorter observation is not worse for being noisier.
    min_dynamic_range_ratio : float
        Of the dynamic range, after the same correction for the thermal noise.
    max_flux_ratio_change : float
        Of the distance of the median flux ratio to the reference catalogue from 1.
    """

    max_noise_growth: float
    min_dynamic_range_ratio: float
    max_flux_ratio_change: float


class Verdict(NamedTuple):
    """Whether an image is accepted, and why."""

    accepted: bool
    reason: str


def judge(
    now: Mapping[str, float | None], before: Mapping[str, float | None] | None, limits: Limits
) -> Verdict:
    """Compare the quality of an image with that of the last accepted one of its field.

    Parameters
    ----------
    now, before : mapping
        :data:`FIGURES`, None for those that were not measured; ``before`` is None when the field is new.
    limits : Limits
        What is still accepted.
    """
    if not now.get("n_sources"):
        return Verdict(False, "no source was found")
    if before is None:
        return Verdict(True, "the first image of its field")
    problems = [*_noise(now, before, limits), *_flux_scale(now, before, limits)]
    if problems:
        return Verdict(False, "; ".join(problems))
    return Verdict(True, "no worse than the last accepted image of its field")


def _noise(now: Mapping[str, float | None], before: Mapping[str, float | None], limits: Limits) -> list[str]:
    """Noise and dynamic range; without thermal noise the two images are taken for equally deep."""
    rms, last_rms = now.get("rms_jy_beam"), before.get("rms_jy_beam")
    if not rms or not last_rms:
        return []
    thermal, last_thermal = now.get("thermal_rms_jy_beam"), before.get("thermal_rms_jy_beam")
    deeper = thermal / last_thermal if thermal and last_thermal else 1.0
    problems, growth = [], rms / last_rms / deeper
    if growth > limits.max_noise_growth:
        problems.append(
            f"noise {rms * 1e3:.3g} mJy/beam, {growth:.2f} times what {last_rms * 1e3:.3g} mJy/beam of the last "
            f"image lets expect, at most {limits.max_noise_growth:g}"
        )
    dynamic_range, last = now.get("dynamic_range"), before.get("dynamic_range")
    if dynamic_range and last and dynamic_range * deeper < limits.min_dynamic_range_ratio * last:
        problems.append(
            f"dynamic range {dynamic_range:.0f} after {last:.0f}, at least {limits.min_dynamic_range_ratio:g} of it"
        )
    return problems


def _flux_scale(
    now: Mapping[str, float | None], before: Mapping[str, float | None], limits: Limits
) -> list[str]:
    ratio, last = now.get("flux_ratio_median"), before.get("flux_ratio_median")
    if ratio is None or last is None:
        return []
    change = abs(ratio - 1.0) - abs(last - 1.0)
    if change <= limits.max_flux_ratio_change:
        return []
    return [f"flux scale {ratio:.3f} of the reference, before {last:.3f}: off by {change:.3f} more"]
