"""SSH, against real OpenSSH servers on loopback."""

import contextlib
import gc
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sshserver import Sshd, free_port, make_key, missing

from sip_luigi.domain.clusterdesc import parse
from sip_luigi.domain.errors import (
    BadData,
    ConfigurationError,
    HostKeyError,
    ParsetError,
    ProgramError,
    TransportError,
)
from sip_luigi.domain.observation import check_obs_id
from sip_luigi.execution.ssh import SshConnection, SshOptions
from sip_luigi.execution.ssh_connection import ConnectionLost
from sip_luigi.execution.ssh_exchange import quote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ssh"),
    # What a fork does to threads is what is tested here.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
ECHO = ("-S", "-c", "import sys, json; print(json.dumps(sys.argv[1:]))")
MEGABYTE = 1 << 20


@dataclass
class Site:
    """Servers, the key that they accept, and an ssh configuration for them."""

    directory: Path
    key: Path
    blocks: list = field(default_factory=list)
    servers: list = field(default_factory=list)
    connections: list = field(default_factory=list)

    @property
    def config(self):
        return self.directory / "config"

    @property
    def known_hosts(self):
        return self.directory / "known_hosts"

    def sshd(self, name="node", known=True, config=None, **options):
        server = Sshd(self.directory / name, self.key.with_suffix(".pub"), options).start()
        self.servers.append(server)
        if known:
            with self.known_hosts.open("a") as stream:
                stream.write(server.known_line)
        self.block(name, **{"HostName": "127.0.0.1", "Port": server.port, **(config or {})})
        return server

    def block(self, name, **options):
        defaults = {
            **{"User": "root", "IdentityFile": self.key, "IdentitiesOnly": "yes"},
            **{"UserKnownHostsFile": self.known_hosts, "GlobalKnownHostsFile": "none"},
        }
        lines = [f"Host {name}", *(f"  {key} {value}" for key, value in {**defaults, **options}.items())]
        self.blocks.append("\n".join(lines))
        self.config.write_text("\n".join(self.blocks) + "\n")

    def connect(self, name="node", **options):
        made = SshConnection(name, SshOptions(config=str(self.config), **options))
        self.connections.append(made)
        return made

    def close(self):
        for connection in self.connections:
            connection.close()
        for server in self.servers:
            server.kill()


@contextlib.contextmanager
def opened_site(directory):
    if missing():
        pytest.skip(missing())
    made = Site(directory, make_key(directory / "id"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def site(tmp_path):
    with opened_site(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A connection to a server that nothing is done to."""
    with opened_site(tmp_path_factory.mktemp("ssh")) as made:
        made.sshd()
        yield made.connect()


def shell(text, *arguments):
    return ("/bin/sh", "-c", text, "sh", *arguments)


def within(seconds, action, error):
    """The error of an action that must fail in time."""
    began = time.monotonic()
    with pytest.raises(error) as caught:
        action()
    assert time.monotonic() - began < seconds
    return str(caught.value)


# --- what runs, and what comes back


def test_a_node_command(node, tmp_path):
    answer = node.call("look", {"disks": [str(tmp_path), "/absent"]})
    assert [answer["disks"][disk]["there"] for disk in (str(tmp_path), "/absent")] == [True, False]


def test_bad_data_are_told_from_a_failure(node):
    request = {"source": "/absent", "destination": "/tmp/x", "mode": "copy", "n_files": 1, "size_bytes": 3}
    with pytest.raises(BadData, match=r"node: .*is gone"):
        node.call("copy", request)
    with pytest.raises(ProgramError, match=r"node: describe: .*exit status 1: .*KeyError"):
        node.call("describe", {})


def test_a_greeting_shell_does_no_harm(site, tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "Welcome!"\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    site.sshd()
    assert site.connect(python=str(python)).call("look", {"disks": []})["disks"] == {}


def test_no_python_on_the_node(site):
    site.sshd()
    with pytest.raises(ProgramError, match=r"node: look: no answer, exit status 127: .*/absent/python"):
        site.connect(python="/absent/python").call("look", {})


def test_status_output_and_errors_of_a_program(node):
    done = node.run(shell("cat; echo oops >&2; exit 7"), stdin=b"in\0put")
    assert (done.status, done.stdout, done.stderr) == (7, b"in\0put", b"oops\n")
    assert node.run(shell("kill -9 $$")).status == -1
    assert node.run(("true",), stdin=b"nobody reads this" * MEGABYTE).status == 0


def test_output_as_it_comes(node):
    pieces = []

    def take(piece):
        pieces.append((time.monotonic(), piece))

    assert node.run(shell("echo 1; sleep 0.5; echo 2"), on_output=take).stdout == b""
    assert [piece for _, piece in pieces] == [b"1\n", b"2\n"]
    assert pieces[1][0] - pieces[0][0] > 0.3


def test_much_both_ways_and_on_standard_error(node):
    data = os.urandom(MEGABYTE) * 50
    assert node.run(("cat",), stdin=data).stdout == data
    flood = "import sys\nfor _ in range(80): sys.stderr.write('e' * 99999); sys.stdout.write('o' * 99999)"
    done = node.run((sys.executable, "-c", flood), stdin=data[:MEGABYTE])
    assert (len(done.stdout), len(done.stderr)) == (80 * 99999, 80 * 99999)


# --- arguments and paths are hostile

NASTY = [
    "",
    " ",
    "'",
    '"',
    ";",
    "$(id)",
    "`id`",
    "\n",
    "-n",
    "--",
    "*",
    "~",
    "!",
    "#",
    "\\",
    "\t",
    "|",
    "&",
    "a=b",
    "é″σ",
    "%s",
]
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
HOSTILE = st.one_of(st.lists(st.sampled_from(NASTY), max_size=5).map("".join), TEXT)
NAMES = st.one_of(st.lists(st.sampled_from(NASTY), min_size=1, max_size=5).map("".join), TEXT).filter(
    lambda name: name not in {"", ".", ".."} and "/" not in name and "\0" not in name
)


@pytest.mark.parametrize("interpreter", ["sh", "bash"])
@settings(max_examples=40, deadline=None)
@given(arguments=st.lists(HOSTILE, max_size=4))
def test_arguments_pass_a_shell_unharmed(interpreter, arguments):
    command = quote((sys.executable, *ECHO, *arguments))
    done = subprocess.run((interpreter, "-c", command), capture_output=True, check=True)
    assert json.loads(done.stdout) == arguments


@settings(max_examples=40, deadline=None)
@given(arguments=st.lists(HOSTILE, max_size=4))
def test_arguments_pass_sshd_unharmed(node, arguments):
    done = node.run((sys.executable, *ECHO, *arguments))
    assert (done.status, json.loads(done.stdout)) == (0, arguments)


@pytest.mark.parametrize("program", ["echo", "A=1", "if", "!", "~", "", "a b", "$(id)", "#x", "\n"])
def test_the_program_is_a_program(node, program):
    done = node.run((program, "a\\nb"))
    assert (done.status, done.stdout) == ((0, b"a\\nb\n") if program == "echo" else (127, b""))


def test_no_nul_and_no_half_characters(node):
    for argv in (("echo", "a\0b"), ("echo", "\ud800"), ()):
        with pytest.raises(ConfigurationError, match="command"):
            node.run(argv)
    assert node.run(("printf", "%s", os.fsdecode(b"\xff"))).stdout == b"\xff"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(folder=NAMES, name=NAMES, data=st.binary(max_size=100))
def test_paths_are_taken_as_they_are(node, tmp_path, folder, name, data):
    local, there = tmp_path / "local", tmp_path / "there" / folder
    there.mkdir(parents=True, exist_ok=True)
    local.write_bytes(data)
    node.put(local, f"{there}/{name}")
    assert (there / name).read_bytes() == data
    node.fetch(f"{there}/{name}", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    (there / f"{name}.sip-manifest.json").unlink(missing_ok=True)
    answer = node.call(
        "look", {"disks": [str(there)], "products": [{"path": f"{there}/{name}", "kind": "file"}]}
    )
    assert answer["disks"][str(there)]["there"]
    assert answer["products"] == {f"{there}/{name}": None}
    shutil.rmtree(tmp_path / "there")


@pytest.mark.parametrize(
    "name", ["-oProxyCommand=id", "a b", "a;id", "$(id)", "a/../b", "ä", "a\nb", "[x]:2", "u@h"]
)
def test_hostile_names_are_refused(name):
    with pytest.raises(ParsetError):
        parse(f'ClusterName = c\nStorage.Nodes = [ "{name}" ]\nStorage.LocalDisks = [ /d ]\n', Path("/c"))
    with pytest.raises(ConfigurationError, match="observation id"):
        check_obs_id(name)


# --- the ssh configuration


def test_the_configuration_is_honoured(site, tmp_path):
    others = [make_key(tmp_path / name, kind) for name, kind in (("a", "ecdsa"), ("b", "rsa"))]
    files = [tmp_path / "absent", tmp_path / "with a space", tmp_path / "hashed"]
    files[1].write_text("# nothing\nnonsense\n[127.0.0.1]:1 ssh-ed25519 !!\n")
    options = {"UserKnownHostsFile": f'{files[0]} "{files[1]}" {files[2]}', "ConnectTimeout": 5}
    server = site.sshd(known=False, config=options)
    site.blocks[-1] = "\n".join(
        (
            site.blocks[-1].replace(str(site.key), str(others[0])),
            f"IdentityFile {others[1]}",
            f"IdentityFile {site.key}",
        )
    )
    site.block("other")
    files[2].write_text(server.known_line)
    subprocess.run(("ssh-keygen", "-q", "-H", "-f", str(files[2])), check=True, capture_output=True)
    assert "127.0.0.1" not in files[2].read_text()
    assert site.connect().run(("id", "-un")).stdout == b"root\n"


def test_a_host_key_alias_and_several_host_keys(site):
    server = site.sshd(known=False, config={"HostKeyAlias": "the-node"})
    other = make_key(server.directory / "other", "rsa")
    server.options["HostKey"] = f"{server.host_key}\nHostKey {other}"
    server.kill()
    server.start()
    site.known_hosts.write_text(f"the-node {other.with_suffix('.pub').read_text()}")
    assert site.connect().run(("true",)).status == 0


def test_a_configuration_that_is_not_there(tmp_path):
    connection = SshConnection("node", SshOptions(config=str(tmp_path / "absent")))
    with pytest.raises(ConfigurationError, match=r"absent: cannot be read.*\[cluster\] ssh_config"):
        connection.call("look", {})


def test_through_one_jump_host_and_through_two(site):
    one, two = site.sshd("one"), site.sshd("two")
    site.sshd("near", config={"ProxyJump": "one"})
    site.sshd("far", config={"ProxyJump": f"one,root@127.0.0.1:{two.port}"})
    site.block("127.0.0.1")
    assert site.connect("near").run(("cat",), stdin=b"x" * MEGABYTE).stdout == b"x" * MEGABYTE
    assert (one.sessions(), two.sessions()) == (1, 0)
    assert site.connect("far").run(("echo", "far")).stdout == b"far\n"
    assert (one.sessions(), two.sessions()) == (2, 1)
    one.kill()
    one.start()
    assert site.connections[0].run(("echo", "again")).stdout == b"again\n"


# --- who is there


def commands(message):
    return [line for line in message.splitlines() if line.startswith("    ")]


def run_printed(message):
    for command in commands(message):
        subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - what a user would do


def shown_fingerprint(server):
    public = str(server.host_key.with_suffix(".pub"))
    return subprocess.check_output(("ssh-keygen", "-lf", public), text=True).split()[1]


@pytest.mark.parametrize("options", [{}, {"HostKeyAlias": "Node-Alias"}, {"ProxyJump": "jump"}], ids=str)
def test_an_unknown_host_key(site, tmp_path, options):
    site.sshd("jump")
    own = tmp_path / "own; known $hosts"
    server = site.sshd("node", known=False, config={"UserKnownHostsFile": f'"{own}"', **options})
    connection = site.connect()
    message = within(5, lambda: connection.call("look", {}), HostKeyError)
    for part in ("node: ", "ssh-ed25519", shown_fingerprint(server), "compare the fingerprint"):
        assert part in message
    assert len(commands(message)) == 1
    assert not HostKeyError.retryable
    run_printed(message)
    assert connection.run(("echo", "hello")).stdout == b"hello\n"


def test_a_changed_host_key(site):
    server = site.sshd()
    before = shown_fingerprint(server)
    server.kill()
    make_key(server.host_key)
    server.start()
    connection = site.connect()
    message = within(5, lambda: connection.call("look", {}), HostKeyError)
    for part in ("HAS CHANGED", before, shown_fingerprint(server), f"{site.known_hosts}:1", "ssh-keygen -R"):
        assert part in message
    run_printed(message)
    assert connection.run(("echo", "hello")).stdout == b"hello\n"


def test_a_key_that_is_not_accepted(site, tmp_path):
    stranger, locked = make_key(tmp_path / "stranger"), make_key(tmp_path / "locked")
    subprocess.run(
        ("ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(locked)), check=True, capture_output=True
    )
    server = site.sshd(
        config={"IdentityFile": f"{stranger}\nIdentityFile {locked}\nIdentityFile {tmp_path}/absent"}
    )
    message = within(5, lambda: site.connect().call("look", {}), ConfigurationError)
    for part in (
        f"root@127.0.0.1:{server.port}",
        f"{stranger} (ssh-ed25519 SHA256:",
        "needs a passphrase",
        "absent",
    ):
        assert part in message


def test_a_key_that_an_agent_holds(site, tmp_path, monkeypatch):
    stranger = make_key(tmp_path / "stranger")
    public = tmp_path / "only.pub"
    shutil.copy(site.key.with_suffix(".pub"), public)
    server = site.sshd(config={"IdentityFile": tmp_path / "only"}, MaxAuthTries=2)
    agent = subprocess.Popen(
        ("ssh-agent", "-D", "-a", str(tmp_path / "agent")), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not (tmp_path / "agent").exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        for key in (stranger, site.key):
            subprocess.run(("ssh-add", "-q", str(key)), check=True)
        assert site.connect().run(("true",)).status == 0
        assert "Failed publickey" not in (server.directory / "log").read_text()
    finally:
        agent.kill()
        agent.wait()


# --- processes and threads


def ask_in_child(connection, number, answers):
    gc.collect()
    answers.put(connection.run(("echo", str(number))).stdout)


def test_forks(site):
    server = site.sshd()
    connection = site.connect()
    assert connection.run(("echo", "parent")).stdout == b"parent\n"
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    with ThreadPoolExecutor(1) as pool:
        # A channel of the parent is open while it forks.
        busy = pool.submit(connection.run, shell("sleep 1; cat"), b"x" * MEGABYTE)
        time.sleep(0.2)
        children = [context.Process(target=ask_in_child, args=(connection, n, answers)) for n in range(4)]
        for child in children:
            child.start()
        assert sorted(answers.get(timeout=20) for _ in children) == [b"0\n", b"1\n", b"2\n", b"3\n"]
        for child in children:
            child.join(10)
            assert child.exitcode == 0
        assert busy.result().stdout == b"x" * MEGABYTE
    assert connection.run(("echo", "parent")).stdout == b"parent\n"
    assert server.sessions() == 1 + len(children), "the connection of the parent has been opened again"


FORK_AND_EXIT = """
import gc, os, sys
from sip_luigi.execution.ssh import SshConnection, SshOptions
connection = SshConnection("node", SshOptions(config=sys.argv[1]))
assert connection.run(("echo", "1")).stdout == b"1\\n"
for ask in (False, True):
    child = os.fork()
    if not child:
        if ask:
            connection.run(("true",))
        del connection
        gc.collect()
        sys.exit(0)  # with everything that is registered for the exit
    assert os.waitpid(child, 0)[1] == 0
assert connection.run(("echo", "2")).stdout == b"2\\n"
"""


FORK_WHILE_READING = """
import os, sys
from sip_luigi.execution.ssh import SshConnection, SshOptions
connection = SshConnection("node", SshOptions(config=sys.argv[1]))
read = []
def take(piece):
    if not read:
        child = os.fork()
        if not child:
            sys.exit(0)  # through everything that closes what this command uses
        os.waitpid(child, 0)
    read.append(piece)
assert connection.run(("/bin/sh", "-c", "echo 1; sleep 0.3; echo 2"), on_output=take).status == 0
assert b"".join(read) == b"1\\n2\\n", read
"""


def run_script(script, site):
    argv = (sys.executable, "-W", "error", "-c", script, str(site.config))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("jump", [False, True])
def test_a_child_that_unwinds_a_command_of_its_parent(site, jump):
    site.sshd("jump")
    server = site.sshd(config={"ProxyJump": "jump"} if jump else {})
    run_script(FORK_WHILE_READING, site)
    assert server.sessions() == 1


def test_a_child_does_not_keep_a_connection_open(site):
    server = site.sshd()
    connection = site.connect()
    connection.run(("true",))
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    try:
        connection.close()
        deadline = time.monotonic() + 5
        while len(server.processes()) > 1:
            assert time.monotonic() < deadline, "the server still waits"
            time.sleep(0.05)
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize("jump", [False, True])
def test_children_that_exit_in_order(site, jump):
    site.sshd("jump")
    server = site.sshd(config={"ProxyJump": "jump"} if jump else {})
    run_script(FORK_AND_EXIT, site)
    assert server.sessions() == 2


def test_few_sessions(site):
    server = site.sshd(MaxSessions=2)
    connection = site.connect()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: connection.run(shell("sleep 0.05; echo $1", str(n))).stdout, range(24))
        )
    assert answers == [f"{n}\n".encode() for n in range(24)]
    assert server.sessions() == 1


def test_no_room_for_a_session(site):
    server = site.sshd(MaxSessions=1)
    connection = site.connect()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(connection.run, shell("sleep 1.5; echo done"))
        time.sleep(0.3)
        message = within(2, lambda: connection.run(("true",), timeout_s=0.5), TransportError)
        assert "no room for another session (MaxSessions) for 0.5 s" in message
        assert other.result().stdout == b"done\n"
    assert server.sessions() == 1


def test_no_more_sessions_than_allowed(site, tmp_path):
    site.sshd()
    connection = site.connect(max_channels=3)
    count = "touch $1/$$; ls $1 | wc -l; sleep 0.1; rm $1/$$"
    with ThreadPoolExecutor(8) as pool:
        seen = list(
            pool.map(lambda _: int(connection.run(shell(count, str(tmp_path / "n"))).stdout), range(12))
        )
    assert (tmp_path / "n").exists() is False
    (tmp_path / "n").mkdir()
    with ThreadPoolExecutor(8) as pool:
        seen = list(
            pool.map(lambda _: int(connection.run(shell(count, str(tmp_path / "n"))).stdout), range(12))
        )
    assert max(seen) <= 3


def connect_in_child(config, gate, answers):
    # Being sent away does not count as an attempt.
    connection = SshConnection("node", SshOptions(config=config, attempts=1))
    gate.wait()
    try:
        answers.put(connection.run(("echo", "in")).stdout)
    except TransportError as error:
        answers.put(str(error))


def test_few_may_log_in_at_once(site):
    server = site.sshd(MaxStartups=2)
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(12), context.Queue()
    children = [
        context.Process(target=connect_in_child, args=(str(site.config), gate, answers)) for _ in range(12)
    ]
    for child in children:
        child.start()
    assert [answers.get(timeout=30) for _ in children] == [b"in\n"] * len(children)
    for child in children:
        child.join(10)
    assert "MaxStartups" in (server.directory / "log").read_text(), "it was never too busy"


# --- servers that go away


def test_a_server_that_was_restarted(site, capfd):
    server = site.sshd()
    connection = site.connect()
    assert connection.call("look", {})
    server.kill()
    server.start()
    assert connection.call("look", {}), "the call was not repeated on a new connection"
    server.kill()
    message = within(10, lambda: connection.call("look", {}), TransportError)
    assert f"node: cannot connect to root@127.0.0.1:{server.port}: [Errno 111]" in message
    server.start()
    assert connection.call("look", {})
    assert capfd.readouterr() == ("", ""), "paramiko speaks to the user"


def test_a_server_that_comes_back_while_we_try(site):
    server = site.sshd()
    server.kill()
    timer = threading.Timer(0.3, server.start)
    timer.start()
    assert site.connect(attempts=12).run(("true",)).status == 0
    timer.join()


@pytest.fixture
def slow_python(tmp_path):
    """A Python that sleeps when it is first run, and counts."""
    python = tmp_path / "slow python"
    python.write_text(
        f"#!/bin/sh\necho run >> '{tmp_path}/runs'\n"
        f"[ $(wc -l < '{tmp_path}/runs') -gt 1 ] || exec sleep 30\nexec {sys.executable} \"$@\"\n"
    )
    python.chmod(0o755)
    return python


def when_running(tmp_path, action):
    def wait():
        while not (tmp_path / "runs").exists():
            time.sleep(0.01)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_connection_that_breaks_under_a_call(site, tmp_path, slow_python):
    server = site.sshd()

    def restart():
        server.kill()
        server.start()

    thread = when_running(tmp_path, restart)
    assert site.connect(python=str(slow_python)).call("look", {"disks": ["/"]})["disks"]["/"]["there"]
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    thread.join()


def test_a_program_is_not_started_twice(site, tmp_path, slow_python):
    server = site.sshd()
    thread = when_running(tmp_path, server.kill)
    connection = site.connect()
    message = within(5, lambda: connection.run((str(slow_python),)), ConnectionLost)
    assert "connection lost while it ran" in message
    assert (tmp_path / "runs").read_text() == "run\n"
    thread.join()


def test_a_frozen_server(site):
    server = site.sshd()
    connection = site.connect(connect_timeout_s=0.5)
    assert connection.run(("true",)).status == 0
    server.signal(signal.SIGSTOP)
    try:
        # First on the connection that stands, then on none; nothing may take longer than it was given.
        assert "sshd has not answered for 1 s" in within(
            2, lambda: connection.call("look", {}, 1.0), TransportError
        )
        assert "no connection to root@" in within(2, lambda: connection.call("look", {}, 1.0), TransportError)
        with ThreadPoolExecutor(4) as pool:
            failures = [
                pool.submit(within, 3, lambda: connection.call("look", {}, 1.0), TransportError)
                for _ in "1234"
            ]
            assert all(failure.result() for failure in failures)
    finally:
        server.signal(signal.SIGCONT)
    assert connection.call("look", {})


def test_a_server_that_freezes_while_it_is_written_to(site):
    server = site.sshd()
    connection = site.connect(answer_timeout_s=1.0, connect_timeout_s=0.5)
    assert connection.run(("true",)).status == 0
    timer = threading.Timer(0.3, server.signal, [signal.SIGSTOP])
    timer.start()
    try:
        data = b"x" * MEGABYTE * 400
        assert within(6, lambda: connection.run(("cat",), stdin=data), TransportError)
        assert within(3, lambda: connection.run(("true",)), TransportError)
    finally:
        timer.join()
        server.signal(signal.SIGCONT)
    assert connection.run(("echo", "well")).stdout == b"well\n"


def test_a_slow_command_takes_nobody_along(site):
    server = site.sshd()
    connection = site.connect()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(connection.run, shell("sleep 1.5; echo done"))
        time.sleep(0.2)
        message = within(2, lambda: connection.run(("sleep", "60"), timeout_s=0.5), TransportError)
        assert "node: sleep 60: no answer for 0.5 s" in message
        assert connection.run(("echo", "next")).stdout == b"next\n"
        assert other.result().stdout == b"done\n"
    assert server.sessions() == 2, "what did not answer got another command"


def test_a_port_that_does_not_speak_ssh(site):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        site.block("node", HostName="127.0.0.1", Port=silent.getsockname()[1], ConnectTimeout=1)
        connection = site.connect(attempts=2)
        assert "no connection to" in within(5, lambda: connection.run(("true",)), TransportError)
    site.blocks.clear()
    site.block("node", HostName="127.0.0.1", Port=free_port())
    assert "refused" in within(5, lambda: connection.run(("true",)), TransportError)
    site.blocks.clear()
    site.block("node", HostName="no-such-host.invalid")
    assert "cannot connect to root@no-such-host.invalid:22" in within(
        15, lambda: connection.run(("true",)), TransportError
    )


# --- files


def test_large_files(node, tmp_path):
    (tmp_path / "file").write_bytes(os.urandom(MEGABYTE) * 50)
    node.put(tmp_path / "file", str(tmp_path / "there"))
    node.fetch(str(tmp_path / "there"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "file", "there"]


def test_files_that_are_not_there(node, tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ProgramError, match=r"node: cannot read /absent.*No such file"):
        node.fetch("/absent", tmp_path / "file")
    with pytest.raises(ProgramError, match=r"node: cannot copy .*/none to /x.*No such file"):
        node.put(tmp_path / "none", "/x")
    with pytest.raises(ProgramError, match=r"node: cannot write /absent/x.*No such file"):
        node.put(tmp_path / "file", "/absent/x")
    with pytest.raises(ProgramError, match=r"node: cannot write .*folder"):
        node.put(tmp_path / "file", str(tmp_path / "folder"))
    with pytest.raises(ProgramError, match=r"node: cannot copy .*No such file"):
        node.fetch(str(tmp_path / "file"), tmp_path / "none" / "x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(("tool", "text"), [("cat", 'head -c 10 -- "$2"'), ("dd", "head -c 10 > ${1#of=}")])
def test_a_copy_that_is_not_whole(site, tmp_path, tool, text):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / tool).write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "bin" / tool).chmod(0o755)
    site.sshd(SetEnv=f"SHLVL=1 PATH={tmp_path}/bin:/usr/bin:/bin")
    (tmp_path / "file").write_bytes(b"x" * 20)
    for name in ("here", "there"):
        (tmp_path / name).write_text("before")
    connection = site.connect()

    def copy():
        if tool == "cat":
            connection.fetch(str(tmp_path / "file"), tmp_path / "here")
        else:
            connection.put(tmp_path / "file", str(tmp_path / "there"))

    assert re.search("not copied whole: (10|20) bytes here, (10|20)", within(5, copy, TransportError))
    assert {(tmp_path / name).read_text() for name in ("here", "there")} == {"before"}
    assert not list(tmp_path.glob("*.part-*"))


def test_a_copy_during_which_the_server_goes_away(site, tmp_path):
    server = site.sshd()
    (tmp_path / "file").write_bytes(b"x" * MEGABYTE * 200)
    (tmp_path / "there").write_text("before")
    connection = site.connect()
    connection.run(("true",))
    for copy in (
        lambda: connection.put(tmp_path / "file", str(tmp_path / "there")),
        lambda: connection.fetch(str(tmp_path / "file"), tmp_path / "there"),
    ):
        timer = threading.Timer(0.15, server.kill)
        timer.start()
        with pytest.raises(TransportError):
            copy()
        timer.join()
        assert (tmp_path / "there").read_text() == "before"
        server.start()
    copy()
    assert (tmp_path / "there").stat().st_size == MEGABYTE * 200
