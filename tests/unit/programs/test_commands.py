"""Options to argument lists and parsets, without the programs."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.dp3 import DataShape
from sip_luigi.programs.dp3_preprocess import Preprocessing
from sip_luigi.programs.environment import casarc_text, strategy_file, tool_environment
from sip_luigi.programs.pybdsf import SourceFinding, process_arguments
from sip_luigi.programs.wsclean import (
    Geometry,
    Imaging,
    band_parts,
    fft_size,
    image_command,
    image_geometry,
    product_path,
    stokes_v_command,
)

RAW = DataShape(n_times=3600, n_channels=64, interval_s=1.00139, channel_width_hz=3051.7578125)
COARSE = DataShape(n_times=2, n_channels=1, interval_s=10.0, channel_width_hz=195312.5)


GEOMETRY = Geometry(pixel_arcsec=7.5, size_pixels=2048)


def command(options=None, n_channels=0):
    return image_command(
        options or Imaging(), GEOMETRY, ["a b.MS", "c.MS"], "out/band", "out/tmp", n_channels
    )


def pairs(argv):
    return {argv[i]: argv[i + 1] for i in range(len(argv) - 1)}


def test_imaging_command():
    argv = command(replace(Imaging(), robust=-0.5))
    given = pairs(argv)
    assert argv[-2:] == ("a b.MS", "c.MS")
    assert given["-data-column"] == "DATA"
    assert given["-temp-dir"] == "out/tmp"
    assert argv[argv.index("-weight") : argv.index("-weight") + 3] == ("-weight", "briggs", "-0.5")
    assert {"-use-wgridder", "-no-update-model-required", "-join-channels"} <= set(argv)
    assert "-apply-primary-beam" not in argv
    assert "-use-idg" not in argv


def test_a_narrow_band_is_not_cut_into_more_parts_than_channels():
    assert band_parts(Imaging(), 2) == 2
    assert "-channels-out" not in command(n_channels=1)
    assert product_path("p", "image", 1) == "p-image.fits"
    assert product_path("p", "image", 4) == "p-MFS-image.fits"


def test_stokes_v_is_not_cleaned():
    argv = stokes_v_command(Imaging(), GEOMETRY, ["a.MS"], "v", "tmp")
    assert pairs(argv)["-pol"] == "V"
    assert pairs(argv)["-niter"] == "0"


@given(st.floats(500, 1e5), st.floats(110e6, 190e6))
def test_pixels_sample_the_longest_baseline(max_baseline, freq):
    geometry = image_geometry(
        replace(Imaging(), max_uv_lambda=0.0, size_pixels=512), max_baseline, freq, freq
    )
    fringe_arcsec = math.degrees(299792458.0 / freq / max_baseline) * 3600
    assert fringe_arcsec / geometry.pixel_arcsec > 3


@given(st.floats(1, 40000))
def test_fft_sizes(at_least):
    size = fft_size(at_least)
    assert size >= at_least
    assert size % 2 == 0
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1


def test_an_image_too_large_is_refused():
    with pytest.raises(ConfigurationError, match="set max_uv_lambda"):
        image_geometry(replace(Imaging(), max_uv_lambda=0.0), 2e6, 120e6, 180e6)


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
