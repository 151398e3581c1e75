"""Options to argument lists and parsets, without the programs."""

from dataclasses import replace

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.dp3 import DataShape
from sip_luigi.programs.dp3_preprocess import Preprocessing
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
