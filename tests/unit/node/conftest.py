import shutil

import pytest
from casacore.tables import table

from sip_luigi.execution.local import LocalConnection
from sip_luigi.programs.environment import casarc_text, tool_environment
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.simulate import simulate

NODE = LocalConnection("here")


@pytest.fixture(scope="session")
def observed(tmp_path_factory):
    """One subband of seven stations, ten time slots and four channels; the sixth part of a second to copy."""
    options = SimulationOptions(
        obs_id="L900100",
        subbands=1,
        channels=4,
        stations=7,
        duration_s=300.0,
        interval_s=30.0,
        sources=4,
        flux_min_jy=1.0,
        rfi_narrow=0,
        rfi_broad=0,
        dead_stations=0,
        beam=False,
    )
    return simulate(options, tmp_path_factory.mktemp("observed"))


@pytest.fixture
def measurementset(observed, tmp_path):
    """A copy that a test may change."""
    path = tmp_path / "L900100_SAP000_SB000_uv.MS"
    shutil.copytree(observed.measurement_sets[0], path)
    return path


@pytest.fixture
def change():
    """Change values of a column in place."""

    def change(path, column, function, subtable=""):
        with table(str(path / subtable) if subtable else str(path), readonly=False, ack=False) as opened:
            opened.putcol(column, function(opened.getcol(column)))

    return change


@pytest.fixture
def call(tmp_path_factory, monkeypatch):
    """Call a node command in a process of its own with the environment of a job."""
    casarc = tmp_path_factory.mktemp("environment") / "casarc"
    casarc.write_text(casarc_text())
    for name, value in tool_environment(str(casarc)).items():
        monkeypatch.setenv(name, value)
    return NODE.call
