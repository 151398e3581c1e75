"""A calibrator observation beside that of a target: the same array, pointed at another place before it."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from sip_luigi.domain.calibrators import calibrator_named
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.utc import mjd_seconds, utc_text

GAP_S = 60.0
"""Time between the two observations, in which the telescope is set up anew."""

MIN_SLOTS = 120
"""The flagger tells interference by how it stands out in time: of twenty slots, bursts of three are no exception."""

SHORTEST_SLOT_S = 1.0
"""Of what the correlator writes."""

POINTING = 1
"""Number of the calibrator's pointing; the target's is 0."""


def calibrator_observation(
    target: SimulationOptions, name: str, obs_id: str = "", duration_s: float = 600.0
) -> SimulationOptions:
    """Give the observation of a standard calibrator that ends a minute before the target's begins.

    Stations, band, bandpass, clocks and dead stations are the target's, gains and ionosphere drift on from the
    one to the other; noise and interference are its own. Where its time slots would be fewer than
    :data:`MIN_SLOTS` they are shorter than the target's, with the more noise.

    Parameters
    ----------
    target : SimulationOptions
        The target's observation.
    name : str
        The calibrator, such as 3C196.
    obs_id : str
        Observation id; empty: the one before the target's.
    duration_s : float
        Length.

    Raises
    ------
    ConfigurationError
        The name is none of a standard calibrator, the calibrator is too low at that time, both observations
        have the same id, or there is no time to observe.
    """
    calibrator = calibrator_named(name)
    if duration_s <= 0:
        raise ConfigurationError(
            f"calibrator observation: expected a length above 0 s, found {duration_s:g} s"
        )
    wanted = math.ceil(MIN_SLOTS * target.interval_s / duration_s)
    finer = max(1, min(wanted, int(target.interval_s / SHORTEST_SLOT_S)))
    interval_s = target.interval_s / finer
    duration_s = max(1, round(duration_s / interval_s)) * interval_s
    start_mjd_s = mjd_seconds(target.start_utc) - GAP_S - duration_s
    own_id = obs_id or previous_obs_id(target.obs_id)
    if own_id == target.obs_id:
        raise ConfigurationError(
            f"calibrator observation: expected an id that differs from the target's, found {own_id} for both"
        )
    return replace(
        target,
        obs_id=own_id,
        pointing=POINTING,
        instrument_epoch_utc=target.instrument_epoch_utc or target.start_utc,
        start_utc=utc_text(start_mjd_s),
        duration_s=duration_s,
        interval_s=interval_s,
        noise_jy=target.noise_jy * math.sqrt(finer),
        ra_deg=calibrator.ra_deg,
        dec_deg=calibrator.dec_deg,
        standard_source=name,
        sources=0,
    )


def previous_obs_id(obs_id: str) -> str:
    """Count an observation id down by one, ``L1000`` to ``L0999``; one without a number gets ``-cal``."""
    match = re.fullmatch(r"(.*?)(\d+)", obs_id)
    if match is None or int(match[2]) == 0:
        return f"{obs_id}-cal"
    return f"{match[1]}{int(match[2]) - 1:0{len(match[2])}d}"
