"""What all subbands share and needs other programs or tables: station coordinates and station beams."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sip_luigi.simulation.axes import slot_times
from sip_luigi.simulation.beam import BeamGrid, Jones, grid_nodes, relative_power
from sip_luigi.simulation.environment import python_module
from sip_luigi.simulation.geometry import itrf_directions, station_uvw
from sip_luigi.simulation.measurementset import write_skeleton
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.processes import run_together
from sip_luigi.simulation.sky import Sky
from sip_luigi.simulation.stations import Station, positions
from sip_luigi.simulation.subtables import Content

Floats = npt.NDArray[np.float64]

BEAM_MODULE = "sip_luigi.simulation.beam_process"


@dataclass(frozen=True)
class Beams:
    """Beams of all stations.

    Attributes
    ----------
    sources : BeamGrid
        Towards the sources.
    power : ndarray
        Mean power at the band centre relative to the phase centre, shape (n_sources,).
    """

    sources: BeamGrid
    power: Floats


def coordinates(options: SimulationOptions, stations: tuple[Station, ...]) -> Floats:
    """Give u, v, w of all stations in all time slots (m), shape (n_times, n_stations, 3)."""
    ra_rad, dec_rad = np.radians(options.phase_centre_deg)
    return station_uvw(positions(stations), slot_times(options), float(ra_rad), float(dec_rad))


def station_beams(
    options: SimulationOptions,
    stations: tuple[Station, ...],
    sky: Sky,
    directory: Path,
    environment: Mapping[str, str],
    *,
    far: bool = False,
) -> Beams:
    """Have EveryBeam evaluate the beams towards the sources and the phase centre.

    Parameters
    ----------
    options, stations, sky
        The observation.
    directory : Path
        For files that are needed meanwhile.
    environment : mapping
        Environment of the process that loads EveryBeam.
    far : bool
        Whether the sources lie in the side lobes.
    """
    skeleton, request, answer = (directory / name for name in ("skeleton.MS", "request.npz", "answer.npz"))
    write_skeleton(skeleton, Content(options, stations, options.first_subband, skeleton.name))
    times_mjd_s, freqs_hz = grid_nodes(options, far=far)
    directions = _directions(options, stations, sky, times_mjd_s)
    np.savez(request, times_mjd_s=times_mjd_s, freqs_hz=freqs_hz, directions=directions)
    command = python_module(BEAM_MODULE, str(skeleton), str(request), str(answer))
    run_together([command], environment, directory, lambda _: None)
    with np.load(answer) as stored:
        jones: Jones = stored["jones"]
    shutil.rmtree(skeleton)
    request.unlink()
    answer.unlink()
    return _beams(BeamGrid(times_mjd_s, freqs_hz, jones), options.band_centre_hz)


def _directions(
    options: SimulationOptions, stations: tuple[Station, ...], sky: Sky, times_mjd_s: Floats
) -> Floats:
    """Give all sources, and the phase centre last, as vectors that turn with the Earth."""
    ra_rad, dec_rad = np.radians(options.phase_centre_deg)
    return itrf_directions(
        stations[0].position_m, times_mjd_s, np.append(sky.ra_rad, ra_rad), np.append(sky.dec_rad, dec_rad)
    )


def _beams(grid: BeamGrid, centre_hz: float) -> Beams:
    middle = grid.at(grid.times_mjd_s, centre_hz)
    sources = BeamGrid(grid.times_mjd_s, grid.freqs_hz, np.ascontiguousarray(grid.jones[..., :-1, :]))
    return Beams(sources, relative_power(middle[..., :-1, :], middle[..., -1, :]))
