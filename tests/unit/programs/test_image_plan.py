"""What an image is like: worked out from the data, set, or refused; with the reason."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.programs.image_plan import (
    BEAM_FRINGES,
    PIXELS_PER_BEAM,
    Coverage,
    carried_uv_lambda,
    fft_size,
    gaussian_level,
    memory_bytes,
    plan_image,
    require_memory,
)
from sip_luigi.programs.wsclean import Imaging, Plan

DATA = Coverage(
    longest_uv_m=20_000.0,
    measured=True,
    lowest_freq_hz=139e6,
    highest_freq_hz=141e6,
    n_channels=32,
    antenna_set="HBA_DUAL_INNER",
)
FREE = replace(Imaging(), max_uv_lambda=0.0)


def plan(options=FREE, **changes):
    return plan_image(options, replace(DATA, **changes))


def reason(planned, name):
    return next(choice for choice in planned.choices if choice.name == name)


@given(st.floats(500, 1e5), st.floats(110e6, 190e6))
def test_pixels_sample_the_longest_baseline(longest_uv_m, freq_hz):
    planned = plan(
        replace(FREE, size_pixels=512),
        longest_uv_m=longest_uv_m,
        lowest_freq_hz=freq_hz,
        highest_freq_hz=freq_hz,
    )
    fringe_arcsec = math.degrees(299792458.0 / freq_hz / longest_uv_m) * 3600
    assert fringe_arcsec / planned.plan.pixel_arcsec > PIXELS_PER_BEAM
    assert planned.warnings == ()


def test_flagged_long_baselines_do_not_count():
    short, long = plan(longest_uv_m=3000.0), plan(longest_uv_m=60_000.0)
    assert short.plan.pixel_arcsec > 15 * long.plan.pixel_arcsec
    assert "longest unflagged baseline, 3000 m" in reason(short, "longest baseline").reason
    assert "distance of the stations" in reason(plan(measured=False), "longest baseline").reason


def test_baselines_that_the_pixels_cannot_carry_are_left_out_with_a_warning():
    planned = plan(replace(FREE, pixel_arcsec=22.0))
    assert planned.plan.max_uv_lambda == pytest.approx(carried_uv_lambda(22.0))
    # A beam of so many fringes on three pixels.
    assert BEAM_FRINGES * math.degrees(1 / planned.plan.max_uv_lambda) * 3600 == pytest.approx(
        PIXELS_PER_BEAM * 22.0
    )
    (warning,) = planned.warnings
    assert "pixel_arcsec = 22: too coarse for baselines of 9407 λ" in warning
    fine = plan(replace(FREE, pixel_arcsec=5.0))
    assert fine.warnings == ()
    assert fine.plan.max_uv_lambda == pytest.approx(20_000.0 * 141e6 / 299792458.0)


def test_the_field_follows_from_the_station_beam():
    hba, lba = plan(), plan(antenna_set="LBA_OUTER", lowest_freq_hz=59e6, highest_freq_hz=61e6)
    width = hba.plan.size_pixels * hba.plan.pixel_arcsec / 3600
    # 1.02 λ/D of 30.75 m at 139 MHz is 4.10°.
    assert width == pytest.approx(1.3 * 4.10, rel=0.02)
    assert "4.10° (FWHM)" in reason(hba, "size").reason
    assert "at 0.30 of the beam" in reason(hba, "size").reason
    assert "81.34 m" in reason(lba, "size").reason
    assert "32.25 m" in reason(plan(antenna_set="LBA_SPARSE_EVEN"), "size").reason


def test_gaussian_level():
    assert gaussian_level(0.0, 4.0) == 1.0
    assert gaussian_level(2.0, 4.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, 4),
        ({"lowest_freq_hz": 120e6, "highest_freq_hz": 168e6, "n_channels": 960}, 9),
        ({"lowest_freq_hz": 30e6, "highest_freq_hz": 78e6, "n_channels": 960}, 12),
        ({"n_channels": 2}, 2),
        ({"n_channels": 1}, 1),
        ({"n_channels": 0}, 4),
    ],
)
def test_parts_of_the_band(changes, parts):
    planned = plan(**changes)
    assert planned.plan.parts == parts
    assert plan(replace(FREE, channels_out=3)).plan.parts == 3


def test_multiscale_where_the_model_has_something_extended():
    assert not plan().plan.multiscale
    assert not plan(largest_source_arcsec=20.0).plan.multiscale
    planned = plan(largest_source_arcsec=90.0)
    assert planned.plan.multiscale
    assert 'widest component of the sky model has 90"' in reason(planned, "multiscale").reason
    assert plan(replace(FREE, multiscale="yes")).plan.multiscale
    assert not plan(replace(FREE, multiscale="no"), largest_source_arcsec=900.0).plan.multiscale


def test_what_is_set_counts_and_says_so():
    options = replace(FREE, max_uv_lambda=3000.0, pixel_arcsec=16.0, size_pixels=576, channels_out=2)
    planned = plan(options)
    assert planned.plan == Plan(16.0, 576, 3000.0, 2, multiscale=False)
    for name in ("longest baseline", "pixel", "size", "parts of the band"):
        assert "[imaging]" in reason(planned, name).reason


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
        plan(longest_uv_m=2e6)


@pytest.mark.parametrize(
    ("size", "parts", "measured_mb"), [(1024, 4, 142), (2048, 1, 330), (2048, 4, 422), (2048, 8, 647)]
)
def test_memory_is_estimated_as_measured(size, parts, measured_mb):
    estimate_mb = memory_bytes(Plan(5.0, size, 8000.0, parts)) / 1e6
    # 50 MB are there before the first pixel.
    assert 0.85 * measured_mb < estimate_mb + 50 < 1.4 * measured_mb


def test_an_image_that_does_not_fit_into_memory_is_refused():
    large = Plan(1.0, 20_000, 80_000.0, 8)
    with pytest.raises(
        ConfigurationError, match=r"20000² pixels in 8 parts takes about 64\.0 GB, lce001 has 64\.0 GB"
    ):
        require_memory(large, 64 * 10**9, "lce001", 50.0)
    require_memory(large, 256 * 10**9, "lce001", 50.0)
    require_memory(large, 0, "lce001", 50.0)
