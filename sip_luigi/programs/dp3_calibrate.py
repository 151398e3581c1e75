"""DP3: solving for gains and applying them, one pass over the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, setting
from sip_luigi.programs.dp3 import DataShape, ParsetMapping, count_step, head_keys, numbered, storage_keys
from sip_luigi.programs.dp3_preprocess import Preprocessing
from sip_luigi.programs.dp3_stations import station_flag_steps


@dataclass(frozen=True)
class Calibration(Section):
    """Solve for station gains against the sky model and apply them, DP3."""

    section: ClassVar[str] = "calibration"

    skymodel: str = setting("", "LOFAR text sky model; empty: the pipeline finds one", science=False)
    parset: str = setting("", "File of DP3 keys that go over the generated ones; empty: none", science=False)
    beam: bool = setting(True, "Use the station beam where the MeasurementSet describes its stations")
    solve_phase: bool = setting(True, "Solve for phases on a short interval before the complex gains")
    phase_interval_s: float = setting(30.0, "Solution interval of the phases", unit="s", low=0.001)
    gain_interval_s: float = setting(600.0, "Solution interval of the complex gains", unit="s", low=0.001)
    uv_min_lambda: float = setting(300.0, "Shortest baseline that is solved for", unit="λ", low=0)
    max_iterations: int = setting(500, "Iterations of a solution; the default of DP3 stops early", low=10)
    tolerance: float = setting(1e-5, "Relative change at which a solution has converged", low=1e-12, high=0.1)
    flag_bad_stations: bool = setting(True, "Flag stations found dead or noisy before solving")
    max_flagged_fraction: float = setting(0.9, "A subband of which more is flagged is lost", low=0, high=1)


def calibrate_steps(
    options: Calibration,
    msin: str,
    msout: str,
    skymodel: str,
    shape: DataShape,
    *,
    storage: Preprocessing,
    use_beam: bool = True,
    bad_stations: Iterable[str] = (),
    bad_times: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    solutions_prefix: str = "solutions",
    statistics_path: str = "",
) -> ParsetMapping:
    """Parset that solves, applies and corrects for the beam at the phase centre in one pass.

    Parameters
    ----------
    options : Calibration
        What to do.
    msin, msout : str
        MeasurementSet read and written.
    skymodel : str
        Text sky model; DP3 wants the ending ``.skymodel`` or ``.txt``.
    shape : DataShape
        Shape of the input.
    storage : Preprocessing
        Compression of the output and threads.
    use_beam : bool
        Whether the MeasurementSet has the tables for it; `options.beam` must wish it as well.
    bad_stations : iterable of str
        Stations to flag before solving.
    bad_times : mapping, optional
        Stations to flag for a time, see :func:`sip_luigi.programs.dp3_stations.station_flag_steps`.
    solutions_prefix : str
        The h5parms are ``<prefix>.phase.h5`` and ``<prefix>.gain.h5``.
    statistics_path : str, optional
        JSON file for the flagged fraction of each station.
    """
    if not skymodel.endswith((".skymodel", ".txt")):
        raise ConfigurationError(
            f"sky model {skymodel}: DP3 reads text only from *.skymodel or *.txt; rename it"
        )
    beam = use_beam and options.beam
    steps: list[ParsetMapping] = []
    if options.flag_bad_stations:
        steps += station_flag_steps(bad_stations, bad_times or {})
    if options.solve_phase:
        slots = _slots(options.phase_interval_s, shape)
        steps.append(_solve(options, "phase", "phaseonly", slots, skymodel, beam, solutions_prefix))
    slots = _slots(options.gain_interval_s, shape)
    steps.append(_solve(options, "gain", "diagonal", slots, skymodel, beam, solutions_prefix))
    if beam:
        steps.append({"name": "beam", "type": "applybeam"})
    steps.append(count_step(statistics_path))
    return {
        **head_keys(msin, msout, storage.threads),
        **storage_keys(storage, shape.n_times),
        **numbered(steps),
    }


def solution_paths(options: Calibration, solutions_prefix: str) -> tuple[str, ...]:
    """H5parms that :func:`calibrate_steps` writes, in the order in which they are applied."""
    names = ("phase", "gain") if options.solve_phase else ("gain",)
    return tuple(f"{solutions_prefix}.{name}.h5" for name in names)


def _slots(interval_s: float, shape: DataShape) -> int:
    return max(1, min(round(interval_s / shape.interval_s), shape.n_times))


def _solve(
    options: Calibration, name: str, caltype: str, slots: int, skymodel: str, beam: bool, prefix: str
) -> ParsetMapping:
    return {
        "name": name,
        "type": "gaincal",
        "caltype": caltype,
        "parmdb": f"{prefix}.{name}.h5",
        "sourcedb": skymodel,
        "usebeammodel": beam,
        "solint": slots,
        "nchan": 0,
        "uvlambdamin": options.uv_min_lambda,
        "maxiter": options.max_iterations,
        "tolerance": options.tolerance,
        # Its default stops after two iterations on real data and nothing warns.
        "detectstalling": False,
        "applysolution": True,
    }
