"""How the answers of nodes are judged."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sip_luigi import __version__, clustercheck
from sip_luigi.clustercheck import check_cluster
from sip_luigi.domain.errors import HostKeyError, ProgramError, TransportError
from sip_luigi.execution.nodestates import DRAINED
from sip_luigi.settings import load_settings
from sip_luigi.tasks.nodes import node_states

CLUSTERDESC = """\
ClusterName = small
Head.Nodes = [ lhn001 ]
Storage.Nodes = [ lse001, lce002 ]
Storage.LocalDisks = [ {0}/data ]
Compute.Nodes = [ lce001, lce002 ]
Compute.LocalDisks = [ {0}/scratch, {0}/more ]
"""
GB = 10**9


class Answers:
    """A node that answers what it is told, or raises it."""

    def __init__(self, changes):
        self.changes, self.asked = changes, None

    def call(self, command, request):
        assert command == "check"
        self.asked = request
        if isinstance(self.changes, Exception):
            raise self.changes
        good = {"there": True, "writable": True, "free_bytes": 50 * GB}
        return {
            "time_s": time.time(),
            "python": "3.11.2",
            "sip_luigi": __version__,
            "cores": 8,
            "disks": dict.fromkeys(request["disks"], good),
            "programs": {name: {"path": f"/bin/{name}", "version": "1.2"} for name in request["programs"]},
            "measures": {"directory": "/data", "age_days": 20.0},
            "peers": dict.fromkeys(request["peers"], ""),
            **self.changes,
        }


@pytest.fixture
def site(tmp_path, configured, monkeypatch):
    """A cluster whose nodes answer as a test says."""
    made = SimpleNamespace(nodes={name: Answers({}) for name in ("lse001", "lce001", "lce002")}, given=None)
    path = tmp_path / "small.clusterdesc"
    path.write_text(CLUSTERDESC.format("/d"))

    def connect(settings, cluster):
        made.given = settings
        return made.nodes

    def check(changes=None, node="lce001", **values):
        """What is found of one node."""
        made.nodes[node].changes = changes or {}
        loaded = replace(load_settings(), runtime_directory=tmp_path)
        cluster = replace(loaded.cluster, clusterdesc=str(path), **values)
        made.settings = replace(loaded, cluster=cluster)
        made.found = {finding.node: finding for finding in check_cluster(made.settings)}
        return made.found[node]

    monkeypatch.setattr(clustercheck, "connect", connect)
    made.check = check
    return made


def test_all_is_well(site):
    assert site.check().to_json() == {
        "node": "lce001",
        "roles": ["compute"],
        "problems": [],
        "warnings": [],
        "programs": {"DP3.py": "1.2", "wsclean": "1.2", "python": "3.11.2", "sip_luigi": __version__},
        "disks": {"/d/scratch": 50 * GB},
        "cores": 8,
        "clock_offset_s": 0.0,
    }
    assert {name: finding.roles for name, finding in site.found.items()} == {
        "lse001": ["storage"],
        "lce001": ["compute"],
        "lce002": ["storage", "compute"],
    }


def test_nodes_are_asked_for_what_their_roles_need(site):
    site.check(execution="ssh", node_ssh_config="/etc/config")
    asked = {name: node.asked for name, node in site.nodes.items()}
    assert {name: request["disks"] for name, request in asked.items()} == {
        "lse001": ["/d/data"],
        "lce001": ["/d/scratch"],
        "lce002": ["/d/data", "/d/scratch"],
    }
    assert asked["lse001"]["programs"] == ["rsync"]
    assert asked["lce001"]["programs"] == ["DP3.py", "wsclean", "rsync"]
    assert asked["lse001"]["peers"] == []
    assert asked["lce001"]["peers"] == ["lse001", "lce002"]
    assert asked["lce002"]["peers"] == ["lse001", "lce001"]
    assert asked["lce001"]["ssh_config"] == "/etc/config"


def test_on_one_machine_nothing_is_copied_from_elsewhere(site):
    site.check()
    assert all("rsync" not in node.asked["programs"] for node in site.nodes.values())
    assert all(node.asked["peers"] == [] for node in site.nodes.values())


@pytest.mark.parametrize(("given_s", "used_s"), [(5.0, 90.0), (200.0, 200.0)])
def test_a_node_has_time_to_ask_the_others(site, given_s, used_s):
    site.check(answer_timeout_s=given_s)
    assert site.given.cluster.answer_timeout_s == used_s


@pytest.mark.parametrize("error", [TransportError, HostKeyError, ProgramError])
def test_a_node_that_does_not_answer(site, error):
    found = site.check(error("lce001: why"))
    assert found.problems == ["lce001: why"]
    assert (found.cores, found.clock_offset_s, found.roles) == (None, None, ["compute"])
    assert site.found["lce002"].problems == [], "the others are asked all the same"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"programs": {"wsclean": None}}, "program 'wsclean' not found"),
        (
            {"programs": {"DP3.py": {"path": "/x", "version": "", "error": "no libm"}}},
            "program 'DP3.py' does not run: no libm",
        ),
        ({"sip_luigi": "0.0.1"}, f"sip_luigi 0.0.1 is installed, here it is {__version__}"),
        ({"measures": {"error": "no tables"}}, "casacore's measures tables: no tables"),
        ({"peers": {"lse001": "", "lce002": "no key"}}, "cannot copy from lce002: no key"),
    ],
)
def test_what_the_pipeline_would_fail_on(site, changes, problem):
    found = site.check(changes)
    assert len(found.problems) == 1
    assert found.problems[0].startswith(problem)
    assert found.warnings == []


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"there": False, "writable": False, "free_bytes": 0}, ""),
        ({"writable": False}, "disk /d/scratch cannot be written"),
        ({"free_bytes": 0.999 * GB}, "disk /d/scratch has 1.00 GB free, 1.00 GB are needed"),
        ({"free_bytes": GB}, ""),
    ],
)
def test_the_disk_that_is_written_to(site, state, problem):
    state = {"there": True, "writable": True, "free_bytes": 50 * GB} | state
    found = site.check({"disks": {"/d/scratch": state}}, min_free_mb=1000.0)
    assert len(found.problems) == bool(problem)
    assert "".join(found.problems).startswith(problem)
    assert found.disks == {"/d/scratch": state["free_bytes"]}


def test_a_disk_that_is_only_read_may_be_full_but_not_gone(site):
    full = {"there": True, "writable": False, "free_bytes": 0}
    assert site.check({"disks": {"/d/data": full}}, node="lse001").problems == []
    gone = {"disks": {"/d/data": full | {"there": False}}}
    assert site.check(gone, node="lse001").problems == [
        "disk /d/data is not there; mount it, or take it out of the cluster description"
    ]


def test_old_measures_tables_are_a_warning(site):
    assert site.check({"measures": {"directory": "/data", "age_days": 399.0}}).warnings == []
    found = site.check({"measures": {"directory": "/data", "age_days": 401.0}})
    assert found.problems == []
    assert found.warnings == ["casacore's measures tables are 401 days old; renew them"]


@pytest.mark.parametrize("offset_s", [-60.0, -2.0, 2.0, 60.0])
def test_a_clock_that_is_off(site, offset_s):
    found = site.check({"time_s": time.time() + offset_s})
    assert found.clock_offset_s == pytest.approx(offset_s, abs=0.5)
    if abs(offset_s) > 5:
        assert found.warnings == [
            f"its clock is {found.clock_offset_s:+.1f} s off: set it, or logs do not fit together"
        ]
    else:
        assert found.warnings == []
    assert found.problems == []


def test_a_slow_answer_is_no_wrong_clock(site):
    class Slow(Answers):
        def call(self, command, request):
            time.sleep(0.3)
            answer = super().call(command, request)
            time.sleep(0.3)
            return answer

    site.nodes["lce001"] = Slow({})
    assert site.check().clock_offset_s == 0.0


def test_a_node_that_is_kept_out_is_said_so(site):
    site.check()
    node_states(site.settings).keep_out("lce001", DRAINED, "new disk")
    found = site.check()
    assert found.warnings == ["takes no new work: drained: new disk"]
    assert found.problems == []
    assert site.found["lce002"].warnings == []
