"""What one look at all nodes finds, on real disks."""

import logging
import threading

import pytest

from sip_luigi.domain.errors import ConfigurationError, TransportError, UnknownObservation
from sip_luigi.execution.local import LocalConnection
from sip_luigi.execution.nodestates import DRAINED, UNFIT, UNREACHABLE, NodeStates
from sip_luigi.tasks.survey import ask_all, survey


class Gone:
    """A node that does not answer."""

    def __init__(self, name):
        self.name = name

    def call(self, command, request):
        raise TransportError(f"{self.name}: no route to host")


@pytest.fixture
def states(tmp_path):
    return NodeStates(tmp_path / "nodes.json")


@pytest.fixture
def look(cluster, states):
    def look(*gone):
        described = cluster.description
        connections = {name: (Gone if name in gone else LocalConnection)(name) for name in described.names}
        return survey(cluster.settings, described, connections, states, "L1")

    return look


@pytest.fixture
def found(cluster):
    """Three subbands on two nodes."""
    cluster.raw("data/L1_SAP000_SB010_uv.MS", 300)
    cluster.raw("data/L1/L1_SAP000_SB002_uv.MS")
    cluster.raw("data2/L1_SAP000_SB001_uv.MS")
    for other in (
        "data/L2_SAP000_SB001_uv.MS",
        "data/L1_SAP000_SB003_uv.MS.tmp",
        "data/L2/L1_SAP000_SB004_uv.MS",
    ):
        cluster.raw(other)


def test_the_raw_data_in_order_of_frequency(look, found, tmp_path):
    subbands = look().subbands
    assert [(subband.name, subband.node) for subband in subbands] == [
        ("SAP000_SB001", "lse002"),
        ("SAP000_SB002", "lse001"),
        ("SAP000_SB010", "lse001"),
    ]
    last = subbands[-1]
    assert last.path == str(tmp_path / "data" / "L1_SAP000_SB010_uv.MS")
    assert (last.n_files, last.size_bytes) == (1, 300)
    assert last.newest_ns == (tmp_path / "data" / "L1_SAP000_SB010_uv.MS" / "table.dat").stat().st_mtime_ns


def test_compute_nodes(look, found, cluster, tmp_path):
    (tmp_path / "scratch").mkdir()
    cluster.set("cluster", cores=7)
    nodes = look().nodes
    assert [(node.name, node.cores) for node in nodes] == [("lce001", 7), ("lce002", 7)]
    assert nodes[0].free_bytes > 0
    cluster.set("cluster", cores=0)
    assert look().nodes[0].cores == LocalConnection("x").call("look", {})["cores"]


def test_storage_that_a_compute_node_sees(look, found, cluster):
    cluster.text += "Compute.RemoteDisks.lce002 = [ /net/lse001, /net/a ]\n"
    cluster.text += "Compute.RemoteFileSys.lce002 = [ /lse001:{0}/data, /lse009:/data ]\n"
    assert [node.sees for node in look().nodes] == [frozenset(), {"lse001"}]


def test_a_compute_node_that_does_not_answer_is_kept_out_until_it_does(look, found, states, caplog):
    assert [node.name for node in look("lce001").nodes] == ["lce002"]
    assert states.read()["lce001"].state == UNREACHABLE
    assert "no route to host" in states.read()["lce001"].reason
    with caplog.at_level(logging.WARNING, logger="sip_luigi"):
        assert [node.name for node in look().nodes] == ["lce001", "lce002"]
    assert states.read() == {}
    assert "lce001 answers again" in caplog.messages


def test_an_operator_decides_when_a_drained_node_is_given_back(look, found, states):
    states.keep_out("lce001", DRAINED, "new disk")
    assert len(look().nodes) == 2, "it holds products"
    assert states.read()["lce001"].state == DRAINED


def test_no_compute_node_at_all(look, found):
    with pytest.raises(TransportError, match=r"no compute node could be reached: lce001: no.*; lce002: no"):
        look("lce001", "lce002")


def test_a_storage_node_that_does_not_answer_may_hold_data(look, found):
    with pytest.raises(
        TransportError, match="lse002: no route to host; the raw data of lse002 would be taken"
    ):
        look("lse002")


def test_a_storage_disk_that_is_not_mounted_may_hold_data(look, found, tmp_path):
    (tmp_path / "data2").rename(tmp_path / "unmounted")
    with pytest.raises(TransportError, match=r"lse002: storage disk .*data2 is not there"):
        look()


def test_no_raw_data(look, tmp_path):
    with pytest.raises(UnknownObservation) as caught:
        look()
    for part in ("L1_SAP*_SB*_uv.MS", f"lse001:{tmp_path}/data, lse002:{tmp_path}/data2", "raw_pattern"):
        assert part in str(caught.value)


def test_a_program_that_is_missing_everywhere(look, found, cluster):
    cluster.set("imaging", executable="no-such-wsclean")
    with pytest.raises(ConfigurationError) as caught:
        look()
    for name in ("lce001", "lce002"):
        assert f"{name}: program 'no-such-wsclean' not found ([imaging] executable" in str(caught.value)


def test_a_compute_node_that_lacks_something_is_kept_out_until_it_does_not(
    look, found, cluster, states, tmp_path, caplog
):
    disk = tmp_path / "own"
    cluster.text += "Compute.LocalDisks.lce002 = [ {0}/own ]\n"
    cluster.set("cluster", execution="ssh")
    (tmp_path / "scratch").mkdir()
    assert [node.name for node in look().nodes] == ["lce001"]
    state = states.read()["lce002"]
    assert state.state == UNFIT
    assert state.reason == f"lce002: compute disk {disk} is not there; mount it or make the directory"
    disk.mkdir()
    with caplog.at_level(logging.WARNING, logger="sip_luigi"):
        assert [node.name for node in look().nodes] == ["lce001", "lce002"]
    assert states.read() == {}
    assert caplog.messages[-1] == "lce002 has what it needs again and takes part"


def test_on_one_machine_a_compute_disk_is_made_when_it_is_needed(look, found):
    assert all(node.free_bytes > 0 for node in look().nodes), (
        "the room is that of the disk where it will be made"
    )


@pytest.mark.parametrize(
    ("section", "values", "needed"),
    [
        ("cluster", {}, False),
        ("layout", {"copy_mode": "copy"}, True),
        ("cluster", {"execution": "ssh"}, True),
    ],
)
def test_rsync_is_needed_where_data_are_copied(
    look, found, cluster, monkeypatch, tmp_path, section, values, needed
):
    for name in ("dppp", "imaging"):
        cluster.set(name, executable="/bin/true")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster.set(section, **values)
    if not needed:
        look()
        return
    with pytest.raises(ConfigurationError, match=r"lce001: program 'rsync' not found .*Debian package rsync"):
        look()


def test_a_compute_disk_that_cannot_be_written(cluster, found, states):
    class ReadOnly(LocalConnection):
        def call(self, command, request):
            answer = super().call(command, request)
            answer["disks"] = {disk: {**state, "writable": False} for disk, state in answer["disks"].items()}
            return answer

    (cluster.folder / "scratch").mkdir()
    described = cluster.description
    connections = {name: ReadOnly(name) for name in described.names}
    with pytest.raises(ConfigurationError, match=r"lce001: compute disk .*scratch cannot be written"):
        survey(cluster.settings, described, connections, states, "L1")


def test_two_pointings_do_not_make_one_image(look, found, cluster):
    cluster.raw("data2/L1_SAP001_SB020_uv.MS")
    with pytest.raises(
        ConfigurationError, match=r"pointings SAP000, SAP001.*raw_pattern = \{obs_id\}_SAP000_SB"
    ):
        look()
    cluster.set("layout", raw_pattern="{obs_id}_SAP001_SB*_uv.MS")
    assert [subband.name for subband in look().subbands] == ["SAP001_SB020"]


def test_the_same_data_twice(look, found, cluster, caplog):
    cluster.raw("data2/L1/L1_SAP000_SB010_uv.MS")
    with caplog.at_level(logging.WARNING, logger="sip_luigi"):
        subbands = look().subbands
    assert [subband.node for subband in subbands if subband.name == "SAP000_SB010"] == ["lse001"]
    assert any("is on lse001:" in text and "and on lse002:" in text for text in caplog.messages)


def test_two_measurementsets_of_one_subband(look, found, cluster):
    cluster.raw("data/L1_SAP000_SB010_averaged_uv.MS")
    with pytest.raises(ConfigurationError, match="are both subband SAP000_SB010"):
        look()


def test_a_node_of_both_roles_is_asked_once(cluster, states):
    cluster.text = """\
ClusterName = one
Storage.Nodes = [ node ]
Storage.LocalDisks = [ {0}/data ]
Compute.Nodes = [ node ]
Compute.LocalDisks = [ {0}/scratch ]
"""
    cluster.raw("data/L1_SAP000_SB010_uv.MS")
    asked = []

    class Asked(LocalConnection):
        def call(self, command, request):
            asked.append(request)
            return super().call(command, request)

    result = survey(cluster.settings, cluster.description, {"node": Asked("node")}, states, "L1")
    assert len(asked) == 1
    assert [len(part) for part in result] == [1, 1]


def test_nodes_are_asked_at_the_same_time_and_errors_are_kept_apart():
    together = threading.Barrier(3)

    def ask(name):
        together.wait(5)
        if name == "b":
            raise TransportError("gone")
        return name.upper()

    answers = ask_all("abc", ask)
    assert list(answers) == ["a", "b", "c"]
    assert (answers["a"], answers["c"]) == ("A", "C")
    assert isinstance(answers["b"], TransportError)
    assert ask_all([], ask) == {}
    with pytest.raises(KeyError):
        ask_all("a", lambda name: {}[name])
