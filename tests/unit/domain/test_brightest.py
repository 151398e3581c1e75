"""What is seen around the brightest source."""

import numpy as np
import pytest

from sip_luigi.domain.brightest import brightest_source

SIZE = 300


def planes(peak=10.0, artefacts=0.0, leaked=0.0):
    rng = np.random.default_rng(2)
    image, residual, stokes_v = (
        rng.normal(scale=0.01, size=(SIZE, SIZE)).astype(np.float32) for _ in range(3)
    )
    residual[40:161, 50:171] += rng.normal(scale=artefacts, size=(121, 121)).astype(np.float32)
    image[100, 110], stokes_v[100, 110] = peak, leaked * peak
    return image, residual, stokes_v


def test_a_clean_image():
    found = brightest_source(*planes(), beam_pixels=4.0)
    assert (found.x, found.y) == (110, 100)
    assert found.artefact_ratio == pytest.approx(1.0, abs=0.05)
    assert found.dynamic_range == pytest.approx(1000.0, rel=0.05)
    assert found.stokes_v_fraction < 0.01


def test_artefacts_and_leakage():
    found = brightest_source(*planes(artefacts=0.05, leaked=0.2), beam_pixels=4.0)
    assert found.artefact_ratio > 4
    assert found.dynamic_range < 250
    assert found.stokes_v_fraction == pytest.approx(0.2, rel=0.05)


def test_the_leakage_of_a_faint_source_cannot_be_told():
    assert brightest_source(*planes(peak=0.5), beam_pixels=4.0).stokes_v_fraction is None


def test_at_the_edge_and_with_blank_pixels():
    image, residual, stokes_v = planes()
    image[0, 0] = 50.0
    image[5], residual[5] = np.nan, np.nan
    found = brightest_source(image, residual, stokes_v, beam_pixels=4.0)
    assert (found.x, found.y, found.peak_jy_beam) == (0, 0, 50.0)
    assert np.isfinite(found.dynamic_range)
