"""DP3: the passes that solve for gains and apply them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.calibration import Calibration, Calibrator
from sip_luigi.programs.dp3 import (
    DataShape,
    ParsetMapping,
    count_step,
    head_keys,
    numbered,
    reading_pass,
    storage_keys,
)
from sip_luigi.programs.dp3_preprocess import Preprocessing
from sip_luigi.programs.dp3_stations import station_flag_steps

MAX_COMPARED_ROWS = 400_000
"""A quarter of an hour of 60 stations and 4 s; a few hundred MB of memory."""


def calibrate_passes(
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
    transferred: str = "",
    solutions_prefix: str = "solutions",
    statistics_path: str = "",
) -> dict[str, ParsetMapping]:
    """Parsets that solve, apply and correct for the beam at the phase centre, by name and in their order.

    One pass, ``calibrate``, does it all, but where the flux scale is kept: there ``solve`` writes nothing but
    h5parms, and ``calibrate`` applies them once their typical amplitude is divided out.

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
    transferred : str
        H5parm of a calibrator, applied first; empty: none.
    solutions_prefix : str
        The h5parms are ``<prefix>.phase.h5`` and ``<prefix>.gain.h5``.
    statistics_path : str, optional
        JSON file for the flagged fraction of each station.
    """
    _require_text(skymodel)
    beam = use_beam and options.beam
    first = station_flag_steps(bad_stations, bad_times or {}) if options.flag_bad_stations else []
    if transferred:
        first.append(_transfer(transferred))
    solves = [
        {
            **_solve(name, caltype, skymodel, beam, options),
            **{"parmdb": f"{solutions_prefix}.{name}.h5", "applysolution": True},
            **{"solint": _slots(interval_s, shape), "nchan": 0},
        }
        for name, caltype, interval_s in _solves(options)
    ]
    last: list[ParsetMapping] = [{"name": "beam", "type": "applybeam"}] if beam else []
    last.append(count_step(statistics_path))
    whole = {**head_keys(msin, msout, storage.threads), **storage_keys(storage, shape.n_times)}
    if not options.keeps_flux_scale(bool(transferred)):
        return {"calibrate": {**whole, **numbered([*first, *solves, *last])}}
    applied = [
        # Stations without data have no solutions.
        {**_apply(f"apply{step['name']}", step["parmdb"], step["caltype"]), "missingantennabehavior": "flag"}
        for step in solves
    ]
    return {
        "solve": reading_pass(msin, storage.threads, [*first, *solves]),
        "calibrate": {**whole, **numbered([*first, *applied, *last])},
    }


def solve_calibrator_steps(
    options: Calibrator,
    msin: str,
    skymodel: str,
    shape: DataShape,
    *,
    threads: int,
    use_beam: bool,
    bad_stations: Iterable[str],
    bad_times: Mapping[str, Sequence[tuple[float, float]]],
    solutions: str,
) -> ParsetMapping:
    """Parset that solves for the gains of each channel and writes nothing but the h5parm `solutions`."""
    _require_text(skymodel)
    step = _solve("gain", "diagonal", skymodel, use_beam, options)
    step |= {"parmdb": solutions, "solint": _slots(options.interval_s, shape), "nchan": 1}
    return reading_pass(msin, threads, [*station_flag_steps(bad_stations, bad_times), step])


def model_steps(
    msin: str,
    msout: str,
    skymodel: str,
    channel: int,
    *,
    time_slots: tuple[int, int],
    threads: int,
    use_beam: bool,
) -> ParsetMapping:
    """Parset that predicts one channel of the sky model, as calibrated data should look.

    `time_slots` says which: the first, and how many.
    """
    _require_text(skymodel)
    predict: ParsetMapping = {
        "name": "model",
        "type": "predict",
        "sourcedb": skymodel,
        "usebeammodel": use_beam,
        "operation": "replace",
    }
    beam: list[ParsetMapping] = [{"name": "beam", "type": "applybeam"}] if use_beam else []
    head = head_keys(msin, msout, threads)
    part = {"startchan": channel, "nchan": 1, "starttimeslot": time_slots[0], "ntimes": time_slots[1]}
    return {**head, **{f"msin.{key}": value for key, value in part.items()}, **numbered([predict, *beam])}


def compared_slots(n_times: int, n_rows: int) -> tuple[int, int]:
    """First time slot and number of those in the middle that are compared with the model.

    Parameters
    ----------
    n_times, n_rows : int
        Of the data; not more than :data:`MAX_COMPARED_ROWS` rows are compared.
    """
    number = min(n_times, max(1, MAX_COMPARED_ROWS * n_times // n_rows))
    return (n_times - number) // 2, number


def solution_paths(options: Calibration, solutions_prefix: str) -> tuple[str, ...]:
    """H5parms that :func:`calibrate_passes` writes, in the order in which they are applied."""
    return tuple(f"{solutions_prefix}.{name}.h5" for name, *_ in _solves(options))


def _solves(options: Calibration) -> list[tuple[str, str, float]]:
    """Name, kind and interval of the solves of one subband, in order."""
    phase = ("phase", options.phase_mode, options.phase_interval_s)
    gain = ("gain", "diagonal", options.gain_interval_s)
    return [*([phase] if options.solve_phase else []), *([gain] if options.solve_gain else [])]


def _require_text(skymodel: str) -> None:
    if not skymodel.endswith((".skymodel", ".txt")):
        raise ConfigurationError(
            f"sky model {skymodel}: DP3 reads text only from *.skymodel or *.txt; rename it"
        )


def _transfer(h5parm: str) -> ParsetMapping:
    # Stations differ in gain, and their noise with it: weights go with the inverse of the noise squared.
    return {**_apply("transfer", h5parm, "diagonal"), "amplitude.updateweights": True}


def _apply(name: str, h5parm: str, caltype: str) -> ParsetMapping:
    parts = ["amplitude", "phase"] if caltype == "diagonal" else ["phase"]
    corrections = {f"{part}.correction": f"{part}000" for part in parts}
    return {"name": name, "type": "applycal", "parmdb": h5parm, "steps": parts, **corrections}


def _slots(interval_s: float, shape: DataShape) -> int:
    return max(1, min(round(interval_s / shape.interval_s), shape.n_times))


def _solve(
    name: str, caltype: str, skymodel: str, beam: bool, options: Calibration | Calibrator
) -> ParsetMapping:
    return {
        "name": name,
        "type": "gaincal",
        "caltype": caltype,
        "sourcedb": skymodel,
        "usebeammodel": beam,
        "uvlambdamin": options.uv_min_lambda,
        "maxiter": options.max_iterations,
        "tolerance": options.tolerance,
        # Its default stops after two iterations on real data and nothing warns.
        "detectstalling": False,
    }
