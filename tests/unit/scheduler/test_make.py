"""The scheduler as the settings want it."""

import json

import pytest

from sip_luigi.scheduler.capacities import known_capacities
from sip_luigi.scheduler.make import make_scheduler, state_directory, url_of
from sip_luigi.scheduler.metrics import SteadyMetrics
from sip_luigi.settings import load_settings

CLUSTERDESC = """\
ClusterName = test
Storage.Nodes = [ lse1 ]
Storage.LocalDisks = [ /data ]
Compute.Nodes = [ lce1..2 ]
Compute.LocalDisks = [ /data ]
"""


@pytest.fixture
def settings(configured, tmp_path):
    def load(text=""):
        (tmp_path / "test.clusterdesc").write_text(CLUSTERDESC)
        path = tmp_path / "luigi.cfg"
        path.write_text(f"[DEFAULT]\nruntime_directory = {tmp_path}\n{text}")
        configured(path)
        return load_settings()

    return load


def cluster(tmp_path, *lines):
    return "\n".join(("[cluster]", f"clusterdesc = {tmp_path}/test.clusterdesc", *lines, ""))


def test_capacities_of_the_cluster_description(settings, tmp_path):
    found = known_capacities(settings(cluster(tmp_path, "cores = 24", "disk_streams = 3")))
    assert found == {"lce1.cores": 24, "lce1.disk": 3, "lce2.cores": 24, "lce2.disk": 3}


def test_cores_that_only_the_nodes_know(settings, tmp_path):
    text = cluster(tmp_path, "execution = ssh") + "[resources]\nlce1.disk = 7\ntape = 1\n"
    assert known_capacities(settings(text)) == {"lce1.disk": 7, "lce2.disk": 2, "tape": 1}


def test_a_scheduler_with_what_the_settings_say(settings, tmp_path):
    scheduler = make_scheduler(settings())
    assert scheduler._config.stable_done_cooldown_secs == 0
    assert isinstance(scheduler._state._metrics_collector, SteadyMetrics)
    assert scheduler.has_task_history() is False
    scheduler.update_resource("lce1.cores", 5)
    (tmp_path / "scheduler").mkdir()
    scheduler.dump()
    kept = json.loads((tmp_path / "scheduler" / "state.json").read_text())
    assert kept["extra"]["announced"] == {"lce1.cores": 5}
    assert make_scheduler(settings()).resources()["lce1.cores"] == {"total": 5, "used": 0}


def test_an_explicit_cooldown_is_kept(settings):
    scheduler = make_scheduler(settings("[scheduler]\nstable_done_cooldown_secs = 4\n"))
    assert scheduler._config.stable_done_cooldown_secs == 4


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8090"),
        ("0.0.0.0", "http://127.0.0.1:8090"),  # noqa: S104
        ("::", "http://[::1]:8090"),
        ("::1", "http://[::1]:8090"),
        ("head.example", "http://head.example:8090"),
    ],
)
def test_where_it_answers(settings, address, url):
    assert url_of(settings(f"[scheduler_server]\naddress = {address}\nport = 8090\n")) == url


def test_a_directory_of_its_own(settings, tmp_path):
    assert state_directory(settings()) == tmp_path / "scheduler"
    assert str(state_directory(settings("[scheduler_server]\ndirectory = /var/lib/sip\n"))) == "/var/lib/sip"
