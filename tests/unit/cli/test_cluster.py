"""``sip cluster``, on this machine."""

import json

import pytest

from sip_luigi.execution.nodestates import NodeStates


@pytest.fixture
def states(here):
    return NodeStates(here.directory / "runtime" / "cluster" / "nodes.json")


def test_drain_and_resume(sip, states):
    done = sip("cluster", "drain", "localhost", "--reason", "new disk")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "localhost takes no new work; give it back: sip cluster resume localhost" in done.stdout
    state = states.read()["localhost"]
    assert (state.state, state.reason) == ("drained", "new disk")
    assert sip("cluster", "resume", "localhost").stdout == "localhost takes work\n"
    assert states.read() == {}
    again = sip("cluster", "resume", "localhost")
    assert (again.exit_code, again.stdout) == (0, "localhost was not kept out\n")


def test_who_drained_it_is_said_where_no_reason_is_given(sip, states, monkeypatch):
    monkeypatch.setenv("LOGNAME", "renting")
    assert sip("cluster", "drain", "localhost").exit_code == 0
    assert states.read()["localhost"].reason == "by renting"


@pytest.mark.parametrize("command", ["drain", "resume"])
def test_a_node_that_there_is_not(sip, states, command):
    done = sip("cluster", command, "lce001")
    assert done.exit_code == 35
    assert done.stderr == "ConfigurationError: lce001: no such compute node; there are localhost\n"
    assert done.stdout == ""
    assert not states.path.exists()


def test_check_ends_well_where_the_pipeline_would_run(sip, here):
    (here.directory / "scratch").mkdir()
    done = sip("cluster", "check", "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout.splitlines()[-1])["nodes"]
    assert (found["node"], found["roles"], found["problems"]) == ("localhost", ["storage", "compute"], [])
    assert set(found["programs"]) == {"cat", "true", "python", "sip_luigi"}
    assert set(found["disks"]) == {str(here.storage), str(here.directory / "scratch")}


def test_check_shows_a_table_and_every_problem(sip, here):
    here.settings["imaging"]["executable"] = "no-such-wsclean"
    sip("cluster", "drain", "localhost", "--reason", "new disk")
    done = sip("cluster", "check")
    assert done.exit_code == 1
    for part in (
        "fails",
        "GB free",
        "program 'no-such-wsclean' not found",
        "new disk",
    ):
        assert part in done.stdout


@pytest.mark.parametrize("arguments", [("cluster", "check"), ("cluster", "drain", "localhost")])
def test_a_configuration_that_is_refused(sip, here, arguments):
    here.settings["cluster"] = {"outage": 5}
    done = sip(*arguments)
    assert done.exit_code == 35
    assert "[cluster] unknown key 'outage'; did you mean 'outage_s'?" in done.stderr
    assert done.stdout == ""
