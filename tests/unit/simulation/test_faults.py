from dataclasses import replace

import numpy as np
import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.faults import (
    DEAD_FACTOR,
    Fault,
    draw_faults,
    sefd_factors,
    signal_factors,
    station_names,
)
from sip_luigi.simulation.options import SimulationOptions

NAMES = [f"S{number}" for number in range(20)]
OPTIONS = SimulationOptions(
    stations=20, duration_s=3000, dead_stations=2, noisy_stations=3, intermittent_stations=4
)


def test_each_station_has_one_fault():
    faults = draw_faults(OPTIONS, NAMES)
    assert faults == draw_faults(OPTIONS, NAMES)
    assert len({fault.station for fault in faults}) == 9
    assert len(station_names(faults, "dead", OPTIONS.n_times)) == 2
    assert len(station_names(faults, "noisy", OPTIONS.n_times)) == 3
    intermittent = faults[5:]
    assert [fault.kind for fault in intermittent] == ["noisy", "dead", "noisy", "dead"]
    for fault in intermittent:
        assert 10 <= fault.last_slot - fault.first_slot + 1 <= 40
        assert 0 <= fault.first_slot <= fault.last_slot < OPTIONS.n_times


def test_none():
    assert draw_faults(SimulationOptions(dead_stations=0), NAMES) == ()


def test_another_pointing_has_the_same_stations():
    here, there = draw_faults(OPTIONS, NAMES), draw_faults(replace(OPTIONS, pointing=1), NAMES)
    assert [fault.station for fault in here] == [fault.station for fault in there]
    assert here[:5] == there[:5]
    assert here[5:] != there[5:]


def test_more_noisy_ones_leave_the_dead_alone():
    other = draw_faults(replace(OPTIONS, noisy_stations=6), NAMES)
    assert other[:2] == draw_faults(OPTIONS, NAMES)[:2]


def test_factors_hold_while_the_fault_lasts():
    faults = (Fault("b", "dead", 1, 2), Fault("a", "noisy", 3, 3))
    signal, sefd = signal_factors(faults, ["a", "b"], 4), sefd_factors(faults, ["a", "b"], 4, 9.0)
    np.testing.assert_array_equal(signal, [[1, 1], [1, DEAD_FACTOR], [1, DEAD_FACTOR], [1, 1]])
    np.testing.assert_array_equal(sefd, [[1, 1], [1, 1], [1, 1], [9, 1]])


def test_record_says_when():
    record = Fault("a", "noisy", 2, 3).as_record(OPTIONS)
    assert record["start_utc"] == "2024-03-20T20:01:00.000Z"
    assert record["end_utc"] == "2024-03-20T20:02:00.000Z"


def test_too_many_are_refused():
    with pytest.raises(ConfigurationError, match="intermittent_stations"):
        SimulationOptions(stations=5, dead_stations=1, noisy_stations=1, intermittent_stations=2)
