"""Where the subbands of an observation run, on this run and the next."""

import logging

import pytest

from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.execution.nodestates import DRAINED, UNREACHABLE
from sip_luigi.tasks.context import BAND, open_context
from sip_luigi.tasks.nodes import HEAD, connect, read_cluster

NAMES = [f"SAP000_SB{number:03d}" for number in range(6)]


@pytest.fixture
def opened(cluster):
    """Open the context of six subbands."""
    for name in NAMES:
        cluster.raw(f"data/L1_{name}_uv.MS")
    cluster.set("cluster", cores=4)
    return lambda obs_id="L1": open_context(obs_id, cluster.settings)


def nodes_of(ctx):
    return {name: place.node for name, place in ctx.places.items()}


def test_places_are_the_same_on_every_run(opened):
    first = opened()
    assert set(first.places) == {*NAMES, BAND}
    assert sorted(nodes_of(first)[name] for name in NAMES) == ["lce001"] * 3 + ["lce002"] * 3
    assert opened().places == first.places
    assert first.compute_node(first.subbands[0]).name == nodes_of(first)[NAMES[0]]


def test_a_new_subband_moves_no_other(opened, cluster):
    before = opened().places
    cluster.raw("data/L1_SAP000_SB006_uv.MS")
    after = opened().places
    assert {name: after[name] for name in before} == before
    assert "SAP000_SB006" in after


def test_a_node_that_is_gone_loses_everything(opened):
    ctx = opened()
    stayed = {name for name, node in nodes_of(ctx).items() if node == "lce002"}
    assert ctx.give_up(TransportError("no answer", node="lce001"))
    assert set(nodes_of(ctx).values()) == {"lce002"}
    for name, place in ctx.places.items():
        assert place.reason.startswith("moved from lce001; ") == (name not in stayed)
    assert ctx.states.read()["lce001"].reason == "no answer"
    assert not ctx.takes_work("lce001")
    # It answers again: what has been moved stays where it is now.
    assert nodes_of(opened()) == nodes_of(ctx)


def test_an_error_that_is_not_about_a_compute_node_is_not_given_up_on(opened):
    ctx = opened()
    before = nodes_of(ctx)
    for error in (TransportError("once"), TransportError("no answer", node="lse001")):
        assert not ctx.give_up(error)
    assert ctx.states.read() == {}
    assert nodes_of(ctx) == before


def test_a_drained_node_keeps_what_is_not_asked_to_move(opened):
    ctx = opened()
    before = nodes_of(ctx)
    ctx.states.keep_out("lce001", DRAINED, "new disk")
    ctx.place()
    assert nodes_of(ctx) == before
    mine = [name for name in NAMES if before[name] == "lce001"]
    ctx.place(move=mine[:1])
    assert nodes_of(ctx) == {**before, mine[0]: "lce002"}
    ctx.states.give_back("lce001")
    ctx.place(move=mine)
    assert nodes_of(ctx) == {**before, mine[0]: "lce002"}, "nothing moves off a node that works"


def test_a_drained_node_that_is_gone_loses_everything(opened):
    ctx = opened()
    ctx.states.keep_out("lce001", DRAINED, "new disk")
    assert ctx.give_up(TransportError("no answer", node="lce001"))
    assert set(nodes_of(ctx).values()) == {"lce002"}
    assert ctx.states.read()["lce001"].state == DRAINED


def test_a_drained_node_gets_nothing_new(opened, cluster):
    opened().states.keep_out("lce001", DRAINED, "")
    cluster.raw("data/L2_SAP000_SB000_uv.MS")
    assert set(nodes_of(opened("L2")).values()) == {"lce002"}


def test_a_node_that_is_no_more_in_the_description_loses_everything(opened, cluster):
    opened()
    cluster.text = cluster.text.replace("[ lce001, lce002 ]", "[ lce002 ]")
    assert set(nodes_of(opened()).values()) == {"lce002"}


def test_no_node_takes_work(opened):
    states = opened().states
    states.keep_out("lce001", DRAINED, "new disk")
    states.keep_out("lce002", DRAINED, "loud fan")
    with pytest.raises(
        TransportError, match=r"lce001: drained: new disk; lce002: drained: loud fan.*resume NODE"
    ):
        opened()


def test_the_imaging_node(opened, cluster):
    assert opened().imaging_node.name == "lce001"
    cluster.set("cluster", imaging_node="lce002")
    assert opened().imaging_node.name == "lce001", "it has its place already"
    cluster.raw("data/L2_SAP000_SB000_uv.MS")
    ctx = opened("L2")
    assert (ctx.imaging_node.name, ctx.places[BAND].reason) == ("lce002", "[cluster] imaging_node")
    ctx.states.keep_out("lce002", UNREACHABLE, "no answer")
    ctx.place()
    assert ctx.imaging_node.name == "lce001"
    cluster.raw("data/L3_SAP000_SB000_uv.MS")
    cluster.set("cluster", imaging_node="lce009")
    with pytest.raises(ConfigurationError, match=r"imaging_node = lce009: no such.*lce001, lce002"):
        opened("L3")


def test_another_process_moved_something(opened):
    ours, theirs = opened(), opened()
    theirs.give_up(TransportError("no answer", node="lce001"))
    assert set(nodes_of(ours).values()) == {"lce001", "lce002"}
    ours.forget()
    assert nodes_of(ours) == nodes_of(theirs)
    ours.record.path.unlink()
    ours.forget()
    assert nodes_of(ours) == nodes_of(theirs), "a record that is gone moves nothing"


def test_lost_locality_is_warned_about(opened, cluster, caplog):
    cluster.text = cluster.text.replace("[ lse001, lse002 ]", "[ lse001, lce001 ]").replace(
        "lse002 ]", "lce001 ]"
    )
    cluster.text = cluster.text.replace("LocalDisks.lse002", "LocalDisks.lce001")
    cluster.raw("data2/L1_SAP000_SB006_uv.MS")
    assert nodes_of(opened())["SAP000_SB006"] == "lce001"
    opened().states.keep_out("lce001", DRAINED, "")
    with caplog.at_level(logging.WARNING, logger="sip_luigi"):
        ctx = opened()
        assert not caplog.messages
        ctx.place(move=["SAP000_SB006"])
        opened()
    assert caplog.messages == ["processed away from the node where their raw data lie: SAP000_SB006"]


def test_an_observation_that_became_smaller(opened, cluster):
    ctx = opened()
    ctx.layout.vds.mkdir(parents=True)
    for name in (*NAMES, "SAP000_SB042"):
        (ctx.layout.vds / f"{name}.vds").touch()
    with pytest.raises(ConfigurationError, match="the raw data of SAP000_SB042 are gone since the last run"):
        opened()


def test_a_subband_that_it_has_not(opened):
    ctx = opened()
    assert ctx.subband(NAMES[3]).name == NAMES[3]
    with pytest.raises(
        ConfigurationError, match="L1 has no subband 'SB9'; it has SAP000_SB000, SAP000_SB001"
    ):
        ctx.subband("SB9")


def test_cluster_descriptions_that_cannot_be_worked_with(cluster):
    cluster.set("cluster", clusterdesc="")
    settings = cluster.settings
    assert read_cluster(settings).names == ("localhost",)
    good = cluster.text
    for text, message in (
        (
            good.replace("Compute.LocalDisks = [ {0}/scratch ]\n", ""),
            "compute nodes without a local disk: lce001, lce",
        ),
        (
            good.partition("Compute")[0],
            "compute nodes without a local disk: all; give Compute.Nodes and Compute.",
        ),
    ):
        cluster.text = text
        cluster.changes["cluster"].pop("clusterdesc", None)
        with pytest.raises(ConfigurationError, match=message):
            read_cluster(cluster.settings)
    cluster.text = good.replace("lce001", HEAD)
    assert HEAD in read_cluster(cluster.settings).names
    cluster.set("cluster", execution="ssh")
    with pytest.raises(ConfigurationError, match="a node named 'head'"):
        read_cluster(cluster.settings)


def test_the_ways_to_the_nodes(cluster):
    described = cluster.description
    cluster.set("cluster", execution="ssh", ssh_config="/c", node_python="/p", connect_timeout_s=3.0)
    found = connect(cluster.settings, described)
    assert set(found) == {*described.names, HEAD}
    assert found[HEAD].call("look", {})["raw"] == []
    options = found["lce001"].options
    assert (options.config, options.python, options.connect_timeout_s) == ("/c", "/p", 3.0)


def test_job_directories_are_not_shared(opened, cluster, tmp_path):
    assert opened().layout.directory == tmp_path / "runtime" / "jobs" / "L1"
    cluster.set("layout", job_directory=f"{tmp_path}/own/{{obs_id}}")
    assert opened().layout.directory == tmp_path / "own" / "L1"
    cluster.set("layout", job_directory=f"{tmp_path}/own")
    with pytest.raises(ConfigurationError, match=r"expected \{obs_id\} in it"):
        opened()
