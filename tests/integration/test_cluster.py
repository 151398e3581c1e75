"""The main command over a cluster: the same result as on one machine, and every product where it belongs."""

import json

import pytest
from test_kill import same_results

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

CHAIN = ("copy", "preprocess", "calibrate.cycle0")


def test_the_same_as_on_one_machine(cluster_observatory, undisturbed):
    observatory = cluster_observatory()
    observatory.succeed()
    same_results(observatory, undisturbed)
    assert max(observatory.made().values()) == 1
    assert set(observatory.made_anywhere()) == set(undisturbed.made())
    assert not observatory.leftovers()
    _everything_where_it_belongs(observatory)
    before = observatory.made()
    observatory.succeed()
    assert observatory.made() == before, "nothing to do, nothing done"
    _a_node_is_drained(observatory)


def _everything_where_it_belongs(observatory):
    cluster, places = observatory.cluster, observatory.places
    raw = {
        path.name: node
        for node in cluster.nodes
        for path in cluster.path(node, "/data").rglob("*_uv.MS")
        if not path.is_symlink()
    }
    assert len(raw) == 4
    assert set(raw.values()) == set(cluster.storage), "raw data are on storage nodes only"
    subbands = [name for name in places if name != "band"]
    assert {places[name] for name in subbands} == set(cluster.compute), "every node has its share"
    for name in subbands:
        made_on = {
            entry.partition(":")[0]
            for entry in observatory.made()
            if entry.partition(":")[2] in {f"{name}/{stage}" for stage in CHAIN}
        }
        assert made_on == {places[name]}, "a chain runs on one node"
        log = (observatory.job / "logs" / f"copy.{name}.log").read_text()
        assert "rsync" in log
        storage = raw[f"{observatory.obs_id}_{name}_uv.MS"]
        assert f"{storage}:/data/raw/" in log, "from the storage node itself"
    manifest = observatory.scratch(places["band"]) / "band" / "image_band.cycle0" / "sip-manifest.json"
    assert json.loads(manifest.read_text())["host"] == places["band"]


def _a_node_is_drained(observatory):
    drained = observatory.places["SAP000_SB001"]
    before = observatory.made()
    done = observatory.sip("cluster", "drain", drained, "--reason", "new disk")
    assert done.returncode == 0, done.stderr
    observatory.succeed()
    assert observatory.made() == before, "what is finished there is used"
    plan = json.loads(observatory.sip("plan", observatory.obs_id, "--json").stdout)
    assert plan["kept_out"][drained]["reason"] == "new disk"
    assert all(not row["to_make"] for row in plan["subbands"])

    observatory.settings["calibration"]["gain_interval_s"] = 450
    observatory.succeed()
    new = observatory.made() - before
    assert {name.partition(":")[0] for name in new} <= set(observatory.cluster.compute) - {drained}
    assert sum("/calibrate" in name for name in new) == 4
    plan = json.loads(observatory.sip("plan", observatory.obs_id, "--json").stdout)
    moved = [row for row in plan["subbands"] if f"moved from {drained}" in row["reason"]]
    assert moved
    assert observatory.sip("cluster", "resume", drained).returncode == 0
    assert observatory.sip("cluster", "drain", "nowhere").returncode == 35


def test_cluster_check_says_what_would_fail(cluster_observatory):
    observatory = cluster_observatory()
    cluster = observatory.cluster
    done = observatory.sip("cluster", "check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    nodes = {entry["node"]: entry for entry in json.loads(done.stdout.splitlines()[-1])["nodes"]}
    assert set(nodes) == {*cluster.storage, *cluster.compute}
    assert nodes["lce001"]["programs"]["DP3.py"] == "6.6.0"
    assert nodes["lce001"]["roles"] == ["compute"]

    cluster.cut("lce001")
    cluster.path("lce002", "/data/scratch").rename(cluster.path("lce002", "/data/elsewhere"))
    observatory.settings["imaging"]["executable"] = "no-such-wsclean"
    done = observatory.sip("cluster", "check", "--json")
    assert done.returncode == 1
    nodes = {entry["node"]: entry["problems"] for entry in json.loads(done.stdout.splitlines()[-1])["nodes"]}
    assert len(nodes["lce001"]) == 1
    assert any("/data/scratch is not there" in text for text in nodes["lce002"])
    assert any("no-such-wsclean" in text for text in nodes["lce003"])
    assert any("cannot copy from lce001" in text for text in nodes["lce003"])
    assert nodes["lse001"] == []
