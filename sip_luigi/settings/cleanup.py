"""The section of the retention policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, setting

CLEARABLE = (
    "copy",
    "preprocess",
    "calibrate",
    "gather",
    "solve_calibrator",
    "image_subband",
    "image_band",
    "find_sources",
)
"""Stages whose products lie on compute nodes."""


@dataclass(frozen=True)
class Cleanup(Section):
    """What ``sip clean`` removes from the compute nodes once an observation is finished with."""

    section: ClassVar[str] = "cleanup"

    after_days: str = setting(
        "copy=0 gather=0 preprocess=7 calibrate=30 solve_calibrator=30 image_subband=30",
        "Days after delivery at which products of a stage may go; stages that are not named are kept",
        unit="days",
        science=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ages_days()

    def ages_days(self) -> dict[str, float]:
        """Age at which products of each stage may go."""
        ages: dict[str, float] = {}
        for item in self.after_days.replace(",", " ").split():
            name, _, value = item.partition("=")
            try:
                ages[name] = float(value)
            except ValueError:
                ages[name] = -1.0
            if name not in CLEARABLE or not ages[name] >= 0:
                raise ConfigurationError(
                    f"[cleanup] after_days = {self.after_days}: expected stage=days, found {item!r}; stages are "
                    f"{', '.join(CLEARABLE)}"
                )
        return ages
