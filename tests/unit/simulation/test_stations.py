import numpy as np
import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.stations import (
    choose_stations,
    dutch_fields,
    horizontal,
    observing_stations,
    positions,
)


@pytest.mark.parametrize("count", [2, 3, 12, 24, 30, 47, 61])
def test_core_and_remote_stations(count):
    names = choose_stations(count)
    assert len(set(names)) == count
    assert list(names) == sorted(names)
    assert sum(name.startswith("RS") for name in names) >= min(14, round(0.3 * count))


def test_every_station_can_be_had():
    everything = dutch_fields()
    assert choose_stations(len(everything)) == everything
    with pytest.raises(ConfigurationError, match="or fewer"):
        choose_stations(len(everything) + 1)


def test_first_fields_come_first():
    assert not any(name.endswith("HBA1") for name in choose_stations(30))


def test_named_stations():
    stations = observing_stations(SimulationOptions(stations=("RS106HBA", "CS002HBA1"), dead_stations=0))
    assert [station.name for station in stations] == ["CS002HBA1", "RS106HBA"]
    assert (stations[0].cabinet, stations[0].field) == ("CS002", "HBA1")


@pytest.mark.parametrize("name", ["CS002LBA", "DE601HBA", "CS002HBA", "RS999HBA", ""])
def test_unknown_stations_are_refused(name):
    with pytest.raises(ConfigurationError, match="Dutch HBA fields"):
        observing_stations(SimulationOptions(stations=("CS001HBA0", name), dead_stations=0))


@pytest.mark.parametrize(("antenna_set", "n_remote"), [("HBA_DUAL_INNER", 24), ("HBA_DUAL", 48)])
def test_geometry(antenna_set, n_remote):
    for station in observing_stations(SimulationOptions(stations=20, antenna_set=antenna_set)):
        used = station.tile_offset_m[~station.tile_unused]
        assert len(used) == (n_remote if station.name.startswith("RS") else 24)
        # The tiles in use lie about the phase centre, in the p-q plane.
        assert np.linalg.norm(used.mean(axis=0)) < 0.5
        assert np.abs(used @ station.axes[2]).max() < 0.2
        np.testing.assert_allclose(station.axes @ station.axes.T, np.eye(3), atol=1e-6)
        assert np.abs(station.element_offset_m.sum(axis=0)).max() < 1e-9
        assert np.abs(station.element_offset_m @ station.axes[2]).max() < 1e-6
        assert 28 < station.diameter_m < 60


def test_positions():
    stations = observing_stations(SimulationOptions(stations=24))
    assert positions(stations).shape == (24, 3)
    distance = np.linalg.norm(horizontal(stations), axis=1)
    core = np.array([station.name.startswith("CS") for station in stations])
    assert distance[core].max() < 3500
    assert distance[~core].min() > 3000
    assert distance.max() < 80e3
