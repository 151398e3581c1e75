"""Options to the parsets that solve and apply, without the programs."""

from dataclasses import replace

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.calibration import Calibration, Calibrator
from sip_luigi.programs.dp3 import DataShape
from sip_luigi.programs.dp3_calibrate import (
    calibrate_steps,
    compared_slots,
    model_steps,
    solution_paths,
    solve_calibrator_steps,
)
from sip_luigi.programs.dp3_preprocess import Preprocessing

SHAPE = DataShape(n_times=3600, n_channels=64, interval_s=1.00139, channel_width_hz=3051.7578125)


def calibrate(options=None, **more):
    given = {"storage": Preprocessing(), "solutions_prefix": "s", **more}
    return calibrate_steps(options or Calibration(), "in.MS", "out.MS", "m.skymodel", SHAPE, **given)


def test_calibration_does_not_stop_early_and_applies_what_it_solves():
    parset = calibrate()
    assert parset["steps"] == ["phase", "gain", "beam", "count"]
    for step in ("phase", "gain"):
        assert parset[f"{step}.detectstalling"] is False
        assert parset[f"{step}.usebeammodel"] is True
        assert parset[f"{step}.applysolution"] is True
        assert parset[f"{step}.maxiter"] >= 100
    assert parset["phase.solint"] < parset["gain.solint"]
    assert solution_paths(Calibration(), "s", False) == (parset["phase.parmdb"], parset["gain.parmdb"])


def test_with_a_calibrator_the_target_needs_phases_only():
    parset = calibrate(transferred="c.h5")
    assert parset["steps"] == ["transfer", "phase", "beam", "count"]
    assert parset["transfer.parmdb"] == "c.h5"
    assert parset["transfer.amplitude.correction"] == "amplitude000"
    assert solution_paths(Calibration(), "s", True) == (parset["phase.parmdb"],)
    asked = replace(Calibration(), solve_gain="true", phase_mode="scalarphase")
    assert calibrate(asked, transferred="c.h5")["steps"] == ["transfer", "phase", "gain", "beam", "count"]
    assert calibrate(asked)["phase.caltype"] == "scalarphase"
    assert calibrate(replace(Calibration(), solve_gain="false"))["steps"] == ["phase", "beam", "count"]


def test_something_has_to_be_solved_for():
    with pytest.raises(ConfigurationError, match="nothing is solved for"):
        replace(Calibration(), solve_gain="false", solve_phase=False)


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
    parset = calibrate(use_beam=False)
    assert "beam" not in parset["steps"]
    assert parset["gain.usebeammodel"] is False
    assert calibrate(replace(Calibration(), beam=False)) == parset


def test_bad_stations_are_flagged_first():
    parset = calibrate(bad_stations=["RS106HBA", "CS001HBA0"])
    assert parset["steps"][0] == "stations"
    assert parset["stations.baseline"] == "CS001HBA0;RS106HBA"
    kept = calibrate(replace(Calibration(), flag_bad_stations=False), bad_stations=["RS106HBA"])
    assert "stations" not in kept["steps"]


def test_a_sky_model_that_dp3_would_take_for_binary():
    with pytest.raises(ConfigurationError, match=r"model\.sourcedb: .*rename"):
        calibrate_steps(Calibration(), "a", "b", "model.sourcedb", SHAPE, storage=Preprocessing())


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        (Calibration, {"max_iterations": 1}, r"\[calibration\] max_iterations = 1: expected at least 10"),
        (Calibration, {"solve_gain": "maybe"}, "expected one of 'auto', 'true', 'false'"),
        (Calibrator, {"outlier_sigma": float("nan")}, r"\[calibrator\] outlier_sigma"),
        (Calibrator, {"smooth_hz": 10.0}, "at least 10000 Hz"),
    ],
)
def test_values_out_of_range(section, change, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(section(), **change)
