"""What solutions say of stations and stretches of time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.solutions import (
    amplitude_outliers,
    amplitude_scatter,
    edges,
    intervals,
    jump_fraction,
    odd_stations,
    step_scatter,
    typical_amplitude,
    xy_ratio,
)


def test_scatter_and_jumps_of_the_phase():
    rng = np.random.default_rng(1)
    quiet = np.cumsum(rng.normal(0, 0.2, (500, 1, 2)), axis=0)
    assert step_scatter(quiet) == pytest.approx(0.2, rel=0.15)
    assert jump_fraction(quiet) == 0.0
    chance = rng.uniform(-np.pi, np.pi, (500, 1, 2))
    assert step_scatter(chance) > 2.0
    assert jump_fraction(chance) == pytest.approx(1 - 1 / np.pi, abs=0.05)
    assert step_scatter(quiet[:1]) == jump_fraction(quiet[:1]) == 0.0
    assert step_scatter(np.full((5, 2), np.nan)) == 0.0


def test_outliers_of_the_amplitude():
    amplitude = np.ones((10, 1, 2))
    amplitude[3, 0, 1], amplitude[4] = 4.0, 0.2
    amplitude[6] = np.nan
    assert np.flatnonzero(amplitude_outliers(amplitude, 3.0)).tolist() == [3, 4]
    assert not amplitude_outliers(amplitude, 10.0).any()
    assert not amplitude_outliers(np.full((3, 1, 2), np.nan), 3.0).any()
    assert amplitude_scatter(amplitude) == 0.0
    noisy = 1 + np.random.default_rng(2).normal(0, 0.05, (400, 1, 2))
    assert amplitude_scatter(noisy) == pytest.approx(0.05, rel=0.15)


def test_stretches_of_time():
    times = np.array([15.0, 45.0, 75.0, 105.0, 125.0])
    flags = np.array([False, True, True, False, True])
    assert intervals(flags, edges(times)) == [(30.0, 90.0), (120.0, np.inf)]
    assert edges(times[:1]) == [(-np.inf, np.inf)]
    assert edges(times[:0]) == []


@given(st.lists(st.booleans(), min_size=2, max_size=30))
def test_stretches_cover_what_is_flagged(flags):
    times = 10.0 * np.arange(len(flags)) + 5.0
    stretches = intervals(np.array(flags), edges(times))
    covered = [any(start <= time < end for start, end in stretches) for time in times]
    assert covered == flags


def test_a_ratio_that_all_stations_share():
    rng = np.random.default_rng(3)
    x, y = np.exp(rng.normal(0, 0.1, (2, 40)))
    ratio, error = xy_ratio(x, y)
    assert abs(ratio - 1) < 4 * error
    ratio, error = xy_ratio(1.3 * x, y)
    assert ratio - 1 > 5 * error
    assert xy_ratio(x[:2], y[:2])[1] == np.inf


def test_too_few_stations_to_call_one_odd():
    assert odd_stations({"a": 1.0, "b": 100.0}) == []


def test_the_typical_amplitude_is_not_drawn_by_drifts_or_by_single_stations():
    rng = np.random.default_rng(4)
    drifts = np.exp(rng.normal(0, 0.06, (6, 1, 40, 2)).cumsum(axis=0) / 2)
    assert typical_amplitude(0.8 * np.ones((6, 1, 40, 2))) == pytest.approx(0.8)
    assert typical_amplitude(0.8 * drifts) == pytest.approx(0.8 * typical_amplitude(drifts))
    assert typical_amplitude(0.8 * drifts) == pytest.approx(0.8, rel=0.03)
    broken = 0.8 * drifts
    broken[:, :, 3] *= 20.0
    broken[:, :, 4] = np.nan
    broken[:4, :, 5] = np.nan
    assert typical_amplitude(broken) == pytest.approx(typical_amplitude(0.8 * drifts), rel=0.01)


def test_no_amplitude_is_typical_where_none_is_known():
    assert np.isnan(typical_amplitude(np.full((2, 1, 3, 2), np.nan)))
