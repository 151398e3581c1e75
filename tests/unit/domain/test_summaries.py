"""What is kept of flags and visibilities is small, and says what the data say."""

import json

import numpy as np
import pytest

from sip_luigi.domain.summaries import (
    AMPLITUDE_DECADES,
    AMPLITUDE_PER_DECADE,
    MOST_SOLUTIONS,
    TIME_BINS,
    UV_DECADES,
    UV_PER_DECADE,
    UvSummary,
    amplitude_counts,
    baseline_matrix,
    covered_uv_m,
    edges,
    flag_summary,
    kept_solutions,
)

RNG = np.random.default_rng(5)


def flagged(n_stations=62, n_times=2880, n_channels=16):
    first, second = np.triu_indices(n_stations, 1)
    return {
        "station_names": [f"CS{number:03d}HBA0" for number in range(n_stations)],
        "by_station": RNG.random(n_stations).tolist(),
        "by_baseline": {
            "first": first.tolist(),
            "second": second.tolist(),
            "fraction": RNG.random(len(first)).tolist(),
        },
        "by_channel": {
            "frequency_hz": (140e6 + 12e3 * np.arange(n_channels)).tolist(),
            "fraction": RNG.random(n_channels).tolist(),
        },
        "by_time": {
            "start_mjd_s": 5.27e9,
            "offset_s": (10.0 * np.arange(n_times)).tolist(),
            "fraction": RNG.random(n_times).tolist(),
        },
    }


def test_flags_of_a_large_subband_are_some_kilobytes():
    found = flag_summary(flagged())
    assert len(json.dumps(found, separators=(",", ":"))) < 16_000
    assert len(found["by_time"]["fraction"]) == TIME_BINS


def test_flags_say_what_the_statistics_say():
    before = flagged(n_stations=5, n_times=1000)
    before["by_baseline"]["fraction"][3] = None
    before["by_time"]["fraction"][:10] = [None] * 10
    found = flag_summary(before)
    assert found["by_station"] == pytest.approx(before["by_station"], abs=6e-4)
    matrix = baseline_matrix(found["by_baseline"], 5)
    for first, second, fraction in zip(*before["by_baseline"].values(), strict=True):
        expected = np.nan if fraction is None else pytest.approx(fraction, abs=6e-3)
        for value in (matrix[first, second], matrix[second, first]):
            assert np.isnan(value) if fraction is None else value == expected
    assert np.isnan(np.diag(matrix)).all()
    by_time = found["by_time"]
    assert by_time["fraction"][0] is None
    assert by_time["fraction"][1] == pytest.approx(np.mean(before["by_time"]["fraction"][10:20]), abs=6e-4)
    assert by_time["step_s"] * TIME_BINS == pytest.approx(9990.0)


def test_few_times_are_kept_as_they_are():
    before = flagged(n_stations=3, n_times=7)
    assert flag_summary(before)["by_time"]["fraction"] == pytest.approx(
        before["by_time"]["fraction"], abs=6e-4
    )


def test_one_time():
    assert len(flag_summary(flagged(n_stations=3, n_times=1))["by_time"]["fraction"]) == 1


def test_solutions_are_thinned_from_the_first_to_the_last():
    assert kept_solutions(7).tolist() == list(range(7))
    kept = kept_solutions(2881)
    assert (len(kept), kept[0], kept[-1]) == (MOST_SOLUTIONS, 0, 2880)


def test_amplitudes_are_counted_where_they_are():
    summary = UvSummary(1000.0, np.array([150e6, 150e6]))
    uv = np.array([[300.0, 400.0], [0.0, 5.0]]) / 150e6
    amplitude = np.array([[20.0, 0.5], [3.0, 3.0]])
    usable = np.array([[True, True], [True, False]])
    summary.add(uv, amplitude, usable)
    counts = amplitude_counts(summary.as_dict())
    distance, strength = edges(UV_DECADES, UV_PER_DECADE), edges(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)
    x, y = np.nonzero(counts)
    assert counts.sum() == 3, "one is flagged"
    assert x.tolist() == [0, *[np.searchsorted(distance, 500.0) - 1] * 2], "below the range: at its edge"
    assert y.tolist() == [np.searchsorted(strength, value) - 1 for value in (3.0, 0.5, 20.0)]


def test_amplitudes_of_all_subbands_share_a_grid():
    counts = np.zeros((100, 96), int)
    for freq_hz in (120e6, 170e6):
        summary = UvSummary(1e5, np.array([freq_hz]))
        uv_m = RNG.normal(0, 2e4, (500, 2))
        summary.add(uv_m / 299792458.0, RNG.rayleigh(1.0, (500, 1)), np.ones((500, 1), bool))
        counts += amplitude_counts(json.loads(json.dumps(summary.as_dict())))
    assert counts.sum() == 1000
    assert edges(UV_DECADES, UV_PER_DECADE)[[0, -1]] == pytest.approx([1e1, 1e6])
    assert edges(AMPLITUDE_DECADES, AMPLITUDE_PER_DECADE)[[0, -1]] == pytest.approx([1e-3, 1e5])


def test_the_uv_plane_is_where_the_baselines_were():
    summary = UvSummary(1000.0, np.array([150e6]))
    uv_m = np.array([[800.0, 600.0], [-300.0, 400.0], [100.0, -200.0], [1000.0, 0.0]])
    summary.cover(uv_m)
    half = covered_uv_m(json.loads(json.dumps(summary.as_dict())))
    both = np.concatenate([half, -half])
    assert len(half) == 4
    for place in uv_m:
        assert np.hypot(*(both - place).T).min() < 1000.0 / 256
    assert len(json.dumps(summary.as_dict())) < 1000
