"""The section of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sip_luigi.domain.setting import Section, setting

MODEL_SETTINGS = ("model_radius_deg", "model_flux_limit_jy", "bright_reach_deg")
"""Settings that decide the sky model that is taken from the database."""


@dataclass(frozen=True)
class DatabaseSettings(Section):
    """The sky-model and provenance database that all observations share."""

    section: ClassVar[str] = "database"

    url: str = setting(
        "",
        "SQLAlchemy URL, such as postgresql+psycopg://head/sip; empty: SQLite in <runtime_directory>/sip.sqlite; "
        "'none': no database",
        science=False,
    )
    wait_s: float = setting(
        60.0, "Longest wait for others who write", unit="s", low=0.1, high=3600, science=False
    )
    update_sky: bool = setting(True, "Let the sky model learn from finished observations", science=False)
    record_runs: bool = setting(True, "Keep what was run where, with what and for how long", science=False)
    model_radius_deg: float = setting(
        5.0, "Radius of the sky model that is taken from the database", unit="deg", low=0.1, high=30
    )
    model_flux_limit_jy: float = setting(0.1, "Fainter sources are left out of it", unit="Jy", low=0)
    bright_reach_deg: float = setting(
        5.0, "A-team sources so far outside of that radius are in it too", unit="deg", low=0, high=90
    )
    association_radius_beams: float = setting(
        0.5,
        "Largest distance of a detection from a known source, in beams of the less sharp of the two",
        unit="beams",
        low=0.05,
        high=5,
    )
    max_de_ruiter_radius: float = setting(
        5.68, "Largest distance in units of its error; 5.68 misses one true pair in 10⁷", low=0.5, high=100
    )
    position_error_beams: float = setting(
        0.1, "Systematic error of positions in an image", unit="beams", low=0, high=2
    )
    flux_scale_error: float = setting(0.05, "Systematic error of fluxes in an image, relative", low=0, high=1)
    variability_probability: float = setting(
        1e-4,
        "A source is variable when a constant flux would look as varied as rarely as this (χ² of its light curve)",
        low=0,
        high=1,
    )
    vanished_sigma: float = setting(
        3.0,
        "Significance from which a source that is missing has vanished, and one that is new has appeared",
        unit="sigma",
        low=0,
        high=100,
    )
    max_noise_growth: float = setting(
        1.3,
        "An image whose noise, over the thermal noise, is larger by more than this than that of the last accepted "
        "image of the field does not change the sky model",
        low=1,
        high=100,
    )
    min_dynamic_range_ratio: float = setting(
        0.7, "The same for the dynamic range, which may not fall below this part", low=0, high=1
    )
    max_flux_ratio_change: float = setting(
        0.1, "The same for the distance of the flux ratio to the reference catalogue from 1", low=0, high=10
    )
    max_catalogue_age_days: float = setting(
        0.0,
        "sip cluster check warns of catalogues that were imported longer ago; 0: never",
        unit="days",
        low=0,
        science=False,
    )

    def model_science(self) -> dict[str, Any]:
        """What decides the sky model that is taken from the database."""
        return {name: getattr(self, name) for name in MODEL_SETTINGS}

    def update_science(self) -> dict[str, Any]:
        """What decides how the sky model learns."""
        return {name: value for name, value in self.science().items() if name not in MODEL_SETTINGS}
