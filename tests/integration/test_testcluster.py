"""The cluster that other tests rest on: what its nodes share, how they fail, and that nothing of it is left."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import uuid
from pathlib import Path

import pytest

from sip_luigi.domain.clusterdesc import parse
from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.testcluster import Cluster, missing, processes, requirements

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

IMPATIENT = ("-o", "ConnectTimeout=1", "-o", "ConnectionAttempts=1")


def needed():
    reason = missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def base(tmp_path):
    """A directory with a name that is found nowhere else."""
    needed()
    return tmp_path / f"cluster-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One cluster for all tests that leave it as they found it."""
    needed()
    options = {"lce002": ["SetEnv SIP_PROBE=mine", "MaxSessions 3"]}
    with Cluster(tmp_path_factory.mktemp("c"), sshd_options=options, disk_mb={"lce003": 8}) as started:
        yield started


def ssh(cluster, source, target, *command, options=()):
    argv = ("ssh", "-F", cluster.ssh_config, *options, target, *command)
    return cluster.run(source, argv, capture_output=True, text=True, timeout=30)


def answers(cluster, target, source=None):
    """Whether a node can be reached, from the head unless another is named."""
    done = ssh(cluster, source or cluster.head, target, "hostname", options=IMPATIENT)
    assert done.returncode in {0, 255}, done
    assert done.returncode or done.stdout == f"{target}\n"
    return done.returncode == 0


def running(cluster, node, *argv):
    return [pid for pid, found in cluster.processes(node).items() if found == argv]


def wait_for(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def stuck(stream, seconds):
    """Whether nothing comes out of a pipe for a while."""
    return not select.select([stream], [], [], seconds)[0]


# ------------------------------------------------------------------ what the nodes are


def test_every_node_reaches_every_other(cluster):
    loop = 'for node; do ssh -F "$0" "$node" hostname || exit 1; done'
    argv = ("sh", "-c", loop, cluster.ssh_config, *cluster.nodes)
    loops = {n: cluster.popen(n, argv, stdout=subprocess.PIPE, text=True) for n in cluster.nodes}
    for node, process in loops.items():
        assert process.communicate(timeout=60)[0].split() == list(cluster.nodes), f"from {node}"
        assert process.returncode == 0


def test_host_keys_are_verified(cluster):
    known = cluster.path("lse001", "/run/sip/known_hosts")
    right = known.read_text()
    keys = {line.split(",")[0]: line.split(maxsplit=1)[1] for line in right.splitlines()}
    assert len(set(keys.values())) == len(cluster.nodes), "every node has a key of its own"
    known.write_text(right.replace(keys["lse002"], keys["lce001"]))
    try:
        refused = ssh(cluster, "lse001", "lse002", "true")
    finally:
        known.write_text(right)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr
    assert answers(cluster, "lse002", source="lse001")


def test_only_the_key_of_the_cluster_is_let_in(cluster):
    cluster.run("lse001", ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/tmp/other"), check=True)
    options = ("UserKnownHostsFile=/run/sip/known_hosts", "IdentitiesOnly=yes", "BatchMode=yes")
    argv = ("ssh", "-F", "none", *(word for option in options for word in ("-o", option)))
    for key, status in (("/tmp/other", 255), ("/run/sip/id_ed25519", 0)):
        command = (*argv, "-i", key, f"root@{cluster.address['lse002']}", "true")
        done = cluster.run("lse001", command, capture_output=True, text=True)
        assert done.returncode == status, done
        assert ("Permission denied" in done.stderr) == bool(status)


def test_sshd_options_of_one_node(cluster):
    assert ssh(cluster, cluster.head, "lce002", "printenv", "SIP_PROBE").stdout == "mine\n"
    assert ssh(cluster, cluster.head, "lce001", "printenv", "SIP_PROBE").stdout == ""


def test_trees_are_separate(cluster):
    for node in cluster.nodes:
        command = f"echo {node} > /data/mine; echo {node} > /tmp/mine"
        assert cluster.run(node, ("sh", "-c", command)).returncode == 0
    for node in cluster.nodes:
        seen = ssh(cluster, cluster.head, node, f"cat /data/mine /tmp/mine; ls {cluster.base}/*")
        assert seen.stdout == f"{node}\n{node}\n"
        assert "No such file" in seen.stderr
        assert cluster.path(node, "/data/mine").read_text() == f"{node}\n"
        assert cluster.path(node, "/tmp/mine").read_text() == f"{node}\n"
    assert (cluster.base / "lse001" / "mine").read_text() == "lse001\n"
    with pytest.raises(ConfigurationError, match="absolute path"):
        cluster.path("lse001", "/data/../etc")


def test_the_machine_is_seen_read_only(cluster, tmp_path):
    for directory in (Path(__file__).parent, Path(sys.prefix), Path("/usr"), Path("/etc")):
        listed = cluster.run("lce001", ("ls", directory), capture_output=True, text=True)
        assert sorted(listed.stdout.split("\n")[:-1]) == sorted(
            name for name in os.listdir(directory) if not name.startswith(".")
        )
        probe = directory / f"{uuid.uuid4().hex}"
        refused = cluster.run("lce001", ("touch", probe), capture_output=True, text=True)
        assert "Read-only file system" in refused.stderr
        assert not probe.exists()
    assert cluster.run("lce001", ("ls", tmp_path), capture_output=True).returncode != 0


def test_this_python_runs_on_a_node(cluster):
    program = (
        "import numpy, sip_luigi, socket, tempfile; tempfile.TemporaryFile(); print(socket.gethostname())"
    )
    done = ssh(cluster, cluster.head, "lce001", sys.executable, "-W", "error", "-c", f"'{program}'")
    assert done.stdout == "lce001\n", done.stderr


def test_a_repository_below_a_hidden_directory_is_shown(base, tmp_path):
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "file").touch()
    with Cluster(base, storage=1, compute=1, visible=[shown]) as own:
        assert own.nodes == ("lfe001", "lse001", "lce001")
        listed = own.run("lce001", ("ls", shown, tmp_path), capture_output=True, text=True)
        assert listed.stdout == f"{tmp_path}:\nshown\n\n{shown}:\nfile\n"
        refused = own.run("lce001", ("rm", shown / "file"), capture_output=True, text=True)
        assert "Read-only file system" in refused.stderr


def test_a_base_that_no_other_file_system_hides():
    needed()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        base = Path(directory) / f"cluster-{uuid.uuid4().hex}"
        shown = base / "shown"
        shown.mkdir(parents=True)
        (shown / "file").touch()
        with Cluster(base, storage=1, compute=1, visible=[shown]) as own:
            (base / "lse001" / "mine").touch()
            listed = own.run("lse001", ("ls", "/data", base, shown), capture_output=True, text=True)
            assert listed.stdout == f"/data:\nmine\nraw\n\n{base}:\nshown\n\n{shown}:\nfile\n"
            refused = own.run("lse001", ("mkdir", base / "lse002"), capture_output=True, text=True)
            assert "Read-only file system" in refused.stderr
            assert answers(own, "lse001")
        assert not traces(base)


def test_cluster_description(cluster):
    path = cluster.path(cluster.head, cluster.clusterdesc)
    described = parse(path.read_text(), path)
    disks = {(node.name, node.type): node.local_disks for node in described.nodes}
    assert disks == {
        ("lfe001", "Head"): (),
        **{(node, "Storage"): ("/data/raw",) for node in cluster.storage},
        **{(node, "Compute"): ("/data/scratch",) for node in cluster.compute},
    }
    for node, disk in {
        **dict.fromkeys(cluster.storage, "raw"),
        **dict.fromkeys(cluster.compute, "scratch"),
    }.items():
        assert cluster.run(node, ("rmdir", f"/data/{disk}")).returncode == 0
        assert cluster.run(node, ("mkdir", f"/data/{disk}")).returncode == 0


# ------------------------------------------------------------------ commands


def test_run_is_like_subprocess_run(cluster):
    done = cluster.run("lse001", ("cat",), input="given", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "given")
    assert cluster.run("lse001", ("pwd",), cwd="/usr", capture_output=True).stdout == b"/usr\n"
    assert cluster.run("lse001", ("env",), env={"A": "1"}, capture_output=True).stdout == b"A=1\n"
    assert cluster.run("lse001", ("sh", "-c", "exit 3")).returncode == 3
    assert cluster.run("lse001", ("no-such-program",), capture_output=True).returncode == 127
    with pytest.raises(subprocess.CalledProcessError):
        cluster.run("lse001", ("false",), check=True)
    with pytest.raises(subprocess.TimeoutExpired):
        cluster.run("lse001", ("sleep", "1001"), timeout=0.5)
    wait_for(lambda: not running(cluster, "lse001", "sleep", "1001"))
    with pytest.raises(ConfigurationError, match="nix"):
        cluster.run("nix", ("true",))


def test_signals_reach_the_command(cluster):
    trap = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    process = cluster.popen("lce001", ("sh", "-c", trap), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.communicate(timeout=10)[0] == "asked\n"
    assert process.returncode == 7


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_command(cluster, number):
    process = cluster.popen("lce001", ("sleep", "1002"))
    wait_for(lambda: running(cluster, "lce001", "sleep", "1002"))
    process.send_signal(number)
    assert process.wait(10) == -number
    wait_for(lambda: not running(cluster, "lce001", "sleep", "1002"))


def test_a_command_that_kills_itself(cluster):
    assert cluster.run("lce001", ("sh", "-c", "kill -KILL $$")).returncode == -signal.SIGKILL


# ------------------------------------------------------------------ how nodes fail


def test_a_full_disk(cluster):
    command = ("dd", "if=/dev/zero", "of=/data/scratch/full", "bs=1M", "count=20")
    done = cluster.run("lce003", command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    full = cluster.path("lce003", "/data/scratch/full")
    assert 6 * 2**20 < full.stat().st_size <= 8 * 2**20
    full.unlink()
    assert cluster.run("lce003", ("dd", *command[1:4], "count=4"), capture_output=True).returncode == 0
    full.unlink()
    assert not list((cluster.base / "lce003").iterdir()), "the disk is in memory"


def test_freeze_and_thaw(cluster):
    # A program that has children all the time: none of them may escape.
    loop = "touch /data/loop.$$; while :; do echo >> /data/ticks; (true) & (true) & wait; done"
    ticks = cluster.path("lce001", "/data/ticks")
    loops = [cluster.popen("lce001", ("sh", "-c", loop)) for _ in range(4)]
    # One that is still on its way into the node is not of the node yet.
    wait_for(lambda: len(list(ticks.parent.glob("loop.*"))) == 4 and ticks.stat().st_size > 100)
    for _ in range(5):
        cluster.freeze("lce001")
        frozen = ticks.stat().st_size
        assert len(cluster.pids("lce001")) >= 5
        time.sleep(0.1)
        assert ticks.stat().st_size == frozen
        cluster.thaw("lce001")
        wait_for(lambda frozen=frozen: ticks.stat().st_size > frozen)
    cluster.freeze("lce001")
    assert not answers(cluster, "lce001")
    assert answers(cluster, "lce002")
    cluster.thaw("lce001")
    assert answers(cluster, "lce001")
    for process in loops:
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


SPAWNS = """\
import os
os.mkfifo("/data/gate")
open_gate = (os.POSIX_SPAWN_OPEN, 0, "/data/gate", os.O_RDONLY, 0)
child = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=[open_gate])
os.waitpid(child, 0)
"""


def test_thaw_reaches_a_process_that_waits_in_the_kernel(cluster):
    # Between vfork and exec the parent waits for the child, and cannot stop: its stop signal stays pending.
    gate = cluster.path("lce001", "/data/gate")
    argv = (sys.executable, "-c", SPAWNS)
    process = cluster.popen("lce001", argv)

    def states():
        return sorted(processes.status(pid).state for pid in running(cluster, "lce001", *argv))

    wait_for(lambda: states() == ["D", "S"])
    cluster.freeze("lce001")
    assert states() == ["D", "T"]
    cluster.thaw("lce001")
    with gate.open("wb"):
        pass
    assert process.wait(10) == 0
    gate.unlink()


def test_cut_and_mend(cluster):
    argv = ("ssh", "-F", cluster.ssh_config, "lse002", "cat")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with cluster.popen(cluster.head, argv, bufsize=0, **pipes) as echo:
        echo.stdin.write(b"before\n")
        assert echo.stdout.readline() == b"before\n"
        cluster.cut("lse002")
        echo.stdin.write(b"meanwhile\n")
        assert not answers(cluster, "lse002")
        assert not answers(cluster, "lse001", source="lse002")
        assert answers(cluster, "lse001")
        assert stuck(echo.stdout, 0.3)
        assert cluster.run("lse002", ("true",)).returncode == 0, "only the network is gone"
        cluster.mend("lse002")
        assert echo.stdout.readline() == b"meanwhile\n"
        echo.stdin.close()
        assert echo.wait(10) == 0
    assert answers(cluster, "lse002")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_sshd_dies_and_jobs_go_on(cluster, number):
    argv = ("ssh", "-F", cluster.ssh_config, "lce002", "exec sleep 1003")
    client = cluster.popen(cluster.head, argv, stderr=subprocess.DEVNULL)
    wait_for(lambda: running(cluster, "lce002", "sleep", "1003"))
    job = running(cluster, "lce002", "sleep", "1003")
    cluster.kill_sshd("lce002", number)
    assert client.wait(10) == 255
    refused = ssh(cluster, cluster.head, "lce002", "true")
    assert "Connection refused" in refused.stderr
    assert running(cluster, "lce002", "sleep", "1003") == job
    cluster.start_sshd("lce002")
    assert answers(cluster, "lce002")
    wait_for(lambda: len(cluster.pids("lce002")) == 2)
    before = cluster.pids("lce002")
    cluster.start_sshd("lce002")
    assert cluster.pids("lce002") == before, "one that runs stays"
    assert ssh(cluster, cluster.head, "lce002", "pkill", "-x", "sleep").returncode == 0
    wait_for(lambda: not running(cluster, "lce002", "sleep", "1003"))


@pytest.mark.parametrize("node", ["lse001", "lce003", "lfe001"])
def test_destroy_and_boot(cluster, node):
    other = "lse002"
    cluster.path(node, "/data/kept").write_text("kept")
    job = cluster.popen(node, ("sleep", "1004"))
    wait_for(lambda: running(cluster, node, "sleep", "1004"))
    argv = ("ssh", "-F", cluster.ssh_config, node, "echo there; exec sleep 1005")
    session = cluster.popen(other, argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert session.stdout.readline() == b"there\n"
    old = cluster.pids(node)
    assert len(old) >= 4

    cluster.destroy(node)
    assert job.wait(10) == -signal.SIGKILL
    assert cluster.pids(node) == []
    assert [pid for pid in old if processes.arguments(pid)] == []
    assert stuck(session.stdout, 0.3), "a host without power says no goodbye"
    assert session.poll() is None
    assert not answers(cluster, node, source=other)
    for action in (cluster.destroy, cluster.freeze, cluster.cut, cluster.mend, cluster.kill_sshd):
        with pytest.raises(TransportError, match="down"):
            action(node)
    with pytest.raises(TransportError, match="down"):
        cluster.run(node, ("true",))
    assert cluster.path(node, "/data/kept").read_text() == "kept"

    cluster.boot(node)
    assert answers(cluster, node, source=other)
    assert answers(cluster, other, source=node)
    assert cluster.run(node, ("cat", "/data/kept"), capture_output=True).stdout == b"kept"
    assert not running(cluster, node, "sleep", "1004") + running(cluster, node, "sleep", "1005")
    session.kill()
    session.communicate(timeout=10)


def test_a_reboot(cluster):
    job = cluster.popen("lce001", ("sleep", "1006"))
    wait_for(lambda: running(cluster, "lce001", "sleep", "1006"))
    cluster.boot("lce001")
    assert job.wait(10) == -signal.SIGKILL
    assert answers(cluster, "lce001")


# ------------------------------------------------------------------ nothing is left


def traces(base):
    """Processes that name a cluster in their arguments or see it among their mounts."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "mountinfo"):
            try:
                if base.name.encode() in (process / file).read_bytes():
                    found.add(int(process.name))
            except OSError:
                continue
    return found


def descendants(pid):
    found, more = set(), {pid}
    while more:
        found |= more
        more = {child for parent in more for child in processes.children(parent)} - found
    return found - {pid}


def machine():
    """What a cluster must not change: interfaces, named network namespaces, mounts."""
    mounts = {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()}
    named = Path("/run/netns")
    return set(os.listdir("/sys/class/net")), set(os.listdir(named)) if named.exists() else None, mounts


OWNER = """
import os, subprocess, sys, time
from pathlib import Path
from sip_luigi.testcluster import Cluster

base, end = sys.stdin.readline().split()
cluster = Cluster(Path(base), disk_mb={"lce003": 4})
cluster.start()
cluster.popen("lfe001", ("ssh", "-F", cluster.ssh_config, "lse001", "setsid sleep 2001 & exec sleep 2002"))
cluster.popen("lce001", ("sh", "-c", "trap '' TERM HUP INT; setsid sleep 2003 & sleep 2004"))
while len(cluster.pids("lse001")) < 4 or len(cluster.pids("lce001")) < 4:
    time.sleep(0.02)
cluster.freeze("lce001")
cluster.cut("lce002")
# A child that lives on has every file open that its parent had.
child = os.fork()
if child == 0:
    os.setsid()
    time.sleep(3000)
print(child, flush=True)
sys.stdin.readline()
if end == "close":
    cluster.close()
    print("closed", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("end", ["close", "SIGKILL", "SIGTERM"])
def test_nothing_is_left(base, end):
    before = machine()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen((sys.executable, "-c", OWNER), text=True, **pipes) as owner:
        owner.stdin.write(f"{base} {end}\n")
        owner.stdin.flush()
        child = int(owner.stdout.readline())
        try:
            seen = traces(base)
            below = descendants(owner.pid) - {child}
            assert len(seen) >= 6 + 6 + 4, "first processes, sshd, commands"
            assert len(below) >= len(seen)
            assert machine() == before
            if end == "close":
                owner.stdin.write("\n")
                owner.stdin.flush()
                assert owner.stdout.readline() == "closed\n"
                assert descendants(owner.pid) == {child}, "close waits for the end of everything"
                assert not traces(base)
                owner.stdin.write("\n")
            else:
                owner.send_signal(signal.Signals[end])
                owner.wait()
            wait_for(lambda: not traces(base))
            wait_for(lambda: all(processes.status(pid).state == "X" for pid in below | seen))
            assert processes.status(child).state == "S"
        finally:
            os.kill(child, signal.SIGKILL)
    assert machine() == before


def test_nothing_is_left_of_a_killed_xdist_worker(base, tmp_path):
    text = f"""
    import os, signal
    from pathlib import Path
    from sip_luigi.testcluster import Cluster

    def test_killed():
        with Cluster(Path({str(base)!r}), storage=1, compute=1) as cluster:
            assert cluster.run("lfe001", ("ssh", "-F", cluster.ssh_config, "lse001", "true")).returncode == 0
            (cluster.base / "reached").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_killed.py").write_text(textwrap.dedent(text))
    argv = (sys.executable, "-m", "pytest", "-n", "1", "--max-worker-restart=0", "-c", "pytest.ini", ".")
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "crashed" in done.stdout, done
    assert (base / "reached").exists()
    wait_for(lambda: not traces(base))


def test_the_end_of_a_thread_is_not_the_end(base):
    own = Cluster(base, storage=1, compute=1)
    thread = threading.Thread(target=own.start)
    thread.start()
    thread.join()
    try:
        time.sleep(0.3)
        assert answers(own, "lce001")
    finally:
        own.close()
    assert not traces(base)


def test_closed_and_started_again(base):
    own = Cluster(base, storage=1, compute=1)
    for _ in range(2):
        with own:
            assert answers(own, "lse001")
            with pytest.raises(ConfigurationError, match="started already"):
                own.start()
        own.close()
        with pytest.raises(TransportError):
            own.run("lfe001", ("true",))
    assert not traces(base)


# ------------------------------------------------------------------ where it cannot be


def test_a_start_that_fails_leaves_nothing(base):
    own = Cluster(base, storage=1, compute=1, sshd_options={"lce001": ["NoSuchOption yes"]})
    with pytest.raises(ConfigurationError, match=r"lce001: (.*\n)*.*NoSuchOption"):
        own.start()
    assert not traces(base)


def test_namespaces_that_cannot_be_built(base):
    own = Cluster(base, storage=1, compute=1, visible=[base / "not-there"])
    with pytest.raises(ConfigurationError, match="not-there"):
        own.start()
    assert not traces(base)


def test_without_root(base, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert "needs root" in missing()
    with pytest.raises(ConfigurationError, match=r"needs root.*user id 65534"):
        Cluster(base).start()
    assert not base.exists()


def test_without_programs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(requirements, "ADMINISTRATORS", "")
    reason = missing()
    assert "sshd, ssh, ssh-keygen, ip, unshare, nsenter" in reason
    assert "apt-get install openssh-server openssh-client iproute2 util-linux" in reason
    with pytest.raises(ConfigurationError, match="deploy/install-system-packages test"):
        Cluster(tmp_path / "c").start()


def test_without_the_kernel(base, monkeypatch):
    monkeypatch.setattr(requirements, "_PROBE_LINKS", "link add dev probe type nonesuch\n")
    assert "the kernel refuses" in missing()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"storage": 0}, "0 storage"),
        ({"compute": 250}, "250 compute"),
        ({"disk_mb": {"lce9": 1}}, "lce9"),
        ({"sshd_options": {"lse003": []}}, "lse003"),
    ],
)
def test_nodes_that_cannot_be(tmp_path, arguments, said):
    with pytest.raises(ConfigurationError, match=said):
        Cluster(tmp_path, **arguments)
