"""Bad stations from the statistics of all subbands."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.stations import (
    NARROW_CHANNEL_HZ,
    Limits,
    StationStatistics,
    find_bad_stations,
    join_spans,
)

NAMES = tuple(f"CS{n:03}HBA0" for n in range(1, 9))
SPANS = tuple((300.0 * k, 300.0 * (k + 1)) for k in range(12))
LIMITS = Limits(0.5, 2.0, 2.0, 0.5, 0.5)


def statistics(change=None, names=NAMES, spans=SPANS, seed=0):
    """Good stations with gains that differ by a fifth; `change` spoils them."""
    rng = np.random.default_rng(seed)
    shape = (len(spans), len(names))
    amplitude = rng.uniform(0.8, 1.2, shape) * 3.0
    noise = rng.uniform(0.9, 1.1, shape)
    difference = rng.uniform(0.9, 1.1, len(names))
    if change:
        change(amplitude, noise, difference)
    return StationStatistics(names, spans, amplitude, noise, difference)


def subbands(n, change=None, spoiled=None):
    """`change` spoils the first `spoiled` of n subbands."""
    spoiled = n if spoiled is None else spoiled
    return {f"SB{k:03}": statistics(change if k < spoiled else None, seed=k) for k in range(n)}


def scale(station, factor, what="amplitude", spans=slice(None)):
    def change(amplitude, noise, difference):
        if what == "difference":
            difference[station] *= factor
        else:
            {"amplitude": amplitude, "noise": noise}[what][spans, station] *= factor

    return change


def test_good_stations_stay():
    assert find_bad_stations(subbands(10), LIMITS) == {}
    assert find_bad_stations({}, LIMITS) == {}


@pytest.mark.parametrize(
    ("change", "word", "figure"),
    [
        (scale(2, 0.3), "dead", "amplitude 0.3"),
        (scale(2, 3.0), "noisy", "amplitude 3"),
        (scale(2, 2.5, "noise"), "noisy", "amplitude of XY and YX 2.5"),
        (scale(2, 2.5, "difference"), "noisy", "difference of channels 2.5"),
    ],
)
def test_a_bad_station_is_found_and_it_is_said_why(change, word, figure):
    found = find_bad_stations(subbands(10, change), LIMITS)
    assert list(found) == [NAMES[2]]
    bad = found[NAMES[2]]
    assert bad.reason.startswith(f"{word} in 10 of 10 subbands; times the median: ")
    name, _, value = figure.rpartition(" ")
    key = {
        "amplitude": "amplitude",
        "amplitude of XY and YX": "noise",
        "difference of channels": "difference",
    }[name]
    assert bad.figures[key] == pytest.approx(float(value), rel=0.2)
    assert name in bad.reason
    assert bad.spans == ()
    assert len(bad.subbands) == 10


def test_what_is_bad_in_few_subbands_is_not_the_station():
    assert find_bad_stations(subbands(10, scale(2, 0.3), spoiled=4), LIMITS) == {}
    found = find_bad_stations(subbands(10, scale(2, 0.3), spoiled=5), LIMITS)
    assert found[NAMES[2]].subbands == tuple(f"SB{k:03}" for k in range(5))


def test_a_station_without_data_in_most_subbands_is_judged_by_the_others():
    def silent(amplitude, noise, difference):
        amplitude[:, 2] = noise[:, 2] = difference[2] = np.nan

    data = subbands(10, silent, spoiled=8)
    data |= {f"SB{k:03}": statistics(scale(2, 0.3), seed=k) for k in (8, 9)}
    found = find_bad_stations(data, LIMITS)
    assert found[NAMES[2]].n_subbands == 2
    assert find_bad_stations(subbands(10, silent), LIMITS) == {}


def test_a_station_that_is_bad_for_a_time_goes_for_that_time():
    found = find_bad_stations(subbands(6, scale(5, 0.01, spans=slice(3, 6))), LIMITS)
    bad = found[NAMES[5]]
    assert bad.spans == ((900.0, 1800.0),)
    assert bad.reason.startswith("dead for 900 s in 6 of 6 subbands; times the median: amplitude 0.01")
    two = find_bad_stations(subbands(6, scale(5, 9.0, spans=[0, 1, 8])), LIMITS)[NAMES[5]]
    assert two.spans == ((0.0, 600.0), (2400.0, 2700.0))


def test_a_station_that_is_bad_most_of_the_time_goes_altogether():
    found = find_bad_stations(subbands(6, scale(5, 9.0, spans=slice(0, 7))), LIMITS)
    assert found[NAMES[5]].spans == ()


def test_subbands_that_see_different_times_and_stations():
    short = statistics(scale(1, 0.1), names=NAMES[:5], spans=SPANS[:3])
    found = find_bad_stations({"a": short, "b": statistics(scale(1, 0.1))}, LIMITS)
    assert list(found) == [NAMES[1]]
    assert found[NAMES[1]].subbands == ("a", "b")


def test_two_stations_are_no_majority():
    pair = statistics(scale(1, 0.01), names=NAMES[:2])
    assert find_bad_stations({"a": pair}, LIMITS) == {}


@given(st.permutations(range(6)))
def test_the_order_of_the_subbands_does_not_matter(order):
    data = subbands(6, scale(3, 0.2, spans=slice(0, 2)))
    names = list(data)
    shuffled = {names[k]: data[names[k]] for k in order}
    assert {n: e.spans for n, e in find_bad_stations(shuffled, LIMITS).items()} == {NAMES[3]: ((0.0, 600.0),)}


def document(**aoflagger):
    return {
        "stations": {
            "names": ["a", "b"],
            "spans_mjd_s": [[0.0, 300.0]],
            "amplitude": [[1.5, None]],
            "noise": [[0.5, None]],
        },
        "aoflagger": aoflagger,
    }


def test_the_file_of_a_subband_is_read():
    text = json.dumps(document(difference={"a": 0.7}))
    read = StationStatistics.from_json(json.loads(text), 3051.0)
    assert read.spans == ((0.0, 300.0),)
    np.testing.assert_array_equal(read.amplitude, [[1.5, np.nan]])
    np.testing.assert_array_equal(read.difference, [0.7, np.nan])
    # The sky is in the difference of wide channels.
    assert np.isnan(StationStatistics.from_json(json.loads(text), NARROW_CHANNEL_HZ * 2).difference).all()


@pytest.mark.parametrize("change", [{"stations": {}}, {"aoflagger": None}, {"stations": {"names": 5}}])
def test_a_file_that_is_something_else_is_an_error(change):
    with pytest.raises((KeyError, TypeError, AttributeError, ValueError)):
        StationStatistics.from_json(document() | change, 3051.0)


def test_spans_are_joined():
    assert join_spans([(10, 20), (0, 10), (30, 40)]) == ((0, 20), (30, 40))
    assert join_spans([]) == ()
