"""A day of an operator: look ahead, look at a run, end it, go on, make room, have things made again."""

import json
import subprocess
import time
from collections import Counter

import pytest
from conftest import BIN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def told(observatory, *arguments):
    """What a command tells as JSON."""
    done = observatory.sip(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def everything(observatory):
    """Every file of every node, and when it was written."""
    return {
        path: path.lstat().st_mtime_ns
        for node in observatory.cluster.nodes
        for path in observatory.cluster.path(node, "/data").rglob("*")
        if path.is_file() and path.name != "luigi.cfg"
    }


def need(plan):
    """Stages that are to be made, with the first reason."""
    return {row["stage"]: row["reasons"][0]["text"] for row in plan["stages"] if row["make"]}


def wait_for_running(observatory, process, stage):
    while process.poll() is None:
        status = told(observatory, "status", observatory.obs_id)
        if any(entry["stage"].startswith(stage) for entry in status["running"]):
            return status
        time.sleep(0.2)
    raise AssertionError(f"the run ended before {stage} was seen to run")


def test_a_day(cluster_observatory):
    observatory = cluster_observatory()
    obs_id, nodes = observatory.obs_id, observatory.cluster.compute
    _plan(observatory)

    luigid, scheduler = observatory.start_luigid()
    process = observatory.start(scheduler=scheduler)
    status = wait_for_running(observatory, process, "preprocess")
    assert status["state"] == "running"
    assert status["scheduler"]["answers"]
    assert {entry["node"] for entry in status["running"]} <= {*nodes, "head"}
    assert sum(row["running"] for row in status["nodes"]) == status["counts"]["running"] >= 1
    refused = observatory.sip("clean", obs_id, "--force", "--yes")
    assert refused.returncode == 10
    assert f"sip cancel {obs_id}" in refused.stderr
    assert "preprocess" in observatory.sip("logs", obs_id, "-n", "0").stdout

    _cancel(observatory, process)
    luigid.kill()
    before = observatory.made()
    assert max(before.values()) == 1

    assert told(observatory, "status", obs_id)["state"] == "waiting"
    observatory.succeed()
    assert max(observatory.made().values()) == 1, "what was made before the end is used"
    _finished(observatory)
    _make_room(observatory)
    _again(observatory)


def _plan(observatory):
    before = everything(observatory)
    plan = told(observatory, "plan", observatory.obs_id, "--commands")
    assert everything(observatory) == before, "a dry run writes nothing on any node"
    assert need(plan)["copy"] == "not made yet"
    assert {row["node"] for row in plan["disks"]} == set(observatory.cluster.compute)
    assert all(row["enough"] for row in plan["disks"])
    shown = {entry["task"].partition(".")[0]: entry for entry in plan["commands"]}
    assert shown["copy"]["lines"][0].startswith("rsync ")
    assert "aoflagger" in shown["preprocess"]["parsets"]["preprocess.parset"]
    assert "gaincal" in shown["calibrate"]["parsets"]["calibrate.parset"]
    assert (shown["calibrate"]["state"], shown["image_band"]["state"]) == ("foretold", "foretold")
    assert shown["image_band"]["lines"][0].startswith("wsclean ")


def _cancel(observatory, process):
    done = observatory.sip("cancel", observatory.obs_id, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert [run["ended"] for run in found["runs"]] == [True]
    assert found["left"] == found["silent"] == {}
    assert process.wait(10) != 0
    status = told(observatory, "status", observatory.obs_id)
    assert (status["running"], status["runs"]) == ([], [])
    assert not [path for path in observatory.leftovers() if ".transfer" not in str(path)]
    assert told(observatory, "runs")["runs"][0]["outcome"] == "interrupted"
    again = observatory.sip("cancel", observatory.obs_id)
    assert (again.returncode, "was running" in again.stdout) == (0, True)


def _finished(observatory):
    status = told(observatory, "status", observatory.obs_id)
    assert (status["state"], status["fraction"], status["expected_s"]) == ("finished", 1.0, 0.0)
    assert status["verdict"]["outcome"] == "full"
    (row,) = told(observatory, "status")["observations"]
    assert (row["state"], row["outcome"], row["verdict"]) == (
        "delivered",
        "full",
        status["verdict"]["verdict"],
    )
    plan = told(observatory, "plan", observatory.obs_id, "--commands")
    assert plan["complete"]
    assert {entry["state"] for entry in plan["commands"]} == {"as run"}


def weight(observatory):
    return sum(
        path.lstat().st_size
        for n in observatory.cluster.compute
        for path in observatory.scratch(n).rglob("*")
    )


def _make_room(observatory):
    obs_id, made, before = observatory.obs_id, observatory.made(), weight(observatory)
    dry = told(observatory, "clean", obs_id, "--now")
    assert weight(observatory) == before
    done = told(observatory, "clean", obs_id, "--now", "--yes")
    assert done["nodes"] == dry["nodes"]
    freed = sum(entry["bytes"] for entry in done["nodes"].values())
    assert freed > 0.8 * (before - weight(observatory)) > 0.3 * before
    assert {entry["task"].partition(".")[0] for entry in done["kept"]} == {"image_band", "find_sources"}
    results = {path: path.stat().st_mtime_ns for path in observatory.results.iterdir()}

    observatory.succeed()
    assert observatory.made() == made, "all is known to be done"
    assert {path: path.stat().st_mtime_ns for path in observatory.results.iterdir()} == results
    assert told(observatory, "clean", obs_id, "--now", "--yes")["nodes"] == {}

    # The report needs the figures of the subbands, not their data.
    observatory.settings["quality"] = {"limits": "n_sources=1:2::"}
    observatory.succeed()
    assert observatory.made() == made


def _again(observatory):
    obs_id, made = observatory.obs_id, observatory.made()
    assert told(observatory, "retry", obs_id, "--from", "find_sources")["again"][0] == "find_sources"
    plan = told(observatory, "plan", obs_id)
    assert need(plan)["find_sources.cycle0"] == "setting asked for again: None → 1"
    assert "image_band.cycle0" not in need(plan)
    assert plan["time"]["expected_s"] > 0

    # An image needs the data: they are made again, each where it was.
    observatory.settings["imaging"]["robust"] = 0.5
    plan = told(observatory, "plan", obs_id)
    assert need(plan)["copy"] == need(plan)["calibrate.cycle0"] == "was cleared away and is needed again"
    assert need(plan)["image_band.cycle0"] == "setting robust: 0.0 → 0.5"
    observatory.succeed()
    more = observatory.made() - made
    assert set(more.values()) == {1}
    assert {name.rpartition("/")[2].partition(".")[0] for name in more} == {
        *("copy", "preprocess", "calibrate", "gather", "image_band", "find_sources")
    }
    assert told(observatory, "plan", obs_id)["complete"]


@pytest.mark.parametrize(
    ("after_days", "stages"),
    [
        (None, {"copy": 4, "gather": 4}),
        ("", {}),
        ("preprocess=0 image_band=0", {"preprocess": 4, "image_band": 1}),
        ("calibrate=0 copy=1", {"calibrate": 4, "gather": 4}),
    ],
    ids=["by default", "nothing", "named", "links go with what they lead to"],
)
def test_what_may_go(undisturbed, after_days, stages):
    before = undisturbed.settings.copy()
    if after_days is not None:
        undisturbed.settings["cleanup"] = {"after_days": after_days}
    try:
        done = subprocess.run(
            (str(BIN / "sip"), "clean", undisturbed.obs_id, "--json"),
            cwd=undisturbed.directory,
            env=undisturbed.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        undisturbed.settings = before
    found = json.loads(done.stdout)
    all_of_them = {
        "copy": 4,
        "preprocess": 4,
        "calibrate": 4,
        "gather": 4,
        "image_band": 1,
        "find_sources": 1,
    }
    kept = Counter(entry["task"].partition(".")[0] for entry in found["kept"])
    assert {
        name: number - kept[name] for name, number in all_of_them.items() if number != kept[name]
    } == stages
    assert sum(node["products"] for node in found["nodes"].values()) == sum(stages.values())
    if after_days is None:
        reasons = {entry["task"].partition(".")[0]: entry["reason"] for entry in found["kept"]}
        assert reasons["preprocess"] == "kept for 7 days, delivered 0.0 days ago"
