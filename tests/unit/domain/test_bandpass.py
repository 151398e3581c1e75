"""Bandpasses are cleaned of what is not the instrument's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.bandpass import clean_bandpass, dead_stations, interpolated, smooth_at

FREQ = 120e6 + 48828.125 * np.arange(240)
WIDTH_HZ = 2e6


def true_bandpass(freq):
    """A slope, a bow and a ripple, different for each of 6 stations and 2 receptors."""
    x = (freq[:, None, None] - 126e6) / 6e6
    station, receptor = np.arange(6)[None, :, None], np.arange(2)[None, None, :]
    return (1 + 0.1 * station) * (1 + 0.2 * x - 0.1 * x**2 * (1 + 0.2 * receptor)) + 0.05 * np.sin(2 * x)


def observed(noise=0.02, n_times=20, seed=1):
    rng = np.random.default_rng(seed)
    truth = true_bandpass(FREQ)
    return truth * (1 + rng.normal(0, noise, (n_times, *truth.shape))), truth


def clean(values, good=None):
    good = np.ones(values.shape, dtype=bool) if good is None else good
    return clean_bandpass(values, good, FREQ, 5.0, WIDTH_HZ)


def curve(found):
    return smooth_at(FREQ, found.amplitude, found.good, FREQ, WIDTH_HZ)


def test_the_bandpass_comes_out():
    values, truth = observed()
    found = clean(values)
    np.testing.assert_allclose(curve(found), truth, rtol=0.01)
    assert found.scatter == pytest.approx(0.02 * 1.253 / np.sqrt(20), rel=0.3)
    assert not dead_stations(found).any()
    assert found.outliers.max() < 0.001


def test_outliers_in_time_and_frequency_and_drifts_do_no_harm():
    values, truth = observed()
    rng = np.random.default_rng(2)
    values[rng.random(values.shape) < 0.05] *= 3.0
    values[:, 100:104, 2] *= 2.0
    values *= (1 + 0.1 * np.sin(np.arange(20) / 3))[:, None, None, None]
    found = clean(values)
    drift = np.median(1 + 0.1 * np.sin(np.arange(20) / 3))
    np.testing.assert_allclose(curve(found) / drift, truth, rtol=0.025)
    assert not found.good[100:104, 2].any()
    assert found.outliers == pytest.approx(0.05, abs=0.03)


def test_a_lost_subband_is_bridged_a_wide_gap_is_not():
    values, truth = observed()
    good = np.ones(values.shape, dtype=bool)
    good[:, 60:64] = False
    good[:, 120:200] = False
    values[~good] = np.nan
    found = clean(values, good)
    bridged = curve(found)
    np.testing.assert_allclose(bridged[55:70], truth[55:70], rtol=0.01)
    assert np.isnan(bridged[150:170]).all()
    assert interpolated(FREQ, found.good, FREQ[[10, 62, 160]], 6e4).tolist() == [False, True, True]


def test_dead_stations():
    values, _ = observed()
    values[:, :, 1] *= 0.0016
    values[:, :, 3, 1] *= 0.01  # one receptor alone
    good = np.ones(values.shape, dtype=bool)
    good[:, :, 4] = False
    assert np.flatnonzero(dead_stations(clean(values, good))).tolist() == [1, 3, 4]


def test_nothing_at_all():
    found = clean(np.full((3, 240, 6, 2), np.nan))
    assert dead_stations(found).all()
    assert np.isnan(curve(found)).all()
    assert interpolated(FREQ, found.good, FREQ[:2], 6e4).all()


@given(st.floats(0.5, 2.0), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(5, 60))
def test_parabolas_stay_what_they_are(level, slope, bow, n):
    x = np.linspace(0, 1, n)
    values = level + slope * x + bow * x**2
    at = np.linspace(0, 1, 7)
    smooth = smooth_at(x, values, np.ones(n, dtype=bool), at, 1.5)
    np.testing.assert_allclose(smooth, level + slope * at + bow * at**2, atol=0.02)
