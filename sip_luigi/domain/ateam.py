"""What is done about the A-team in an observation: clip, demix or nothing, source by source, and why.

A clip flags visibilities in which the model, through the station beam, is bright; it costs data and needs the
beam. Demixing solves for the gains towards a source and subtracts it; it costs time, keeps the data, and is what helps
where a source is so near that the clip would take all. Both as in the observatory's own pipelines (van Haarlem et
al. 2013, A&A 556, A2, §7; van der Tol et al. 2007, IEEE TSP 55, 4497).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sip_luigi.domain.angles import separation
from sip_luigi.domain.geometry import elevation_rad
from sip_luigi.domain.skymodel import Patch

Action = Literal["clip", "demix", "nothing"]
ELEVATION_STEP_S = 300.0
"""Times at which elevations are looked at: a source moves by 1.25° at most in between."""


@dataclass(frozen=True)
class Pointing:
    """What the decision follows from.

    Attributes
    ----------
    ra_rad, dec_rad : float
        Phase centre.
    start_mjd_s, end_mjd_s : float
        Of the observation, MJD seconds.
    has_beam : bool
        Whether the data describe their stations, so that the station beam is known.
    field_radius_rad : float
        What is nearer to the phase centre is part of the target.
    """

    ra_rad: float
    dec_rad: float
    start_mjd_s: float
    end_mjd_s: float
    has_beam: bool
    field_radius_rad: float


@dataclass(frozen=True)
class SourceDecision:
    """What is done about one source.

    Attributes
    ----------
    name : str
        The source.
    action : {"clip", "demix", "nothing"}
        What is done.
    reason : str
        Why.
    separation_deg, max_elevation_deg : float
        From the phase centre, and above the horizon of the core while the observation lasted.
    """

    name: str
    action: Action
    reason: str
    separation_deg: float
    max_elevation_deg: float


@dataclass(frozen=True)
class AteamDecision:
    """What is done about all of them, in the order in which they were given."""

    sources: tuple[SourceDecision, ...] = ()

    def named(self, action: Action) -> tuple[str, ...]:
        """Names of the sources with which something is done."""
        return tuple(source.name for source in self.sources if source.action == action)

    @property
    def without_beam(self) -> tuple[str, ...]:
        """Sources that would have been clipped if the beam were known."""
        return tuple(source.name for source in self.sources if source.reason.startswith(NO_BEAM))

    def instead(self, reason: str, *, has_beam: bool) -> AteamDecision:
        """The same without demixing: what would have been demixed is clipped, or left where the beam is not known."""
        action: Action = "clip" if has_beam else "nothing"
        return AteamDecision(
            tuple(
                replace(source, action=action, reason=f"{source.reason}; {reason}")
                if source.action == "demix"
                else source
                for source in self.sources
            )
        )

    @property
    def text(self) -> str:
        """One line for a person."""
        return "; ".join(f"{s.name}: {s.action}, {s.reason}" for s in self.sources) or "not looked at"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "clip": list(self.named("clip")),
            "demix": list(self.named("demix")),
            "text": self.text,
            "sources": [asdict(source) for source in self.sources],
        }


NO_BEAM = "no beam tables"
DIVERGED = "demixing made the data stronger"
"""How the refusal of data begins in which the solutions of demixing diverged."""


def decide_ateam(
    pointing: Pointing, sources: Sequence[Patch], mode: str = "auto", demix_within_deg: float = 30.0
) -> AteamDecision:
    """Decide what is done about the A-team.

    Parameters
    ----------
    pointing : Pointing
        The observation.
    sources : sequence of Patch
        Names and positions of the sources to think about.
    mode : {"auto", "clip", "demix", "none"}
        ``auto`` demixes what is near and clips the rest, ``demix`` demixes what is near and leaves the rest, ``clip``
        clips everything. What is far must not be demixed: seldom is it bright enough to be solved for, and a source
        that is not in the data makes the solutions of the others diverge.
    demix_within_deg : float
        What near means.
    """
    if mode == "none":
        return AteamDecision()
    return AteamDecision(tuple(_decide(pointing, source, mode, demix_within_deg) for source in sources))


def _decide(pointing: Pointing, source: Patch, mode: str, within_deg: float) -> SourceDecision:
    distance_rad = separation(pointing.ra_rad, pointing.dec_rad, source.ra_rad, source.dec_rad)
    distance_deg = math.degrees(distance_rad)
    highest_deg = math.degrees(highest_elevation_rad(source, pointing.start_mjd_s, pointing.end_mjd_s))
    near = distance_deg <= within_deg
    action: Action = "demix" if near and mode != "clip" else "clip" if mode != "demix" else "nothing"
    where = f"{distance_deg:.0f}° away, up to {highest_deg:.0f}° high"
    if mode != "clip":
        where = f"{distance_deg:.0f}° away, {'nearer' if near else 'farther'} than {within_deg:g}°"
    if highest_deg <= 0:
        action, where = "nothing", f"below the horizon ({highest_deg:.0f}°)"
    elif distance_rad <= pointing.field_radius_rad:
        action, where = "nothing", f"in the field, {distance_deg:.1f}° from its centre: part of the target"
    elif action == "clip" and not pointing.has_beam:
        action, where = "nothing", f"{NO_BEAM}, without which the clip flags everything ({where})"
    return SourceDecision(source.name, action, where, round(distance_deg, 2), round(highest_deg, 2))


def highest_elevation_rad(source: Patch, start_mjd_s: float, end_mjd_s: float) -> float:
    """Highest elevation of a source above the core between two times."""
    steps = max(1, math.ceil((end_mjd_s - start_mjd_s) / ELEVATION_STEP_S))
    times = (start_mjd_s + (end_mjd_s - start_mjd_s) * k / steps for k in range(steps + 1))
    return max(elevation_rad(source.ra_rad, source.dec_rad, time) for time in times)
