"""Simulates an observation: the order of everything, and the files it leaves.

The record of the truth is written first, so that an interrupted simulation can be continued; every
MeasurementSet appears under its name when it is whole; the record says "complete" when all is done.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.beam import BeamGrid
from sip_luigi.simulation.environment import child_environment, python_module
from sip_luigi.simulation.layout import Layout, check_vacant, clear, only_writer, plan_layout
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.preparation import coordinates, station_beams
from sip_luigi.simulation.processes import run_together
from sip_luigi.simulation.subband_process import Job, sky_parts
from sip_luigi.simulation.truth import Truth, draw_truth, record
from sip_luigi.simulation.truth_files import read_record, write_catalogue_and_models, write_record

Progress: TypeAlias = Callable[[str, float], None]
"""Told what is being done, and how much of everything is done (0 to 1)."""

SUBBAND_MODULE = "sip_luigi.simulation.subband_process"

_PREPARED = 0.15
_REPORT = re.compile(r"(\d+) (\d+)")


@dataclass(frozen=True)
class SimulatedObservation:
    """What a simulation left.

    Attributes
    ----------
    obs_id : str
        Observation id.
    measurement_sets : tuple of Path
        One for each subband, in order.
    truth_fits, truth_skymodel, truth_json : Path
        Catalogue of the sources, the same as a LOFAR sky model, and the record of everything else.
    truth : dict
        What the record holds.
    made : tuple of int
        Numbers of the subbands that were made now; the others were there, made with the same options.
    """

    obs_id: str
    measurement_sets: tuple[Path, ...]
    truth_fits: Path
    truth_skymodel: Path
    truth_json: Path
    truth: dict[str, Any]
    made: tuple[int, ...]


def simulate(
    options: SimulationOptions,
    directories: str | Path | Sequence[str | Path],
    *,
    jobs: int = 1,
    force: bool = False,
    progress: Progress = lambda _message, _fraction: None,
) -> SimulatedObservation:
    """Write an observation as LOFAR's correlator would, and the truth beside it.

    Parameters
    ----------
    options : SimulationOptions
        What to simulate.
    directories : path or sequence of paths
        Where. Subbands are spread round-robin over several; the truth goes into the first.
    jobs : int
        How many processes may work at a time. The data do not depend on it.
    force : bool
        Replace an observation of the same name that was made with other options.
    progress : callable
        Told what is being done and how much is done; never by two threads at a time.

    Returns
    -------
    SimulatedObservation
        Paths and truth. What was there already, made with the same options, is left alone.

    Raises
    ------
    ConfigurationError
        Something else is in the way, or the options do not fit together.
    ProgramError, DiskFull
        A process of the simulation failed; a repetition continues where it stopped.
    """
    if jobs < 1:
        raise ConfigurationError(f"simulation jobs: expected 1 or more, found {jobs}")
    layout = plan_layout(options, directories)
    layout.make_directories()
    with only_writer(layout.home):
        if force:
            clear(layout, options.obs_id)
        if check_vacant(layout, options):
            progress("all is there already, made with the same options", 1.0)
            return _observation(options, layout, ())
        made = layout.missing()
        _make(options, layout, jobs, progress)
    return _observation(options, layout, made)


def _make(options: SimulationOptions, layout: Layout, jobs: int, progress: Progress) -> None:
    paths = dict(layout.measurement_sets)
    truth = draw_truth(options)
    write_record(layout.truth.json, record(truth, paths, complete=False))
    with _work_directory(layout.home) as work:
        environment = child_environment(work)
        progress("station coordinates", 0.0)
        uvw_m = coordinates(options, truth.instrument.stations)
        progress("station beams", 0.03)
        beams, truth = _beams(truth, work, environment)
        write_catalogue_and_models(layout.truth, truth)
        Job(options, paths, uvw_m, sky_parts(options, *beams)).save(work)
        shares = _shares(layout.missing(), jobs)
        commands = [python_module(SUBBAND_MODULE, str(work), *map(str, share)) for share in shares]
        follower = _Follower(dict.fromkeys(layout.missing(), 0), options.n_times, progress)
        progress("subbands", _PREPARED)
        run_together(commands, environment, work, follower.line)
    write_record(layout.truth.json, record(truth, paths, complete=True))
    progress("done", 1.0)


def _beams(truth: Truth, work: Path, environment: Mapping[str, str]) -> tuple[list[BeamGrid | None], Truth]:
    """Have the beams towards field and A-team evaluated, and complete the truth by their power."""
    beams: list[BeamGrid | None] = []
    powers = []
    for sky, far in ((truth.sky, False), (truth.ateam, True)):
        if truth.options.applies_beam and len(sky) > 0:
            found = station_beams(truth.options, truth.instrument.stations, sky, work, environment, far=far)
            beams.append(found.sources)
            powers.append(found.power)
        else:
            beams.append(None)
            powers.append(np.ones(len(sky)))
    return beams, replace(truth, power=powers[0], ateam_power=powers[1])


def _shares(subbands: tuple[int, ...], jobs: int) -> list[tuple[int, ...]]:
    """Share subbands out among processes."""
    return [subbands[start::jobs] for start in range(min(jobs, len(subbands)))]


class _Follower:
    """Adds up what the processes say they have done."""

    def __init__(self, slots_done: dict[int, int], n_times: int, progress: Progress) -> None:
        self.slots_done, self.n_times, self.progress = slots_done, n_times, progress
        self.lock = Lock()

    def line(self, text: str) -> None:
        """Take a line that a process printed; lines of other kinds come from casacore."""
        match = _REPORT.fullmatch(text)
        if not match or int(match[1]) not in self.slots_done:
            return
        with self.lock:
            self.slots_done[int(match[1])] = int(match[2])
            part = sum(self.slots_done.values()) / (self.n_times * len(self.slots_done))
            done = sum(slots == self.n_times for slots in self.slots_done.values())
            message = f"subbands: {done} of {len(self.slots_done)}"
            self.progress(message, _PREPARED + (0.99 - _PREPARED) * part)


@contextmanager
def _work_directory(home: Path) -> Iterator[Path]:
    """Give an empty directory that is gone afterwards, on the disk of the observation."""
    path = home / ".part-simulation"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _observation(options: SimulationOptions, layout: Layout, made: tuple[int, ...]) -> SimulatedObservation:
    return SimulatedObservation(
        obs_id=options.obs_id,
        measurement_sets=tuple(layout.measurement_sets.values()),
        truth_fits=layout.truth.fits,
        truth_skymodel=layout.truth.skymodel,
        truth_json=layout.truth.json,
        truth=read_record(layout.truth.json) or {},
        made=made,
    )
