"""Nights on a test cluster: from bare nodes to the digest, through reboots, full disks and a taken port."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import BIN, REPOSITORY
from faults import end, half_made, until
from nights import Nights
from test_kill import same_results

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

PREFIX = "/data/sip"
SCHEDULER = "/data/runtime/scheduler"


@pytest.fixture
def bare(cluster_observatory):
    """A cluster whose nodes have nothing of the pipeline."""
    nodes = ("lfe001", "lse001", "lce001")
    # Compiling all of it takes longer than installing it.
    options = dict.fromkeys(nodes, ("SetEnv PIP_NO_COMPILE=1",))
    observatory = cluster_observatory(
        {"cluster": {"node_python": f"{PREFIX}/bin/python"}}, storage=1, compute=1, sshd_options=options
    )
    yield observatory
    observatory.cluster.close()
    for node in nodes:
        # Hundreds of megabytes each.
        shutil.rmtree(observatory.cluster.path(node, f"{PREFIX}.d"), ignore_errors=True)


def fab(observatory, *arguments):
    argv = (str(BIN / "fab"), "-r", str(REPOSITORY / "deploy"), *arguments)
    return observatory.sip_or_luigi(argv)


def installed(observatory, *arguments):
    """Run the `sip` that was installed on the head node."""
    return observatory.sip_or_luigi((f"{PREFIX}/bin/sip", *arguments))


def test_from_bare_nodes_to_the_digest(bare, small_simulation):
    nights = Nights(bare)
    nights.clear()
    carried = bare.cluster.path(bare.cluster.head, "/data/wheels")
    made = (str(BIN / "fab"), "-r", str(REPOSITORY / "deploy"), "wheels", "--directory", str(carried))
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)

    refuses_unknown_host_keys(bare)
    done = fab(bare, "head-node.start-scheduler")
    assert done.returncode == 35, "nothing is installed yet"
    assert "fab -r deploy head-node.install" in done.stderr
    for role in ("head-node", "storage-nodes", "compute-nodes"):
        done = fab(bare, f"{role}.install", "--wheels", "/data/wheels")
        assert done.returncode == 0, done.stderr
        assert f": installed: {PREFIX}.d/v-" in done.stdout
    assert "was installed already" in fab(bare, "compute-nodes.install", "--wheels", "/data/wheels").stdout
    for role in ("storage-nodes", "compute-nodes"):
        done = fab(bare, f"{role}.check")
        assert done.returncode == 0, done.stderr
        assert ": good" in done.stdout
        assert "installed: v-" in fab(bare, f"{role}.status").stdout
    for word in ("runs at", "runs already"):
        done = fab(bare, "head-node.start-scheduler")
        assert done.returncode == 0, done.stderr
        assert word in done.stdout

    nights.put(small_simulation, "L1")
    nights.put(small_simulation, "L2", damaged=[1])
    nights.put(small_simulation, "L3", subbands=2, damaged=[0, 1])
    done = installed(bare, "nightly")
    assert (done.returncode, done.stdout) == (30, ""), done.stderr
    [(subject, text)] = nights.mails()
    assert subject == "sip nightly on lfe001: 1 failed, 1 degraded, 1 done"
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("  L")] == [
        line for line in lines if line.startswith(("  L3: [data] too few", "  L2: [data] ", "  L1: "))
    ]
    assert "3 of 3 subbands" in line_of(lines, "L1")
    assert "2 of 3 subbands" in line_of(lines, "L2")
    assert "SAP000_SB001 lost in describe: lse001: /data/raw/L2_SAP000_SB001_uv.MS: cannot" in line_of(
        lines, "L2"
    )
    assert "SAP000_SB000 lost in describe (and 1 more): lse001: /data/raw/L3_" in line_of(lines, "L3")
    for obs_id in ("L2", "L3"):
        command = f"sip retry {obs_id} --lost && luigi --module sip_luigi ImagingPipeline --obs-id {obs_id}"
        assert f"      again: {command}" in lines
    assert "WARNINGS" not in text

    done = installed(bare, "nightly")
    assert (done.returncode, done.stdout, done.stderr, nights.mails()) == (0, "", "", [])

    nights.put(small_simulation, "L4", subbands=2)
    done = installed(bare, "nightly")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    [(subject, text)] = nights.mails()
    assert subject == "sip nightly on lfe001: 1 done"
    assert "2 of 2 subbands" in line_of(text.splitlines(), "L4")
    assert fab(bare, "head-node.stop-scheduler").returncode == 0
    assert fab(bare, "head-node.status").returncode == 3


def refuses_unknown_host_keys(observatory):
    cluster, known = observatory.cluster, observatory.settings["cluster"]["ssh_config"]
    text = cluster.path(cluster.head, known).read_text().replace("/run/sip/known_hosts", "/none")
    cluster.path(cluster.head, "/data/ssh_config").write_text(text)
    observatory.settings["cluster"]["ssh_config"] = "/data/ssh_config"
    done = fab(observatory, "compute-nodes.status")
    observatory.settings["cluster"]["ssh_config"] = known
    assert done.returncode == 1
    assert "shows the host key ssh-ed25519 SHA256:" in done.stderr
    assert done.stdout == ""


def line_of(lines, obs_id):
    return next(line for line in lines if line.startswith(f"  {obs_id}: "))


@pytest.fixture
def nights(cluster_observatory):
    return Nights(cluster_observatory(storage=1, compute=2))


def start(observatory):
    """Start a night on the head node."""
    with observatory.log.open("ab") as log:
        argv = (str(BIN / "sip"), "nightly")
        environment = observatory.environment()
        return observatory.cluster.popen(
            observatory.cluster.head, argv, env=environment, stdout=log, stderr=log
        )


def test_reboot_port_taken_and_luigid_killed(nights, undisturbed):
    observatory, cluster = nights.observatory, nights.cluster
    first = start(observatory)
    until(first, lambda: half_made(observatory, "preprocess"), "a half product")
    other = observatory.sip("nightly")
    assert other.returncode == 10
    assert "a night is going on already (process " in other.stderr
    quiet = observatory.sip("nightly", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (10, "", "")
    cluster.boot(cluster.head)
    assert end(first) != 0
    assert nights.mails() == [], "nobody was left to tell"

    shutil.rmtree(cluster.path(cluster.head, SCHEDULER))
    taken = "import socket, time; s = socket.create_server(('127.0.0.1', 8082)); print(1, flush=True); time.sleep(999)"
    holder = cluster.popen(cluster.head, (sys.executable, "-c", taken), stdout=subprocess.PIPE)
    holder.stdout.readline()
    refused = observatory.sip("nightly")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert refused.returncode == 35
    [(subject, text)] = nights.mails()
    assert subject == "sip nightly on lfe001: the night could not run"
    assert "port = 8082: another program listens there" in text

    second = start(observatory)
    until(second, lambda: half_made(observatory, "image_band"), "a half image")
    state = json.loads(observatory.sip("scheduler", "status", "--json").stdout)
    assert state["running"]
    killed = [
        pid for pid, argv in cluster.processes(cluster.head).items() if argv[-2:] == ("scheduler", "run")
    ]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(cluster.path(cluster.head, SCHEDULER))
    assert end(second) == 0, observatory.log.read_text()[-4000:]
    [(subject, text)] = nights.mails()
    assert subject == "sip nightly on lfe001: 1 done"
    assert "the central scheduler did not run: it was started" in text
    same_results(observatory, undisturbed)
    assert set(observatory.made_anywhere().values()) == {1}, "nothing is done twice"
    assert set(observatory.made_anywhere()) == set(undisturbed.made())
    assert not observatory.leftovers()
    observatory.sip("scheduler", "stop")


def test_disks_that_fill(cluster_observatory, undisturbed):
    disks = {"lfe001": 192, "lce001": 256}
    # A full disk is no better after three more attempts.
    sections = {"cluster": {"retries": 0}}
    observatory = cluster_observatory(sections, storage=1, compute=1, disk_mb=disks)
    nights = Nights(observatory)
    observatory.environment()
    filler = nights.fill("lfe001")
    refused = observatory.cluster.run(
        "lfe001",
        (str(BIN / "sip"), "nightly"),
        env={"LUIGI_CONFIG_PATH": "/data/luigi.cfg", "PATH": f"{BIN}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    filler.unlink()
    assert refused.returncode in (30, 35), refused.stderr
    [(subject, text)] = nights.mails()
    assert subject == "sip nightly on lfe001: the night could not run"
    assert "No space left" in text

    process = start(observatory)
    until(process, lambda: half_made(observatory, "preprocess"), "a half product")
    filler = nights.fill("lce001")
    assert end(process) == 30
    [(subject, text)] = nights.mails()
    assert subject == "sip nightly on lfe001: 1 failed"
    assert "[resources] " in text, text
    assert "tried again in the next night" in text
    assert "lce001:/data/scratch is 100% full: 0.00 GB free" in text

    filler.unlink()
    done = observatory.sip("nightly")
    assert done.returncode == 0, done.stderr
    assert nights.mails()[-1][0] == "sip nightly on lfe001: 1 done"
    same_results(observatory, undisturbed)
    assert set(observatory.made_anywhere().values()) == {1}, "nothing is done twice"
    observatory.sip("scheduler", "stop")
