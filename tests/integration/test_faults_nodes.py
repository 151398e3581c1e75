"""Nodes, their sshd and the network fail while the main command runs: it goes on, and the result is right."""

import json
import sys
import time
from contextlib import ExitStack

import pytest
from faults import strike, succeeds, undisturbed_result, until

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
