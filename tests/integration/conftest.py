"""What the tests on the test cluster share."""

import time
from contextlib import contextmanager

import pytest
from observatories import ClusterObservatory

from sip_luigi.testcluster import Cluster, missing


@pytest.fixture
def cluster_observatory(tmp_path, small_simulation):
    """Make a cluster with the small observation on it, or another; other keywords are those of the cluster."""
    if reason := missing():
        pytest.skip(reason)
    started = []

    def make(sections=None, simulation=small_simulation, **keywords):
        cluster = Cluster(tmp_path / f"cluster{len(started)}", **keywords)
        cluster.base.mkdir()
        cluster.start()
        started.append(cluster)
        return ClusterObservatory.with_simulation(cluster, simulation, **(sections or {}))

    yield make
    for cluster in started:
        cluster.close()


@pytest.fixture(scope="session")
def calm_s(tmp_path_factory, small_simulation):
    """Seconds that an undisturbed run on a cluster takes, by whether it is scheduled by a luigid."""
    if reason := missing():
        pytest.skip(reason)

    def measure(luigid):
        with Cluster(tmp_path_factory.mktemp("calm")) as cluster:
            observatory = ClusterObservatory.with_simulation(cluster, small_simulation)
            keywords = {"scheduler": observatory.start_luigid()[1]} if luigid else {}
            began = time.monotonic()
            observatory.succeed(**keywords)
            return time.monotonic() - began

    return {luigid: measure(luigid) for luigid in (True, False)}


@pytest.fixture
def timed(record_property, calm_s):
    """Note a fault, and what the block after it took longer than an undisturbed run, for the table at the end."""

    @contextmanager
    def block(fault, luigid=False):
        record_property("fault", fault)
        began = time.monotonic()
        yield
        record_property("seconds_lost", time.monotonic() - began - calm_s[luigid])

    return block


def pytest_terminal_summary(terminalreporter):
    """Print the faults that were tried, whether they were survived, and what they cost."""
    reports = [
        (dict(report.user_properties), report.passed)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and dict(report.user_properties).get("fault")
    ]
    if not reports:
        return
    terminalreporter.section("faults")
    for noted, passed in reports:
        lost = f"{noted['seconds_lost']:+.0f} s" if "seconds_lost" in noted else "?"
        terminalreporter.write_line(f"{noted['fault']:<75} {'survived' if passed else 'FAILED':<9} {lost:>7}")
