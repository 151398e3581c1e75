"""Options to argument lists and parsets, without the programs."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.dp3 import (
    Calibration,
    DataShape,
    Preprocessing,
    averaged_shape,
    averaging_factors,
    calibrate_steps,
    preprocess_steps,
    solution_paths,
)
from sip_luigi.programs.environment import casarc_text, strategy_file, tool_environment
from sip_luigi.programs.pybdsf import SourceFinding, process_arguments
from sip_luigi.programs.wsclean import (
    Imaging,
    Plan,
    image_command,
    part_path,
    product_path,
    stokes_v_command,
)

RAW = DataShape(n_times=3600, n_channels=64, interval_s=1.00139, channel_width_hz=3051.7578125)
COARSE = DataShape(n_times=2, n_channels=1, interval_s=10.0, channel_width_hz=195312.5)


def preprocess(options=None, shape=RAW):
    options = options or Preprocessing()
    return preprocess_steps(
        options, "in.MS", "out.MS", shape, strategy_path="/s.lua", statistics_path="f.json"
    )


def calibrate(options=None, **more):
    given = {"storage": Preprocessing(), "solutions_prefix": "s", **more}
    return calibrate_steps(options or Calibration(), "in.MS", "out.MS", "m.skymodel", RAW, **given)


def test_raw_data_are_averaged_to_4_s_and_48_khz():
    assert averaging_factors(Preprocessing(), RAW) == (4, 16)
    assert averaging_factors(Preprocessing(), COARSE) == (1, 1)


@given(st.integers(1, 1000), st.integers(1, 512), st.floats(0.1, 60), st.floats(100, 2e5))
def test_averaging_never_makes_finer_or_unequal(n_times, n_channels, interval, width):
    shape = DataShape(n_times, n_channels, interval, width)
    time_step, freq_step = averaging_factors(Preprocessing(), shape)
    assert n_channels % freq_step == 0
    assert time_step == 1 or time_step * interval <= 4.0 * 1.006
    assert freq_step == 1 or freq_step * width <= 48828.125 * 1.006
    after = averaged_shape(Preprocessing(), shape)
    assert after.n_times == math.ceil(n_times / time_step)


def test_preprocessing_is_one_pass_that_refuses_unknown_keys():
    parset = preprocess()
    assert parset["steps"] == ["autocorrelations", "elevation", "zeros", "aoflagger", "average", "count"]
    assert parset["checkparset"] == 1
    assert parset["elevation.mode"] == "setcomplement"
    assert parset["elevation.elevation"] == "20deg..90deg"
    assert (parset["average.timestep"], parset["average.freqstep"]) == (4, 16)
    assert parset["msout.storagemanager"] == "dysco"


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"aoflagger": False}, "aoflagger"),
        ({"flag_autocorrelations": False}, "autocorrelations"),
        ({"min_elevation_deg": 0.0}, "elevation"),
        ({"min_amplitude": 0.0}, "zeros"),
        ({"average_to_s": 0.0, "average_to_hz": 0.0}, "average"),
    ],
)
def test_what_is_switched_off_is_no_step(change, gone):
    parset = preprocess(replace(Preprocessing(), **change))
    assert gone not in parset["steps"]
    assert not [key for key in parset if key.startswith(f"{gone}.")]


def test_dysco_is_left_out_for_a_single_time_slot():
    parset = preprocess(shape=DataShape(1, 8, 1.0, 1e4))
    assert "msout.storagemanager" not in parset


def test_calibration_does_not_stop_early_and_applies_what_it_solves():
    parset = calibrate()
    assert parset["steps"] == ["phase", "gain", "beam", "count"]
    for step in ("phase", "gain"):
        assert parset[f"{step}.detectstalling"] is False
        assert parset[f"{step}.usebeammodel"] is True
        assert parset[f"{step}.applysolution"] is True
        assert parset[f"{step}.maxiter"] >= 100
    assert parset["phase.solint"] < parset["gain.solint"]
    assert solution_paths(Calibration(), "s") == (parset["phase.parmdb"], parset["gain.parmdb"])


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
        calibrate_steps(Calibration(), "a", "b", "model.sourcedb", RAW, storage=Preprocessing())


PLAN = Plan(pixel_arcsec=7.5, size_pixels=2048, max_uv_lambda=8000.0, parts=4)


def command(options=None, **changes):
    return image_command(
        options or Imaging(), PLAN._replace(**changes), ["a b.MS", "c.MS"], "out/band", "out/tmp"
    )


def pairs(argv):
    return {argv[i]: argv[i + 1] for i in range(len(argv) - 1)}


def test_imaging_command():
    argv = command(replace(Imaging(), robust=-0.5))
    given = pairs(argv)
    assert argv[-2:] == ("a b.MS", "c.MS")
    assert given["-data-column"] == "DATA"
    assert given["-temp-dir"] == "out/tmp"
    assert given["-channels-out"] == "4"
    assert given["-maxuv-l"] == "8000"
    assert argv[argv.index("-weight") : argv.index("-weight") + 3] == ("-weight", "briggs", "-0.5")
    assert {"-use-wgridder", "-no-update-model-required", "-join-channels"} <= set(argv)
    assert "-apply-primary-beam" not in argv
    assert "-use-idg" not in argv
    assert "-multiscale" not in argv
    assert "-multiscale" in command(multiscale=True)


def test_a_band_in_one_part_is_not_joined():
    assert not {"-channels-out", "-join-channels", "-fit-spectral-pol"} & set(command(parts=1))
    assert product_path("p", "image", 1) == "p-image.fits"
    assert product_path("p", "image", 4) == "p-MFS-image.fits"
    assert part_path("p", "image", 3) == "p-0003-image.fits"


def test_stokes_v_is_not_cleaned():
    argv = stokes_v_command(Imaging(), PLAN, ["a.MS"], "v", "tmp")
    assert pairs(argv)["-pol"] == "V"
    assert pairs(argv)["-niter"] == "0"


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        (Imaging, {"robust": 5.0}, r"\[imaging\] robust = 5"),
        (Imaging, {"size_pixels": 333}, "an even number from 64"),
        (Imaging, {"max_uv_lambda": 10.0}, "expected more than min_uv_lambda"),
        (Calibration, {"max_iterations": 1}, r"\[calibration\] max_iterations = 1: expected at least 10"),
        (Preprocessing, {"max_flagged_fraction": float("nan")}, "expected at least 0 and at most 1"),
        (SourceFinding, {"threshold_island_sigma": 9.0}, "at most threshold_peak_sigma"),
    ],
)
def test_values_out_of_range(section, change, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(section(), **change)


def test_source_finding_boxes_fit_the_image():
    box, step = process_arguments(SourceFinding(), 4.0, 200, "out")["rms_box"]
    assert box == 50
    assert 0 < step <= box / 3


def test_environment_points_at_the_tables_that_are_installed():
    folder = casarc_text().partition(": ")[2].strip()
    assert folder.endswith("casacore/data")
    environment = tool_environment("/x/casarc")
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert environment["CASARCFILES"] == "/x/casarc"


def test_strategies():
    assert strategy_file("lofar-default").is_file()
    with pytest.raises(ConfigurationError, match=r"known are .*lofar-default"):
        strategy_file("no-such-strategy")
