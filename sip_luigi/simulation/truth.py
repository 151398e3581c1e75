"""The truth beside a simulated observation: catalogue, sky model and a record of everything else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import VERSION, SimulationOptions
from sip_luigi.simulation.sky import Sky
from sip_luigi.simulation.subband import Instrument

Floats = npt.NDArray[np.float64]

_UNITS = {
    **dict.fromkeys(("RA", "DEC", "PA"), "deg"),
    **dict.fromkeys(("FLUX", "APPARENT_FLUX"), "Jy"),
    **dict.fromkeys(("MAJOR", "MINOR"), "arcsec"),
}


class TruthPaths(NamedTuple):
    """Where the truth of an observation lies."""

    fits: Path
    skymodel: Path
    json: Path

    def complete(self) -> bool:
        """Whether all three are there."""
        return all(path.is_file() for path in self)


def truth_paths(directory: Path, obs_id: str) -> TruthPaths:
    """Name the truth of an observation."""
    return TruthPaths(*(directory / f"{obs_id}.truth.{ending}" for ending in TruthPaths._fields))


def catalogue(options: SimulationOptions, sky: Sky, power: Floats) -> Table:
    """Give the simulated sources as a table.

    Parameters
    ----------
    options : SimulationOptions
        The observation.
    sky : Sky
        The sources.
    power : ndarray
        Mean power of the primary beam at the band centre relative to the phase centre, shape (n_sources,).

    Returns
    -------
    Table
        NAME; RA, DEC in degrees; FLUX, APPARENT_FLUX in Jy at the band centre; SPECTRAL_INDEX there, and all
        SPECTRAL_TERMS; MAJOR, MINOR (FWHM, arcsec) and PA (degrees), 0 for points.
    """
    ra_deg, dec_deg = options.phase_centre_deg
    return Table(
        {
            "NAME": np.array(sky.names, dtype="U16"),
            "RA": np.degrees(sky.ra_rad),
            "DEC": np.degrees(sky.dec_rad),
            "FLUX": sky.flux_jy,
            "APPARENT_FLUX": sky.flux_jy * power,
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


def record(
    options: SimulationOptions,
    instrument: Instrument,
    sky: Sky,
    places: Mapping[int, Path],
    *,
    complete: bool,
) -> dict[str, Any]:
    """Give everything that was put into an observation as JSON knows it."""
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
        "rfi": [entry for event in instrument.rfi for entry in event.as_records(options)],
        "gains": gains_summary(instrument),
        "n_sources": len(sky),
        "total_flux_jy": float(sky.flux_jy.sum()),
    }


def gains_summary(instrument: Instrument) -> dict[str, dict[str, Any]]:
    """Sum up the gains of each station: mean amplitudes and phases of X and Y, clock, electron content."""
    gains, tec = instrument.gains, instrument.tec_tecu
    return {
        name: {
            "amplitude_xy": np.abs(gains[:, index]).mean(axis=0).tolist(),
            "phase_xy_rad": np.angle(gains[:, index].mean(axis=0)).tolist(),
            "clock_offset_ns": 1e9 * float(instrument.clock_s[index]),
            "tec_mean_tecu": float(tec[:, index].mean()),
            "tec_rms_tecu": float(tec[:, index].std()),
        }
        for index, name in enumerate(instrument.names)
    }


def write_record(path: Path, values: Mapping[str, Any]) -> None:
    """Write the record, by rename."""
    _publish_text(path, json.dumps(values, indent=1) + "\n")


def write_catalogue_and_model(paths: TruthPaths, options: SimulationOptions, sky: Sky, power: Floats) -> None:
    """Write catalogue and sky model, by rename."""
    part = _part(paths.fits)
    catalogue(options, sky, power).write(part, format="fits", overwrite=True)
    part.replace(paths.fits)
    comment = f"simulated observation {options.obs_id}, fluxes before the primary beam"
    _publish_text(paths.skymodel, sky.model(comment).text())


def read_record(path: Path) -> dict[str, Any] | None:
    """Read the record of an earlier simulation; None when there is none.

    Raises
    ------
    ConfigurationError
        The file is no record of a simulation.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        values, why = None, str(error)
    else:
        why = "it lacks the options"
    if isinstance(values, dict) and {"options_sha256", "options", "complete"} <= values.keys():
        return values
    raise ConfigurationError(
        f"{path}: expected the record of a simulation, found something else ({why}); choose another "
        "directory, or simulate anew with --force"
    )


def _part(path: Path) -> Path:
    return path.with_name(f".part-{path.name}")


def _publish_text(path: Path, text: str) -> None:
    part = _part(path)
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
