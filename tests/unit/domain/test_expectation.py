"""A catalogue against what should be in it."""

import math

import numpy as np
import pytest

from sip_luigi.domain.expectation import Comparison, merge_near, pair_up
from sip_luigi.domain.expectation import compare as sum_up
from sip_luigi.domain.quality import Positions

ARCSEC = math.radians(1 / 3600)
RNG = np.random.default_rng(3)
N = 40


def sources(n=N, ra_deg=359.9, dec_deg=60.0):
    """Sources around 0 h: right ascensions wrap."""
    ra = np.deg2rad((ra_deg + RNG.uniform(-1, 1, n)) % 360.0)
    return Positions(ra, np.deg2rad(dec_deg + RNG.uniform(-1, 1, n)), RNG.uniform(0.1, 5.0, n))


def compare(measured, expected, radius_rad):
    return sum_up(pair_up(measured, expected, radius_rad), expected)


def moved(expected, east_arcsec=0.0, north_arcsec=0.0, factor=1.0, keep=slice(None)):
    ra = (expected.ra_rad + east_arcsec * ARCSEC / np.cos(expected.dec_rad)) % (2 * math.pi)
    return Positions(
        ra[keep], (expected.dec_rad + north_arcsec * ARCSEC)[keep], (expected.flux_jy * factor)[keep]
    )


def test_flux_scale_and_offset():
    expected = sources()
    found = compare(moved(expected, 3.0, -4.0, 1.1), expected, 20 * ARCSEC)
    assert (found.n_expected, found.n_found, found.found_fraction) == (N, N, 1.0)
    assert found.flux_ratio_median == pytest.approx(1.1)
    assert found.flux_ratio_scatter == pytest.approx(0.0, abs=1e-9)
    assert found.flux_recovered == pytest.approx(1.1)
    assert found.offset_arcsec == pytest.approx(5.0, rel=1e-3)


def test_a_model_in_the_wrong_place_finds_nothing():
    expected = sources()
    found = compare(moved(expected, north_arcsec=100.0), expected, 20 * ARCSEC)
    assert (found.n_found, found.found_fraction, found.flux_recovered) == (0, 0.0, 0.0)
    assert found.flux_ratio_median is None
    assert found.offset_arcsec is None


def test_the_brightest_source_alone_is_missing():
    expected = sources()
    expected.flux_jy[7] = 500.0
    found = compare(moved(expected, keep=np.arange(N) != 7), expected, 20 * ARCSEC)
    assert found.found_fraction == pytest.approx(1 - 1 / N)
    assert found.flux_ratio_median == pytest.approx(1.0)
    assert found.flux_recovered < 0.3, "the fluxes tell"


def test_nothing_is_expected():
    none = Positions(np.zeros(0), np.zeros(0), np.zeros(0))
    assert compare(sources(), none, ARCSEC) == Comparison()
    assert compare(none, sources(), ARCSEC).found_fraction == 0.0


def test_components_that_the_image_cannot_tell_apart_are_one():
    one = math.radians(52.2)
    model = Positions(
        np.array([1.0, 1.0, 1.0]),
        np.array([one, one + 4 * ARCSEC, one + 600 * ARCSEC]),
        np.array([60.0, 30.0, 5.0]),
    )
    merged = merge_near(model, 20 * ARCSEC)
    assert sorted(merged.flux_jy) == pytest.approx([5.0, 90.0])
    brightest = int(np.argmax(merged.flux_jy))
    assert merged.dec_rad[brightest] == pytest.approx(one + 4 * ARCSEC / 3, abs=1e-3 * ARCSEC)
    assert merged.ra_rad[brightest] == pytest.approx(1.0)
    for few in (0, 1):
        only = Positions(model.ra_rad[:few], model.dec_rad[:few], model.flux_jy[:few])
        assert len(merge_near(only, ARCSEC).flux_jy) == few


def test_pairs_are_measured_minus_expected():
    expected = sources()
    pairs = pair_up(moved(expected, 3.0, -4.0, 1.1), expected, 20 * ARCSEC)
    assert len(pairs.flux_jy) == N
    assert pairs.flux_jy / pairs.expected_jy == pytest.approx(1.1)
    assert pairs.east_arcsec == pytest.approx(3.0, rel=1e-3)
    assert pairs.north_arcsec == pytest.approx(-4.0, rel=1e-3)
