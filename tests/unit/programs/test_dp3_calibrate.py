"""Options to the parsets that solve and apply, without the programs."""

from dataclasses import replace

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.calibration import Calibration, Calibrator
from sip_luigi.programs.dp3 import DataShape
from sip_luigi.programs.dp3_calibrate import (
    calibrate_passes,
    compared_slots,
    model_steps,
    solution_paths,
    solve_calibrator_steps,
)
from sip_luigi.programs.dp3_preprocess import Preprocessing

SHAPE = DataShape(n_times=3600, n_channels=64, interval_s=1.00139, channel_width_hz=3051.7578125)


def calibrate(options=None, **more):
    given = {"storage": Preprocessing(), "solutions_prefix": "s", **more}
    return calibrate_passes(options or Calibration(), "in.MS", "out.MS", "m.skymodel", SHAPE, **given)


def one_pass(*options, **more):
    passes = calibrate(*options, **more)
    assert list(passes) == ["calibrate"]
    return passes["calibrate"]


def test_calibration_does_not_stop_early_and_applies_what_it_solves():
    parset = one_pass()
    assert parset["steps"] == ["phase", "gain", "beam", "count"]
    for step in ("phase", "gain"):
        assert parset[f"{step}.detectstalling"] is False
        assert parset[f"{step}.usebeammodel"] is True
        assert parset[f"{step}.applysolution"] is True
        assert parset[f"{step}.maxiter"] >= 100
    assert parset["phase.solint"] < parset["gain.solint"]
    assert solution_paths(Calibration(), "s") == (parset["phase.parmdb"], parset["gain.parmdb"])


def test_after_a_calibrator_the_flux_scale_is_kept_between_two_passes():
    solve, apply = calibrate(transferred="c.h5").values()
    assert solve["steps"] == ["transfer", "phase", "gain", "nothing"]
    assert "msout" not in solve
    assert apply["steps"] == ["transfer", "applyphase", "applygain", "beam", "count"]
    assert apply["msout"] == "out.MS"
    for parset in (solve, apply):
        assert parset["transfer.parmdb"] == "c.h5"
        assert parset["transfer.amplitude.correction"] == "amplitude000"
    assert (apply["applyphase.parmdb"], apply["applygain.parmdb"]) == solution_paths(Calibration(), "s")
    assert (apply["applyphase.steps"], apply["applygain.steps"]) == (["phase"], ["amplitude", "phase"])


def test_what_is_solved_for_can_be_chosen():
    phases = replace(Calibration(), solve_gain=False)
    assert one_pass(phases)["steps"] == ["phase", "beam", "count"]
    assert one_pass(phases, transferred="c.h5")["steps"] == ["transfer", "phase", "beam", "count"]
    assert solution_paths(phases, "s") == ("s.phase.h5",)
    of_the_model = replace(Calibration(), keep_flux_scale="false", phase_mode="scalarphase")
    parset = one_pass(of_the_model, transferred="c.h5")
    assert parset["steps"] == ["transfer", "phase", "gain", "beam", "count"]
    assert parset["phase.caltype"] == "scalarphase"
    assert list(calibrate(replace(Calibration(), keep_flux_scale="true"))) == ["solve", "calibrate"]


def test_something_has_to_be_solved_for():
    with pytest.raises(ConfigurationError, match="nothing is solved for"):
        replace(Calibration(), solve_gain=False, solve_phase=False)


def test_a_calibrator_is_solved_channel_by_channel_and_nothing_is_written():
    parset = solve_calibrator_steps(
        Calibrator(),
        "in.MS",
        "c.skymodel",
        SHAPE,
        threads=2,
        use_beam=True,
        bad_stations=["RS106HBA"],
        bad_times={},
        solutions="c.h5",
    )
    assert "msout" not in parset
    assert parset["steps"] == ["stations", "gain", "nothing"]
    assert parset["nothing.type"] == "null"
    assert (parset["gain.nchan"], parset["gain.solint"], parset["gain.caltype"]) == (1, 30, "diagonal")
    assert "gain.applysolution" not in parset


def test_not_more_of_the_model_is_predicted_than_memory_can_hold():
    assert compared_slots(20, 20 * 1830) == (0, 20)
    first, number = compared_slots(7200, 7200 * 1830)
    assert number * 1830 <= 400_000 < (number + 1) * 1830
    assert first == (7200 - number) // 2
    assert compared_slots(1, 10**7) == (0, 1)
    parset = model_steps(
        "in.MS", "m.MS", "m.skymodel", 2, time_slots=(first, number), threads=1, use_beam=True
    )
    assert parset["steps"] == ["model", "beam"]
    assert (parset["msin.startchan"], parset["msin.nchan"], parset["msin.ntimes"]) == (2, 1, number)


def test_without_beam_tables_nothing_speaks_of_the_beam():
    parset = one_pass(use_beam=False)
    assert "beam" not in parset["steps"]
    assert parset["gain.usebeammodel"] is False
    assert one_pass(replace(Calibration(), beam=False)) == parset


def test_bad_stations_are_flagged_first():
    parset = one_pass(bad_stations=["RS106HBA", "CS001HBA0"])
    assert parset["steps"][0] == "stations"
    assert parset["stations.baseline"] == "CS001HBA0;RS106HBA"
    kept = one_pass(replace(Calibration(), flag_bad_stations=False), bad_stations=["RS106HBA"])
    assert "stations" not in kept["steps"]


def test_a_sky_model_that_dp3_would_take_for_binary():
    with pytest.raises(ConfigurationError, match=r"model\.sourcedb: .*rename"):
        calibrate_passes(Calibration(), "a", "b", "model.sourcedb", SHAPE, storage=Preprocessing())


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        (Calibration, {"max_iterations": 1}, r"\[calibration\] max_iterations = 1: expected at least 10"),
        (Calibration, {"keep_flux_scale": "maybe"}, "expected one of 'auto', 'true', 'false'"),
        (Calibrator, {"outlier_sigma": float("nan")}, r"\[calibrator\] outlier_sigma"),
        (Calibrator, {"smooth_hz": 10.0}, "at least 10000 Hz"),
    ],
)
def test_values_out_of_range(section, change, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(section(), **change)
