"""What calibration offers against bad data, and for each an observation that needs it.

The observations are as small as shows the effect: 25 stations of the core and near it, 4 subbands, twenty to forty
minutes, images of 720 pixels. There is no interference, and the ionosphere is the same for the whole field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.figures import Aim
from sip_luigi.domain.skymodel import SkyModel
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.stations import dutch_fields

SEED = 7
WRONG_SCALE, WRONG_SCATTER = 0.75, 0.3
"""Fluxes of a wrong model over the true ones: their geometric mean, and the scatter of their logarithm."""
CALIBRATOR_ID = "L880003"

STATIONS = ("RS503HBA", *(name for name in reversed(dutch_fields()) if re.fullmatch(r"CS\d+HBA0", name)))
"""One field of each core station, the outer ones first, and the nearest remote station: 25."""

OBSERVATION = SimulationOptions(
    obs_id="L880000",
    seed=SEED,
    subbands=4,
    stations=STATIONS,
    duration_s=1800.0,
    interval_s=30.0,
    noise_jy=2.5,
    sources=60,
    flux_min_jy=0.05,
    flux_max_jy=2.0,
    field_radius_deg=2.1,
    min_separation_arcsec=600.0,
    bandpass_depth=0.3,
    bandpass_ripple=0.01,
    clock_offset_ns=10.0,
    leakage=0.01,
    tec_rms_tecu=0.02,
    rfi_narrow=0,
    rfi_broad=0,
    dead_stations=0,
)
IMAGING = ("--imaging-max-uv-lambda", "2000", "--imaging-mgain", "0.5")
"""What these stations cover, a sixteenth of the usual pixels, which take most of the time; and major iterations small
enough for WSClean to find its noise: what few baselines leave of bright sources hides it at first."""


@dataclass(frozen=True)
class Way:
    """One way to process an observation.

    Attributes
    ----------
    name : str
        What is done.
    arguments : tuple of str
        What is typed behind the main command for it.
    """

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Feature:
    """Something that has to prove its worth.

    Attributes
    ----------
    name : str
        Of the observation that needs it.
    options : SimulationOptions
        That observation.
    ways : tuple of Way
        How it is processed; the first one does without.
    model : callable
        Makes the sky model that the pipeline is given of the true one.
    calibrator : str
        Standard calibrator that is observed before; empty: none.
    """

    name: str
    options: SimulationOptions
    ways: tuple[Way, ...]
    model: Callable[[SkyModel], SkyModel]
    calibrator: str = ""


def complete(true: SkyModel) -> SkyModel:
    """All that there is: what is missing in the model would hide what the feature does."""
    return true


def every_other(true: SkyModel) -> SkyModel:
    """Half of the sources, bright and faint ones alike: the brightest one, not the second, and so on."""
    return replace(true, sources=true.brightest(len(true.sources)).sources[::2])


def wrong_fluxes(true: SkyModel) -> SkyModel:
    """All sources too faint, and each wrong in its own way."""
    factors = WRONG_SCALE * np.exp(np.random.default_rng(SEED).normal(0.0, WRONG_SCATTER, len(true.sources)))
    sources = [
        replace(source, flux_jy=float(factor) * source.flux_jy)
        for source, factor in zip(true.sources, factors, strict=True)
    ]
    return replace(true, sources=tuple(sources))


def with_ateam(obs_id: str, ra_deg: float) -> SimulationOptions:
    """A field at a right ascension in a summer night, with the A-team in the sky.

    Slots are short: what is far from the field and in it for half a minute averages itself away.
    """
    return replace(
        OBSERVATION,
        obs_id=obs_id,
        start_utc="2024-07-20T22:30:00",
        ra_deg=ra_deg,
        dec_deg=52.0,
        interval_s=10.0,
        duration_s=1200.0,
        flux_max_jy=1.0,
        ateam=True,
    )


def ateam_ways(*modes: str) -> tuple[Way, ...]:
    """Each a value of ``[dppp] ateam``.

    Data that agree with the A-team rather than with the model of the field would be lost, and there would be no image
    to compare with.
    """
    return tuple(Way(mode, ("--calibration-check-model", "false", "--dppp-ateam", mode)) for mode in modes)


def stations_way(name: str, over_observation: bool, by_subband: bool) -> Way:
    """What is done about bad stations."""
    flags = ("--stations-enabled", str(over_observation), "--calibration-flag-bad-stations", str(by_subband))
    return Way(name, flags)


FEATURES = (
    # Cygnus A is 21° from the field, Cassiopeia A 41°.
    Feature("ateam_near", with_ateam("L880001", 275.0), ateam_ways("none", "clip", "auto"), complete),
    # Cygnus A is 42° from the field, Cassiopeia A 56°.
    Feature("ateam_far", with_ateam("L880002", 240.0), ateam_ways("none", "clip"), complete),
    Feature(
        "stations",
        replace(
            OBSERVATION,
            obs_id="L880005",
            duration_s=2400.0,
            dead_stations=1,
            noisy_stations=1,
            noisy_sefd_factor=100.0,
            intermittent_stations=2,
        ),
        (
            stations_way("none", over_observation=False, by_subband=False),
            stations_way("by_subband", over_observation=False, by_subband=True),
            stations_way("flag_stations", over_observation=True, by_subband=True),
        ),
        complete,
    ),
    Feature(
        "cycles",
        replace(OBSERVATION, obs_id="L880004"),
        tuple(Way(f"cycle{n}", ("--cycles", str(n))) for n in (1, 2, 3)),
        every_other,
    ),
    Feature(
        "calibrator",
        replace(OBSERVATION, obs_id="L880004"),
        (Way("none", ()), Way("transfer", ("--calibrator-obs-id", CALIBRATOR_ID))),
        wrong_fluxes,
        calibrator="3C196",
    ),
)

AIMS = {
    "ateam_near_auto_noise_ratio": Aim(low=1.2),
    "ateam_near_clip_noise_ratio": Aim(low=1.0),
    "ateam_far_clip_noise_ratio": Aim(low=1.1),
    "stations_flag_stations_noise_ratio": Aim(low=1.2),
    "cycles_cycle2_noise_ratio": Aim(low=1.2),
    "cycles_cycle3_noise_ratio": Aim(low=1.2),
    "calibrator_transfer_dynamic_range_ratio": Aim(low=1.0),
    "calibrator_transfer_flux_ratio": Aim(low=0.95, high=1.05),
}
"""What would be worth it."""
