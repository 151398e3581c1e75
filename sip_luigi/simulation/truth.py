"""The truth beside a simulated observation: catalogue, sky model and a record of everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from sip_luigi.domain.ateam_model import ateam_model as published_model
from sip_luigi.domain.skymodel import SkyModel
from sip_luigi.simulation.axes import slot_times
from sip_luigi.simulation.field import draw_ateam, draw_sky
from sip_luigi.simulation.instrument import Instrument, draw_instrument
from sip_luigi.simulation.options import VERSION, SimulationOptions
from sip_luigi.simulation.signal import Geometry, slant_tec
from sip_luigi.simulation.sky import Sky
from sip_luigi.simulation.stations import horizontal

Floats = npt.NDArray[np.float64]

_UNITS = {
    **dict.fromkeys(("RA", "DEC", "PA"), "deg"),
    **dict.fromkeys(("FLUX", "APPARENT_FLUX"), "Jy"),
    **dict.fromkeys(("MAJOR", "MINOR"), "arcsec"),
}
_N_TIMES = 13
"""Times at which the ionosphere is summed up."""


@dataclass(frozen=True)
class Truth:
    """What was simulated.

    Attributes
    ----------
    options : SimulationOptions
        The observation.
    instrument : Instrument
        Its instrument.
    sky, ateam : Sky
        The sources of the field, and the A-team if it is in the data.
    power, ateam_power : ndarray
        Mean power of the primary beam towards them at the band centre, relative to the phase centre, shapes
        (n_sources,).
    """

    options: SimulationOptions
    instrument: Instrument
    sky: Sky
    ateam: Sky
    power: Floats
    ateam_power: Floats


def draw_truth(options: SimulationOptions) -> Truth:
    """Draw all that follows from the seed; the beams are not among it and count as 1."""
    sky, ateam = draw_sky(options), draw_ateam(options)
    return Truth(options, draw_instrument(options), sky, ateam, np.ones(len(sky)), np.ones(len(ateam)))


def ateam_model(truth: Truth) -> SkyModel:
    """Give the A-team as a sky model, a patch for each source."""
    model = truth.ateam.model(f"the A-team as it is in {truth.options.obs_id}, before the primary beam")
    sources = tuple(replace(source, patch=source.name.partition("_")[0]) for source in model.sources)
    return replace(model, sources=sources, patches=published_model().patches)


def catalogue(truth: Truth) -> Table:
    """Give the sources of the field as a table.

    Returns
    -------
    Table
        NAME; RA, DEC in degrees; FLUX, APPARENT_FLUX in Jy at the band centre; SPECTRAL_INDEX there, and all
        SPECTRAL_TERMS; MAJOR, MINOR (FWHM, arcsec) and PA (degrees), 0 for points.
    """
    options, sky = truth.options, truth.sky
    ra_deg, dec_deg = options.phase_centre_deg
    return Table(
        {
            "NAME": np.array(sky.names, dtype="U16"),
            "RA": np.degrees(sky.ra_rad),
            "DEC": np.degrees(sky.dec_rad),
            "FLUX": sky.flux_jy,
            "APPARENT_FLUX": sky.flux_jy * truth.power,
            "SPECTRAL_INDEX": sky.spectral_index,
            "SPECTRAL_TERMS": sky.spectral_terms,
            "MAJOR": np.degrees(sky.shape_rad[:, 0]) * 3600.0,
            "MINOR": np.degrees(sky.shape_rad[:, 1]) * 3600.0,
            "PA": np.degrees(sky.shape_rad[:, 2]),
        },
        units=_UNITS,
        meta={
            "OBS_ID": options.obs_id,
            "REFFREQ": (options.band_centre_hz, "[Hz] frequency of all fluxes"),
            "RA_PNT": (ra_deg, "[deg] phase centre, J2000"),
            "DEC_PNT": (dec_deg, "[deg] phase centre, J2000"),
            "SEED": options.seed,
            "BEAM": (options.applies_beam, "station beams are in the data"),
        },
    )


def record(truth: Truth, places: Mapping[int, Path], *, complete: bool) -> dict[str, Any]:
    """Give everything that was put into an observation as JSON knows it."""
    options, instrument = truth.options, truth.instrument
    ra_deg, dec_deg = options.phase_centre_deg
    return {
        "obs_id": options.obs_id,
        "version": VERSION,
        "options_sha256": options.digest,
        "complete": complete,
        "options": options.as_dict(),
        "phase_centre_deg": [ra_deg, dec_deg],
        "reference_frequency_hz": options.band_centre_hz,
        "n_times": options.n_times,
        "subbands": [
            {"subband": number, "path": str(path), "frequency_hz": options.subband_centre_hz(number)}
            for number, path in places.items()
        ],
        "stations": list(instrument.names),
        "dead_station": instrument.dead[0] if instrument.dead else None,
        "dead_stations": list(instrument.dead),
        "noisy_stations": list(instrument.noisy),
        "faults": [fault.as_record(options) for fault in instrument.faults],
        "rfi": [entry for event in instrument.rfi for entry in event.as_records(options)],
        "gains": gains_summary(instrument),
        "ionosphere": ionosphere_summary(truth),
        "ateam": ateam_summary(truth),
        "n_sources": len(truth.sky),
        "n_extended": int(truth.sky.extended.sum()),
        "total_flux_jy": float(truth.sky.flux_jy.sum()),
    }


def gains_summary(instrument: Instrument) -> dict[str, dict[str, Any]]:
    """Sum up each station: mean amplitudes and phases of X and Y, clock, leakage, electron content."""
    gains, tec = instrument.gains, instrument.tec_tecu
    return {
        name: {
            "amplitude_xy": np.abs(gains[:, index]).mean(axis=0).tolist(),
            "phase_xy_rad": np.angle(gains[:, index].mean(axis=0)).tolist(),
            "clock_offset_ns": 1e9 * float(instrument.clock_s[index]),
            "leakage_xy_modulus": np.abs(instrument.leakage[index]).tolist(),
            "tec_mean_tecu": float(tec[:, index].mean()),
            "tec_rms_tecu": float(tec[:, index].std()),
        }
        for index, name in enumerate(instrument.names)
    }


def ionosphere_summary(truth: Truth) -> dict[str, Any]:
    """Say how much the electron content differs over the field.

    ``differential_rms_tecu`` is the rms over times, sources and stations of what calibration towards the phase
    centre leaves: the content towards a source less that towards the phase centre, less the mean of the same
    over the stations. ``remote_differential_rms_tecu`` is that of the remote stations.
    """
    left = differential_tec(truth)
    remote = np.array([name.startswith("RS") for name in truth.instrument.names], dtype=bool)
    return {
        "height_km": truth.options.ionosphere_height_km,
        "differential_rms_tecu": rms(left),
        "remote_differential_rms_tecu": rms(left[:, remote]),
    }


def differential_tec(truth: Truth) -> Floats:
    """Give what calibration towards the phase centre leaves, TECU, shape (n_times, n_stations, n_sources)."""
    options, instrument = truth.options, truth.instrument
    if instrument.screen is None:
        return np.zeros((1, len(instrument.names), len(truth.sky)))
    slots = np.unique(np.linspace(0, options.n_times - 1, _N_TIMES).astype(int))
    geometry = Geometry(slot_times(options)[slots], np.empty((0, 0, 3)), horizontal(instrument.stations))
    towards = slant_tec(options, instrument.screen, truth.sky, geometry)
    left = towards - instrument.tec_tecu[slots][:, :, None]
    return np.asarray(left - left.mean(axis=1, keepdims=True))


def ateam_summary(truth: Truth) -> list[dict[str, Any]]:
    """Give the parts of the A-team: flux and apparent flux in Jy at the band centre."""
    sky = truth.ateam
    apparent = sky.flux_jy * truth.ateam_power
    return [
        {"name": name, "flux_jy": float(flux_jy), "apparent_flux_jy": float(seen_jy)}
        for name, flux_jy, seen_jy in zip(sky.names, sky.flux_jy, apparent, strict=True)
    ]


def rms(values: Floats) -> float:
    """Give the root of the mean square; 0 of nothing."""
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0
