"""Faults at chosen moments, and what has to hold after every one of them."""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest
from test_kill import same_results

from sip_luigi.testcluster.processes import status

TOOLS = "/data/tools"
"""Where a compute node finds programs that misbehave."""
PATIENCE_S = 240.0
TICK_S = 0.005
GRACE_S = 5.0


def until(process, found, what):
    """Look until there is something, while the main command runs; fail when it ended before."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        if seen := found():
            return seen
        time.sleep(TICK_S)
    pytest.fail(f"the main command ended, or took too long, and nobody saw {what}: the fault hit nothing")


def half_made(observatory, stage, nodes=()):
    """Half products of a stage, as ``(node, path)``."""
    return [
        (node, path)
        for node in nodes or observatory.cluster.compute
        for path in observatory.scratch(node).glob(f"*/{stage}*.part-*")
    ]


def strike(observatory, process, stage, fault, nodes=()):
    """Do something to a node as soon as it makes a product of the stage; return the node."""
    what = f"a half product of {stage}"
    node, path = until(process, lambda: half_made(observatory, stage, nodes), what)[0]
    fault(node)
    assert path.exists(), "the product was published just before: the fault interrupted nothing"
    return node


def end(process, seconds=PATIENCE_S):
    """Wait for the main command and return its exit status."""
    return process.wait(seconds)


def succeeds(observatory, process):
    """The one command that was running goes on to the end."""
    try:
        code = end(process)
    except subprocess.TimeoutExpired:
        pytest.fail(f"no end after {PATIENCE_S:.0f} s; what runs:\n{everything(observatory)}")
    assert code == 0, observatory.log.read_text()[-4000:]


def everything(observatory):
    """The end of the log, and every process of every node with its state."""
    cluster = observatory.cluster
    rows = [
        f"{node} {pid} {status(pid).state} {' '.join(argv)}"
        for node in cluster.nodes
        for pid, argv in cluster.processes(node).items()
    ]
    return "\n".join([observatory.log.read_text()[-4000:], *rows])


def undisturbed_result(observatory, undisturbed, dead=(), again=()):
    """The result is right, all is made once, nothing is left lying or running, the raw data are as they were.

    `dead` nodes took products along that were made elsewhere; `again` are products that were made once more because
    what they are made of had changed.
    """
    same_results(observatory, undisturbed)
    assert observatory.quality["outcome"] == "full"
    _made_once(observatory, undisturbed, dead, set(again))
    alive = [node for node in observatory.cluster.nodes if node not in dead]
    assert not [path for path in observatory.leftovers() if not set(path.parts) & set(dead)]
    assert not going_on(observatory, alive), "something goes on without a watcher"
    assert raw_digest(observatory) == digest(undisturbed.storage)


def _made_once(observatory, undisturbed, dead, again):
    nodes = defaultdict(list)
    for name, number in observatory.made().items():
        node, _, product = name.partition(":")
        nodes[product] += [node] * number
    assert set(nodes) == set(undisturbed.made())
    for product, where in nodes.items():
        living = [node for node in where if node not in dead]
        assert len(living) == 1 + (product in again), f"{product} was made on {where}"
        assert len(where) <= len(living) + 1, f"{product} was made on {where}"


def going_on(observatory, nodes):
    """What runs on nodes beside their sshd and luigid; what ends with the connection is given a moment."""
    deadline = time.monotonic() + GRACE_S
    while True:
        found = [
            (node, argv)
            for node in nodes
            for argv in observatory.cluster.processes(node).values()
            if argv and "sshd" not in argv[0] and not any(word.endswith("luigid") for word in argv)
        ]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def raw_digest(observatory):
    cluster = observatory.cluster
    return {
        name: value
        for node in cluster.storage
        for name, value in digest(cluster.path(node, "/data/raw")).items()
    }


def digest(folder):
    """Content of all files of the MeasurementSets in a directory, by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        # casacore touches the lock when it reads.
        if path.is_file() and ".MS" in path.as_posix() and path.name != "table.lock"
    }


def signal_processes(observatory, node, program, number=signal.SIGKILL):
    """Send a signal to the processes of a program on a node; return how many there were."""
    found = [
        pid
        for pid, argv in observatory.cluster.processes(node).items()
        if argv and Path(argv[0]).name == program
    ]
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return len(found)


def install(observatory, name, text):
    """Put a program on every compute node; return its path there."""
    for node in observatory.cluster.compute:
        path = observatory.cluster.path(node, f"{TOOLS}/{name}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return f"{TOOLS}/{name}"


def misbehaved(observatory, name):
    """Nodes on which a program of :func:`once` has misbehaved."""
    cluster = observatory.cluster
    return [node for node in cluster.compute if cluster.path(node, f"{TOOLS}/{name}.done").exists()]


def once(observatory, name, misbehaviour, tool):
    """Put a program on every compute node that misbehaves once there, and is the tool from then on."""
    # Making a directory is the one thing that two calls at a time cannot both do.
    text = (
        f'#!/bin/sh\nif mkdir {TOOLS}/{name}.done 2>/dev/null; then\n{misbehaviour}\nfi\nexec {tool} "$@"\n'
    )
    return install(observatory, name, text)


def planned(observatory):
    """Subbands and the nodes that the plan gives them."""
    rows = json.loads(observatory.sip("plan", observatory.obs_id, "--json").stdout)["subbands"]
    return [(row["subband"], row["node"]) for row in rows]
