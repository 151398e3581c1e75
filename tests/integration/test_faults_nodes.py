"""Nodes, their sshd and the network fail while the main command runs: it goes on, and the result is right."""

import json
import sys
import time
from contextlib import ExitStack

import pytest
from faults import TOOLS, install, planned, strike, succeeds, undisturbed_result, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

# Long enough for a busy machine to answer again in time.
PATIENT = {"cluster": {"lease_s": 20, "outage_s": 20}}
SILENCE_S = 6.0
"""Longer than answer_timeout_s, shorter than lease_s and outage_s."""


def test_sshd_is_killed(cluster_observatory, undisturbed, timed):
    observatory = cluster_observatory(PATIENT)
    cluster = observatory.cluster
    with timed("sshd of a compute node killed, back after 4 s"):
        process = observatory.start()
        node = strike(observatory, process, "preprocess", cluster.kill_sshd)
        time.sleep(4.0)
        cluster.start_sshd(node)
        succeeds(observatory, process)
    assert f"{node} answers again" in observatory.log.read_text()
    undisturbed_result(observatory, undisturbed)


@pytest.mark.parametrize(
    ("fault", "repair"), [("freeze", "thaw"), ("cut", "mend")], ids=["frozen", "cut off"]
)
def test_a_node_is_silent_for_a_while(cluster_observatory, undisturbed, timed, fault, repair):
    observatory = cluster_observatory(PATIENT)
    cluster = observatory.cluster
    what = {"freeze": "compute node frozen", "cut": "network to a compute node cut"}[fault]
    with timed(f"{what} for {SILENCE_S:.0f} s"):
        process = observatory.start()
        node = strike(observatory, process, "calibrate", getattr(cluster, fault))
        time.sleep(SILENCE_S)
        getattr(cluster, repair)(node)
        succeeds(observatory, process)
    assert f"{node} answers again" in observatory.log.read_text()
    undisturbed_result(observatory, undisturbed)


@pytest.mark.parametrize("stage", ["preprocess", "image_band"], ids=["one of many", "the imaging node"])
def test_a_node_is_gone_for_good(cluster_observatory, undisturbed, timed, stage):
    observatory = cluster_observatory()
    cluster = observatory.cluster
    imaging = cluster.compute[0]
    dead = cluster.compute[1] if stage == "preprocess" else imaging
    with timed(f"{'the imaging' if dead == imaging else 'a compute'} node gone for good"):
        process = observatory.start()
        strike(observatory, process, stage, cluster.destroy, [dead])
        succeeds(observatory, process)
    assert f"{dead} is gone, its subbands move elsewhere" in observatory.log.read_text()
    assert dead not in observatory.places.values()
    undisturbed_result(observatory, undisturbed, dead=[dead])

    before = observatory.made()
    observatory.succeed()
    cluster.boot(dead)
    observatory.succeed()
    assert observatory.made() == before, "what moved stays where it is"
    plan = json.loads(observatory.sip("plan", observatory.obs_id, "--json").stdout)
    assert plan["kept_out"] == {}


SLOW_GATHERING = """\
#!/bin/sh
case "$*" in *calibrate*) exec /usr/bin/rsync --bwlimit=500 "$@";; esac
exec /usr/bin/rsync "$@"
"""


def test_a_node_dies_while_its_data_are_gathered(cluster_observatory, undisturbed, timed):
    path = (f"SetEnv PATH={TOOLS}:/usr/bin:/bin",)
    observatory = cluster_observatory(sshd_options={"lce001": path})
    # Slow enough to be met in the act.
    install(observatory, "rsync", SLOW_GATHERING)
    cluster = observatory.cluster
    imaging, dead = cluster.compute[:2]
    (name,) = [name for name, node in planned(observatory) if node == dead]

    def gathered():
        return list(observatory.scratch(imaging).glob(f"{name}/.transfer/gather*/*"))

    with timed("a compute node gone for good while its data are gathered"):
        process = observatory.start()
        until(process, gathered, "data that come from there")
        cluster.destroy(dead)
        succeeds(observatory, process)
    assert f"{dead} is gone, its subbands move elsewhere" in observatory.log.read_text()
    undisturbed_result(observatory, undisturbed, dead=[dead])


def test_a_drained_node_is_switched_off(cluster_observatory, undisturbed, timed):
    observatory = cluster_observatory()
    cluster = observatory.cluster
    dead = cluster.compute[1]
    with timed("a compute node drained in the middle, then switched off"):
        process = observatory.start()
        strike(
            observatory, process, "calibrate", lambda node: observatory.sip("cluster", "drain", node), [dead]
        )
        cluster.destroy(dead)
        succeeds(observatory, process)
    assert dead not in observatory.places.values()
    undisturbed_result(observatory, undisturbed, dead=[dead])
    before = observatory.made()
    cluster.boot(dead)
    observatory.succeed()
    assert observatory.made() == before
    plan = json.loads(observatory.sip("plan", observatory.obs_id, "--json").stdout)
    assert (plan["kept_out"][dead]["state"], plan["kept_out"][dead]["silent"]) == ("drained", False)


HOLDER = """\
import socket, sys, time
held = [socket.create_connection((sys.argv[1], 22)) for _ in range(2)]
time.sleep(999)
"""


def occupy(observatory, stack, node):
    """Take both places that an sshd has for clients that have not logged in yet."""
    cluster = observatory.cluster
    process = cluster.popen(cluster.head, (sys.executable, "-c", HOLDER, cluster.address[node]))
    stack.callback(process.wait)
    stack.callback(process.kill)


def refused(observatory, node):
    return "MaxStartups" in observatory.cluster.path(node, "/run/sip/sshd.log").read_text()


def test_sshd_with_little_room(cluster_observatory, undisturbed, timed):
    nodes = ("lfe001", "lse001", "lse002", "lce001", "lce002", "lce003")
    few = ("MaxSessions 2", "MaxStartups 2")
    observatory = cluster_observatory(sshd_options=dict.fromkeys(nodes, few))
    cluster = observatory.cluster
    assert cluster.nodes == nodes
    with timed("MaxSessions 2, MaxStartups 2 on all nodes, all places to log in taken"), ExitStack() as stack:
        for node in nodes:
            occupy(observatory, stack, node)
        process = observatory.start()
        until(
            process, lambda: all(refused(observatory, node) for node in cluster.compute), "a refused log-in"
        )
        stack.close()
        succeeds(observatory, process)
    undisturbed_result(observatory, undisturbed)
